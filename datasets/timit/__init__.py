"""Read speech of TIMIT; importing registers the builder."""

from gansynth_zoo.datasets.timit.timit_dataset_builder import Builder

__all__ = ["Builder"]
