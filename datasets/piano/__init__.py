"""Piano performances; importing registers the builder."""

from gansynth_zoo.datasets.piano.piano_dataset_builder import Builder

__all__ = ["Builder"]
