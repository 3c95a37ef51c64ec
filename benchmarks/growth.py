"""What an example costs at each stage of networks that grow.

  python -m benchmarks.growth
  python -m benchmarks.growth --preset=gansynth_nsynth --batch_size=8

A training step of the discriminator and the generator, of random features and
labels; the stages take turns.
"""

import functools

from absl import flags

from benchmarks import steps
from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import growth
from gansynth_zoo import presets


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "preset",
        "gansynth_nsynth_small",
        "Preset of networks that grow.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size",
        None,
        "That of the preset unless given.",
        1,
        flag_values=values,
    )
    timing.define_flags(values)


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    preset = presets.get(values.preset)
    if values.batch_size:
        preset = config.replace(preset, {"batch_size": values.batch_size})
    best = timing.best_in_turns(
        {
            stage: functools.partial(timing.measure, _make_step(preset, stage))
            for stage in range(growth.last_stage(preset.model.blocks) + 1)
        },
        values.rounds,
        values.seconds,
    )
    size = preset.train.batch_size
    timing.print_table(
        ("stage", "blocks", "ms an example", "CPU ms an example"),
        [
            (
                stage,
                1 + growth.top_block(stage),
                1000 * sample.seconds / size,
                1000 * sample.cpu_seconds / size,
            )
            for stage, sample in best.items()
        ],
    )
    return 0


def _make_step(preset, stage):
    gan = steps.make_gan(preset, stage)
    step = steps.make_step(gan, "iteration")
    return lambda: step().numpy()


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
