import random

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo import settings
from gansynth_zoo.models import tifgan


def make_networks(shape=(8, 32, 1), dim=2, kernel="12x3", seed=0):
    rng = random.Random(seed)
    config = model_config.TiFGANConfig(dim=dim, kernel_shape=kernel)
    return (
        tifgan.TiFGANGenerator(shape, config, rng),
        tifgan.TiFGANDiscriminator(shape, config, rng),
    )


def check_shapes(generator, discriminator, shape):
    features = generator(tf.zeros([2, 100]), None)
    assert features.shape == (2, *shape)
    assert discriminator.shuffles.count == 0
    no_shifts = tf.zeros([2, 0], tf.int32)
    scores, logits = discriminator(features, None, no_shifts)
    assert (scores.shape, logits.shape) == ((2,), (2, 0))


# The kept vectors are not parameters.
@pytest.mark.parametrize(
    ("channels", "of_generator", "of_discriminator"),
    [(1, 17_288_385, 25_104_577), (3, 17_292_995, 25_109_185)],
)
def test_parameter_counts(channels, of_generator, of_discriminator):
    networks = make_networks((128, 256, channels), 64)
    with tf.Graph().as_default():
        check_shapes(*networks, (128, 256, channels))
    for network, count in zip(
        networks, (of_generator, of_discriminator), strict=True
    ):
        trained = [w.shape for w in network.trainable_weights]
        assert sum(int(np.prod(shape)) for shape in trained) == count


def kernels(network):
    return [c.layer.kernel.shape for c in network.convolutions]


def test_kernels_of_the_papers_network():
    networks = make_networks((128, 256, 1), 64)
    with tf.Graph().as_default():
        check_shapes(*networks, (128, 256, 1))
    assert kernels(networks[0]) == [
        (3, 12, 512, 512),
        (3, 12, 256, 512),
        (3, 12, 128, 256),
        (3, 12, 64, 128),
        (3, 12, 1, 64),
    ]
    assert kernels(networks[1]) == [
        (3, 12, 1, 64),
        (3, 12, 64, 128),
        (3, 12, 128, 256),
        (3, 12, 256, 512),
        (3, 12, 512, 1024),
    ]


def test_squared_kernels_have_as_many_taps():
    tall, squared = make_networks(), make_networks(kernel="6x6")
    for networks in (tall, squared):
        check_shapes(*networks, (8, 32, 1))
    for one, other in zip(tall, squared, strict=True):
        assert one.count_params() == other.count_params()
    assert {shape[:2] for shape in kernels(squared[0])} == {(6, 6)}


@pytest.mark.parametrize(
    "shape", [(4, 32, 1), (8, 32, 3), (12, 32, 1), (8, 64, 1), (32, 128, 2)]
)
def test_sizes_from_one_formula(shape):
    check_shapes(*make_networks(shape, dim=1), shape)


@pytest.mark.parametrize("shape", [(4, 16, 1), (4, 48, 1), (6, 32, 1)])
def test_other_sizes_are_refused(shape):
    rng = random.Random(0)
    for network in (tifgan.TiFGANGenerator, tifgan.TiFGANDiscriminator):
        with pytest.raises(errors.ZooError, match="next larger is"):
            network(shape, model_config.TiFGANConfig(), rng)


def test_every_kernel_of_the_configuration_is_there():
    (field,) = (
        field
        for field in settings.of(model_config.TiFGANConfig())
        if field.name == "kernel_shape"
    )
    assert set(field.metadata["choices"]) == set(tifgan.KERNELS)


def stretched(kernel, u):
    """The singular value after one power iteration from `u`."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    v = matrix @ u / np.linalg.norm(matrix @ u)
    return np.linalg.norm(matrix.T @ v)


def convolved(x, kernel, bias):
    """Stride 2 and "same", by SciPy; one example, `[height, width, in]`."""
    # SciPy's whole result begins where the last tap meets the first pixel.
    tops = [taps - 1 - (taps - 2) // 2 for taps in kernel.shape[:2]]
    return np.stack(
        [
            bias[o]
            + sum(
                signal.correlate2d(x[..., i], kernel[..., i, o])
                for i in range(x.shape[-1])
            )[tops[0] :: 2, tops[1] :: 2][: x.shape[0] // 2, : x.shape[1] // 2]
            for o in range(kernel.shape[-1])
        ],
        axis=-1,
    )


def transposed(x, kernel, bias):
    """Zeros between the pixels, then a convolution, by SciPy."""
    spread = np.zeros([2 * x.shape[0], 2 * x.shape[1], x.shape[2]])
    spread[::2, ::2] = x
    tops = [(taps - 2) // 2 for taps in kernel.shape[:2]]
    return np.stack(
        [
            bias[o]
            + sum(
                signal.convolve2d(spread[..., i], kernel[..., o, i])
                for i in range(x.shape[-1])
            )[tops[0] :, tops[1] :][: spread.shape[0], : spread.shape[1]]
            for o in range(kernel.shape[-2])
        ],
        axis=-1,
    )


def randomised(network, rng):
    """Random weights; the dense layer's, and (kernel / sigma, bias)s."""
    network.set_weights(
        [rng.normal(scale=0.3, size=w.shape) for w in network.weights]
    )
    convolutions = []
    for normalised in network.convolutions:
        kernel, bias = (w.numpy() for w in normalised.layer.weights)
        sigma = stretched(kernel, normalised.u.numpy())
        convolutions.append((kernel / sigma, bias))
    return convolutions


@pytest.mark.parametrize("kernel", tifgan.KERNELS)
def test_generator_equals_scipy(kernel, rng):
    generator, _ = make_networks((8, 32, 3), dim=2, kernel=kernel)
    z = rng.normal(size=(1, 5)).astype(np.float32)
    generator(z, None)
    convolutions = randomised(generator, rng)
    weights, bias = (w.numpy() for w in generator.start.weights)
    x = (z @ weights + bias).reshape(2, 8, 2)
    for normalised in convolutions:
        x = transposed(np.maximum(x, 0), *normalised)
    np.testing.assert_allclose(generator(z, None)[0], np.tanh(x), atol=1e-5)


@pytest.mark.parametrize("kernel", tifgan.KERNELS)
def test_discriminator_equals_scipy(kernel, rng):
    _, discriminator = make_networks((8, 32, 3), dim=2, kernel=kernel)
    features = rng.uniform(-1, 1, (1, 8, 32, 3)).astype(np.float32)
    shifts = tf.zeros([1, 0], tf.int32)
    discriminator(features, None, shifts)
    convolutions = randomised(discriminator, rng)
    x = features[0]
    for normalised in convolutions:
        x = convolved(x, *normalised)
        x = np.where(x > 0, x, 0.2 * x)
    weights, bias = (w.numpy() for w in discriminator.head.score.weights)
    expected = x.reshape(1, -1) @ weights + bias
    scores, _ = discriminator(features, None, shifts)
    np.testing.assert_allclose(scores, expected[:, 0], rtol=1e-4, atol=1e-5)


def test_weights_depend_on_the_seed_alone():
    first, again, other = (
        make_networks(),
        make_networks(),
        make_networks(seed=1),
    )
    for networks in (first, again, other):
        check_shapes(*networks, (8, 32, 1))
    for one, same, third in zip(first, again, other, strict=True):
        for a, b in zip(one.weights, same.weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(one.weights[0], third.weights[0])
