"""How much memory training takes, beside what was estimated.

  python -m benchmarks.memory
  python -m benchmarks.memory --preset=wavegan_drums --dim=64 --batch_size=64

One line for each setting: the small presets, then others. Each is trained for a
few steps, by the trainer's own loop, in a process of its own. Measured is the
largest memory that it had, less what it had before; estimated is what
`gansynth_zoo.memory` says of the same, and the ratio is the one over the other.
Last, by what the parts whose constants were fitted are to be multiplied to come
nearest to all lines.
"""

import dataclasses

import numpy as np
from absl import flags

from benchmarks import steps
from benchmarks import timing
from benchmarks import trials
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import memory
from gansynth_zoo import presets

_PARTS = [field.name for field in dataclasses.fields(memory.Estimate)]
_FITTED = ("program", "gradients", "activations")
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
    ("specgan_drums", 16, 32, 16384),
    ("specgan_drums", 64, 8, 16384),
    ("tifgan_sc09_small", 32, 8, 16384),
    ("gansynth_nsynth_small", 8, 64, 16384),
    ("gansynth_nsynth_small", 32, 8, 16384),
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
        1,
        "Steps after the first, which makes the largest difference.",
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
    chosen = _presets(values)
    measured = [trials.run(each, values.steps).memory for each in chosen]
    estimates = [memory.estimate(steps.fitted(each)) for each in chosen]
    rows = [
        _row(preset, taken, estimate.total)
        for preset, taken, estimate in zip(
            chosen, measured, estimates, strict=True
        )
    ]
    timing.print_table(_HEADER, rows)
    if len(chosen) > len(_FITTED):
        best = _best_factors(estimates, measured)
        changes = (f"{part} by {factor:.2f}" for part, factor in best.items())
        print(f"Nearest, multiply: {', '.join(changes)}.")
    return 0


def _presets(values):
    if not values.preset:
        return _small() + [_changed(*setting) for setting in _SETTINGS]
    preset = presets.get(values.preset)
    return [
        _changed(
            values.preset,
            values.dim or preset.model.dim,
            values.batch_size or preset.train.batch_size,
            values.num_samples or preset.audio.num_samples,
        )
    ]


def _small():
    """The small presets that differ in more than their sounds."""
    found = {}
    for name, preset in presets.PRESETS.items():
        if name.endswith("_small"):
            alike = dataclasses.replace(
                preset, name="", description="", data=config.DataConfig()
            )
            found.setdefault(alike, preset)
    return list(found.values())


def _changed(name, dim, batch_size, num_samples):
    return config.replace(
        presets.get(name),
        {
            "dim": dim,
            "batch_size": batch_size,
            "num_samples": num_samples,
        },
    )


def _row(preset, measured, estimated):
    return (
        preset.name,
        preset.model.dim,
        preset.train.batch_size,
        preset.audio.num_samples,
        measured / 2**20,
        estimated / 2**20,
        estimated / measured,
    )


def _best_factors(estimates, measured):
    """By how much the fitted parts should grow; least squares of the ratios."""
    parts = np.array([dataclasses.astuple(each) for each in estimates])
    parts = parts / np.array(measured)[:, np.newaxis]
    fitted = [_PARTS.index(part) for part in _FITTED]
    rest = 1 - np.delete(parts, fitted, axis=1).sum(axis=1)
    factors, *_ = np.linalg.lstsq(parts[:, fitted], rest)
    return dict(zip(_FITTED, factors, strict=True))


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
