import math
import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gansynth_zoo import equalized


def make(kind, seed=0, **options):
    """A layer, and what it reads: `[batch, 6]` or `[batch, 5, 7, 6]`."""
    rng = random.Random(seed)
    if kind == "dense":
        return equalized.EqualizedDense(6, 4, rng, **options), [6]
    if kind == "conv":
        layer = equalized.EqualizedConv2D(6, 4, 3, rng, **options)
        return layer, [5, 7, 6]
    return equalized.EqualizedStart(6, 2, 3, 4, rng, **options), [6]


KINDS = ["dense", "conv", "start"]
SHAPES = {"dense": (6, 4), "conv": (3, 3, 6, 4), "start": (6, 2, 3, 4)}
# Inputs of an output by hand; those of the start with the zeros around them.
FAN_INS = {"dense": 6, "conv": 9 * 6, "start": 2 * 3 * 6}


def expected_of(kind, x, kernel, bias):
    if kind == "dense":
        return x @ kernel + bias
    if kind == "start":
        return np.einsum("bi,itfo->btfo", x, kernel) + bias
    x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    return bias + sum(
        x[:, i : i + 5, j : j + 7] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_layers_equal_numpy_with_a_scaled_kernel(kind, rng):
    layer, shape = make(kind)
    assert tuple(layer.kernel.shape) == SHAPES[kind]
    layer.bias.assign(rng.normal(size=4))
    x = rng.normal(size=[2, *shape]).astype(np.float32)
    kernel = layer.kernel.numpy() * np.sqrt(2 / FAN_INS[kind])
    expected = expected_of(kind, x, kernel, layer.bias.numpy())
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["dense", "conv"])
@pytest.mark.parametrize(("slope", "gain"), [(0, 2), (1, 1), (0.2, 2 / 1.04)])
def test_the_slope_that_follows_sets_the_gain(kind, slope, gain):
    layer, _ = make(kind, slope=slope)
    assert layer.scale == pytest.approx(math.sqrt(gain / FAN_INS[kind]))


def test_weights_are_standard_normal_and_biases_0():
    layer = equalized.EqualizedDense(200, 300, random.Random(0))
    kernel = layer.kernel.numpy()
    assert abs(kernel.mean()) < 0.02
    assert kernel.std() == pytest.approx(1, abs=0.02)
    # Uniform weights of this deviation would end at 1.73.
    assert np.abs(kernel).max() > 3
    assert not np.any(layer.bias)


def test_outputs_keep_the_variance_of_the_inputs(rng):
    x = rng.normal(size=[100, 200]).astype(np.float32)
    linear = equalized.EqualizedDense(200, 300, random.Random(0), slope=1)
    assert np.var(linear(x)) == pytest.approx(1, abs=0.05)
    # Before a ReLU twice the variance, so that its mean square is 1.
    rectified = equalized.EqualizedConv2D(20, 300, 3, random.Random(0))
    pictures = rng.normal(size=[4, 10, 10, 20]).astype(np.float32)
    inner = np.maximum(rectified(pictures), 0)[:, 1:-1, 1:-1]
    assert np.mean(inner**2) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_depend_on_the_seed_alone(kind):
    first, again, other = (make(kind, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.kernel, again.kernel)
    assert not np.array_equal(first.kernel, other.kernel)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=6, max_size=6),
    st.floats(0.5, 100, width=32),
)
def test_pixel_norm_leaves_the_direction_alone(values, first):
    x = np.array([[first, *values]])
    y = equalized.pixel_norm(tf.constant(x, tf.float32)).numpy()
    assert np.mean(y**2) == pytest.approx(1, abs=1e-3)
    expected = x / np.sqrt(np.mean(x**2))
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-6)


def test_pixel_norm_is_of_each_pixel(rng):
    x = rng.normal(size=[2, 3, 4, 5]).astype(np.float32)
    power = np.mean(x.astype(float) ** 2, axis=-1, keepdims=True)
    np.testing.assert_allclose(
        equalized.pixel_norm(x), x / np.sqrt(power + 1e-8), rtol=1e-5
    )
    assert not np.any(equalized.pixel_norm(np.zeros([2, 3], np.float32)))
