"""Rows of a report: sets of sounds, and what is computed of each sound once.

A set streams through in batches. What measures need of all sounds lies in
files that are mapped, so memory does not grow with the number of sounds; a few
of the sounds themselves are kept, to be heard.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from gansynth_zoo import progress
from gansynth_zoo.evaluation import levels
from gansynth_zoo.evaluation import log_mel

# Sounds that are kept whole.
KEPT = 256


@dataclasses.dataclass(frozen=True)
class SoundSet:
    """A set of sounds to be measured.

    Attributes:
      name: as it stands in the report.
      count: how many.
      batches: function that yields float32 `[batch, samples, channels]`,
        `count` sounds in all, the same at each call.
      labels: names of the sounds' classes `[count]`, None where there are none.
      consistency: dictionary of measures that only the features of a generator
        have; empty for others.
      generated: whether a model made them.
    """

    name: str
    count: int
    batches: Callable
    labels: np.ndarray | None = None
    consistency: dict = dataclasses.field(default_factory=dict)
    generated: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """A set that was looked at; arrays have a line a sound.

    Attributes:
      sounds: the `SoundSet`.
      log_mel: features of `evaluation.log_mel`.
      images: those of the classifier of spoken digits, flat.
      logits: of the classifier; None without one.
      class_features: of the classifier; None without one.
      rms_db: level.
      clipped: share of samples at full scale.
      kept: the first sounds, float32 `[batch, samples, channels]`.
    """

    sounds: SoundSet
    log_mel: np.ndarray
    images: np.ndarray
    logits: np.ndarray | None
    class_features: np.ndarray | None
    rms_db: np.ndarray
    clipped: np.ndarray
    kept: np.ndarray

    @property
    def name(self):
        """As it stands in the report."""
        return self.sounds.name

    def half(self, first):
        """Every other sound, from the first or the second on: another `Row`."""
        part = slice(None if first else 1, None, 2)
        fields = ("log_mel", "images", "logits", "class_features", "rms_db")
        changes = {name: getattr(self, name) for name in (*fields, "clipped")}
        changes = {
            name: None if values is None else values[part]
            for name, values in changes.items()
        }
        return dataclasses.replace(self, **changes)


def look_at(sounds, sample_rate, classifier, folder):
    """Computes what the measures need of a set.

    Args:
      sounds: a `SoundSet`.
      sample_rate: in Hz.
      classifier: a `classifiers.classifier.Classifier`, or None.
      folder: folder for the files that are mapped.

    Returns:
      A `Row`.
    """
    store = _Store(pathlib.Path(folder), sounds.count)
    shown = progress.Progress(sounds.count)
    kept, done = [], 0
    for batch in sounds.batches():
        batch = batch[: sounds.count - done]
        store.add("log_mel", log_mel.features(batch, sample_rate))
        images = log_mel.sc09_images(batch)
        store.add("images", images.reshape(len(batch), -1))
        if classifier:
            features = classifier.features(batch, sample_rate, rounded=True)
            store.add("class_features", features)
            store.add("logits", classifier.scores_of_features(features))
        store.add("rms_db", levels.rms_db(batch))
        clipped = np.abs(batch) >= levels.FULL_SCALE
        store.add("clipped", clipped.mean(axis=(1, 2)))
        if sum(map(len, kept)) < KEPT:
            kept.append(batch)
        done += len(batch)
        shown.update(done, f"Measured {done} sounds of {sounds.name}")
    shown.close()
    arrays = store.arrays()
    return Row(
        sounds=sounds,
        logits=arrays.pop("logits", None),
        class_features=arrays.pop("class_features", None),
        kept=np.concatenate(kept)[:KEPT],
        **arrays,
    )


class _Store:
    """Arrays that grow in files, one line a sound."""

    def __init__(self, folder, count):
        folder.mkdir(parents=True)
        self._folder = folder
        self._count = count
        self._arrays = {}
        self._filled = {}

    def add(self, name, values):
        """Adds lines to an array."""
        if name not in self._arrays:
            self._filled[name] = 0
            self._arrays[name] = np.lib.format.open_memmap(
                self._folder / f"{name}.npy",
                "w+",
                values.dtype,
                (self._count, *values.shape[1:]),
            )
        start = self._filled[name]
        self._arrays[name][start : start + len(values)] = values
        self._filled[name] = start + len(values)

    def arrays(self):
        """All of them, by name."""
        return dict(self._arrays)
