"""The statistics of answers: intervals, an exact test, agreement."""

import math

import numpy as np

# Two-sided 95 % of the normal distribution.
_Z = 1.959963984540054
# Probabilities that differ by rounding alone count as equal.
_EQUAL = 1 + 1e-7


def wilson(successes, count):
    """95 % score interval of a share (Wilson, 1927).

    Args:
      successes: number of successes; halves are fine.
      count: number of trials, at least 1.

    Returns:
      Pair of floats in [0, 1].
    """
    share, z2 = successes / count, _Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    spread *= _Z / (1 + z2 / count)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def sign_test(successes, count):
    """Exact two-sided p-value of a fair coin, the sign test.

    The probabilities of all outcomes that are no likelier than this one are
    added; since the coin is fair, that is twice the smaller tail.

    Args:
      successes: heads.
      count: tosses; 0 gives 1.

    Returns:
      Float in [0, 1].
    """
    logs = [
        math.lgamma(count + 1)
        - math.lgamma(k + 1)
        - math.lgamma(count - k + 1)
        - count * math.log(2.0)
        for k in range(count + 1)
    ]
    chances = np.exp(logs)
    as_rare = chances <= chances[successes] * _EQUAL
    return min(1.0, float(chances[as_rare].sum()))


def mean_interval(values, listeners, trials):
    """95 % t interval of a mean, for other listeners and for other sounds.

    Answers of one listener, and those to one trial, are no independent ones:
    the variance is that of clusters in two ways (Cameron, Gelbach and Miller,
    2011, equation 2.9), and the degrees of freedom those of the fewer ones.

    Args:
      values: floats `[answers]`, not empty.
      listeners: who gave each of them, `[answers]`.
      trials: to what, `[answers]`.

    Returns:
      Pair of floats; None for a single answer.
    """
    values = np.asarray(values, np.float64)
    sizes = [len(set(clusters)) for clusters in (listeners, trials)]
    if max(sizes) < 2:
        return None
    mean = values.mean()
    by_listener, by_trial, by_answer = (
        _variance(values - mean, clusters)
        for clusters in (listeners, trials, range(len(values)))
    )
    variance = max(by_listener, by_trial, by_listener + by_trial - by_answer)
    half = t_quantile(min(s for s in sizes if s > 1) - 1) * math.sqrt(variance)
    return float(mean - half), float(mean + half)


def t_quantile(freedom):
    """The number that Student's t stays within, either way, in 95 %.

    With t = sqrt(freedom)·tan(angle), the density of the angle is a power of
    its cosine.

    Args:
      freedom: degrees of freedom, at least 1.
    """
    step = 0.5 * np.pi / 20_000
    angles = (np.arange(20_000) + 0.5) * step
    shares = np.cumsum(np.cos(angles) ** (freedom - 1))
    angle = np.interp(0.95, shares / shares[-1], angles + 0.5 * step)
    return math.sqrt(freedom) * math.tan(angle)


def _variance(residuals, clusters):
    """Variance of a mean of answers that come in clusters; 0 for only one."""
    _, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(numbers, weights=residuals)
    if len(sums) < 2:
        return 0.0
    correction = len(sums) / (len(sums) - 1)
    return float(correction * np.sum(sums**2) / len(residuals) ** 2)


def alpha(units, metric="nominal"):
    """Krippendorff's alpha, the agreement of raters beyond chance.

    It takes any number of raters, and gaps (Krippendorff, "Computing
    Krippendorff's alpha-reliability", 2011). 1 is perfect, 0 is chance.

    Args:
      units: lists of the answers to each unit; those with fewer than two are
        passed over.
      metric: "nominal" for names, "interval" for numbers.

    Returns:
      Float, None where nothing can be said: no unit has two answers, or all
      answers are the same.
    """
    units = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in units for value in unit})
    if len(values) < 2:
        return None
    place = {value: i for i, value in enumerate(values)}
    pairs = np.zeros((len(values), len(values)))
    for unit in units:
        counts = np.bincount([place[v] for v in unit], minlength=len(values))
        # Ordered pairs of answers to one unit, none of an answer with itself.
        within = np.outer(counts, counts) - np.diag(counts)
        pairs += within / (len(unit) - 1)
    totals = pairs.sum(axis=0)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    if metric == "nominal":
        apart = 1.0 - np.eye(len(values))
    else:
        numbers = np.array(values, np.float64)
        apart = (numbers[:, np.newaxis] - numbers) ** 2
    return float(1 - (pairs * apart).sum() / (expected * apart).sum())
