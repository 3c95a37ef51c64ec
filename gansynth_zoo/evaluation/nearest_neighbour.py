"""Nearest neighbours: whether a generator repeats itself or its training set.

Distances are Euclidean, of log-mel images (`log_mel.sc09_images`). A small
distance within a set means that it holds few sounds; a small one to the
training set that they were learned by heart. Both depend on how many sounds
there are, so only sets of one size are compared; published values are of 1000.

Source: Donahue et al. 2019, section 5.2.
"""

import dataclasses

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import checks
from gansynth_zoo.evaluation import neighbours


@dataclasses.dataclass(frozen=True)
class Distances:
    """Mean distances of a set.

    Attributes:
      within: |D|_self, to the nearest other sound of the set.
      to_training: |D|_train, to the nearest sound of the training set; 0 for
        copies.
      relative_within: the same over that of real sounds.
      relative_to_training: the same over that of real sounds.
    """

    within: float
    to_training: float
    relative_within: float
    relative_to_training: float


def measure(generated, real, training):
    """Distances of generated sounds, beside those of real ones.

    Args:
      generated: float `[batch, features]`.
      real: float `[batch, features]`, as many, of sounds that were not
        trained on.
      training: float `[batch, features]`.

    Returns:
      `Distances`.

    Raises:
      ZooError: if there are fewer than two sounds, not as many real as
        generated ones, or the real ones have a distance of 0.
    """
    training = checks.features(training, "training features")
    generated = checks.features(
        generated, "generated features", least=2, like=training
    )
    real = checks.features(real, "real features", like=training)
    if len(real) != len(generated):
        raise errors.ZooError(
            f"Expected as many real sounds as generated ones, received "
            f"{len(real)} and {len(generated)}; leave out some of the larger "
            "set."
        )
    within, to_training = _means(generated, training)
    real_within, real_to_training = _means(real, training)
    if not real_within or not real_to_training:
        raise errors.ZooError(
            "Expected real sounds that differ from one another and from the "
            "training set, received copies alone; use held-out ones."
        )
    return Distances(
        within,
        to_training,
        within / real_within,
        to_training / real_to_training,
    )


def _means(features, training):
    return (
        float(np.mean(neighbours.distances_to_others(features))),
        float(np.mean(neighbours.distances(features, training))),
    )
