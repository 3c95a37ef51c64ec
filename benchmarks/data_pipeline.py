"""How much sound the input pipeline delivers: seconds of it a second.

  python -m benchmarks.data_pipeline --minutes=1

Noise is written as a set of clips to a temporary folder, and read back as
training reads it, at the batch sizes of the presets. "decode" is what is done
once with a folder of sounds, here in all formats, 44.1 kHz, stereo.
"""

import functools
import math
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clips as clip_files
from gansynth_zoo import command_line
from gansynth_zoo import folder_sounds
from gansynth_zoo import pipeline
from gansynth_zoo import presets

_SAMPLE_RATE = 16000
_CLIP_SECONDS = 4
_FILE_RATE = 44100
_FILES = (
    (".wav", "PCM_16"),
    (".wav", "PCM_24"),
    (".flac", "PCM_16"),
    (".mp3", "MPEG_LAYER_III"),
    (".ogg", "VORBIS"),
    (".aiff", "PCM_16"),
)
# More elements than the pipeline keeps ready.
_READY = 4
_HEADER = (
    "task",
    "samples",
    "batch",
    "n_critic",
    "x real time",
    "CPU s per hour",
)


class _Task(NamedTuple):
    """A line of the table.

    Attributes:
      seconds: of sound, that one call reads or writes.
      measure: function of a count that returns a `timing.Sample`.
    """

    seconds: float
    measure: Callable


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_float(
        "minutes",
        10.0,
        "Length of all clips together.",
        lower_bound=0.1,
        flag_values=values,
    )
    timing.define_flags(values)
    flags.adopt_module_key_flags(timing, values)


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    with tempfile.TemporaryDirectory() as folder:
        waveforms = _noise(values.minutes)
        clips = _write(pathlib.Path(folder, "clips"), waveforms)
        tasks = _reading(clips)
        sounds = pathlib.Path(folder, "sounds")
        _write_sounds(sounds, len(waveforms))
        tasks["decode", "", "", ""] = _Task(
            clips.seconds(),
            functools.partial(
                timing.measure,
                functools.partial(_decode_and_delete, folder, sounds),
            ),
        )
        tasks["write", "", "", ""] = _Task(
            clips.seconds(),
            functools.partial(
                timing.measure,
                functools.partial(_write_and_delete, folder, waveforms),
            ),
        )
        best = timing.best_in_turns(
            {name: task.measure for name, task in tasks.items()},
            values.rounds,
            values.seconds,
        )
    rows = [
        (
            *name,
            tasks[name].seconds / sample.seconds,
            3600 * sample.cpu_seconds / tasks[name].seconds,
        )
        for name, sample in best.items()
    ]
    timing.print_table(_HEADER, rows)
    return 0


def _reading(clips):
    """What the presets read: columns of the table -> `_Task`."""
    tasks = {}
    for preset in presets.PRESETS.values():
        shape = (
            preset.audio.num_samples,
            preset.train.batch_size,
            preset.recipe.n_critic,
        )
        name = f"read {preset.data.window}", *shape
        if name in tasks:
            continue
        windows = pipeline.Windows(clips, preset.audio, preset.data)
        batches = pipeline.make_dataset(
            windows, tf.identity, preset.recipe, preset.train
        )
        tasks[name] = _Task(
            math.prod(shape) / _SAMPLE_RATE,
            functools.partial(_measure_reading, iter(batches)),
        )
    return tasks


def _noise(minutes):
    """Clips of noise, float32 `[samples, channels]`, in a list."""
    rng = np.random.default_rng(0)
    shape = (_CLIP_SECONDS * _SAMPLE_RATE, 1)
    count = max(1, round(60 * minutes / _CLIP_SECONDS))
    return [0.1 * rng.standard_normal(shape, np.float32) for _ in range(count)]


def _write(folder, waveforms):
    return clip_files.write(folder, waveforms, _SAMPLE_RATE, 1, {})


def _write_and_delete(folder, waveforms):
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        _write(pathlib.Path(temporary, "clips"), waveforms)


def _write_sounds(folder, count):
    """A folder of files as long as a clip, each format in turn."""
    rng = np.random.default_rng(0)
    shape = (_CLIP_SECONDS * _FILE_RATE, 2)
    noise = 0.1 * rng.standard_normal(shape, np.float32)
    first = {}
    for i in range(count):
        extension, subtype = _FILES[i % len(_FILES)]
        path = folder / f"{i:06d}{extension}"
        if i < len(_FILES):
            audio_files.write(path, noise, _FILE_RATE, subtype)
            first[extension, subtype] = path
        else:
            shutil.copy(first[extension, subtype], path)


def _decode_and_delete(folder, sounds):
    listing = audio_folder.scan(sounds)
    wanted = folder_sounds.Wanted(_SAMPLE_RATE)
    with (
        tempfile.TemporaryDirectory(dir=folder) as temporary,
        clip_files.writing(
            pathlib.Path(temporary, "clips"), _SAMPLE_RATE, 1
        ) as writer,
        audio_folder.decoding(listing, wanted) as decoded,
    ):
        for _, waveform in decoded:
            writer.add(waveform)


def _measure_reading(batches, count):
    for _ in range(_READY):
        next(batches)
    return timing.measure(functools.partial(next, batches), count)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
