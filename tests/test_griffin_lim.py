import numpy as np
import pytest

from gansynth_zoo.dsp import griffin_lim
from gansynth_zoo.dsp import stft as stft_
from gansynth_zoo.evaluation import consistency

STFT = stft_.Stft("hann", 64, 16, circular=True)


@pytest.fixture
def waveform(rng):
    return rng.normal(size=(2, 512)).astype(np.float32)


def in_numpy(magnitude, phase, steps, momentum):
    """One clip, by matrices: `[frames, bins]` -> `[samples]`, float64."""
    frames = len(magnitude)
    window = np.hanning(65)[:-1]
    # Squared Hann windows, four to a place, add up to 1.5.
    dual = window / 1.5
    places = (np.arange(64) + 16 * np.arange(frames)[:, None] - 32) % (
        16 * frames
    )

    def analyse(x):
        return np.fft.rfft(window * x[places])

    def synthesise(spectrum):
        x = np.zeros(16 * frames)
        np.add.at(x, places, dual * np.fft.irfft(spectrum))
        return x

    spectrum, last = magnitude * np.exp(1j * phase), 0
    for _ in range(steps):
        consistent = analyse(synthesise(spectrum))
        onward = consistent + momentum * (consistent - last)
        spectrum = magnitude * np.exp(1j * np.angle(onward))
        last = consistent
    return synthesise(spectrum)


@pytest.mark.parametrize(
    ("steps", "momentum"), [(0, 0.0), (1, 0.99), (4, 0.0), (4, 0.99)]
)
def test_equals_numpy(waveform, steps, momentum):
    magnitude = np.abs(STFT.analyse(waveform).numpy())
    phase = STFT.random_phase(32).numpy()
    found = griffin_lim.griffin_lim(STFT, magnitude, phase, steps, momentum)
    expected = [in_numpy(m, phase, steps, momentum) for m in magnitude]
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_the_true_phase_stays(waveform, momentum):
    spectrum = STFT.analyse(waveform).numpy()
    found = griffin_lim.griffin_lim(
        STFT, np.abs(spectrum), np.angle(spectrum), 3, momentum
    )
    np.testing.assert_allclose(found, waveform, atol=1e-4)


def test_each_step_of_griffin_lim_comes_nearer(waveform):
    magnitude = np.abs(STFT.analyse(waveform).numpy())
    phase = np.zeros_like(magnitude)
    values = [
        consistency.spectral_convergence(
            STFT, magnitude, griffin_lim.griffin_lim(STFT, magnitude, phase, n)
        )
        for n in range(6)
    ]
    assert np.all(np.diff(values, axis=0) < 0)


def test_a_clip_alone_is_as_in_its_batch(waveform):
    magnitude = np.abs(STFT.analyse(waveform).numpy())
    phase = STFT.random_phase(32)
    both = griffin_lim.griffin_lim(STFT, magnitude, phase, 8, 0.99)
    alone = griffin_lim.griffin_lim(STFT, magnitude[1:], phase, 8, 0.99)
    np.testing.assert_allclose(alone, both[1:], atol=1e-4)


def test_silence_stays_silent():
    silence = np.zeros([1, 32, 33], np.float32)
    found = griffin_lim.griffin_lim(STFT, silence, STFT.random_phase(32), 2)
    np.testing.assert_array_equal(found, np.zeros([1, 512]))
