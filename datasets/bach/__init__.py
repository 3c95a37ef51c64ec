"""One-second clips of piano; importing registers the builder."""

from gansynth_zoo.datasets.bach.bach_dataset_builder import Builder

__all__ = ["Builder"]
