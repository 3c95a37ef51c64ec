"""Diversity: how different the sounds of a set are from one another."""

import numpy as np


def mean_pairwise_distance(features):
    """Mean Euclidean distance over all pairs of two different rows.

    Args:
      features: float `[batch, features]`, two rows or more.

    Returns:
      Float.
    """
    features = np.asarray(features, np.float64)
    squared = np.sum(features**2, axis=1)
    products = features @ features.T
    distances = np.sqrt(
        np.maximum(squared[:, None] + squared[None] - 2 * products, 0)
    )
    count = len(features)
    return (distances.sum() - np.trace(distances)) / (count * (count - 1))
