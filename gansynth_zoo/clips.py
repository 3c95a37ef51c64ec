"""Clips: a set of sounds as one flat int16 file, read through a memory map.

The folder of a set holds `samples.int16`, all clips one after another with
their channels interleaved; `index.npy`, a row for each clip; and `about.json`.
Memory does not grow with the set, and any window is one copy away.
"""

import json
import math
import pathlib

import numpy as np

from gansynth_zoo import storage

# `scale` is the power of 2 that full scale of int16 stands for, so that quiet
# 24-bit sounds keep their resolution, loud float ones do not clip, and 16-bit
# ones are stored exactly.
_INDEX = np.dtype(
    [("start", "<i8"), ("length", "<i8"), ("scale", "<f4"), ("peak", "<f4")]
)


class Clips:
    """A set that `write` wrote.

    Attributes:
      sample_rate: in Hz.
      channels: of every clip.
      index: structured array, one row a clip: "start" and "length" in samples,
        "scale", and "peak", the largest magnitude.
      about: dictionary of what else is known: "name", "licence" and so on.

    Args:
      folder: the folder of the set.
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.about = json.loads((folder / "about.json").read_text("utf-8"))
        self.sample_rate = self.about["sample_rate"]
        self.channels = self.about["channels"]
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


def write(folder, waveforms, sample_rate, channels, about):
    """Writes a set of clips, whole or not at all.

    Args:
      folder: folder to make.
      waveforms: iterable of float32 `[samples, channels]`; full scale is 1.
      sample_rate: in Hz.
      channels: of every waveform.
      about: dictionary of plain values, kept with the set.

    Returns:
      The `Clips`.
    """
    rows = []
    start = 0
    with storage.folder_written_whole(folder) as partial:
        with open(partial / "samples.int16", "wb") as file:
            for waveform in waveforms:
                row, samples = _encode(waveform, start)
                file.write(samples.tobytes())
                rows.append(row)
                start += len(samples)
        np.save(partial / "index.npy", np.array(rows, _INDEX))
        facts = {**about, "sample_rate": sample_rate, "channels": channels}
        storage.write_text(partial / "about.json", json.dumps(facts, indent=2))
    return Clips(folder)


def _encode(waveform, start):
    peak = float(np.max(np.abs(waveform), initial=0.0))
    scale = 2.0 ** math.ceil(math.log2(peak)) if peak else 1.0
    samples = np.rint(waveform * np.float32(32768.0 / scale))
    if np.max(samples, initial=0.0) > 32767:
        scale *= 2.0
        samples = np.rint(waveform * np.float32(32768.0 / scale))
    return (start, len(samples), scale, peak), samples.astype("<i2")
