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
    """

    within: float
    to_training: float

    def over(self, real):
        """These over those of as many real sounds that were not trained on.

        Args:
          real: `Distances`.

        Returns:
          `Distances` without a unit.

        Raises:
          ZooError: if the real ones have a distance of 0.
        """
        if not real.within or not real.to_training:
            raise errors.ZooError(
                "Expected real sounds that differ from one another and from "
                "the training set, received copies alone; use held-out ones."
            )
        return Distances(
            self.within / real.within, self.to_training / real.to_training
        )


def measure(features, training):
    """Distances of a set of sounds.

    Args:
      features: float `[batch, features]`.
      training: float `[batch, features]`.

    Returns:
      `Distances`.

    Raises:
      ZooError: if there are fewer than two sounds.
    """
    training = checks.features(training, "training features")
    features = checks.features(features, "features", least=2, like=training)
    return Distances(
        float(np.mean(neighbours.distances_to_others(features))),
        float(np.mean(neighbours.distances(features, training))),
    )
