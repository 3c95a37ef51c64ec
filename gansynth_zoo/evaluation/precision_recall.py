"""Precision, recall, density and coverage, by balls of nearest neighbours.

Each sound has a ball, which reaches to its k-th nearest neighbour in its own
set. All values depend on how many sounds there are, so only sets of one size
should be compared.
"""

import dataclasses

import numpy as np

from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks
from gansynth_zoo.evaluation import neighbours


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """How many sounds lie where the other set is.

    Attributes:
      precision: share of generated sounds within a real one's ball.
      recall: share of real sounds within a generated one's ball.
    """

    precision: float
    recall: float


@dataclasses.dataclass(frozen=True)
class DensityCoverage:
    """How densely generated sounds lie where real ones are.

    Attributes:
      density: real balls that a generated sound is in, over k; about 1 for
        sets of one distribution, and more where they crowd.
      coverage: share of real sounds with a generated one in their ball.
    """

    density: float
    coverage: float


def precision_recall(real, generated, k=3):
    """Improved precision and recall.

    Args:
      real: float `[batch, features]`, more than `k` rows.
      generated: float `[batch, features]`, more than `k` rows.
      k: neighbours within a ball.

    Returns:
      `PrecisionRecall`.

    Raises:
      ZooError: if there are fewer rows, or they are not finite.

    Source: Kynkäänniemi et al. 2019.
    """
    real = checks.features(real, "real features", least=k + 1)
    generated = checks.features(
        generated, "generated features", least=k + 1, like=real
    )
    real_radius = neighbours.distances_to_others(real, k)[:, -1]
    radius = neighbours.distances_to_others(generated, k)[:, -1:]
    precise = np.zeros(len(generated), bool)
    recalled = np.zeros(len(real), bool)
    for rows, columns, tile in blocks.distances(generated, real):
        precise[rows] |= np.any(tile <= real_radius[columns], axis=1)
        recalled[columns] |= np.any(tile <= radius[rows], axis=0)
    return PrecisionRecall(float(precise.mean()), float(recalled.mean()))


def density_coverage(real, generated, k=5):
    """Density and coverage, which single outliers do not rule.

    Args:
      real: float `[batch, features]`, more than `k` rows.
      generated: float `[batch, features]`.
      k: neighbours within a ball.

    Returns:
      `DensityCoverage`.

    Raises:
      ZooError: if there are fewer rows, or they are not finite.

    Source: Naeem et al. 2020.
    """
    real = checks.features(real, "real features", least=k + 1)
    generated = checks.features(generated, "generated features", like=real)
    radius = neighbours.distances_to_others(real, k)[:, -1]
    balls = 0
    covered = np.zeros(len(real), bool)
    for _, columns, tile in blocks.distances(generated, real):
        inside = tile <= radius[columns]
        balls += int(inside.sum())
        covered[columns] |= inside.any(axis=0)
    return DensityCoverage(balls / (k * len(generated)), float(covered.mean()))
