import numpy as np
import pytest

from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as stft_

GABOR = stft_.Stft("gaussian", 512, 128, circular=True)
HANN = stft_.Stft("hann", 512, 128, circular=True)
# Its window is near 0 at the ends of a frame, GABOR's is not.
NARROW = stft_.Stft("gaussian", 512, 64, circular=True)
SAMPLES = 16384


def chirp():
    """Float32 `[1, samples]`, from 0.1 to 0.2 of the sample rate."""
    t = np.arange(SAMPLES)
    sweep = np.cos(2 * np.pi * (0.1 + 0.05 * t / SAMPLES) * t)
    return np.float32(np.hanning(SAMPLES) * sweep)[np.newaxis]


def differences(spectrum):
    """Of the phase, from frame to frame and from bin to bin."""
    return (
        np.angle(spectrum[:, 1:] * spectrum[:, :-1].conj()),
        np.angle(spectrum[:, :, 1:] * spectrum[:, :, :-1].conj()),
    )


def median_errors(spectrum, increments):
    """Radians, of the bins within 20 dB of the loudest."""
    loud = np.abs(spectrum) > 0.1 * np.abs(spectrum).max()
    both = loud[:, 1:] & loud[:, :-1], loud[:, :, 1:] & loud[:, :, :-1]
    return [
        np.median(np.abs(np.angle(np.exp(1j * (found.numpy() - true))))[where])
        for found, true, where in zip(
            increments, differences(spectrum), both, strict=True
        )
    ]


@pytest.mark.parametrize(
    ("stft", "limit"), [(NARROW, 1e-3), (GABOR, 0.05), (HANN, 0.1)]
)
def test_increments_of_the_magnitudes_of_a_chirp(stft, limit):
    spectrum = stft.analyse(chirp()).numpy()
    level = np.log(np.abs(spectrum) + 1e-9)
    increments = phase_gradient.increments_of_magnitude(stft, level)
    assert max(median_errors(spectrum, increments)) < limit


def test_increments_of_the_derivatives_of_a_chirp():
    spectrum = NARROW.analyse(chirp()).numpy()
    increments = phase_gradient.increments_of_derivatives(
        NARROW, *phase_gradient.derivatives(NARROW, spectrum)
    )
    assert max(median_errors(spectrum, increments)) < 2e-3


@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.25])
def test_derivative_along_time_is_the_distance_to_a_sine(offset):
    # Whole periods in all, so that the end goes on as the beginning.
    cycles = 32 * 100 + round(32 * offset)
    t = np.arange(SAMPLES)
    sine = np.cos(2 * np.pi * cycles * t / SAMPLES)[np.newaxis]
    spectrum = GABOR.analyse(np.float32(sine))
    along_time, _ = phase_gradient.derivatives(GABOR, spectrum)
    expected = 2 * 128 * (cycles / 32 - 100) / 512
    np.testing.assert_allclose(along_time[0, :, 100], expected, atol=1e-3)


@pytest.mark.parametrize("offset", [-60, 0, 17])
def test_derivative_along_frequency_is_the_distance_to_an_impulse(offset):
    impulse = np.zeros([1, SAMPLES], np.float32)
    impulse[0, 40 * 128 + offset] = 1.0
    spectrum = GABOR.analyse(impulse)
    _, along_frequency = phase_gradient.derivatives(GABOR, spectrum)
    np.testing.assert_allclose(
        along_frequency[0, 40], 2 * offset / 512, atol=1e-4
    )


def test_derivatives_are_in_range(rng):
    noise = rng.normal(size=(2, SAMPLES)).astype(np.float32)
    for part in phase_gradient.derivatives(GABOR, GABOR.analyse(noise)):
        assert part.shape == (2, 128, 257)
        assert np.all(np.abs(part) <= 1.0)


def test_wrap():
    phase = np.linspace(-20, 20, 1001)
    wrapped = phase_gradient.wrap(phase).numpy()
    assert np.all(np.abs(wrapped) <= np.pi)
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * phase))
