"""Measures of generated sound, one file each."""
