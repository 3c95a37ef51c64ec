import random

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo import settings
from gansynth_zoo.models import wavegan


def make_networks(num_samples, dim, channels=1, **options):
    rng = random.Random(0)
    shape = (num_samples, channels)
    config = model_config.WaveGANConfig(dim=dim, **options)
    return (
        wavegan.WaveGANGenerator(shape, config, rng),
        wavegan.WaveGANDiscriminator(shape, config, rng),
    )


def check_shapes(generator, discriminator, num_samples, channels=1):
    waveform = generator(tf.zeros([2, 100]), None)
    assert waveform.shape == (2, num_samples, channels)
    shifts = tf.zeros([2, discriminator.shuffles.count], tf.int32)
    scores, logits = discriminator(waveform, None, shifts)
    assert (scores.shape, logits.shape) == ((2,), (2, 0))


# Table of the parameters: the networks written down layer by layer.
@pytest.mark.parametrize(
    ("num_samples", "dim", "of_generator", "of_discriminator"),
    [
        (16384, 64, 19_065_345, 17_427_969),
        (16384, 32, 5_180_673, 4_361_985),
        (32768, 64, 73_149_953, 69_875_201),
        (32768, 32, 19_115_777, 17_478_401),
        (65536, 64, 73_149_953, 69_875_201),
        (65536, 32, 19_115_777, 17_478_401),
    ],
)
def test_parameter_counts(num_samples, dim, of_generator, of_discriminator):
    generator, discriminator = make_networks(num_samples, dim)
    with tf.Graph().as_default():
        check_shapes(generator, discriminator, num_samples)
    assert generator.count_params() == of_generator
    assert discriminator.count_params() == of_discriminator


@pytest.mark.parametrize(
    ("num_samples", "strides"),
    [
        (64, (4,)),
        (128, (4, 2)),
        (4096, (4, 4, 4, 4)),
        (8192, (4, 4, 4, 4, 2)),
        (16384, (4, 4, 4, 4, 4)),
        (32768, (4, 4, 4, 4, 4, 2)),
        (65536, (4, 4, 4, 4, 4, 4)),
    ],
)
def test_strides(num_samples, strides):
    assert wavegan.strides_for(num_samples) == strides


@pytest.mark.parametrize("num_samples", [64, 128, 4096, 8192, 131072])
def test_lengths_from_one_formula(num_samples):
    check_shapes(*make_networks(num_samples, dim=1), num_samples)


@pytest.mark.parametrize(
    ("num_samples", "longer"),
    [(1, 64), (63, 64), (16000, 16384), (70000, 131072)],
)
def test_another_length_is_told_the_next_longer(num_samples, longer):
    with pytest.raises(errors.ZooError, match=f"next longer is {longer}"):
        wavegan.strides_for(num_samples)


OPTIONS = [
    {},
    {"upsample": "nearest"},
    {"batch_norm": True},
    {"post_filter_length": 512},
    {"upsample": "nearest", "batch_norm": True, "post_filter_length": 31},
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("num_samples", [128, 256])
@pytest.mark.parametrize("options", OPTIONS)
def test_mono_and_stereo_with_every_option(options, num_samples, channels):
    networks = make_networks(num_samples, 2, channels, **options)
    check_shapes(*networks, num_samples, channels)


# What an option adds to the table above: batch norm has a scale and an offset
# for each channel that it normalises, in the generator also a mean and a
# variance (16 + 8 + 4 + 2 + 1 times dim, in the discriminator 2 + 4 + 8 + 16).
@pytest.mark.parametrize(
    ("num_samples", "options", "of_generator", "of_discriminator"),
    [
        (16384, {"upsample": "nearest"}, 0, 0),
        (16384, {"post_filter_length": 512}, 512, 0),
        (16384, {"batch_norm": True}, 4 * 31 * 32, 2 * 30 * 32),
        (32768, {"batch_norm": True}, 4 * 63 * 32, 2 * 62 * 32),
    ],
)
def test_parameters_of_options(
    num_samples, options, of_generator, of_discriminator
):
    plain = make_networks(num_samples, 32)
    other = make_networks(num_samples, 32, **options)
    for networks in (plain, other):
        with tf.Graph().as_default():
            check_shapes(*networks, num_samples)
    added = [
        b.count_params() - a.count_params()
        for a, b in zip(plain, other, strict=True)
    ]
    assert added == [of_generator, of_discriminator]


def test_a_stereo_filter_has_taps_for_each_channel():
    generator, _ = make_networks(256, 2, channels=2, post_filter_length=512)
    generator(tf.zeros([1, 100]), None)
    assert generator.post_filter.count_params() == 2 * 512


def test_every_upsampling_of_the_configuration_is_there():
    (field,) = (
        field
        for field in settings.of(model_config.WaveGANConfig())
        if field.name == "upsample"
    )
    assert set(field.metadata["choices"]) == set(wavegan.UPSAMPLINGS)


def statistics(channels_last):
    axes = tuple(range(channels_last.ndim - 1))
    return channels_last.mean(axes), channels_last.std(axes)


def test_what_the_generators_convolutions_read_is_normalised(rng):
    generator, _ = make_networks(1024, dim=2, batch_norm=True)
    latents = tf.constant(rng.uniform(-1, 1, (16, 100)), tf.float32)
    generator(latents, None)
    assert len(generator.norms) == len(generator.convolutions) == 3
    x = tf.reshape(generator.start(latents), [16, 16, 8])
    for norm, convolution in zip(
        generator.norms, generator.convolutions, strict=True
    ):
        x = norm(x, training=True)
        mean, deviation = statistics(x.numpy())
        np.testing.assert_allclose(mean, 0, atol=1e-4)
        np.testing.assert_allclose(deviation, 1, atol=0.05)
        x = convolution(tf.nn.relu(x))
    # Another call in training: it reads the same batch statistics.
    np.testing.assert_allclose(
        generator(latents, None, training=True), tf.tanh(x), atol=1e-5
    )


def test_all_but_the_first_layer_of_the_discriminator_are_normalised(rng):
    _, discriminator = make_networks(1024, dim=2, batch_norm=True)
    sounds = tf.constant(rng.uniform(-1, 1, (4, 1024, 1)), tf.float32)
    scores, _ = discriminator(sounds, None, tf.zeros([4, 2], tf.int32))
    x = tf.nn.leaky_relu(discriminator.convolutions[0](sounds), 0.2)
    for convolution in discriminator.convolutions[1:]:
        x = convolution(x)
        mean, variance = tf.nn.moments(x, [0, 1])
        x = tf.nn.leaky_relu((x - mean) / tf.sqrt(variance + 1e-3), 0.2)
    expected = discriminator.head.score(tf.reshape(x, [4, -1]))[:, 0]
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-4)


def test_out_of_training_a_sound_does_not_depend_on_its_batch(rng):
    generator, _ = make_networks(256, dim=2, batch_norm=True)
    latents = tf.constant(rng.uniform(-1, 1, (8, 100)), tf.float32)
    for _ in range(3):
        generator(latents, None, training=True)
    np.testing.assert_allclose(
        generator(latents, None)[3:4], generator(latents[3:4], None), atol=1e-6
    )
    trained = generator(latents, None, training=True)[3:4]
    assert not np.allclose(trained, generator(latents[3:4], None), atol=1e-3)


# The reference has phase shuffle after its first four layers and not after
# the innermost one of the paper's length.
@pytest.mark.parametrize(
    ("num_samples", "count"), [(4096, 3), (16384, 4), (32768, 4), (65536, 4)]
)
def test_phase_shuffles(num_samples, count):
    _, discriminator = make_networks(num_samples, dim=1)
    assert discriminator.shuffles.count == count


def test_a_shift_that_is_longer_than_what_it_shifts_is_refused():
    make_networks(4096, dim=1, shuffle_radius=63)
    with pytest.raises(errors.ZooError, match="less than 64, .*received 64"):
        make_networks(4096, dim=1, shuffle_radius=64)


def test_shifts_reach_the_score(rng):
    _, discriminator = make_networks(1024, dim=2)
    waveform = tf.constant(rng.normal(size=(1, 1024, 1)), tf.float32)
    scores = [
        float(discriminator(waveform, None, tf.constant([[s, 0, 0]]))[0][0])
        for s in (-2, 0, 2)
    ]
    assert len(set(scores)) == 3


def test_weights_depend_on_the_seed_alone():
    first, again = (make_networks(256, dim=2)[0] for _ in range(2))
    for network in (first, again):
        network(tf.zeros([1, 100]), None)
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)
