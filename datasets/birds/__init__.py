"""Bird vocalisations; importing registers the builder."""

from gansynth_zoo.datasets.birds.birds_dataset_builder import Builder

__all__ = ["Builder"]
