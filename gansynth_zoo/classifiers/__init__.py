"""Classifiers of sounds, on which the scores of generated sounds rest."""
