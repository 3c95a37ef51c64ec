import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import layers


def shuffled_by_numpy(x, shift):
    """One example `[samples, channels]`, by NumPy's own reflection."""
    radius = abs(shift)
    padded = np.pad(x, [(radius, radius), (0, 0)], mode="reflect")
    return padded[radius - shift : radius - shift + len(x)]


@settings(deadline=None, max_examples=60)
@given(
    radius=st.integers(0, 5),
    extra=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_phase_shuffle_equals_numpy_example_by_example(radius, extra, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, radius + extra, 3)).astype(np.float32)
    shifts = rng.integers(-radius, radius + 1, 5).astype(np.int32)
    shuffled = layers.phase_shuffle(tf.constant(x), tf.constant(shifts), radius)
    for example, shift, result in zip(x, shifts, shuffled, strict=True):
        np.testing.assert_array_equal(result, shuffled_by_numpy(example, shift))


@settings(deadline=None, max_examples=60)
@given(
    radius=st.integers(1, 4),
    extra=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_phase_shuffle_gradient_is_its_transpose(radius, extra, seed):
    rng = np.random.default_rng(seed)
    x = tf.constant(rng.normal(size=(4, radius + extra, 2)), tf.float64)
    y = tf.constant(rng.normal(size=x.shape), tf.float64)
    shifts = tf.constant(rng.integers(-radius, radius + 1, 4), tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(layers.phase_shuffle(x, shifts, radius) * y)
    transposed = tape.gradient(product, x)
    np.testing.assert_allclose(tf.reduce_sum(x * transposed), product)


def test_phase_shuffle_has_second_derivatives(rng):
    x = tf.constant(rng.normal(size=(3, 16, 2)), tf.float32)
    shifts = tf.constant([-2, 0, 1])

    def penalty(shuffle):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                cubes = tf.reduce_sum(shuffle(x) ** 3)
            slopes = tf.reduce_sum(inner.gradient(cubes, x) ** 2)
        return outer.gradient(slopes, x)

    def by_tensorflow(x):
        padded = tf.pad(x, [[0, 0], [2, 2], [0, 0]], "REFLECT")
        return tf.stack(
            [padded[i, 2 - s : 18 - s] for i, s in enumerate(shifts)]
        )

    np.testing.assert_allclose(
        penalty(lambda x: layers.phase_shuffle(x, shifts, 2)),
        penalty(by_tensorflow),
        rtol=1e-5,
    )


def test_phase_shuffle_of_radius_0_changes_nothing(rng):
    x = tf.constant(rng.normal(size=(2, 8, 1)))
    assert layers.phase_shuffle(x, tf.zeros([2], tf.int32), 0) is x


def test_phase_shuffle_refuses_what_is_too_short():
    with pytest.raises(ValueError, match="received 2"):
        layers.phase_shuffle(tf.zeros([1, 2, 1]), tf.zeros([1], tf.int32), 2)


def test_leaky_relu_equals_tensorflow_up_to_second_derivatives(rng):
    x = tf.constant(rng.normal(size=(4, 9)), tf.float32)

    def all_orders(activation):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = activation(x)
                value = tf.reduce_sum(y**3)
            first = inner.gradient(value, x)
            slopes = tf.reduce_sum(first**2)
        return y, first, outer.gradient(slopes, x)

    ours = all_orders(layers.leaky_relu)
    theirs = all_orders(lambda x: tf.nn.leaky_relu(x, 0.2))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
