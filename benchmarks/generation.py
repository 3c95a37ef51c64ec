"""How fast sounds are generated, next to the plain generator.

  python -m benchmarks.generation --dim=16 --batch_size=1

The speed is the time of the plain generator divided by the line's own.
"""

import functools
import random

import tensorflow as tf
from absl import flags

from benchmarks import plain
from benchmarks import steps
from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import presets

_HEADER = (
    "batch",
    "variant",
    "clips/s",
    "x real time",
    "CPU s/clip",
    "of peak",
    "speed",
    "CPU speed",
)


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "dim", 64, "Width of the generator.", flag_values=values
    )
    flags.DEFINE_multi_integer(
        "batch_size",
        [1, 64],
        "Sounds made at once; may be given more than once.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_samples", 16384, "Length of a sound.", flag_values=values
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
    preset = config.replace(
        presets.get("wavegan_sc09"),
        {"dim": values.dim, "num_samples": values.num_samples},
    )
    generators = {
        variant: make_generator(variant, preset) for variant in plain.VARIANTS
    }
    rows = []
    for batch_size in values.batch_size:
        rows += _rows(generators, preset, batch_size, values)
    timing.print_table(_HEADER, rows)
    return 0


def make_generator(variant, preset):
    """A variant's generator as a function of latents `[batch, latent]`."""
    generator = plain.VARIANTS[variant][0](
        (preset.audio.num_samples, preset.audio.channels),
        preset.model,
        random.Random(0),
    )

    @tf.function
    def generate(latents):
        labels = tf.zeros_like(latents[:, 0], tf.int32)
        return generator(latents, labels, training=False)

    generate(tf.zeros([1, preset.model.latent_size]))
    return generate


def _multiply_adds(generate, latents):
    # Outside of training no variant does more than needed.
    graph = generate.get_concrete_function(latents).graph
    return steps.graph_multiply_adds(graph)


def _rows(generators, preset, batch_size, values):
    latents = tf.random.stateless_uniform(
        [batch_size, preset.model.latent_size], [0, 0], -1.0, 1.0
    )

    def generate(generator):
        return generator(latents).numpy()

    functions = {
        "peak": timing.make_matrix_product(),
        **{
            variant: functools.partial(generate, generator)
            for variant, generator in generators.items()
        },
    }
    best = timing.best_in_turns(
        {
            name: functools.partial(timing.measure, function)
            for name, function in functions.items()
        },
        values.rounds,
        values.seconds,
    )
    peak = timing.MATRIX_PRODUCT_FLOP / 2 / best.pop("peak").seconds
    work = _multiply_adds(generators["plain"], latents)
    clip_seconds = preset.audio.num_samples / preset.audio.sample_rate
    return [
        (
            batch_size,
            variant,
            batch_size / sample.seconds,
            batch_size * clip_seconds / sample.seconds,
            sample.cpu_seconds / batch_size,
            f"{work / sample.seconds / peak:.0%}",
            best["plain"].seconds / sample.seconds,
            best["plain"].cpu_seconds / sample.cpu_seconds,
        )
        for variant, sample in best.items()
    ]


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
