import random

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo import settings
from gansynth_zoo.models import specgan


def make_networks(shape=(8, 16, 1), dim=2, radius=1, **options):
    rng = random.Random(0)
    config = model_config.SpecGANConfig(
        dim=dim, shuffle_radius=radius, **options
    )
    return (
        specgan.SpecGANGenerator(shape, config, rng),
        specgan.SpecGANDiscriminator(shape, config, rng),
    )


def check_shapes(generator, discriminator, shape):
    features = generator(tf.zeros([2, 100]), None)
    assert features.shape == (2, *shape)
    shifts = tf.zeros([2, discriminator.shuffles.count], tf.int32)
    scores, logits = discriminator(features, None, shifts)
    assert (scores.shape, logits.shape) == ((2,), (2, 0))


def test_parameter_counts():
    networks = make_networks((128, 128, 1), 64)
    with tf.Graph().as_default():
        check_shapes(*networks, (128, 128, 1))
    counts = [network.count_params() for network in networks]
    assert counts == [19_065_345, 17_427_969]


@pytest.mark.parametrize(
    "shape", [(4, 16, 1), (8, 16, 2), (12, 16, 1), (8, 32, 1), (64, 64, 3)]
)
def test_sizes_from_one_formula(shape):
    check_shapes(*make_networks(shape, dim=1), shape)


def test_widths_and_sides_of_the_papers_network():
    generator, discriminator = make_networks((128, 128, 1), 64)
    with tf.Graph().as_default():
        check_shapes(generator, discriminator, (128, 128, 1))
        x = tf.zeros([1, 128, 128, 1])
        sides = []
        for convolution in discriminator.convolutions:
            x = convolution(x)
            sides.append(tuple(x.shape[1:]))
    assert sides == [
        (64, 64, 64),
        (32, 32, 128),
        (16, 16, 256),
        (8, 8, 512),
        (4, 4, 1024),
    ]
    kernels = [c.kernel.shape for c in generator.convolutions]
    assert kernels == [
        (5, 5, 512, 1024),
        (5, 5, 256, 512),
        (5, 5, 128, 256),
        (5, 5, 64, 128),
        (5, 5, 1, 64),
    ]


@pytest.mark.parametrize(
    ("bins", "larger"), [(1, 16), (8, 16), (17, 32), (100, 128), (129, 256)]
)
def test_other_bins_are_told_the_next_larger(bins, larger):
    with pytest.raises(errors.ZooError, match=f"next larger is {larger}"):
        specgan.doublings_for(128, bins, 4)


@pytest.mark.parametrize(
    ("frames", "larger"), [(0, 32), (31, 32), (33, 64), (125, 128)]
)
def test_other_frames_are_told_the_next_larger(frames, larger):
    with pytest.raises(errors.ZooError, match=f"of 32 .* is {larger}"):
        specgan.doublings_for(frames, 128, 4)


@pytest.mark.parametrize(
    ("shape", "radius"), [((4, 16, 1), 2), ((32, 128, 1), 2), ((64, 128, 1), 4)]
)
def test_a_radius_that_the_last_layer_cannot_have_is_refused(shape, radius):
    make_networks(shape, dim=1, radius=radius - 1)
    with pytest.raises(errors.ZooError, match=f"less than {radius}, .* rec"):
        make_networks(shape, dim=1, radius=radius)


OPTIONS = [
    {},
    {"upsample": "nearest"},
    {"upsample": "bilinear"},
    {"upsample": "bicubic", "batch_norm": True},
    {"batch_norm": True},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_option(options):
    check_shapes(*make_networks((8, 16, 2), **options), (8, 16, 2))


def test_every_upsampling_of_the_configuration_is_there():
    (field,) = (
        field
        for field in settings.of(model_config.SpecGANConfig())
        if field.name == "upsample"
    )
    assert set(field.metadata["choices"]) == set(specgan.UPSAMPLINGS)


# Batch norm has a scale, an offset, a mean and a variance for each of the
# 31·dim channels of the generator, and the first two for 30·dim of the
# discriminator.
@pytest.mark.parametrize(
    ("options", "of_generator", "of_discriminator"),
    [
        ({"upsample": "nearest"}, 0, 0),
        ({"upsample": "bicubic"}, 0, 0),
        ({"batch_norm": True}, 4 * 31 * 8, 2 * 30 * 8),
    ],
)
def test_parameters_of_options(options, of_generator, of_discriminator):
    shape = (128, 128, 1)
    plain = make_networks(shape, 8)
    other = make_networks(shape, 8, **options)
    for networks in (plain, other):
        with tf.Graph().as_default():
            check_shapes(*networks, shape)
    added = [
        b.count_params() - a.count_params()
        for a, b in zip(plain, other, strict=True)
    ]
    assert added == [of_generator, of_discriminator]


def convolved(x, kernel, bias):
    """Stride 2 and "same", by NumPy; `[batch, height, width, in]`."""
    taps = len(kernel)
    height, width = x.shape[1], x.shape[2]
    before = (taps - 2) // 2
    around = (before, taps - 2 - before)
    x = np.pad(x, [(0, 0), around, around, (0, 0)])
    return bias + sum(
        x[:, i : i + height : 2, j : j + width : 2] @ kernel[i, j]
        for i in range(taps)
        for j in range(taps)
    )


def transposed(x, kernel, bias):
    """What `convolved` is the transpose of, with a bias of its own."""
    taps = len(kernel)
    batch, height, width, _ = x.shape
    y = np.zeros(
        [batch, 2 * height + taps - 2, 2 * width + taps - 2, len(bias)]
    )
    for i in range(taps):
        for j in range(taps):
            y[:, i : i + 2 * height : 2, j : j + 2 * width : 2] += (
                x @ kernel[i, j].T
            )
    before = (taps - 2) // 2
    return bias + y[:, before:, before:][:, : 2 * height, : 2 * width]


def randomised(network, rng):
    """All weights of a network, random, biases too, in order."""
    weights = [
        rng.normal(scale=0.3, size=w.shape).astype(np.float32)
        for w in network.weights
    ]
    network.set_weights(weights)
    return weights


def test_generator_equals_numpy(rng):
    generator, _ = make_networks((8, 16, 2), dim=3)
    z = rng.uniform(-1, 1, (2, 5)).astype(np.float32)
    generator(z, None)
    weights = randomised(generator, rng)
    x = (z @ weights[0] + weights[1]).reshape(2, 2, 4, 6)
    for kernel, bias in zip(weights[2::2], weights[3::2], strict=True):
        x = transposed(np.maximum(x, 0), kernel, bias)
    np.testing.assert_allclose(generator(z, None), np.tanh(x), atol=1e-5)


def test_discriminator_equals_numpy(rng):
    _, discriminator = make_networks((8, 16, 2), dim=3)
    features = rng.uniform(-1, 1, (2, 8, 16, 2)).astype(np.float32)
    shifts = np.array([[1], [-1]], np.int32)
    discriminator(features, None, shifts)
    weights = randomised(discriminator, rng)
    x = convolved(features, *weights[:2])
    x = np.where(x > 0, x, 0.2 * x)
    # By 1 to later frames, and by 1 to earlier ones, mirrored at the edge.
    x = np.stack([x[0][[1, 0, 1, 2]], x[1][[1, 2, 3, 2]]])
    x = convolved(x, *weights[2:4])
    x = np.where(x > 0, x, 0.2 * x).reshape(2, -1)
    expected = (x @ weights[4] + weights[5])[:, 0]
    scores, _ = discriminator(features, None, shifts)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "count"), [((4, 16, 1), 1), ((64, 64, 1), 3), ((128, 128, 1), 4)]
)
def test_phase_shuffles(shape, count):
    _, discriminator = make_networks(shape, dim=1)
    assert discriminator.shuffles.count == count


def test_every_shift_reaches_the_score(rng):
    _, discriminator = make_networks((32, 64, 1))
    features = tf.constant(rng.normal(size=(1, 32, 64, 1)), tf.float32)
    scores = [
        float(discriminator(features, None, tf.constant([shifts]))[0][0])
        for shifts in ([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1])
    ]
    assert len(set(scores)) == 4


def test_what_the_generators_convolutions_read_is_normalised(rng):
    generator, _ = make_networks((16, 16, 1), batch_norm=True)
    z = tf.constant(rng.uniform(-1, 1, (16, 100)), tf.float32)
    generator(z, None)
    x = tf.reshape(generator.start(z), [16, 4, 4, 4])
    for convolution in generator.convolutions:
        mean, variance = tf.nn.moments(x, [0, 1, 2])
        x = (x - mean) / tf.sqrt(variance + 1e-3)
        x = convolution(tf.nn.relu(x))
    np.testing.assert_allclose(
        generator(z, None, training=True), tf.tanh(x), atol=1e-5
    )


def test_weights_depend_on_the_seed_alone():
    first, again = make_networks(), make_networks()
    for networks in (first, again):
        check_shapes(*networks, (8, 16, 1))
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b)
