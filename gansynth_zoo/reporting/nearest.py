"""The real sounds that are nearest to generated ones: new, or remembered?"""

import numpy as np

from gansynth_zoo.evaluation import k_means

# Held-out sounds that say how far is usual.
_USUAL = 1000


class Nearest:
    """Finds the nearest of the sounds that a model may have learned from.

    By log-mel features, so loudness does not count.

    Args:
      train: `rows.Row` of training sounds.
      held_out: `rows.Row` of sounds that were not trained on.
      learned: list of pairs, a `rows.Row` and the `sound_sets.Drawn` it was
        made of, of all that models may have learned from.
    """

    def __init__(self, train, held_out, learned):
        self._learned = learned
        _, distances = k_means.assign(held_out.log_mel[:_USUAL], train.log_mel)
        self._usual = float(np.mean(distances))

    def of(self, row, count):
        """What is nearest to the first sounds of a row.

        Args:
          row: a `rows.Row`.
          count: how many sounds.

        Returns:
          List of pairs: a real sound, float32 `[samples, channels]`, and its
          distance over that of held-out sounds to training sounds on average.
          Empty where those are all copies.
        """
        if not self._usual:
            return []
        features = row.log_mel[:count]
        found = []
        for real, drawn in self._learned:
            numbers, distances = k_means.assign(features, real.log_mel)
            found.append(zip(distances, drawn.read(numbers), strict=True))
        return [
            (sound, float(distance / self._usual))
            for distance, sound in (
                min(pairs, key=lambda pair: pair[0])
                for pairs in zip(*found, strict=True)
            )
        ]
