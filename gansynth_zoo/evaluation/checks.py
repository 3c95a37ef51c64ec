"""What a measure is given, checked: shapes, counts and finite values."""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks


def features(values, name, *, least=1, like=None):
    """Checks a set of features.

    Args:
      values: array `[batch, features]`.
      name: what they are, for the error.
      least: rows that are needed.
      like: another checked set, whose rows are as long.

    Returns:
      The array, in its own type.

    Raises:
      ZooError: if it is none of that, or not finite.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] == 0:
        raise errors.ZooError(
            f"Expected {name} of shape [batch, features], received shape "
            f"{list(values.shape)}; give one row per sound."
        )
    if len(values) < least:
        raise errors.ZooError(
            f"Expected {least} or more {name}, received {len(values)}; use "
            "more sounds."
        )
    if like is not None and values.shape[1] != like.shape[1]:
        raise errors.ZooError(
            f"Expected {name} of {like.shape[1]} values each, received "
            f"{values.shape[1]}; measure both sets in the same way."
        )
    if not all(
        np.isfinite(values[rows]).all() for rows in blocks.slices(values)
    ):
        raise errors.ZooError(
            f"Expected finite {name}, received NaN or infinite values; leave "
            "out the sounds they came from."
        )
    return values


def probabilities(values, name="probabilities"):
    """Checks what a classifier said.

    Args:
      values: array `[batch, classes]`, one row or more.
      name: what they are, for the error.

    Returns:
      Float64 `[batch, classes]`, each row sums to 1.

    Raises:
      ZooError: if the rows are no probabilities.
    """
    values = features(values, name).astype(np.float64)
    sums = values.sum(axis=1)
    if values.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        raise errors.ZooError(
            f"Expected {name} from 0 to 1 with a sum of 1 in each row, "
            f"received values from {values.min():.4g} and sums from "
            f"{sums.min():.4g} to {sums.max():.4g}; apply a softmax first."
        )
    return values / sums[:, np.newaxis]


def labels(values, count, name="labels"):
    """Checks class numbers.

    Args:
      values: integers `[batch]`.
      count: how many there are to be.
      name: what they are, for the error.

    Returns:
      Integer array `[batch]`.

    Raises:
      ZooError: if they are not as many, or not whole.
    """
    values = np.asarray(values)
    if values.shape != (count,) or not np.issubdtype(values.dtype, np.integer):
        raise errors.ZooError(
            f"Expected {count} whole {name}, received {values.dtype} of shape "
            f"{list(values.shape)}; give one per sound."
        )
    return values


def waveforms(values):
    """Checks a set of sounds.

    Args:
      values: array `[batch, samples, channels]`.

    Returns:
      The array, in its own type.

    Raises:
      ZooError: if there are none, or they are not finite.
    """
    values = np.asarray(values)
    if values.ndim != 3 or not values.size:
        raise errors.ZooError(
            "Expected sounds of shape [batch, samples, channels], received "
            f"shape {list(values.shape)}; give one sound or more."
        )
    if not np.isfinite(values).all():
        raise errors.ZooError(
            "Expected finite sounds, received NaN or infinite samples; leave "
            "those sounds out."
        )
    return values
