"""How much memory training takes, beside what was estimated.

  python -m benchmarks.memory
  python -m benchmarks.memory --preset=wavegan_drums --dim=64 --batch_size=64

One line for each setting; each is trained for a few steps, by the trainer's
own loop, in a process of its own. Measured is the largest memory that it had,
less what it had before the networks were made; estimated is what
`gansynth_zoo.memory` says of the same, and the ratio is the one over the other.
"""

import concurrent.futures
import multiprocessing
import resource
import sys

import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import memory
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import training

# Preset, dim, batch size and samples.
_SETTINGS = (
    ("wavegan_drums_small", 16, 8, 4096),
    ("wavegan_drums_small", 16, 32, 16384),
    ("wavegan_drums_small", 16, 64, 16384),
    ("wavegan_drums_small", 32, 32, 16384),
    ("wavegan_drums_small", 64, 8, 16384),
    ("wavegan_drums_small", 64, 32, 16384),
    ("wavegan_drums", 16, 8, 4096),
    ("wavegan_drums", 16, 32, 16384),
    ("wavegan_drums", 32, 32, 16384),
    ("wavegan_drums", 32, 64, 16384),
    ("wavegan_drums", 64, 8, 16384),
    ("wavegan_drums", 64, 64, 4096),
)
_HEADER = (
    "preset",
    "dim",
    "batch",
    "samples",
    "measured MiB",
    "estimated MiB",
    "ratio",
)


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_enum(
        "preset",
        None,
        list(presets.PRESETS),
        "Measure this one alone, not the list.",
        flag_values=values,
    )
    for name, text in (
        ("dim", "Width of the networks."),
        ("batch_size", "Examples of an update."),
        ("num_samples", "Length of a sound."),
    ):
        flags.DEFINE_integer(
            name, None, f"{text} Goes with --preset.", flag_values=values
        )
    flags.DEFINE_integer(
        "steps",
        2,
        "Steps that are trained; the first makes the largest difference.",
        lower_bound=1,
        flag_values=values,
    )


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    rows = [_row(preset, values.steps) for preset in _presets(values)]
    timing.print_table(_HEADER, rows)
    return 0


def _presets(values):
    if not values.preset:
        return [_changed(*setting) for setting in _SETTINGS]
    preset = presets.get(values.preset)
    return [
        _changed(
            values.preset,
            values.dim or preset.model.dim,
            values.batch_size or preset.train.batch_size,
            values.num_samples or preset.audio.num_samples,
        )
    ]


def _changed(name, dim, batch_size, num_samples):
    return config.replace(
        presets.get(name),
        {
            "dataset": "drums_mini",
            "dim": dim,
            "batch_size": batch_size,
            "num_samples": num_samples,
        },
    )


def _row(preset, steps):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as process:
        measured = process.submit(_measure, preset, steps).result()
    estimated = memory.estimate(preset).total
    return (
        preset.name,
        preset.model.dim,
        preset.train.batch_size,
        preset.audio.num_samples,
        measured / 2**20,
        estimated / 2**20,
        estimated / measured,
    )


def _measure(preset, steps):
    """Bytes that training takes, at the most; in a process of its own."""
    strategy = tf.distribute.get_strategy()
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    before = largest()
    gan = assemble.make_gan(preset)
    dataset = training.distribute(preset, windows, gan, strategy, 0)
    training.run_loop(gan, iter(dataset), steps, strategy, [])
    return largest() - before


def largest():
    """Bytes that this process had, at the most."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        # What getrusage says of a new process begins with that of its parent.
        return int(facts["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
