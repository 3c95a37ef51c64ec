"""Frechet distance between Gaussians that were fitted to two sets.

On the logits of a classifier, or on features that were first reduced to few
dimensions (`reduction.py`); the values of one cannot be compared with those
of the other.

Source: Heusel et al. 2017; on logits of spoken digits: Marafioti
et al. 2019.
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks

# Rows for each dimension, below which a covariance says little.
_ROWS_PER_DIMENSION = 2


class Gaussian:
    """Mean and covariance of rows that come in batches.

    Args:
      dimensions: values in a row.

    Attributes:
      count: rows so far.
      mean: float64 `[features]`.
    """

    def __init__(self, dimensions):
        self.count = 0
        self.mean = np.zeros(dimensions)
        self._scatter = np.zeros((dimensions, dimensions))

    @classmethod
    def of(cls, features):
        """The one of a whole set, float `[batch, features]`."""
        features = checks.features(features, "features")
        gaussian = cls(features.shape[1])
        gaussian.update(features)
        return gaussian

    def update(self, features):
        """Takes more rows.

        Args:
          features: float `[batch, features]`.

        Raises:
          ZooError: if they are not finite, or of another length.
        """
        features = checks.features(
            features, "features", like=self.mean[np.newaxis]
        )
        for rows in blocks.slices(features):
            self._add(features[rows].astype(np.float64))

    @property
    def covariance(self):
        """Unbiased, float64 `[features, features]`."""
        needed = max(2, _ROWS_PER_DIMENSION * len(self.mean))
        if self.count < needed:
            raise errors.ZooError(
                f"Expected {needed} or more sounds for a covariance of "
                f"{len(self.mean)} dimensions, received {self.count}; use "
                "more sounds or fewer dimensions."
            )
        return self._scatter / (self.count - 1)

    def _add(self, block):
        """Merges two means and scatters: Chan et al. 1979."""
        mean = block.mean(axis=0)
        centred = block - mean
        total = self.count + len(block)
        step = mean - self.mean
        weight = self.count * len(block) / total
        self._scatter += centred.T @ centred + weight * np.outer(step, step)
        self.mean = self.mean + step * (len(block) / total)
        self.count = total


def frechet_distance(reference, generated):
    """How far apart two sets are, as Gaussians.

    The squared distance of the means, and the trace of
    A + B - 2 (A B)^(1/2) for the covariances A and B.

    Args:
      reference: `Gaussian` of real sounds.
      generated: `Gaussian` of generated ones.

    Returns:
      Float, 0 or more.

    Raises:
      ZooError: if one has fewer than twice as many rows as dimensions, or
        they have not the same.
    """
    if len(reference.mean) != len(generated.mean):
        raise errors.ZooError(
            f"Expected two sets of the same features, received "
            f"{len(reference.mean)} and {len(generated.mean)} dimensions; "
            "measure both in the same way."
        )
    a, b = reference.covariance, generated.covariance
    root = _square_root(a)
    # The same eigenvalues as A B has, of a symmetric matrix.
    values = np.linalg.eigvalsh(root @ b @ root)
    cross = np.sqrt(np.maximum(values, 0)).sum()
    step = reference.mean - generated.mean
    return max(0.0, float(step @ step + np.trace(a) + np.trace(b) - 2 * cross))


def _square_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
