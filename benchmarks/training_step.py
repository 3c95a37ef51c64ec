"""How fast the networks train, next to the plain ones and to the peak.

  python -m benchmarks.training_step --part=generator --dim=32

One line for each variant. The time is that of one update of the part: of the
discriminator, of the generator, or of a whole iteration of n_critic updates of
the one, one of the other and the average. Clips are the real ones that are
learned from (the generated ones, for the generator). The share of the peak
compares the least work of the part with a large matrix product. The memory is
the largest a process of its own had, TensorFlow included. The speed is the
time of the plain variant divided by the line's own.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import resource
import sys

import tensorflow as tf
from absl import flags

from benchmarks import plain
from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import presets

# Part -> dim and batch size, unless given.
_SIZES = {
    "discriminator": (64, 8),
    "generator": (64, 8),
    "iteration": (16, 32),
}
_HEADER = (
    "part",
    "dim",
    "batch",
    "variant",
    "clips/s",
    "s",
    "CPU s",
    "of peak",
    "MiB",
    "speed",
    "CPU speed",
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is measured.

    Attributes:
      part: a key of `_SIZES`.
      preset: a `config.Preset`.
    """

    part: str
    preset: config.Preset


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_multi_enum(
        "part",
        ["discriminator", "iteration"],
        list(_SIZES),
        "What is measured; may be given more than once.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "dim",
        None,
        "Width of the networks; 64, or 16 for an iteration.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size",
        None,
        "Examples of an update; 8, or 32 for an iteration.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_samples", 16384, "Length of a sound.", flag_values=values
    )
    flags.DEFINE_enum(
        "recipe",
        "wgan-gp",
        list(presets.RECIPES),
        "How the networks are trained.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "shuffle_per",
        "example",
        ["example", "batch"],
        "What a shift of the phase shuffle is drawn for.",
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
    rows = []
    with contextlib.ExitStack() as stack:
        peak = stack.enter_context(_process())
        for part in values.part:
            setting = Setting(part, _preset(values, part))
            rows += _rows(setting, peak, values.rounds, values.seconds)
    timing.print_table(_HEADER, rows)
    return 0


def _preset(values, part):
    dim, batch_size = _SIZES[part]
    preset = config.replace(
        presets.get("wavegan_sc09"),
        {
            "dim": values.dim or dim,
            "batch_size": values.batch_size or batch_size,
            "num_samples": values.num_samples,
            "shuffle_per": values.shuffle_per,
        },
    )
    recipe = presets.get_recipe(values.recipe)
    return dataclasses.replace(preset, recipe=recipe)


def _rows(setting, peak, rounds, seconds):
    """The lines of a setting; `peak` is the process that measures the peak."""
    with contextlib.ExitStack() as stack:
        processes = {
            variant: stack.enter_context(_process())
            for variant in plain.VARIANTS
        }
        measures = {
            variant: functools.partial(
                _in_process, process, _measure, variant, setting
            )
            for variant, process in processes.items()
        }
        measures["peak"] = functools.partial(_in_process, peak, _measure_peak)
        # They start up side by side.
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(lambda measure: measure(1), measures.values()))
        best = timing.best_in_turns(
            measures, rounds, seconds, setting.preset.recipe.penalty_interval
        )
        flop = _in_process(processes["plain"], _least_flop, setting)
        memory = {
            variant: _in_process(process, _peak_memory)
            for variant, process in processes.items()
        }
    flop_per_second = timing.MATRIX_PRODUCT_FLOP / best["peak"].seconds
    model, train = setting.preset.model, setting.preset.train
    return [
        (
            setting.part,
            model.dim,
            train.batch_size,
            variant,
            _clips(setting) / best[variant].seconds,
            best[variant].seconds,
            best[variant].cpu_seconds,
            f"{flop / best[variant].seconds / flop_per_second:.0%}",
            memory[variant],
            best["plain"].seconds / best[variant].seconds,
            best["plain"].cpu_seconds / best[variant].cpu_seconds,
        )
        for variant in processes
    ]


def _process():
    # A fresh interpreter: a forked one would start with this one's memory.
    return concurrent.futures.ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn")
    )


def _in_process(process, function, *arguments):
    return process.submit(function, *arguments).result()


def _clips(setting):
    updates = setting.preset.recipe.n_critic
    return setting.preset.train.batch_size * (
        updates if setting.part == "iteration" else 1
    )


# The functions below run in a variant's own process.


def _measure(variant, setting, count):
    return timing.measure(_make_step(variant, setting), count)


def _measure_peak(count):
    return timing.measure(_matrix_product(), count)


def _peak_memory():
    """The largest memory that this process had, in MiB."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest // (2**20 if sys.platform == "darwin" else 2**10)


def _least_flop(setting):
    """The least work of one step, in FLOP.

    In forward passes of one network, an update of the discriminator takes 1
    for the fakes, 3 each for the scores of real and fake with their gradient,
    and 4 for a penalty: the scores, their slope, and the gradient of that. An
    update of the generator takes 1 for the fakes, 2 for the scores and their
    slope, and 2 for the gradient.
    """
    recipe = setting.preset.recipe
    discriminator, generator = 7 + 4 / recipe.penalty_interval, 5
    passes = {
        "discriminator": discriminator,
        "generator": generator,
        "iteration": recipe.n_critic * discriminator + generator,
    }
    flop = plain.pass_flop(
        _make_gan("plain", setting.preset).discriminator,
        setting.preset.audio.num_samples,
    )
    return passes[setting.part] * setting.preset.train.batch_size * flop


_matrix_product = functools.cache(timing.make_matrix_product)
_make_gan = functools.cache(plain.make_gan)


@functools.cache
def _make_step(variant, setting):
    gan = _make_gan(variant, setting.preset)
    batch_size = setting.preset.train.batch_size
    features = tf.random.stateless_uniform(
        [
            batch_size,
            setting.preset.recipe.n_critic,
            *gan.representation.feature_shape,
        ],
        [0, 0],
        -1.0,
        1.0,
    )
    rows = tf.range(batch_size)
    labels = tf.zeros([batch_size, setting.preset.recipe.n_critic], tf.int32)

    @tf.function
    def step():
        if setting.part == "iteration":
            batch = {"features": features, "labels": labels, "rows": rows}
            return gan.train_step(batch)["generator_loss"]
        # The penalty may depend on the step.
        gan.step.assign_add(1)
        if setting.part == "generator":
            return gan._generator_step(labels[:, 0], rows)["generator_loss"]
        logs = gan._discriminator_step(features[:, 0], labels[:, 0], rows, 0)
        return logs["discriminator_loss"]

    return lambda: step().numpy()


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
