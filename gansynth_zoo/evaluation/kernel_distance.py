"""Kernel distance: squared maximum mean discrepancy, unbiased.

The kernel is (x·y / dimensions + 1)³, after each dimension of both sets was
centred and all were scaled alike, so that the reference has unit variance on
average. Its expectation is 0 where both come from one distribution, and a
single value may lie below.

Source: Gretton et al. 2012, lemma 6; Binkowski et al. 2018, section 4.
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks


def kernel_distance(reference, features):
    """How far apart two sets of features are.

    Args:
      reference: float `[batch, features]`, two rows or more.
      features: float `[batch, features]`, two rows or more.

    Returns:
      Float.

    Raises:
      ZooError: if there are fewer rows, they are not finite, or those of the
        reference are all the same.
    """
    reference, features = _checked(reference, features, 2)
    return _unbiased(reference, features, *_centre_and_scale(reference))


def kernel_distance_of_subsets(
    reference, features, *, subsets=50, size=1000, seed=0
):
    """How far apart two sets are, and how sure that is.

    Args:
      reference: float `[batch, features]`, `size` rows or more.
      features: float `[batch, features]`, `size` rows or more.
      subsets: how many pairs of subsets are drawn.
      size: rows of each, drawn without replacement. The defaults are those
        of published values.
      seed: of the draws.

    Returns:
      Mean and standard deviation over the subsets.

    Raises:
      ZooError: if there are fewer rows, they are not finite, or those of the
        reference are all the same.
    """
    reference, features = _checked(reference, features, max(2, size))
    centre, scale = _centre_and_scale(reference)
    draws = np.random.default_rng(seed)

    def subset(of):
        return of[np.sort(draws.choice(len(of), size, replace=False))]

    values = [
        _unbiased(subset(reference), subset(features), centre, scale)
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def _checked(reference, features, least):
    reference = checks.features(reference, "reference features", least=least)
    features = checks.features(
        features, "generated features", least=least, like=reference
    )
    return reference, features


def _centre_and_scale(reference):
    centre = blocks.mean(reference)
    squares = sum(
        float(np.sum((reference[rows] - centre) ** 2))
        for rows in blocks.slices(reference)
    )
    scale = np.sqrt(squares / reference.size)
    if scale <= 1e-12 * max(1.0, np.abs(centre).max()):
        raise errors.ZooError(
            "Expected reference features that differ, received one row "
            f"{len(reference)} times; use more kinds of real sounds."
        )
    return centre, scale


def _unbiased(x, y, centre, scale):
    return (
        _mean_kernel(x, x, centre, scale, of_others=True)
        + _mean_kernel(y, y, centre, scale, of_others=True)
        - 2 * _mean_kernel(x, y, centre, scale, of_others=False)
    )


def _mean_kernel(x, y, centre, scale, *, of_others):
    total = 0.0
    for rows, columns, left, right in blocks.pairs(x, y, centre, scale):
        base = left @ right.T / x.shape[1] + 1.0
        kernel = base * base * base  # some ten times faster than a power
        total += float(kernel.sum())
        if of_others and rows == columns:
            total -= float(np.trace(kernel))
    return total / (len(x) * (len(y) - of_others))
