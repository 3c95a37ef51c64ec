import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import phase_shuffle


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
def test_equals_numpy_example_by_example(radius, extra, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, radius + extra, 3)).astype(np.float32)
    shifts = rng.integers(-radius, radius + 1, 5).astype(np.int32)
    shuffled = phase_shuffle.shuffle(
        tf.constant(x), tf.constant(shifts), radius
    )
    for example, shift, result in zip(x, shifts, shuffled, strict=True):
        np.testing.assert_array_equal(result, shuffled_by_numpy(example, shift))


@settings(deadline=None, max_examples=60)
@given(
    radius=st.integers(1, 4),
    extra=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_gradient_is_its_transpose(radius, extra, seed):
    rng = np.random.default_rng(seed)
    x = tf.constant(rng.normal(size=(4, radius + extra, 2)), tf.float64)
    y = tf.constant(rng.normal(size=x.shape), tf.float64)
    shifts = tf.constant(rng.integers(-radius, radius + 1, 4), tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(phase_shuffle.shuffle(x, shifts, radius) * y)
    transposed = tape.gradient(product, x)
    np.testing.assert_allclose(tf.reduce_sum(x * transposed), product)


def test_has_second_derivatives(rng):
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
        penalty(lambda x: phase_shuffle.shuffle(x, shifts, 2)),
        penalty(by_tensorflow),
        rtol=1e-5,
    )


@settings(deadline=None, max_examples=30)
@given(
    radius=st.integers(1, 3),
    extra=st.integers(1, 9),
    drawn=st.sampled_from([1, 5]),
    seed=st.integers(0, 1000),
)
def test_shifts_all_bins_alike(radius, extra, drawn, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, radius + extra, 4, 3)).astype(np.float32)
    # For the whole batch or for each example.
    shifts = rng.integers(-radius, radius + 1, drawn).astype(np.int32)
    shifts = np.broadcast_to(shifts, [5])
    shuffled = phase_shuffle.shuffle(
        tf.constant(x), tf.constant(shifts), radius
    )
    for example, shift, result in zip(x, shifts, shuffled, strict=True):
        for bin_number in range(4):
            np.testing.assert_array_equal(
                result[:, bin_number],
                shuffled_by_numpy(example[:, bin_number], shift),
            )


def test_of_a_spectrogram_has_its_transpose_as_gradient(rng):
    x = tf.constant(rng.normal(size=(3, 8, 4, 2)), tf.float64)
    y = tf.constant(rng.normal(size=x.shape), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        shuffled = phase_shuffle.shuffle(x, tf.constant([-2, 0, 1]), 2)
        product = tf.reduce_sum(shuffled * y)
    transposed = tape.gradient(product, x)
    np.testing.assert_allclose(tf.reduce_sum(x * transposed), product)


def test_of_radius_0_changes_nothing(rng):
    x = tf.constant(rng.normal(size=(2, 8, 1)))
    assert phase_shuffle.shuffle(x, tf.zeros([2], tf.int32), 0) is x


def test_refuses_what_is_too_short():
    with pytest.raises(ValueError, match="received 2"):
        phase_shuffle.shuffle(tf.zeros([1, 2, 1]), tf.zeros([1], tf.int32), 2)
