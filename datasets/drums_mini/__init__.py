"""Drum sounds that come with the package; importing registers the builder."""

from gansynth_zoo.datasets.drums_mini.drums_mini_dataset_builder import Builder

__all__ = ["Builder"]
