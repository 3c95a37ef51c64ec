import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import equalized
from gansynth_zoo import layers


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


def with_gradients(function, x, weights):
    """Result of a layer, and the gradients of a sum over it."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
        factors = tf.cos(tf.cast(tf.range(y.shape[-2]), y.dtype))
        value = tf.reduce_sum(y * factors[:, None])
    return [y, *tape.gradient(value, [x, *weights])]


@pytest.mark.parametrize("kernel_size", [1, 2, 5, 8, 25])
@pytest.mark.parametrize("strides", [1, 2, 4])
def test_nearest_repeats_and_convolves(kernel_size, strides, rng):
    layer = layers.NearestConv1D(3, kernel_size, strides, random.Random(0))
    x = tf.constant(rng.normal(size=(2, 8, 5)), tf.float32)
    layer(x)
    kernel = rng.normal(size=(kernel_size, 5, 3)).astype(np.float32)
    bias = rng.normal(size=3).astype(np.float32)
    layer.set_weights([kernel, bias])
    repeated = np.repeat(x, strides, axis=1)
    before = (kernel_size - 1) // 2
    padded = np.pad(
        repeated, [(0, 0), (before, kernel_size - 1 - before), (0, 0)]
    )
    expected = bias + sum(
        padded[:, i : i + 8 * strides] @ kernel[i] for i in range(kernel_size)
    )
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_nearest_has_the_gradients_of_the_two_in_turn(rng):
    layer = layers.NearestConv1D(3, 25, 4, random.Random(0))
    x = tf.constant(rng.normal(size=(2, 16, 5)), tf.float32)
    layer(x)
    kernel = layer.kernel.value

    def in_turn(x):
        repeated = tf.repeat(x, 4, axis=1)
        return tf.nn.conv1d(repeated, kernel, 1, "SAME")

    ours = with_gradients(layer, x, [kernel])
    theirs = with_gradients(in_turn, x, [kernel])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
def test_resized_convolution_equals_tensorflows_resizing(method, rng):
    layer = layers.ResizedConv2D(3, 5, 2, random.Random(0), method)
    x = tf.constant(rng.normal(size=(2, 6, 5, 4)), tf.float32)
    layer(x)
    kernel, bias = (weight.value for weight in layer.weights)
    assert kernel.shape == (5, 5, 4, 3)

    def in_turn(x):
        resized = tf.image.resize(x, [12, 10], method)
        return tf.nn.conv2d(resized, kernel, 1, "SAME") + bias

    ours = with_gradients(layer, x, [kernel, bias])
    theirs = with_gradients(in_turn, x, [kernel, bias])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# Each new centre lies a quarter of a pixel from an old one.
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("nearest", [0, 0, 4, 4, 12, 12]),
        ("bilinear", [0, 1, 3, 6, 10, 12]),
    ],
)
def test_resizing_by_hand(method, expected):
    layer = layers.ResizedConv2D(1, 1, 2, random.Random(0), method)
    row = tf.constant([0.0, 4.0, 12.0])[None, :, None, None]
    layer(row)
    layer.set_weights([np.ones([1, 1, 1, 1]), np.zeros([1])])
    resized = layer(row)
    assert resized.shape == (1, 6, 2, 1)
    np.testing.assert_allclose(resized[0, :, 0, 0], expected, atol=1e-6)
    np.testing.assert_allclose(resized[0, :, 1, 0], expected, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 66, 512])
@pytest.mark.parametrize("samples", [64, 100, 256])
def test_channel_filter_equals_numpy_for_each_channel(length, samples, rng):
    layer = layers.ChannelFilter(length, random.Random(0))
    x = rng.normal(size=(3, samples, 2)).astype(np.float32)
    filtered = layer(tf.constant(x))
    assert filtered.shape == x.shape
    taps = np.asarray(layer.kernel)[..., 0]
    assert taps.shape == (length, 2)
    # A convolution of a network does not turn its kernel round.
    start = length - 1 - (length - 1) // 2
    for example, result in zip(x, filtered.numpy(), strict=True):
        for channel in range(2):
            whole = np.convolve(example[:, channel], taps[::-1, channel])
            np.testing.assert_allclose(
                result[:, channel],
                whole[start : start + samples],
                rtol=1e-4,
                atol=1e-5,
            )


def test_channel_filter_equals_a_depthwise_convolution(rng):
    layer = layers.ChannelFilter(512, random.Random(0))
    x = tf.constant(rng.normal(size=(2, 256, 2)), tf.float32)
    layer(x)
    kernel = layer.kernel.value

    def depthwise(x):
        return tf.nn.depthwise_conv2d(
            x[:, None], kernel[None], [1, 1, 1, 1], "SAME"
        )[:, 0]

    ours = with_gradients(layer, x, [kernel])
    theirs = with_gradients(depthwise, x, [kernel])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_channel_filter_keeps_the_power_of_noise(rng):
    layer = layers.ChannelFilter(512, random.Random(0))
    noise = tf.constant(rng.normal(size=(4, 16384, 2)), tf.float32)
    assert 0.8 < float(tf.math.reduce_std(layer(noise))) < 1.25


def test_batch_norm_by_hand(rng):
    layer = layers.BatchNorm()
    x = rng.normal(3.0, 2.0, size=(4, 6, 2)).astype(np.float32)
    # At first the averages are 0 and 1: nothing but the epsilon is to be seen.
    np.testing.assert_allclose(layer(x), x / np.sqrt(1.001), rtol=1e-5)
    layer.gamma.assign([2.0, 3.0])
    layer.beta.assign([-1.0, 1.0])
    mean, variance = x.mean((0, 1)), x.var((0, 1))
    expected = (x - mean) / np.sqrt(variance + 1e-3) * [2, 3] + [-1, 1]
    np.testing.assert_allclose(
        layer(x, training=True), expected, rtol=1e-4, atol=1e-5
    )
    moved = [0.01 * mean, 0.99 + 0.01 * variance]
    np.testing.assert_allclose(layer.moving_mean, moved[0], rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, moved[1], rtol=1e-5)
    expected = (x - moved[0]) / np.sqrt(moved[1] + 1e-3) * [2, 3] + [-1, 1]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_equals_that_of_keras(rng):
    ours, theirs = layers.BatchNorm(), keras.layers.BatchNormalization()
    for _ in range(3):
        x = tf.constant(rng.normal(2.0, 3.0, size=(4, 6, 2)), tf.float32)
        np.testing.assert_allclose(
            ours(x, training=True), theirs(x, training=True), atol=1e-5
        )
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4)


def test_batch_norm_without_averages_goes_by_the_batch(rng):
    layer = layers.BatchNorm(averages=False)
    x = tf.constant(rng.normal(size=(4, 6, 2)), tf.float32)
    trained = layer(x, training=True)
    np.testing.assert_array_equal(layer(x), trained)
    assert len(layer.weights) == len(layer.trainable_weights) == 2


def deviation_of(group):
    return np.mean(np.sqrt(np.var(group.astype(float), axis=0) + 1e-6))


@pytest.mark.parametrize("size", [2, 3, 6, 8])
@pytest.mark.parametrize("positions", [(), (5,), (2, 3)])
def test_minibatch_deviation_equals_numpy(size, positions, rng):
    x = rng.normal(size=[6, *positions, 4]).astype(np.float32)
    y = layers.minibatch_deviation(x, size).numpy()
    assert y.shape == (6, *positions, 5)
    np.testing.assert_array_equal(y[..., :4], x)
    size = min(size, 6)
    for i in range(6):
        start = i - i % size
        expected = deviation_of(x[start : start + size])
        np.testing.assert_allclose(y[i, ..., 4], expected, rtol=1e-5)


def test_a_group_of_one_has_no_deviation(rng):
    x = rng.normal(size=[6, 2, 4]).astype(np.float32)
    np.testing.assert_array_equal(layers.minibatch_deviation(x, 1), x)


def test_a_group_knows_nothing_of_the_others(rng):
    x = rng.normal(size=[8, 2, 3, 4]).astype(np.float32)
    alone = layers.minibatch_deviation(x[:4], 4).numpy()
    beside = layers.minibatch_deviation(x, 4).numpy()[:4]
    np.testing.assert_allclose(beside, alone, rtol=1e-6)


def test_a_batch_that_groups_do_not_divide_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError):
        layers.minibatch_deviation(tf.zeros([6, 2, 3, 4]), 4)


def test_minibatch_deviation_of_a_batch_of_unknown_size(rng):
    spec = tf.TensorSpec([None, 2, 3, 4])
    compiled = tf.function(
        lambda x: layers.minibatch_deviation(x, 2), input_signature=[spec]
    )
    x = rng.normal(size=[4, 2, 3, 4]).astype(np.float32)
    expected = layers.minibatch_deviation(x, 2)
    np.testing.assert_allclose(compiled(x), expected, rtol=1e-6)
    assert compiled.get_concrete_function().output_shapes[-1] == 5


def test_equal_examples_have_finite_slopes_of_slopes():
    x = tf.ones([4, 2, 2, 1])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = layers.minibatch_deviation(equalized.pixel_norm(x), 4)
        slope = inner.gradient(y, x)
        steepness = tf.reduce_sum(tf.square(slope))
    assert np.all(np.isfinite(slope))
    assert np.all(np.isfinite(outer.gradient(steepness, x)))
