"""Adversarial losses and gradient penalties: pure functions of tensors.

All return one value for each example, `[batch]`; the training step divides
their sum by the size of the global batch.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


def wasserstein_discriminator(real_scores, fake_scores):
    """How much higher fakes score than real examples.

    Args:
      real_scores: `[batch]`.
      fake_scores: `[batch]`.

    Returns:
      `[batch]`.

    Source: Arjovsky, Chintala and Bottou 2017, section 3.
    """
    return fake_scores - real_scores


def wasserstein_generator(fake_scores):
    """Minus the score of the fakes, `[batch]`."""
    return -fake_scores


def non_saturating_discriminator(real_scores, fake_scores):
    """Logistic loss: cross-entropy of real as 1 and fake as 0.

    Args:
      real_scores: logits `[batch]`.
      fake_scores: logits `[batch]`.

    Returns:
      `[batch]`; 2·log 2 where the discriminator knows nothing.

    Source: Goodfellow et al. 2014, section 3.
    """
    return tf.nn.softplus(-real_scores) + tf.nn.softplus(fake_scores)


def non_saturating_generator(fake_scores):
    """Cross-entropy of fakes as 1, `[batch]`."""
    return tf.nn.softplus(-fake_scores)


def dcgan_discriminator(real_scores, fake_scores):
    """Half the logistic loss: the mean of the two cross-entropies.

    Args:
      real_scores: logits `[batch]`.
      fake_scores: logits `[batch]`.

    Returns:
      `[batch]`; log 2 where the discriminator knows nothing.

    Source: Radford, Metz and Chintala 2016; halved as in WaveGAN's code.
    """
    return 0.5 * non_saturating_discriminator(real_scores, fake_scores)


def least_squares_discriminator(real_scores, fake_scores):
    """Half the squared distances of real from 1 and of fake from 0.

    Args:
      real_scores: `[batch]`.
      fake_scores: `[batch]`.

    Returns:
      `[batch]`.

    Source: Mao et al. 2017, section 3.2.
    """
    return 0.5 * (tf.square(real_scores - 1.0) + tf.square(fake_scores))


def least_squares_generator(fake_scores):
    """Squared distance of fakes from 1, `[batch]`; not halved."""
    return tf.square(fake_scores - 1.0)


def hinge_discriminator(real_scores, fake_scores):
    """How far real scores are below 1, and fake ones above -1.

    Args:
      real_scores: `[batch]`.
      fake_scores: `[batch]`.

    Returns:
      `[batch]`; 2 where the discriminator knows nothing.

    Source: Lim and Ye 2017, section 3.
    """
    return tf.nn.relu(1.0 - real_scores) + tf.nn.relu(1.0 + fake_scores)


def cross_entropy(logits, labels):
    """How far a classifier is from the labels that were asked for.

    Args:
      logits: `[batch, classes]`.
      labels: int `[batch]`.

    Returns:
      `[batch]` in nats; log(classes) where it knows nothing.

    Source: Odena, Olah and Shlens 2017, section 4.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def drift(real_scores):
    """Keeps the scores of real examples, `[batch]`, from running away.

    Source: Karras, Aila, Laine and Lehtinen 2018, appendix A.1.
    """
    return tf.square(real_scores)


def gradient_penalty(score, real, fake, factors):
    """How far the slope between a real and a fake example is from 1.

    Args:
      score: function `[batch, ...]` -> scores `[batch]`.
      real: `[batch, ...]`.
      fake: `[batch, ...]`.
      factors: `[batch]` in [0, 1]; 0 takes the real example.

    Returns:
      (|slope| - 1)² for each example, `[batch]`.

    Source: Gulrajani et al. 2017, section 4.
    """
    squared = _squared_slopes(score, _between(real, fake, factors))
    # The epsilon keeps the derivative of the root finite where the slope is 0.
    return tf.square(tf.sqrt(squared + 1e-12) - 1.0)


def batch_gradient_penalty(score, real, fake, factors):
    """How far the slope over the whole batch is from 1, as TiFGAN's code has.

    Its published numbers come from it: one norm of all examples' slopes, where
    `gradient_penalty` has one for each. On several devices each takes the norm
    of its own part of the batch.

    Args:
      score: as of `gradient_penalty`, and so are the others.
      real: `[batch, ...]`.
      fake: `[batch, ...]`.
      factors: `[batch]` in [0, 1].

    Returns:
      (|slope| - 1)², the same for each example, `[batch]`.
    """
    squared = _squared_slopes(score, _between(real, fake, factors))
    slope = tf.sqrt(tf.reduce_sum(squared) + 1e-12)
    return tf.square(slope - 1.0) * tf.ones_like(squared)


def _between(real, fake, factors):
    shape = tf.concat(
        [tf.shape(factors), tf.ones([real.shape.rank - 1], tf.int32)], 0
    )
    return real + tf.reshape(factors, shape) * (fake - real)


def r1_penalty(score, real, fake, factors):
    """Half the squared slope at the real examples.

    Args:
      score: function `[batch, ...]` -> scores `[batch]`.
      real: `[batch, ...]`.
      fake: not used.
      factors: not used.

    Returns:
      `[batch]`.

    Source: Mescheder, Geiger and Nowozin 2018, section 4.1.
    """
    del fake, factors
    return 0.5 * _squared_slopes(score, real)


def _squared_slopes(score, points):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(points)
        scores = score(points)
    slopes = tf.cast(tape.gradient(scores, points), tf.float32)
    return tf.reduce_sum(tf.square(slopes), axis=range(1, slopes.shape.rank))


@dataclasses.dataclass(frozen=True)
class Loss:
    """A row of the table: what each network minimises.

    Attributes:
      discriminator: (real scores, fake scores) -> `[batch]`.
      generator: fake scores -> `[batch]`.
      penalty: (score, real, fake, factors) -> `[batch]`, added to the
        discriminator's loss; None adds nothing.
    """

    discriminator: Callable
    generator: Callable
    penalty: Callable | None = None


LOSSES = {
    "wgan-gp": Loss(
        wasserstein_discriminator, wasserstein_generator, gradient_penalty
    ),
    "wgan-gp-batch": Loss(
        wasserstein_discriminator,
        wasserstein_generator,
        batch_gradient_penalty,
    ),
    "wgan": Loss(wasserstein_discriminator, wasserstein_generator),
    "lsgan": Loss(least_squares_discriminator, least_squares_generator),
    "dcgan": Loss(dcgan_discriminator, non_saturating_generator),
    "hinge-r1": Loss(hinge_discriminator, wasserstein_generator, r1_penalty),
    "ns-r1": Loss(
        non_saturating_discriminator, non_saturating_generator, r1_penalty
    ),
}
