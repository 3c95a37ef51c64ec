"""Clips: a set of sounds as one flat int16 file, read through a memory map.

The folder of a set holds `samples.int16`, all clips one after another with
their channels interleaved; `index.npy`, a row for each clip; and `about.json`.
Memory does not grow with the set, and any window is one copy away.
"""

import contextlib
import errno
import json
import math
import pathlib

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo import storage

# Part of what a cached set is known by: another layout, another name.
LAYOUT = 2

# What a folder says that cannot take a file.
_NO_ROOM = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EEXIST,
    errno.ENOTDIR,
)

# `scale` is the power of 2 that full scale of int16 stands for, so that quiet
# 24-bit sounds keep their resolution, loud float ones do not clip, and 16-bit
# ones are stored exactly.
_INDEX = np.dtype(
    [
        ("start", "<i8"),
        ("length", "<i8"),
        ("scale", "<f4"),
        ("peak", "<f4"),
        ("label", "<i4"),
    ]
)


class Clips:
    """A set that a `Writer` wrote.

    Attributes:
      sample_rate: in Hz.
      channels: of every clip.
      index: structured array, one row a clip: "start" and "length" in samples,
        "scale", "peak", the largest magnitude, and "label", the number of its
        label, -1 where it has none.
      labels: list of the labels' names.
      left_out: what is not in the set: name -> reason.
      damaged: what is in it in part: name -> how much.
      about: dictionary of what else is known: "name", "licence" and so on.

    Args:
      folder: the folder of the set.
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.about = json.loads((folder / "about.json").read_text("utf-8"))
        self.sample_rate = self.about["sample_rate"]
        self.channels = self.about["channels"]
        self.labels = self.about["labels"]
        # Long, and for nobody but who owns the files: not to travel with what
        # is known of the set.
        self.left_out = self.about.pop("left_out")
        self.damaged = self.about.pop("damaged")
        self.index = np.load(folder / "index.npy")
        file = folder / "samples.int16"
        # An empty file cannot be mapped.
        samples = (
            np.memmap(file, "<i2", mode="r")
            if file.stat().st_size
            else np.zeros(0, "<i2")
        )
        self._samples = samples.reshape(-1, self.channels)

    def __len__(self):
        return len(self.index)

    def seconds(self):
        """Length of all clips together."""
        return float(self.index["length"].sum() / self.sample_rate)

    def window(self, clip, offset, length):
        """Part of one clip.

        Args:
          clip: its number.
          offset: first sample, counted from the start of the clip.
          length: samples wanted; fewer are returned at the clip's end.

        Returns:
          Int16 `[samples, channels]`, to be divided by 32768 and multiplied
          by the clip's scale.
        """
        row = self.index[clip]
        start = row["start"] + offset
        stop = row["start"] + min(offset + length, row["length"])
        return self._samples[start:stop]


class Writer:
    """Adds clips to a set, one after another; `writing` makes it.

    Attributes:
      about: dictionary of plain values that is kept with the set.
      left_out: dictionary of what is not in the set: name -> reason.
      damaged: dictionary of what is in it in part: name -> how much.

    Args:
      folder: folder that exists.
      sample_rate: in Hz.
      channels: of every clip.
    """

    def __init__(self, folder, sample_rate, channels):
        self.about = {"sample_rate": sample_rate, "channels": channels}
        self.left_out = {}
        self.damaged = {}
        self._folder = folder
        self._file = open(folder / "samples.int16", "wb")
        self._rows = []
        self._labels = []
        self._start = 0

    def __len__(self):
        return len(self._rows)

    def add(self, waveform, label=None):
        """Adds a clip.

        Args:
          waveform: float32 `[samples, channels]`; full scale is 1.
          label: name of its label, None if it has none.
        """
        row, samples = _encode(waveform, self._start)
        self._file.write(samples.tobytes())
        self._rows.append(row)
        self._labels.append(label)
        self._start += len(samples)

    def close(self):
        """Ends the file of samples."""
        self._file.close()

    def finish(self):
        """Writes what belongs to the samples."""
        self.close()
        labels = sorted(set(self._labels) - {None})
        numbers = {None: -1, **{name: i for i, name in enumerate(labels)}}
        index = np.zeros(len(self._rows), _INDEX)
        for i, (row, label) in enumerate(
            zip(self._rows, self._labels, strict=True)
        ):
            index[i] = (*row, numbers[label])
        np.save(self._folder / "index.npy", index)
        facts = {
            **self.about,
            "labels": labels,
            "left_out": self.left_out,
            "damaged": self.damaged,
        }
        storage.write_text(
            self._folder / "about.json", json.dumps(facts, indent=2)
        )


@contextlib.contextmanager
def writing(folder, sample_rate, channels):
    """Writes a set of clips, whole or not at all.

    Args:
      folder: folder to make.
      sample_rate: in Hz.
      channels: of every clip.

    Yields:
      A `Writer`. The set is there when the block has ended.

    Raises:
      ZooError: if there is no room for it, or no leave to write.
    """
    try:
        with storage.folder_written_whole(folder) as partial:
            writer = Writer(partial, sample_rate, channels)
            with contextlib.closing(writer):
                yield writer
                writer.finish()
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise errors.ZooError(
            "Expected room to keep the decoded sounds in "
            f"{str(pathlib.Path(folder).parent)!r}, received "
            f"{error.strerror!r}; make room there, or let GANSYNTH_ZOO_CACHE "
            "name a folder on another disk."
        ) from error


def _encode(waveform, start):
    peak = float(np.max(np.abs(waveform), initial=0.0))
    scale = 2.0 ** math.ceil(math.log2(peak)) if peak else 1.0
    samples = np.rint(waveform * np.float32(32768.0 / scale))
    if np.max(samples, initial=0.0) > 32767:
        scale *= 2.0
        samples = np.rint(waveform * np.float32(32768.0 / scale))
    return (start, len(samples), scale, peak), samples.astype("<i2")
