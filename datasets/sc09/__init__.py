"""Spoken digits; importing registers the builder."""

from gansynth_zoo.datasets.sc09.sc09_dataset_builder import Builder

__all__ = ["Builder"]
