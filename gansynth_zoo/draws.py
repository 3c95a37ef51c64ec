"""The random numbers of a training step, as a function of where they go.

Each number depends on (run seed, step, use, row of the global batch) alone:
not on the device that draws it, on how many devices there are, or on what was
drawn before. So a resumed run, and a run on more devices, sees the same ones.
"""

import tensorflow as tf

from gansynth_zoo import latents

# One number for each use within a discriminator or generator update. The
# numbers are part of what makes a run repeatable: add, never renumber.
LATENTS, SHIFTS_REAL, SHIFTS_FAKE, SHIFTS_PENALTY, FACTORS = range(5)
_USES = 16


class Draws:
    """Random numbers of one update, for the rows that one replica holds.

    Args:
      seed: the run's seed.
      step: int64 scalar tensor, the step.
      update: index of the update within the step.
      rows: int `[batch]`, rows of the global batch.
      batch_size: size of the global batch.
    """

    def __init__(self, seed, step, update, rows, batch_size):
        self._base = tf.stack([tf.constant(seed, tf.int64), step])
        self._update = update
        self._rows = rows
        self._batch_size = batch_size

    def latents(self, prior, latent_size):
        """Latents, float32 `[batch, latent]`."""
        shape = [self._batch_size, latent_size]
        return self._local(latents.sample(prior, shape, self._seed(LATENTS)))

    def factors(self):
        """Interpolation factors in [0, 1), float32 `[batch]`."""
        return self._local(
            tf.random.stateless_uniform(
                [self._batch_size], self._seed(FACTORS), **latents.RANDOM
            )
        )

    def shifts(self, use, shuffles):
        """Phase shifts of a discriminator.

        Args:
          use: one of the `SHIFTS_` constants.
          shuffles: a `phase_shuffle.Shuffles`.

        Returns:
          Int32 `[batch, shuffles]` in -radius .. radius.
        """
        drawn = 1 if shuffles.per == "batch" else self._batch_size
        shifts = tf.random.stateless_uniform(
            [drawn, shuffles.count],
            self._seed(use),
            -shuffles.radius,
            shuffles.radius + 1,
            tf.int32,
            **latents.RANDOM,
        )
        return self._local(
            tf.broadcast_to(shifts, [self._batch_size, shuffles.count])
        )

    def _seed(self, use):
        return tf.random.experimental.stateless_fold_in(
            self._base, self._update * _USES + use, **latents.RANDOM
        )

    def _local(self, values):
        return tf.gather(values, self._rows)
