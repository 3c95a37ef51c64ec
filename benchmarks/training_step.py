r"""How fast the networks of a preset train, next to plain ones and to the peak.

  python -m benchmarks.training_step --preset=wavegan_sc09 --batch_size=8
  python -m benchmarks.training_step --preset=wavegan_sc09 --dim=16 \
      --batch_size=32 --part=iteration

All flags of `gansynth_zoo.train` change the preset. The two variants and a
large matrix product take turns in one process, on the same threads; networks
that grow are at their last stage.

One line for each part and variant: the median time of a step, half of what the
middle half of the rounds spans, and the processor's time; the multiply-adds
that the step needs, in thousands of millions, and the share that this is of
what the matrix product reaches. The speed is the time of the plain variant
divided by the line's own.
"""

import functools

from absl import flags

from benchmarks import plain
from benchmarks import steps
from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import flags as run_flags

_HEADER = (
    "part",
    "variant",
    "s",
    "spread",
    "CPU s",
    "G mult-adds",
    "of peak",
    "speed",
    "CPU speed",
)


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_multi_enum(
        "part",
        steps.PARTS,
        steps.PARTS,
        "What is measured; may be given more than once.",
        flag_values=values,
    )
    timing.define_flags(values)
    flags.adopt_module_key_flags(timing, values)


def main(preset, values=flags.FLAGS):
    """Prints the table.

    Args:
      preset: a `config.Preset`.
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    measures = {"peak": _measure(timing.make_matrix_product())}
    for variant in plain.VARIANTS:
        with plain.used(variant):
            gan = steps.make_gan(preset)
            for part in values.part:
                measures[part, variant] = _measure(
                    _numbers(steps.make_step(gan, part))
                )
    samples = timing.in_turns(
        measures, values.rounds, values.seconds, preset.recipe.penalty_interval
    )
    peak = timing.MATRIX_PRODUCT_FLOP / timing.median(samples["peak"]).seconds
    print(
        f"{preset.name}: dim {preset.model.dim}, batch "
        f"{preset.train.batch_size}, {preset.audio.num_samples} samples; "
        f"peak {peak / 2e9:.0f} G mult-adds/s, "
        f"spread {timing.spread(samples['peak']):.0%}."
    )
    work = steps.count_multiply_adds(preset)
    rows = [
        _row(part, variant, samples, work[part], peak / 2)
        for part in values.part
        for variant in plain.VARIANTS
    ]
    timing.print_table(_HEADER, rows)
    return 0


def _measure(function):
    return functools.partial(timing.measure, function)


def _numbers(step):
    return lambda: step().numpy()


def _row(part, variant, samples, work, peak):
    taken = timing.median(samples[part, variant])
    base = timing.median(samples[part, "plain"])
    return (
        part,
        variant,
        taken.seconds,
        f"{timing.spread(samples[part, variant]):.0%}",
        taken.cpu_seconds,
        work / 1e9,
        f"{work / taken.seconds / peak:.0%}",
        base.seconds / taken.seconds,
        base.cpu_seconds / taken.cpu_seconds,
    )


if __name__ == "__main__":
    run_flags.define()
    flags.adopt_module_key_flags(run_flags)
    define_flags(flags.FLAGS)
    command_line.run(lambda: main(run_flags.resolve()))
