r"""What training costs by batch, width, length, clips, cores and precision.

  python -m benchmarks.cost --out=cost
  python -m benchmarks.cost --preset=specgan_sc09_small --axis=cores

All flags of `gansynth_zoo.train` change the preset. One axis at a time is
varied; each point is a short training on noise in a process of its own. The
columns are those of `trials.Trial`, and what `gansynth_zoo.memory` estimates.
The disk is not measured: of many clips only the first are on it.

--out gets the numbers, `cost.json`, and a picture of them, `cost.png`.
"""

import functools
import io
import json
import os
import pathlib

from absl import flags

from benchmarks import steps
from benchmarks import timing
from benchmarks import trials
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import flags as run_flags
from gansynth_zoo import memory
from gansynth_zoo import storage

# Axis -> values.
AXES = {
    "batch_size": (8, 16, 32, 64),
    "dim": (8, 16, 32, 64),
    "num_samples": (4096, 8192, 16384, 32768, 65536),
    "clips": (100, 1000, 10_000, 100_000),
    "cores": tuple(range(1, os.cpu_count() + 1)),
    "precision": ("float32", "bfloat16"),
}
_COLUMNS = (
    "axis",
    "value",
    "iteration s",
    "start-up s",
    "input s",
    "MiB",
    "estimated MiB",
)
# Rows of the picture: unit -> columns.
_PANELS = {
    "s": ("iteration s", "input s", "start-up s"),
    "MiB": ("MiB", "estimated MiB"),
}


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_multi_enum(
        "axis",
        list(AXES),
        list(AXES),
        "What is varied; may be given more than once.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "iterations",
        8,
        "Iterations that are timed, rounded up to intervals of the penalty.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "out", None, "Folder of numbers and picture.", flag_values=values
    )


def main(preset, values=flags.FLAGS):
    """Prints the table, and writes it and its picture.

    Args:
      preset: a `config.Preset`.
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    # The preset's own point is on most axes.
    run = functools.cache(trials.run)
    rows = []
    for axis in values.axis:
        for value in AXES[axis]:
            try:
                rows.append(_row(run, preset, axis, value, values.iterations))
            except errors.ZooError as error:
                print(f"Left out {axis} {value}: {error}")
    timing.print_table(_COLUMNS, rows)
    if values.out:
        _write(pathlib.Path(values.out), preset, rows)
    return 0


def _row(run, preset, axis, value, iterations):
    changes = {axis: value}
    if axis not in ("clips", "cores"):
        preset, changes = config.replace(preset, changes), {}
    estimated = memory.estimate(steps.fitted(preset)).total
    interval = preset.recipe.penalty_interval
    trial = run(preset, -(-iterations // interval) * interval, **changes)
    return (
        axis,
        value,
        trial.seconds,
        trial.start_up,
        trial.input,
        trial.memory / 2**20,
        estimated / 2**20,
    )


def _write(folder, preset, rows):
    folder.mkdir(parents=True, exist_ok=True)
    points = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    facts = {"preset": json.loads(config.to_json(preset)), "points": points}
    storage.write_text(folder / "cost.json", json.dumps(facts, indent=2) + "\n")
    (folder / "cost.png").write_bytes(_draw(points, preset.name))


def _draw(points, title):
    """A picture of a column for each axis, all scales logarithmic; PNG."""
    from matplotlib import figure
    from matplotlib.backends import backend_agg

    axes = list(dict.fromkeys(point["axis"] for point in points))
    picture = figure.Figure(figsize=(3.2 * len(axes), 6), layout="constrained")
    backend_agg.FigureCanvasAgg(picture)
    panels = picture.subplots(
        len(_PANELS), len(axes), sharex="col", sharey="row", squeeze=False
    )
    for row, (unit, columns) in zip(panels, _PANELS.items(), strict=True):
        row[0].set_ylabel(unit)
        for panel, axis in zip(row, axes, strict=True):
            of_axis = [point for point in points if point["axis"] == axis]
            places, names = _ticks([point["value"] for point in of_axis])
            for column in columns:
                panel.loglog(
                    places, [p[column] for p in of_axis], "o-", label=column
                )
            panel.set_xticks(places, names)
            panel.tick_params(axis="x", labelsize=7)
            panel.set_xticks([], minor=True)
            panel.grid(alpha=0.3)
        row[0].legend(fontsize=8)
    for panel, axis in zip(panels[-1], axes, strict=True):
        panel.set_xlabel(axis)
    picture.suptitle(title)
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _ticks(values):
    """Where values of an axis stand, and how they are called there."""
    if isinstance(values[0], str):
        return range(1, len(values) + 1), values
    return values, [f"{value:,}" for value in values]


if __name__ == "__main__":
    run_flags.define()
    flags.adopt_module_key_flags(run_flags)
    flags.FLAGS.set_default("preset", "wavegan_drums_small")
    define_flags(flags.FLAGS)
    command_line.run(lambda: main(run_flags.resolve()))
