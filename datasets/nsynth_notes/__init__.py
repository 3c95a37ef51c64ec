"""Single notes of NSynth; importing registers the builder."""

from gansynth_zoo.datasets.nsynth_notes.nsynth_notes_dataset_builder import (
    Builder,
)

__all__ = ["Builder"]
