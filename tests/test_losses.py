import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import losses

REAL = tf.constant([2.0, -1.0])
FAKE = tf.constant([0.5, 3.0])
LOG2 = np.log(2.0)


def test_wasserstein_by_hand():
    loss = losses.LOSSES["wgan-gp"]
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), [-1.5, 4.0])
    np.testing.assert_allclose(loss.generator(FAKE), [-0.5, -3.0])


def test_non_saturating_by_hand():
    loss = losses.LOSSES["ns-r1"]
    zero = tf.zeros([1])
    np.testing.assert_allclose(loss.discriminator(zero, zero), [2 * LOG2])
    np.testing.assert_allclose(loss.generator(zero), [LOG2])
    real = np.log1p(np.exp([-2.0, 1.0]))
    fake = np.log1p(np.exp([0.5, 3.0]))
    np.testing.assert_allclose(
        loss.discriminator(REAL, FAKE), real + fake, rtol=1e-6
    )
    np.testing.assert_allclose(
        loss.generator(FAKE), np.log1p(np.exp([-0.5, -3.0])), rtol=1e-6
    )


def test_clipped_wasserstein_is_that_of_the_penalty():
    loss = losses.LOSSES["wgan"]
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), [-1.5, 4.0])
    np.testing.assert_allclose(loss.generator(FAKE), [-0.5, -3.0])


def test_least_squares_by_hand():
    loss = losses.LOSSES["lsgan"]
    # ((2 - 1)² + 0.5²) / 2 and ((-1 - 1)² + 3²) / 2.
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), [0.625, 6.5])
    np.testing.assert_allclose(loss.generator(FAKE), [0.25, 4.0])


def test_dcgan_by_hand():
    loss = losses.LOSSES["dcgan"]
    zero = tf.zeros([1])
    np.testing.assert_allclose(loss.discriminator(zero, zero), [LOG2])
    np.testing.assert_allclose(loss.generator(zero), [LOG2])
    # Minus the logarithm of the probability of the right answer.
    real = -np.log(1 / (1 + np.exp([-2.0, 1.0])))
    fake = -np.log(1 - 1 / (1 + np.exp([-0.5, -3.0])))
    np.testing.assert_allclose(
        loss.discriminator(REAL, FAKE), (real + fake) / 2, rtol=1e-6
    )
    np.testing.assert_allclose(
        loss.generator(FAKE), -np.log(1 / (1 + np.exp([-0.5, -3.0]))), rtol=1e-6
    )


def test_hinge_by_hand():
    loss = losses.LOSSES["hinge-r1"]
    # 0 + (1 + 0.5), and (1 + 1) + (1 + 3); beyond the margins nothing.
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), [1.5, 6.0])
    np.testing.assert_allclose(loss.discriminator(REAL, -FAKE), [0.5, 2.0])
    np.testing.assert_allclose(loss.generator(FAKE), [-0.5, -3.0])


def test_cross_entropy_by_hand(rng):
    logits = rng.normal(size=(4, 3))
    labels = np.array([2, 0, 1, 2], np.int32)
    # Minus the logarithm of the probability of the right label.
    odds = np.exp(logits)
    right = odds[range(4), labels] / odds.sum(axis=1)
    np.testing.assert_allclose(
        losses.cross_entropy(logits, labels), -np.log(right)
    )
    nothing = losses.cross_entropy(np.zeros([1, 10]), np.zeros([1], np.int32))
    np.testing.assert_allclose(nothing, [np.log(10)])


def test_drift_by_hand():
    np.testing.assert_allclose(losses.drift(REAL), [4.0, 1.0])


def test_the_losses_with_a_penalty_are_these():
    penalised = {name for name, row in losses.LOSSES.items() if row.penalty}
    assert penalised == {"wgan-gp", "wgan-gp-batch", "ns-r1", "hinge-r1"}


@pytest.mark.parametrize("shape", [(8, 1), (4, 6, 2)])
def test_gradient_penalty_of_a_linear_discriminator(rng, shape):
    weights = tf.constant(rng.normal(size=shape), tf.float32)
    real = tf.constant(rng.normal(size=(3, *shape)), tf.float32)
    axes = list(range(1, len(shape) + 1))
    penalty = losses.gradient_penalty(
        lambda x: tf.reduce_sum(x * weights, axes),
        real,
        -real,
        tf.constant([0.0, 0.3, 1.0]),
    )
    expected = (np.linalg.norm(weights) - 1.0) ** 2
    np.testing.assert_allclose(penalty, [expected] * 3, rtol=1e-5)


def test_gradient_penalty_is_per_example_and_at_the_interpolates(rng):
    # The slope of the score |x|² / 2 is x itself.
    real = rng.normal(size=(3, 5, 1))
    fake = rng.normal(size=(3, 5, 1))
    factors = np.array([0.0, 0.25, 1.0])
    penalty = losses.gradient_penalty(
        lambda x: tf.reduce_sum(x**2, [1, 2]) / 2,
        tf.constant(real, tf.float32),
        tf.constant(fake, tf.float32),
        tf.constant(factors, tf.float32),
    )
    between = real + factors[:, None, None] * (fake - real)
    slopes = np.linalg.norm(between.reshape(3, -1), axis=1)
    np.testing.assert_allclose(penalty, (slopes - 1) ** 2, rtol=1e-5)


def test_batch_gradient_penalty_has_one_slope_for_all(rng):
    real = rng.normal(size=(3, 5, 1))
    penalty = losses.batch_gradient_penalty(
        lambda x: tf.reduce_sum(x**2, [1, 2]) / 2,
        tf.constant(real, tf.float32),
        tf.zeros([3, 5, 1]),
        tf.zeros([3]),
    )
    expected = (np.linalg.norm(real) - 1) ** 2
    np.testing.assert_allclose(penalty, [expected] * 3, rtol=1e-5)


def test_gradient_penalty_against_finite_differences(rng):
    def score(x):
        return tf.reduce_sum(tf.sin(3.0 * x) * tf.roll(x, 1, 1), [1, 2])

    x = rng.normal(size=(2, 6, 1))
    penalty = losses.gradient_penalty(
        score, tf.constant(x), tf.constant(x), tf.zeros([2], tf.float64)
    )
    step = 1e-5
    slopes = np.zeros((2, 6))
    for i in range(6):
        nudge = np.zeros((1, 6, 1))
        nudge[0, i] = step
        slopes[:, i] = (score(x + nudge) - score(x - nudge)) / (2 * step)
    expected = (np.linalg.norm(slopes, axis=1) - 1) ** 2
    np.testing.assert_allclose(penalty, expected, rtol=1e-4)


def test_gradient_penalty_is_finite_where_the_slope_is_zero():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda x: weight * tf.reduce_sum(x, [1, 2]),
            tf.zeros([2, 4, 1]),
            tf.ones([2, 4, 1]),
            tf.constant([0.5, 0.5]),
        )
    assert np.isfinite(tape.gradient(penalty, weight))
    np.testing.assert_allclose(penalty, [1.0, 1.0], rtol=1e-5)


def test_r1_penalty_by_hand(rng):
    real = rng.normal(size=(3, 4, 1)).astype(np.float32)
    penalty = losses.r1_penalty(
        lambda x: tf.reduce_sum(x**2, [1, 2]) / 2, tf.constant(real), None, None
    )
    np.testing.assert_allclose(
        penalty, 0.5 * np.sum(real**2, axis=(1, 2)), rtol=1e-5
    )
