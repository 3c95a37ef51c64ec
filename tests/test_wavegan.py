import random

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.models import wavegan


def make_networks(num_samples, dim, channels=1):
    strides = wavegan.strides_for(num_samples)
    rng = random.Random(0)
    generator = wavegan.WaveGANGenerator(strides, dim, 25, channels, rng)
    discriminator = wavegan.WaveGANDiscriminator(
        strides, dim, 25, 2, "example", rng
    )
    return generator, discriminator


def check_shapes(generator, discriminator, num_samples, channels=1):
    waveform = generator(tf.zeros([2, 100]))
    assert waveform.shape == (2, num_samples, channels)
    shifts = tf.zeros([2, discriminator.shuffles.count], tf.int32)
    assert discriminator(waveform, shifts).shape == (2,)


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


def test_stereo():
    networks = make_networks(256, dim=2, channels=2)
    check_shapes(*networks, 256, channels=2)


# The reference has phase shuffle after its first four layers and not after
# the innermost one of the paper's length.
@pytest.mark.parametrize(
    ("num_samples", "count"), [(4096, 3), (16384, 4), (32768, 4), (65536, 4)]
)
def test_phase_shuffles(num_samples, count):
    _, discriminator = make_networks(num_samples, dim=1)
    assert discriminator.shuffles.count == count


def test_shifts_reach_the_score(rng):
    _, discriminator = make_networks(1024, dim=2)
    waveform = tf.constant(rng.normal(size=(1, 1024, 1)), tf.float32)
    scores = [
        float(discriminator(waveform, tf.constant([[s, 0, 0]]))[0])
        for s in (-2, 0, 2)
    ]
    assert len(set(scores)) == 3


def test_weights_depend_on_the_seed_alone():
    first, again = (make_networks(256, dim=2)[0] for _ in range(2))
    for network in (first, again):
        network(tf.zeros([1, 100]))
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)
