"""How much sound the input pipeline delivers: seconds of it a second.

  python -m benchmarks.data_pipeline --minutes=1

Noise is written as a set of clips to a temporary folder, and read back as
training reads it, at the batch sizes of the presets. Done once are "prepare",
an archive to a TFDS set; "copy", that to the clips that training reads; and
"decode", a folder of sounds, here in all formats, 44.1 kHz, stereo, to such
clips. "TFDS" reads a prepared set from end to end. The last column compares
with what training on this machine takes in, which "train" measures.
"""

import functools
import io
import math
import pathlib
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

import numpy as np
import soundfile
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import flags

from benchmarks import timing
from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clip_sources
from gansynth_zoo import clips as clip_files
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import folder_sounds
from gansynth_zoo import pipeline
from gansynth_zoo import prepared_sets
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
    "x training",
)
# WaveGAN of dim 16.
_TRAINED = "wavegan_drums_small"


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
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        waveforms = _noise(values.minutes)
        clips = _write(folder / "clips", waveforms)
        train, training = _training(clips)
        tasks = {train: training, **_reading(clips)}
        for task, function in _once(folder, waveforms).items():
            tasks[task, "", "", ""] = _Task(
                clips.seconds(), functools.partial(timing.measure, function)
            )
        best = timing.best_in_turns(
            {name: task.measure for name, task in tasks.items()},
            values.rounds,
            values.seconds,
        )
    speeds = {k: tasks[k].seconds / best[k].seconds for k in tasks}
    rows = [
        (
            *name,
            speeds[name],
            3600 * sample.cpu_seconds / tasks[name].seconds,
            speeds[name] / speeds[train],
        )
        for name, sample in best.items()
    ]
    timing.print_table(_HEADER, rows)
    return 0


def _once(folder, waveforms):
    """What takes in all the noise: name -> function of no arguments."""
    sounds = folder / "sounds"
    _write_sounds(sounds, len(waveforms))
    archive = _write_archive(folder / "drums.tar.gz", waveforms)
    prepared_sets.prepare("drums", folder / "prepared", [archive])
    return {
        "prepare": functools.partial(_prepare_and_delete, folder, archive),
        "TFDS": functools.partial(_read_prepared, folder / "prepared"),
        "copy": functools.partial(
            _copy_and_delete, folder, folder / "prepared"
        ),
        "decode": functools.partial(_decode_and_delete, folder, sounds),
        "write": functools.partial(_write_and_delete, folder, waveforms),
    }


def _training(clips):
    """Training steps: columns of the table, and a `_Task`."""
    preset = presets.get(_TRAINED)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    gan = assemble.make_gan(preset)
    batches = iter(
        pipeline.make_dataset(
            windows,
            gan.representation.to_features,
            preset.recipe,
            preset.train,
        )
    )
    step = tf.function(lambda batch: gan.train_step(batch)["generator_loss"])
    shape = _shape(preset)
    return ("train", *shape), _Task(
        math.prod(shape) / _SAMPLE_RATE,
        functools.partial(timing.measure, lambda: step(next(batches)).numpy()),
    )


def _shape(preset):
    return (
        preset.audio.num_samples,
        preset.train.batch_size,
        preset.recipe.n_critic,
    )


def _reading(clips):
    """What the presets read: columns of the table -> `_Task`."""
    tasks = {}
    for preset in presets.PRESETS.values():
        shape = _shape(preset)
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
    with clip_files.writing(folder, _SAMPLE_RATE, 1) as writer:
        for waveform in waveforms:
            writer.add(waveform)
    return clip_files.Clips(folder)


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


def _write_archive(path, waveforms):
    """An archive as the data set `drums` has it."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number, waveform in enumerate(waveforms):
            content = io.BytesIO()
            soundfile.write(content, waveform, _SAMPLE_RATE, format="WAV")
            member = tarfile.TarInfo(f"drums/train/Noise_{number}.wav")
            member.size = content.tell()
            content.seek(0)
            archive.addfile(member, content)
    return path


def _prepare_and_delete(folder, archive):
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        prepared_sets.prepare("drums", temporary, [archive])


def _read_prepared(prepared):
    builder = prepared_sets.find("drums", prepared)
    examples = builder.as_dataset(
        split="train", read_config=tfds.ReadConfig(try_autocache=False)
    )
    for _ in tfds.as_numpy(examples):
        pass


def _copy_and_delete(folder, prepared):
    preset = config.replace(
        presets.get(_TRAINED), {"dataset": "drums", "data_dir": str(prepared)}
    )
    with (
        tempfile.TemporaryDirectory(dir=folder) as temporary,
        mock.patch.dict("os.environ", GANSYNTH_ZOO_CACHE=temporary),
    ):
        clip_sources.load_clips(preset)


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
