"""Labelled sounds for a classifier: to learn from, to choose by, to test on."""

import dataclasses

import numpy as np

from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import prepared_sets
from gansynth_zoo.classifiers import network

# What a part is called here, and by those who made the sets.
PARTS = {
    "train": ("train",),
    "validation": ("validation", "valid"),
    "test": ("test",),
}
# Of a part that the set does not have.
_HELD_OUT_SHARE = 0.1
# One for each part.
_FEWEST = 3


@dataclasses.dataclass(frozen=True)
class Sounds:
    """Which sounds, and how they are read: what is asked of a preset.

    Attributes:
      audio: a `config.AudioConfig`.
      data: a `config.DataConfig`.
    """

    audio: config.AudioConfig
    data: config.DataConfig

    @classmethod
    def of(cls, num_samples, **data):
        """The sounds of `--dataset` or `--audio_dir`, at their own levels."""
        return cls(
            config.AudioConfig(network.SAMPLE_RATE, num_samples),
            config.DataConfig(normalize="none", **data),
        )


class Examples:
    """Part of a set's labelled sounds.

    Attributes:
      labels: int32 `[batch]`, numbers of the classes.
      source: what they are, for people.

    Args:
      windows: a `pipeline.Windows`.
      rows: int `[batch]`, numbers of the windows.
      labels: see above.
      source: see above.
    """

    def __init__(self, windows, rows, labels, source):
        self._windows = windows
        self._rows = rows
        self.labels = labels
        self.source = source

    def __len__(self):
        return len(self._rows)

    def read(self, places):
        """Float32 `[batch, samples]` of those at some places, ints."""
        rows = self._rows[places]
        return self._windows.read(rows, np.zeros(len(rows)))[..., 0]

    def split(self, held_out, source):
        """Those that are left, and those that are held out.

        Args:
          held_out: bool `[batch]`.
          source: what the latter are.
        """
        return tuple(
            Examples(self._windows, self._rows[some], self.labels[some], text)
            for some, text in ((~held_out, self.source), (held_out, source))
        )


def load(sounds, labels=None):
    """Reads the labelled sounds and deals them to the three parts.

    A part is a split of the set. One that the set does not have is held out
    of the training split, a tenth of each label, always the same.

    Args:
      sounds: a `Sounds`.
      labels: names of the classes in their order; those of the training split
        unless given.

    Returns:
      Pair of the tuple of labels and a dictionary: part -> `Examples`.

    Raises:
      ZooError: if there are no such sounds, no labels, one label alone, or too
        few sounds of one.
    """
    splits = _splits(sounds.data)
    clips = clip_sources.load_clips(sounds, splits["train"])
    _check(clips)
    labels = labels or tuple(clips.labels)
    name = clips.about["name"]
    found = {"train": _examples(clips, sounds, labels, f"{name}, train")}
    for part in ("validation", "test"):
        if part in splits:
            clips = clip_sources.load_clips(sounds, splits[part])
            source = f"{name}, {splits[part]}"
            found[part] = _examples(clips, sounds, labels, source)
        else:
            source = f"{name}, held out of train"
            held_out = _held_out(found["train"].labels)
            found["train"], found[part] = found["train"].split(held_out, source)
    return labels, found


def _splits(data):
    """The splits that a set has: part -> name."""
    if data.audio_dir:
        return {"train": "train"}
    there = prepared_sets.find(data.dataset, data.data_dir).info.splits
    return {
        part: name
        for part, names in PARTS.items()
        for name in names
        if name in there or part == "train"
    }


def _check(clips):
    if not clips.labels:
        raise errors.ZooError(
            f"Expected sounds with labels, received {clips.about['name']}, "
            "which has none; put the files of --audio_dir into a sub-folder "
            "for each label, or choose another --dataset."
        )
    counts = np.bincount(clips.index["label"][clips.index["label"] >= 0])
    if counts.min() < _FEWEST:
        raise errors.ZooError(
            f"Expected {_FEWEST} or more sounds of each label, received "
            f"{counts.min()} of {clips.labels[counts.argmin()]!r}; add some, "
            "or leave that label out."
        )


def _examples(clips, sounds, labels, source):
    """The clips that have one of the labels."""
    numbers = {name: i for i, name in enumerate(labels)}
    of_label = [numbers.get(name, -1) for name in clips.labels] + [-1]
    found = np.array(of_label, np.int32)[clips.index["label"]]
    rows = np.flatnonzero(found >= 0)
    if not len(rows):
        raise errors.ZooError(
            f"Expected sounds labelled {labels[0]}, {labels[1]} or so on in "
            f"{source}, received none; choose another data set."
        )
    if len(rows) < len(found):
        print(
            f"{source}: {len(found) - len(rows)} sounds have no label, or one "
            "that the training sounds do not have; they are left out."
        )
    windows = pipeline.Windows(clips, sounds.audio, sounds.data)
    return Examples(windows, rows, found[rows], source)


def _held_out(labels):
    """Bool `[batch]`: a tenth of each label, one at least."""
    rng = np.random.default_rng(0)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == label))
        held_out[places[: max(1, round(_HELD_OUT_SHARE * len(places)))]] = True
    return held_out
