"""Fewer dimensions: the principal components of the real sounds."""

import dataclasses

import numpy as np

from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks

# Axes searched beyond those that are kept, and rounds of the search: enough
# for features whose components fade slowly.
_EXTRA, _ROUNDS = 10, 8


@dataclasses.dataclass(frozen=True)
class Reduction:
    """Takes features to few dimensions, so that real ones keep most variance.

    Attributes:
      centre: float64 `[features]`.
      axes: float64 `[features, dimensions]`, orthonormal, that of the largest
        variance first.
    """

    centre: np.ndarray
    axes: np.ndarray

    def __call__(self, features):
        """Reduces a set.

        Args:
          features: float `[batch, features]`.

        Returns:
          Float64 `[batch, dimensions]`.
        """
        features = checks.features(features, "features", like=self.axes.T)
        return np.concatenate(
            [
                (features[rows] - self.centre) @ self.axes
                for rows in blocks.slices(features)
            ]
        )


def fit(reference, dimensions, seed=0):
    """Finds the axes of a set.

    Args:
      reference: float `[batch, features]`.
      dimensions: how many are kept, at most those of the features.
      seed: of the axes that the search starts from.

    Returns:
      `Reduction`.

    Raises:
      ZooError: if there are fewer rows than dimensions.

    Source: Halko et al. 2011, algorithm 4.4.
    """
    reference = checks.features(
        reference, "reference features", least=dimensions
    )
    centre = blocks.mean(reference)
    width = min(reference.shape[1], dimensions + _EXTRA)
    axes = np.random.default_rng(seed).normal(size=(reference.shape[1], width))
    for _ in range(_ROUNDS):
        axes, _ = np.linalg.qr(_times_scatter(reference, centre, axes))
    _, turn = np.linalg.eigh(axes.T @ _times_scatter(reference, centre, axes))
    return Reduction(centre, axes @ turn[:, ::-1][:, :dimensions])


def _times_scatter(features, centre, axes):
    """Product of the scatter matrix, which is never made, with the axes."""
    result = np.zeros_like(axes)
    for rows in blocks.slices(features):
        block = features[rows] - centre
        result += block.T @ (block @ axes)
    return result
