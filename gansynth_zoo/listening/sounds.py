"""The sounds of a study: from folders, modules and data sets, at one level."""

import collections
import dataclasses
import itertools
import pathlib

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import presets

# All sounds have this level, or the highest at which none of them clips.
LEVEL_DB = -20.0
# The largest magnitude that is written.
_CEILING = 0.99
# A level is that of the blocks which are not so much below the loudest one:
# silence after a sound does not count.
_BLOCK_SECONDS = 0.01
_GATE = 1e-2
# The least that 16 bits can hold.
_SILENCE = 2.0**-15
_BATCH = 64
# Of sounds that are left out, those that are named.
_NAMED = 20


@dataclasses.dataclass(eq=False)
class Sound:
    """A sound of a source.

    Attributes:
      source: name of the source; empty for one that checks on listeners.
      name: of the sound within its source.
      label: its class, None if it has none.
      waveform: float32 `[samples, channels]`.
      sample_rate: in Hz.
    """

    source: str
    name: str
    label: str | None
    waveform: np.ndarray
    sample_rate: int


def of_folder(folder, rng, left_out):
    """Sounds of a folder in random order, each class as often as any other.

    Args:
      folder: path; the class of a file is the sub-folder that it lies in.
      rng: `np.random.Generator`.
      left_out: dictionary that gets what cannot be read: name -> reason.

    Yields:
      `Sound`.
    """
    paths, problems = audio_files.find_audio(folder)
    left_out.update({str(path): why for path, why in problems.items()})
    names = [path.relative_to(folder) for path in paths]
    labels = [n.parts[0] if len(n.parts) > 1 else None for n in names]
    for i in _balanced(labels, rng):
        try:
            waveform, rate = audio_files.read(paths[i])
        except errors.ZooError as error:
            # The reason alone, since the name stands before it.
            left_out[str(names[i])] = str(error.__cause__)
        else:
            yield Sound(str(folder), str(names[i]), labels[i], waveform, rate)


def of_module(source, module, sample_rate, seed, count):
    """Sounds of a module, those of a seed and of the seeds after it.

    Args:
      source: name of the source.
      module: what `hub.load` gives.
      sample_rate: in Hz.
      seed: the first seed.
      count: sounds that are wanted; as many more are made where some are
        silent.

    Yields:
      `Sound`.
    """
    size = min(_BATCH, count)
    for first in range(seed, seed + 2 * count, size):
        for i, waveform in enumerate(module.generate(size, first).numpy()):
            yield Sound(
                source, f"seed {first + i}", None, waveform, sample_rate
            )


def of_dataset(dataset, data_dir, split, like, rng):
    """Real sounds of a data set in random order, each class as often.

    Args:
      dataset: its name, as --dataset of training.
      data_dir: folder of prepared data sets.
      split: its split.
      like: list of `Sound`; the longest, the highest sample rate and the most
        channels are those of the real ones.
      rng: `np.random.Generator`.

    Yields:
      `Sound`.
    """
    rate = max(sound.sample_rate for sound in like)
    seconds = max(len(s.waveform) / s.sample_rate for s in like)
    preset = config.replace(
        presets.for_dataset(dataset),
        {
            "dataset": dataset,
            "data_dir": data_dir,
            "sample_rate": rate,
            "num_samples": round(seconds * rate),
            "channels": max(sound.waveform.shape[1] for sound in like),
        },
    )
    clips = clip_sources.load_clips(preset, split)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    labels = [clips.labels[n] if n >= 0 else None for n in windows.labels]
    for i in _balanced(labels, rng):
        waveform = windows.read(np.array(i), np.array(rng.random()))
        yield Sound(dataset, f"{split} {i}", labels[i], waveform, rate)


def take(source, sounds, count, left_out, report=print):
    """The first sounds that can be heard.

    Args:
      source: name of the source.
      sounds: iterable of `Sound`.
      count: how many.
      left_out: name -> reason; what is silent is added.
      report: function that is told what was left out.

    Returns:
      List of `count` sounds.

    Raises:
      ZooError: if there are fewer.
    """
    taken = []
    while len(taken) < count and (sound := next(sounds, None)):
        reason = _problem(sound.waveform)
        if reason:
            left_out[sound.name] = reason
        else:
            taken.append(sound)
    if left_out:
        report(f"Left out of {source}: {len(left_out)}")
        for line in audio_folder.describe(left_out, _NAMED):
            report(f"  {line}")
    if len(taken) < count:
        raise errors.ZooError(
            f"Expected {count} sounds of {source!r}, received {len(taken)} "
            "that can be heard; lower --count, or add sounds."
        )
    return taken


def level(waveform, sample_rate):
    """RMS level of a sound, without the silence in it.

    The root of the mean square over the blocks of 10 ms that are no more than
    40 dB below the loudest one.

    Args:
      waveform: float `[samples, channels]`.
      sample_rate: in Hz.

    Returns:
      Float, 0 for silence; full scale is 1.
    """
    size = max(1, round(_BLOCK_SECONDS * sample_rate))
    squares = np.mean(np.square(waveform, dtype=np.float64), axis=1)
    starts = np.arange(0, len(squares), size)
    sums = np.add.reduceat(squares, starts)
    sizes = np.diff(np.append(starts, len(squares)))
    loud = sums / sizes >= _GATE**2 * np.max(sums / sizes)
    return float(np.sqrt(sums[loud].sum() / sizes[loud].sum()))


def match_levels(sounds):
    """Brings sounds to one level, in place: -20 dBFS, or less if some clip.

    Args:
      sounds: list of `Sound` that can be heard.

    Returns:
      The level in dBFS.
    """
    levels = [level(s.waveform, s.sample_rate) for s in sounds]
    highest = [
        _CEILING * rms / np.max(np.abs(s.waveform))
        for s, rms in zip(sounds, levels, strict=True)
    ]
    common = min(10 ** (LEVEL_DB / 20), *highest)
    for sound, rms in zip(sounds, levels, strict=True):
        sound.waveform = sound.waveform * np.float32(common / rms)
    return float(20 * np.log10(common))


def noise(like, rng):
    """White noise, as long as another sound."""
    waveform = rng.standard_normal((len(like.waveform), 1)).astype(np.float32)
    return Sound("", "noise", None, waveform, like.sample_rate)


def beeps(count, sample_rate=16000):
    """So many short tones of 880 Hz, three in a second."""
    time = np.arange(round(0.15 * sample_rate)) / sample_rate
    tone = np.sin(2 * np.pi * 880 * time) * np.hanning(len(time))
    beat = np.pad(tone, (0, round(0.18 * sample_rate)))
    waveform = np.tile(beat, count)[:, np.newaxis].astype(np.float32)
    return Sound("", f"{count} beeps", None, waveform, sample_rate)


def is_audio_folder(path):
    """Whether a path is a folder of sounds, and not a run or a module."""
    path = pathlib.Path(path)
    inside = ("config.json", "saved_model.pb", "*/saved_model.pb")
    return path.is_dir() and not any(any(path.glob(name)) for name in inside)


def _problem(waveform):
    """Why a sound cannot be used; empty if it can."""
    if not np.isfinite(waveform).all():
        return "it holds values that are no numbers"
    if np.max(np.abs(waveform), initial=0.0) <= _SILENCE:
        return "it is silent"
    return ""


def _balanced(labels, rng):
    """Numbers of items in random order, one of each class after another."""
    of_class = collections.defaultdict(list)
    for i in rng.permutation(len(labels)):
        of_class[labels[i]].append(i)
    classes = list(of_class.values())
    rounds = itertools.zip_longest(
        *(classes[c] for c in rng.permutation(len(classes)))
    )
    return [i for one_round in rounds for i in one_round if i is not None]
