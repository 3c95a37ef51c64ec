"""Kernel distance: squared maximum mean discrepancy, unbiased."""

import numpy as np


def kernel_distance(reference, features):
    """How far apart two sets of features are.

    The kernel is (x·y / dimensions + 1)³, after each dimension of both sets
    was centred and all were scaled alike, so that the reference has unit
    variance on average.

    Args:
      reference: float `[batch, features]`, two rows or more.
      features: float `[batch, features]`, two rows or more.

    Returns:
      Float; its expectation is 0 where both come from one distribution, and a
      single value may lie below.

    Source: Gretton et al. 2012, lemma 6; Binkowski et al. 2018, section 4.
    """
    reference = np.asarray(reference, np.float64)
    features = np.asarray(features, np.float64)
    centre = reference.mean(axis=0)
    scale = np.sqrt(reference.var(axis=0).mean())
    x = (reference - centre) / max(scale, 1e-12)
    y = (features - centre) / max(scale, 1e-12)
    return (
        _mean_off_diagonal(x) + _mean_off_diagonal(y) - 2 * _kernel(x, y).mean()
    )


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _mean_off_diagonal(x):
    kernel = _kernel(x, x)
    count = len(x)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
