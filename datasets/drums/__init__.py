"""Drum sounds; importing registers the builder."""

from gansynth_zoo.datasets.drums.drums_dataset_builder import Builder

__all__ = ["Builder"]
