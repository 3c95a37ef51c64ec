r"""Writes sounds of a run, of an exported module or of a module's name.

  python -m gansynth_zoo.generate --source=wavegan_drums --count=16 --out=hits
  python -m gansynth_zoo.generate --source=runs/drums --seed=7 --count=2 \
      --interpolate=10 --out=walk
  python -m gansynth_zoo.generate --source=wavegan_sc09_labels \
      --labels=seven,three --out=digits
  python -m gansynth_zoo.generate --source=gansynth_nsynth --midi=tune.mid \
      --out=tune
  python -m gansynth_zoo.generate --source=wavegan_birds --seconds=600 \
      --out=forest

Sound number N is that of seed N, on each machine and in each batch.
"""

import pathlib

import numpy as np
import tensorflow as tf
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import latents
from gansynth_zoo import midi
from gansynth_zoo import pictures
from gansynth_zoo import rendering
from gansynth_zoo.export import sources

sources.define_source(flags.FLAGS)
sources.define_checkpoint(flags.FLAGS)
_COUNT = flags.DEFINE_integer("count", 16, "How many sounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Number of the first sound.", 0)
_INTERPOLATE = flags.DEFINE_integer(
    "interpolate",
    0,
    "So many sounds on the way from each seed to the next, the seed's own "
    "among them.",
    lower_bound=0,
)
_LABELS = flags.DEFINE_list(
    "labels",
    [],
    "Names of labels, each of which --count sounds are made of; without, each "
    "sound has the label of its seed, as often as in the training sounds.",
)
_MIDI = flags.DEFINE_string(
    "midi", None, "MIDI file to play, on a model whose labels are pitches."
)
_SECONDS = flags.DEFINE_float(
    "seconds",
    None,
    "Length of one long sound that is made in place of many: sounds on the way "
    "from seed to seed that fade into each other.",
    lower_bound=0.01,
)
_SECONDS_PER_LATENT = flags.DEFINE_float(
    "seconds_per_latent",
    6.0,
    "Seconds in which a piece or a long sound moves from the latents of one "
    "seed to the next.",
    lower_bound=0.01,
)
_OUT_OF_RANGE = flags.DEFINE_enum(
    "out_of_range",
    "transpose",
    midi.OUT_OF_RANGE,
    "What is done with a note whose pitch the model does not know: it is moved "
    "by octaves, or the piece is refused.",
)
flags.mark_flags_as_mutual_exclusive(["midi", "seconds"])
_OUT = flags.DEFINE_string("out", "sounds", "Folder to write to.")

_BATCH = 64


def walk(points, prior, steps):
    """Latents on the way through several points.

    Args:
      points: float32 `[batch, latent]`.
      prior: "uniform" or "normal".
      steps: latents from each point to the next, the first of them included.

    Returns:
      Float32 `[(batch - 1)·steps + 1, latent]`.
    """
    fractions = np.arange(steps, dtype=np.float32) / steps
    legs = [
        latents.interpolate(prior, first, second, fractions)
        for first, second in zip(points[:-1], points[1:], strict=True)
    ]
    return tf.concat([*legs, points[-1:]], axis=0)


def _make(module, *inputs):
    """Sounds, float32 `[batch, samples, channels]`, a batch at a time."""
    return np.concatenate(
        [
            module(*(x[i : i + _BATCH] for x in inputs)).numpy()
            for i in range(0, len(inputs[0]), _BATCH)
        ]
    )


def _sounds(module, facts):
    """Names and sounds that the flags ask for."""
    numbers = sources.numbers_of(_LABELS.value, facts["labels"])
    seeds = tf.range(_COUNT.value, dtype=tf.int64) + _SEED.value
    points, *drawn = hub.inputs_of(module, facts["labels"], seeds)
    names = [f"{seed:06d}" for seed in seeds.numpy()]
    if _INTERPOLATE.value:
        points = walk(points, facts["latent_prior"], _INTERPOLATE.value)
        names = [f"walk_{i:06d}" for i in range(len(points))]
        # On the way to another seed the label stays.
        drawn = [tf.repeat(x, _INTERPOLATE.value)[: len(points)] for x in drawn]
    if not numbers:
        return names, _make(module, points, *drawn)
    sounds = [
        _make(module, points, tf.fill([len(points)], number))
        for number in numbers
    ]
    names = [f"{label}_{name}" for label in _LABELS.value for name in names]
    return names, np.concatenate(sounds)


def _path(module, facts):
    """Latents over time, from seed to seed."""
    return rendering.path_over_time(
        module.latents,
        facts["latent_prior"],
        _SECONDS_PER_LATENT.value,
        _SEED.value,
    )


def _long_sound(module, facts):
    """Blocks of one long sound, float32 `[n, channels]`."""
    # A walk through all seeds has the label of the first.
    numbers = sources.numbers_of(_LABELS.value[:1], facts["labels"])
    seed = tf.constant([_SEED.value], tf.int64)
    _, *label = hub.inputs_of(module, facts["labels"], seed)
    if numbers:
        label = [tf.constant(numbers)]

    def make(points):
        return module(points, *(tf.repeat(x, len(points)) for x in label))

    rate = facts["sample_rate"]
    length = max(1, round(_SECONDS.value * rate))
    return rendering.chain(make, _path(module, facts), rate, length)


def _piece(module, facts):
    """The sound of a MIDI file, float32 `[samples, channels]`."""
    names = facts["labels"]
    if not names or not all(name.isdecimal() for name in names):
        raise errors.ZooError(
            "Expected a model whose labels are MIDI pitches beside --midi, "
            f"received {facts['preset']}, whose labels are "
            f"{', '.join(names) or 'none'}."
        )
    pitches = [int(name) for name in names]
    notes = midi.fit(midi.read(_MIDI.value), pitches, _OUT_OF_RANGE.value)
    return rendering.render(
        notes,
        lambda points, pitch: module(
            points, tf.constant([pitches.index(p) for p in pitch], tf.int32)
        ),
        facts["sample_rate"],
        _path(module, facts),
    )


def _write_sounds(module, facts, out):
    """Writes a WAV for each sound; returns what to say, and a picture."""
    rate = facts["sample_rate"]
    names, sounds = _sounds(module, facts)
    for name, sound in zip(names, sounds, strict=True):
        audio_files.write(out / f"{name}.wav", sound, rate)
    title = f"{facts['preset']}, {names[0]} to {names[-1]}"
    return (
        f"{len(names)} sounds of {sounds.shape[1]} samples",
        pictures.spectrogram_grid(sounds[:64], rate, title),
    )


def _write_long(name, blocks, facts, out):
    """Writes one WAV of blocks; returns what to say, and a picture."""
    rate, length = facts["sample_rate"], 0
    line = 10 * rate
    minute = np.zeros((6 * line, facts["channels"]), np.float32)
    path = out / f"{name}.wav"
    with audio_files.writing(path, rate, facts["channels"]) as write_block:
        for block in blocks:
            write_block(block)
            shown = minute[length : length + len(block)]
            shown[:] = block[: len(shown)]
            length += len(block)
    lines = -(-min(length, len(minute)) // line)
    return (
        f"{name}.wav of {length / rate:.1f} seconds",
        pictures.spectrogram_grid(
            minute[: lines * line].reshape(lines, line, -1),
            rate,
            f"{facts['preset']}, {name}, in lines of 10 seconds",
            columns=1,
            width=12,
        ),
    )


def main():
    """Writes one WAV a sound, or one long one, and a picture."""
    module, facts = sources.open_source(
        flags.FLAGS.source, flags.FLAGS.checkpoint
    )
    out = pathlib.Path(_OUT.value)
    if _MIDI.value:
        name, blocks = pathlib.Path(_MIDI.value).stem, [_piece(module, facts)]
        told, picture = _write_long(name, blocks, facts, out)
    elif _SECONDS.value:
        name, blocks = f"walk_{_SEED.value:06d}", _long_sound(module, facts)
        told, picture = _write_long(name, blocks, facts, out)
    else:
        told, picture = _write_sounds(module, facts, out)
    (out / "spectrograms.png").write_bytes(picture)
    print(
        f"Wrote {told} at {facts['sample_rate']} Hz and spectrograms.png to "
        f"{out}."
    )


if __name__ == "__main__":
    command_line.run(main)
