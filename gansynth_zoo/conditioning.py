"""Labels: how both networks are told which kind of sound is asked for."""

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import latents

# Folded into a sound's seed, so that its label does not hang on its latents.
_LABELS = 1


def concatenate(latent, labels, classes):
    """What a generator reads: the latents, and the label as one of many.

    Args:
      latent: float `[batch, latent]`.
      labels: int `[batch]` in 0 .. classes - 1.
      classes: number of labels; 0 leaves the latents as they are.

    Returns:
      `[batch, latent + classes]`.
    """
    if not classes:
        return latent
    one_hot = tf.one_hot(labels, classes, dtype=latent.dtype)
    return tf.concat([latent, one_hot], axis=-1)


def labels_from_seeds(counts, seeds):
    """Labels that depend on one number each, as often as in the data.

    Args:
      counts: training sounds of each label; empty without labels.
      seeds: int64 `[batch]`.

    Returns:
      Int32 `[batch]`; zeros without labels.
    """
    if not counts:
        return tf.zeros_like(seeds, tf.int32)
    # The last is left out: nothing is above it.
    steps = np.cumsum(counts)[:-1] / np.sum(counts)

    def draw(seed):
        pair = tf.stack([seed, _LABELS])
        return tf.random.stateless_uniform([], pair, **latents.RANDOM)

    drawn = tf.map_fn(draw, seeds, fn_output_signature=tf.float32)
    above = drawn[:, tf.newaxis] >= tf.constant(steps, tf.float32)
    return tf.reduce_sum(tf.cast(above, tf.int32), axis=-1)


class Head(keras.layers.Layer):
    """The end of a discriminator: `[batch, units]`, labels -> scores, logits.

    "auxiliary" classifies what it sees, for a loss of its own (Odena, Olah and
    Shlens 2017). "projection" adds to the score how well the sound goes with
    its label (Miyato and Koyama 2018). Both are one more dense layer. Scores
    are `[batch]`; logits are `[batch, classes]`, or `[batch, 0]` where nothing
    is classified, which the attribute `classifies` tells. Where positions
    are given, `[batch, positions, channels]`, their mean tells the label: a
    word is the same wherever it begins, and of few recordings weights for each
    position learn where each begins.

    Args:
      settings: a `model_config.ModelConfig`.
      dense: function of a number of units that makes a dense layer.
    """

    def __init__(self, settings, dense):
        super().__init__()
        self.score = dense(1)
        self.by_label = dense(settings.classes) if settings.classes else None
        self.classifies = (
            settings.classes > 0 and settings.conditioning == "auxiliary"
        )

    def call(self, x, labels, positions=None):
        scores = tf.squeeze(self.score(x), -1)
        if self.by_label is None:
            return scores, x[:, :0]
        told_by = x if positions is None else tf.reduce_mean(positions, axis=1)
        by_label = self.by_label(told_by)
        if self.classifies:
            return scores, by_label
        return scores + tf.gather(by_label, labels, batch_dims=1), x[:, :0]
