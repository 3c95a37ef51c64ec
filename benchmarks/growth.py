"""What an example costs at each stage of networks that grow.

  python -m benchmarks.growth
  python -m benchmarks.growth --preset=gansynth_nsynth --batch_size=8

A training step of the discriminator and the generator, of random features and
labels; the stages take turns.
"""

import dataclasses

import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import assemble
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import presets

_LABELS = 61


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
    preset = _fitted(values.preset, values.batch_size)
    stages = range(2 * preset.model.blocks - 1)
    steps = {stage: _make_step(preset, stage) for stage in stages}
    best = timing.best_in_turns(
        {
            stage: lambda count, step=step: timing.measure(step, count)
            for stage, step in steps.items()
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
                1 + (stage + 1) // 2,
                1000 * sample.seconds / size,
                1000 * sample.cpu_seconds / size,
            )
            for stage, sample in best.items()
        ],
    )
    return 0


def _fitted(name, batch_size):
    """The preset with labels, and a level, that no sounds were asked for."""
    preset = presets.get(name)
    if batch_size:
        preset = config.replace(preset, {"batch_size": batch_size})
    labels = tuple(str(24 + i) for i in range(_LABELS))
    model = dataclasses.replace(
        preset.model, label_names=labels, label_counts=(1,) * _LABELS
    )
    representation = dataclasses.replace(preset.representation, highest=0.0)
    return dataclasses.replace(
        preset, model=model, representation=representation
    )


def _make_step(preset, stage):
    """A function that runs a training step in the middle of a stage."""
    gan = assemble.make_gan(preset)
    size, critic = preset.train.batch_size, preset.recipe.n_critic
    schedule = gan.schedule
    length = schedule.transition if stage % 2 else schedule.stable
    gan.step.assign((schedule.start(stage) + length // 2) // (size * critic))
    gan.enter_stage()
    batch = {
        "features": tf.random.stateless_uniform(
            [size, critic, *gan.representation.feature_shape], [0, 0], -1.0, 1.0
        ),
        "labels": tf.zeros([size, critic], tf.int32),
        "rows": tf.range(size, dtype=tf.int64),
    }
    step = tf.function(gan.train_step)
    return lambda: step(batch)["generator_loss"].numpy()


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
