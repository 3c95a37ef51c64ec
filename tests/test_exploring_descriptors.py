"""Descriptors of sounds whose qualities are known."""

import numpy as np
import pytest

from gansynth_zoo.exploring import descriptors

RATE = 16000
TIME = np.arange(RATE) / RATE


def measure(*sounds):
    return descriptors.measure(np.stack(sounds)[..., np.newaxis], RATE)


def sine(hz):
    return 0.5 * np.sin(2 * np.pi * hz * TIME)


def test_pitch_and_brightness_of_sines_are_their_frequency():
    frequencies = [60.0, 110.0, 440.0, 900.0]
    found = measure(*map(sine, frequencies))
    octaves = np.log2(frequencies)
    np.testing.assert_allclose(found["pitch"], octaves, atol=0.05)
    np.testing.assert_allclose(found["brightness"], octaves, atol=0.05)


def test_the_pitch_of_overtones_is_that_of_the_fundamental():
    overtones = sum(sine(200 * k) / k for k in range(1, 8))
    missing = sum(sine(200 * k) for k in range(2, 6))
    found = measure(overtones, missing)["pitch"]
    np.testing.assert_allclose(found, np.log2(200), atol=0.03)


def test_noise_has_no_pitch_and_is_noisier_than_a_tone(rng):
    found = measure(0.3 * rng.standard_normal(RATE), sine(440))
    assert np.isnan(found["pitch"][0])
    noise, tone = found["noisiness"]
    assert noise > np.log(0.5) > tone + 3


@pytest.mark.parametrize("decay", [0.02, 0.1, 0.2])
def test_length_of_a_decay(rng, decay):
    # Of exp(-2 t / decay), 95 % has come when exp(-2 t / decay) is 0.05.
    sound = np.exp(-TIME / decay) * rng.standard_normal(RATE)
    found = 2.0 ** measure(sound)["length"]
    assert found == pytest.approx(decay * np.log(20) / 2, rel=0.15)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.6])
def test_attack_of_a_rise(seconds):
    sound = sine(1000) * np.minimum(TIME / seconds, 1.0)
    found = 2.0 ** measure(sound)["attack"]
    assert found == pytest.approx(0.8 * seconds, rel=0.1, abs=0.006)


def test_the_level_and_the_channels_change_nothing(rng):
    sound = np.exp(-TIME / 0.1) * rng.standard_normal(RATE)
    one = measure(sound, 0.01 * sound)
    for values in one.values():
        np.testing.assert_allclose(values[0], values[1], atol=1e-3)
    both = descriptors.measure(
        np.repeat(sound[np.newaxis, :, np.newaxis], 2, axis=2), RATE
    )
    for name, values in both.items():
        np.testing.assert_allclose(values[0], one[name][0])


def test_silence_has_no_qualities():
    for values in measure(np.zeros(RATE), sine(100)).values():
        assert np.isnan(values[0]) and np.isfinite(values[1])
