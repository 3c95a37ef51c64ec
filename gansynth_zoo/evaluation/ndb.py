"""Number of statistically different bins: which kinds of sound are missing.

The training set is cut into bins, and each bin's share of the training set is
compared with its share of another set. Features of different scales should
be brought to one before, and those of more than some hundred dimensions
reduced (`reduction.py`), since clustering them takes long.

Source: Richardson and Weiss 2018.
"""

import dataclasses
import math

import numpy as np

from gansynth_zoo.evaluation import checks
from gansynth_zoo.evaluation import k_means

# Two-sided, at which a bin counts as different.
SIGNIFICANCE = 0.05
# In each bin on average: below, shares are too coarse for the test.
_ROWS_PER_BIN = 5


@dataclasses.dataclass(frozen=True)
class Bins:
    """Bins of a training set.

    Attributes:
      centres: float64 `[bins, features]`.
      counts: int `[bins]`, of training sounds.
    """

    centres: np.ndarray
    counts: np.ndarray


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much the bins of a set differ from those of the training set.

    Attributes:
      number: of bins that differ; about 0.05 times all for sets of one
        distribution, not 0.
      share: the same over all bins.
      divergence: Jensen-Shannon divergence of the shares in nats, from 0 to
        log 2.
    """

    number: int
    share: float
    divergence: float


def fit(training, *, bins=50, seed=0):
    """Cuts a training set into bins, by k-means.

    Args:
      training: float `[batch, features]`, five rows per bin or more.
      bins: how many.
      seed: of the clustering.

    Returns:
      `Bins`.

    Raises:
      ZooError: if there are fewer rows, or they are not finite.
    """
    training = checks.features(
        training, "training features", least=_ROWS_PER_BIN * bins
    )
    centres = k_means.fit(training, bins, seed=seed)
    return Bins(centres, _count(training, centres))


def compare(bins, features):
    """Compares a set with the training set.

    Args:
      bins: `Bins` of the training set.
      features: float `[batch, features]`, five rows per bin or more.

    Returns:
      `Difference`.

    Raises:
      ZooError: if there are fewer rows, or they are not finite.
    """
    features = checks.features(
        features,
        "generated features",
        least=_ROWS_PER_BIN * len(bins.centres),
        like=bins.centres,
    )
    counts = _count(features, bins.centres)
    number = int(np.sum(p_values(bins.counts, counts) < SIGNIFICANCE))
    return Difference(
        number, number / len(counts), divergence(bins.counts, counts)
    )


def p_values(first, second):
    """Two-sided test of each bin for equal shares, with pooled variance.

    Args:
      first: int `[bins]`, counts of one set.
      second: int `[bins]`, counts of another.

    Returns:
      Float `[bins]` from 0 to 1; 1 for a bin that is empty, or holds all, in
      both sets.
    """
    n, m = first.sum(), second.sum()
    pooled = (first + second) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = (first / n - second / m) / np.where(error > 0, error, 1.0)
    return np.array([math.erfc(abs(value) / math.sqrt(2)) for value in z])


def divergence(first, second):
    """Jensen-Shannon divergence of two histograms.

    Args:
      first: int `[bins]`, counts of one set.
      second: int `[bins]`, counts of another.

    Returns:
      Float in nats, from 0 to log 2.
    """
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2

    def relative(share):
        there = share > 0
        return np.sum(share[there] * np.log(share[there] / middle[there]))

    return float(max(0.0, (relative(p) + relative(q)) / 2))


def _count(features, centres):
    numbers, _ = k_means.assign(features, centres)
    return np.bincount(numbers, minlength=len(centres))
