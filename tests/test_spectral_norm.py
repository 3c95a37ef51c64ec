import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import layers
from gansynth_zoo import spectral_norm

MAKERS = {"conv": layers.conv2d, "transposed": layers.conv2d_transpose}


def make(kind="conv", seed=0):
    rng = random.Random(seed)
    layer = spectral_norm.SpectralNorm(MAKERS[kind](5, (3, 4), 2, rng), rng)
    layer(tf.zeros([1, 4, 8, 2]))
    return layer


def picture(rng):
    return tf.constant(rng.normal(size=(2, 4, 8, 2)), tf.float32)


def iterated(kernel, u):
    """sigma, v and the next u of TiFGAN's code, by NumPy."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    v = matrix @ u / np.linalg.norm(matrix @ u)
    u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
    return v @ matrix @ u, v, u


def normalised(layer, x):
    """What the layer did to its kernel, read off what comes out."""
    divided = np.asarray(layer(x) - layer.layer.bias.value)
    plain = np.asarray(layer.layer(x) - layer.layer.bias.value)
    return np.sum(plain * plain) / np.sum(plain * divided)


@pytest.mark.parametrize("kind", MAKERS)
def test_one_iteration_from_the_kept_vector(kind, rng):
    layer = make(kind)
    layer.layer.bias.assign(rng.normal(size=5))
    u = rng.normal(size=layer.u.shape).astype(np.float32)
    layer.u.assign(u)
    sigma, _, next_u = iterated(np.asarray(layer.layer.kernel), u)
    x = picture(rng)
    bias = layer.layer.bias.value
    expected = (layer.layer(x) - bias) / sigma + bias
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), expected, rtol=1e-4, atol=1e-5
        )
        np.testing.assert_array_equal(layer.u, u)
    layer.update()
    np.testing.assert_allclose(layer.u, next_u, rtol=1e-4, atol=1e-6)


# The columns are the last axis: what comes out of a convolution, and what
# goes into a transposed one.
@pytest.mark.parametrize(("kind", "columns"), [("conv", 5), ("transposed", 2)])
def test_iterations_find_the_largest_singular_value(kind, columns, rng):
    layer = make(kind)
    assert layer.u.shape == (columns,)
    matrix = np.asarray(layer.layer.kernel).reshape(-1, columns)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    x = picture(rng)
    assert normalised(layer, x) < largest * (1 + 1e-5)
    for _ in range(100):
        layer.update()
    np.testing.assert_allclose(normalised(layer, x), largest, rtol=1e-4)


def gradient_of(layer, x, y):
    kernel = layer.layer.kernel.value
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(kernel)
        product = tf.reduce_sum(layer(x) * y)
    return tape.gradient(product, kernel).numpy()


def test_gradient_with_constant_vectors(rng):
    layer = make()
    x, y = picture(rng), tf.constant(rng.normal(size=(2, 2, 4, 5)), tf.float32)
    kernel = np.asarray(layer.layer.kernel)
    with tf.GradientTape() as tape:
        weights = tf.constant(kernel)
        tape.watch(weights)
        product = tf.reduce_sum(tf.nn.conv2d(x, weights, 2, "SAME") * y)
    plain = tape.gradient(product, weights).numpy()
    # d (W / sigma) with sigma = v·W·u: Miyato et al. 2018, equation 10.
    sigma, v, u = iterated(kernel, np.asarray(layer.u))
    along = np.sum(plain * kernel) / sigma * np.outer(v, u)
    expected = (plain - along.reshape(kernel.shape)) / sigma
    np.testing.assert_allclose(
        gradient_of(layer, x, y), expected, rtol=1e-3, atol=1e-4
    )


def test_gradient_is_that_of_the_singular_value_in_the_limit(rng):
    layer = make()
    for _ in range(200):
        layer.update()
    x, y = picture(rng), rng.normal(size=(2, 2, 4, 5))
    kernel = np.asarray(layer.layer.kernel, np.float64)

    def product(kernel):
        matrix = kernel.reshape(-1, kernel.shape[-1])
        sigma = np.linalg.svd(matrix, compute_uv=False)[0]
        convolved = tf.nn.conv2d(
            tf.cast(x, tf.float64), kernel / sigma, 2, "SAME"
        )
        return np.sum(convolved * y)

    gradient = gradient_of(layer, x, tf.constant(y, tf.float32))
    for _ in range(3):
        way = rng.normal(size=kernel.shape)
        ends = product(kernel + 1e-5 * way), product(kernel - 1e-5 * way)
        np.testing.assert_allclose(
            np.sum(gradient * way), (ends[0] - ends[1]) / 2e-5, rtol=1e-2
        )


def test_a_gradient_penalty_reaches_the_kernel(rng):
    layer = make()
    layer.layer.bias.assign(rng.normal(size=5))
    x, way = picture(rng), tf.constant(rng.normal(size=(3, 4, 2, 5)))
    kernel = layer.layer.kernel
    start = kernel.numpy()

    def penalty():
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(tf.tanh(layer(x)))
        return tf.reduce_sum(tf.square(tape.gradient(value, x)))

    for _ in range(200):
        layer.update()
    with tf.GradientTape() as tape:
        first = penalty()
    gradient = tape.gradient(first, kernel.value)
    slope = tf.reduce_sum(gradient * tf.cast(way, tf.float32))
    values = []
    for factor in (1e-2, -1e-2):
        kernel.assign(start + factor * way.numpy())
        values.append(float(penalty()))
    np.testing.assert_allclose(slope, (values[0] - values[1]) / 2e-2, rtol=0.02)


def test_update_reaches_all_of_a_network_and_nothing_else(rng):
    normalised = [make(seed=1), make("transposed", seed=2)]
    network = keras.Sequential([layers.conv1d(1, 1, 1, random.Random(0))])
    network.build([1, 4, 1])
    spectral_norm.update(network)
    network = keras.Sequential([*normalised, keras.layers.Flatten()])
    before = [weight.numpy() for weight in network.weights]
    spectral_norm.update(network)
    changed = [
        weight.name
        for weight, old in zip(network.weights, before, strict=True)
        if not np.array_equal(weight, old)
    ]
    assert changed == ["u", "u"]
    assert [w.name for w in network.non_trainable_weights] == ["u", "u"]


def test_the_vector_depends_on_the_seed_alone():
    np.testing.assert_array_equal(make(seed=3).u, make(seed=3).u)
    assert not np.array_equal(make(seed=3).u, make(seed=4).u)


def test_all_replicas_keep_the_same_vector():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        layer = make()
    alone = make()
    for _ in range(2):
        tf.function(lambda: strategy.run(layer.update))()
        alone.update()
    values = strategy.experimental_local_results(layer.u.value)
    for value in values:
        np.testing.assert_allclose(value, alone.u, atol=1e-6)
    np.testing.assert_array_equal(*values)
