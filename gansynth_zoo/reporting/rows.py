"""Rows of a report: what is computed of each sound of a set, once.

A set streams through in batches. What measures need of all sounds lies in
files that are mapped, so memory does not grow with the number of sounds; a few
of the sounds themselves are kept, to be heard.
"""

import dataclasses
import pathlib

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import progress
from gansynth_zoo.evaluation import levels
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.reporting import sound_sets

# Sounds that are kept whole.
KEPT = 64
# Of the images whose nearest neighbours are measured.
_IMAGE_RATE = 16000


@dataclasses.dataclass(frozen=True)
class Row:
    """A set that was looked at; arrays have a line a sound.

    Attributes:
      sounds: the `sound_sets.SoundSet`.
      log_mel: features of `evaluation.log_mel`.
      images: those of the classifier of spoken digits, flat, of all sounds or
        of the first ones.
      logits: of the classifier; None without one.
      class_features: of the classifier; None without one.
      labels: names of the sounds' classes; None where there are none.
      rms_db: level.
      clipped: share of samples at full scale.
      kept: the first sounds, float32 `[batch, samples, channels]`.
    """

    sounds: sound_sets.SoundSet
    log_mel: np.ndarray
    images: np.ndarray
    logits: np.ndarray | None
    class_features: np.ndarray | None
    labels: np.ndarray | None
    rms_db: np.ndarray
    clipped: np.ndarray
    kept: np.ndarray

    def __len__(self):
        return len(self.log_mel)

    @property
    def name(self):
        """As it stands in the report."""
        return self.sounds.name

    def half(self, first):
        """Every other sound, from the first or the second on: another `Row`."""
        part = slice(None if first else 1, None, 2)
        arrays = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "sounds"
        }
        return Row(
            sounds=self.sounds,
            **{k: v if v is None else v[part] for k, v in arrays.items()},
        )


def look_at(sounds, sample_rate, classifier, folder, images):
    """Computes what the measures need of a set.

    Args:
      sounds: a `sound_sets.SoundSet`.
      sample_rate: in Hz.
      classifier: a `classifiers.classifier.Classifier`, or None.
      folder: folder for the files that are mapped; it is there, and empty.
      images: how many images are wanted; they take the most room.

    Returns:
      A `Row`.

    Raises:
      ZooError: if a sound is not finite.
    """
    store = _Store(pathlib.Path(folder))
    shown = progress.Progress(sounds.count)
    kept, done = [], 0
    for batch in sounds.batches():
        if not np.isfinite(batch).all():
            raise errors.ZooError(
                "Expected finite sounds, received NaN or infinite samples "
                f"from {sounds.name!r}; leave it out."
            )
        if done < images:
            store.add("images", _images(batch[: images - done], sample_rate))
        store.add("log_mel", log_mel.features(batch, sample_rate))
        if classifier:
            features = classifier.features(batch, sample_rate, rounded=True)
            store.add("class_features", features)
            store.add("logits", classifier.scores_of_features(features))
        store.add("rms_db", levels.rms_db(batch))
        clipped = np.abs(batch) >= levels.FULL_SCALE
        store.add("clipped", clipped.mean(axis=(1, 2)))
        if done < KEPT:
            kept.append(batch[: KEPT - done])
        done += len(batch)
        shown.update(done, f"Measured {done} sounds of {sounds.name}")
    shown.close()
    arrays = store.arrays()
    return Row(
        sounds=sounds,
        logits=arrays.pop("logits", None),
        class_features=arrays.pop("class_features", None),
        labels=sounds.labels,
        kept=np.concatenate(kept),
        **arrays,
    )


def _images(batch, sample_rate):
    if sample_rate != _IMAGE_RATE:
        batch = np.stack(
            [
                audio_files.convert([sound], sample_rate, _IMAGE_RATE)
                for sound in batch
            ]
        )
    return log_mel.sc09_images(batch).reshape(len(batch), -1)


class _Store:
    """Arrays that grow in files, one line a sound."""

    def __init__(self, folder):
        self._folder = folder
        self._kinds = {}

    def add(self, name, values):
        """Adds lines to an array."""
        self._kinds[name] = values.dtype, values.shape[1:]
        with open(self._folder / name, "ab") as file:
            file.write(values.tobytes())

    def arrays(self):
        """All of them, by name, mapped."""
        return {
            name: np.memmap(self._folder / name, dtype, "r").reshape(-1, *shape)
            for name, (dtype, shape) in self._kinds.items()
        }
