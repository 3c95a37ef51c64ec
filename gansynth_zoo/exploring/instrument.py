"""A model to be played: seeds or latents in, sounds out."""

import numpy as np
import tensorflow as tf

from gansynth_zoo import hub
from gansynth_zoo.export import sources

# Sounds that are made at once: enough for speed, few enough for the memory.
BATCH = 32
# Beyond it, a number of the normal prior is hardly ever drawn.
_FARTHEST = 3.0


class Instrument:
    """Makes the sounds of a module, whether it has labels or not.

    Attributes:
      module: as it was given.
      facts: its metadata.
      names: of its labels, in the order of their numbers; empty without.
      pitched: whether its labels are MIDI pitches.

    Args:
      module: a module, loaded or in memory.
      facts: its metadata, a dictionary.

    Raises:
      ZooError: if it makes no waveforms.
    """

    def __init__(self, module, facts):
        sources.check_sounds(facts)
        self.module = module
        self.facts = facts
        self.names = facts["labels"]
        self.pitched = bool(self.names) and all(
            name.isdecimal() and int(name) <= 127 for name in self.names
        )

    def of_seeds(self, seeds):
        """What the sounds of seeds are made from.

        Args:
          seeds: ints `[batch]`.

        Returns:
          Float32 `[batch, latent]` and int32 `[batch]`, the numbers of their
          labels, zeros without labels.
        """
        latents, *labels = hub.inputs_of(
            self.module, self.names, tf.constant(seeds, tf.int64)
        )
        if labels:
            return latents.numpy(), labels[0].numpy()
        return latents.numpy(), np.zeros(len(latents), np.int32)

    def inputs(self, latents, labels):
        """The arguments of the module and of its `features`.

        Args:
          latents: float32 `[batch, latent]`.
          labels: ints `[batch]`, not looked at where there are none.
        """
        latents = tf.convert_to_tensor(latents, tf.float32)
        labels = [tf.cast(labels, tf.int32)] if self.names else []
        return [latents, *labels]

    def sounds(self, latents, labels):
        """Sounds of latents, a few at a time.

        Args:
          latents: float32 `[batch, latent]`.
          labels: ints `[batch]`.

        Returns:
          Float32 `[batch, samples, channels]`.
        """
        inputs = self.inputs(latents, labels)
        return np.concatenate(
            [
                self.module(*(x[i : i + BATCH] for x in inputs)).numpy()
                for i in range(0, len(latents), BATCH)
            ]
        )

    def keep_inside(self, latents):
        """Brings latents to where the prior has any, float `[..., latent]`."""
        most = 1.0 if self.facts["latent_prior"] == "uniform" else _FARTHEST
        edge = self.facts["latent_truncation"] or most
        return tf.clip_by_value(latents, -edge, edge)
