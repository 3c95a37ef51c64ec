"""Measuring: turns, what several rounds say, the peak, the table."""

import math
import statistics
import time
from typing import NamedTuple

import tensorflow as tf
from absl import flags

_MATRIX_SIZE = 3072
MATRIX_PRODUCT_FLOP = 2 * _MATRIX_SIZE**3


class Sample(NamedTuple):
    """What one call took.

    Attributes:
      seconds: by the clock.
      cpu_seconds: of all cores together.
    """

    seconds: float
    cpu_seconds: float


def define_flags(values):
    """Defines the flags that all benchmarks have in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "rounds",
        5,
        "Rounds, of which the best, or the median, counts.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_float(
        "seconds",
        2.0,
        "Seconds that a round measures each variant for, at the least.",
        lower_bound=0.0,
        flag_values=values,
    )


def measure(function, count):
    """Calls a function `count` times; the mean of a call is a `Sample`."""
    cpu_start, start = time.process_time(), time.perf_counter()
    for _ in range(count):
        function()
    seconds = time.perf_counter() - start
    return Sample(seconds / count, (time.process_time() - cpu_start) / count)


def in_turns(measures, rounds, seconds, multiple=1):
    """Measures several things in turns, since a machine's speed drifts.

    Args:
      measures: name -> function of a count that returns a `Sample`. The first
        two calls have a count of 1 and are not counted.
      rounds: how often each is measured.
      seconds: seconds that a round measures each for, at the least.
      multiple: counts are multiples of it.

    Returns:
      Name -> list of `Sample`, one of each round.
    """
    counts = {}
    for name, function in measures.items():
        function(1)
        wanted = seconds / function(1).seconds
        counts[name] = multiple * max(1, math.ceil(wanted / multiple))
    samples = {name: [] for name in measures}
    for _ in range(rounds):
        for name, function in measures.items():
            samples[name].append(function(counts[name]))
    return samples


def best_in_turns(measures, rounds, seconds, multiple=1):
    """What `in_turns` measures: name -> `Sample` of the smallest values."""
    samples = in_turns(measures, rounds, seconds, multiple)
    return {
        name: Sample(*map(min, zip(*taken, strict=True)))
        for name, taken in samples.items()
    }


def median(samples):
    """Samples -> `Sample` of the medians."""
    return Sample(*map(statistics.median, zip(*samples, strict=True)))


def spread(samples):
    """Half of what the middle half of the seconds spans, by their median."""
    seconds = [sample.seconds for sample in samples]
    if len(seconds) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(seconds, method="inclusive")
    return (high - low) / 2 / middle


def make_matrix_product():
    """A function that multiplies two large float32 matrices.

    It does `MATRIX_PRODUCT_FLOP` of work on all cores: what it reaches is the
    peak that a network is compared with.
    """
    matrix = tf.random.stateless_uniform([_MATRIX_SIZE] * 2, [0, 0])
    product = tf.function(lambda: tf.matmul(matrix, matrix)[0, 0])
    return lambda: product().numpy()


def print_table(header, rows):
    """Prints columns; text to the left, numbers with three digits."""
    lines = [header, *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["<" if isinstance(value, str) else ">" for value in rows[0]]
    for line in lines:
        cells = zip(line, sides, widths, strict=True)
        print("  ".join(f"{c:{side}{w}}" for c, side, w in cells).rstrip())


def _cell(value):
    if not isinstance(value, float):
        return str(value)
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, digits)}f}"
