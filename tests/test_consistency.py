import numpy as np

from gansynth_zoo.dsp import stft as stft_
from gansynth_zoo.evaluation import consistency

GABOR = stft_.Stft("gaussian", 512, 128, circular=True)


def test_a_sound_converges_to_its_own_magnitudes(rng):
    waveform = rng.normal(size=(2, 4096)).astype(np.float32)
    magnitude = np.abs(GABOR.analyse(waveform).numpy())
    values = consistency.spectral_convergence(GABOR, magnitude, waveform)
    assert values.shape == (2,) and np.all(values < -120)


def test_convergence_of_a_sound_of_another_level(rng):
    # Half as loud: the error is half of the target.
    waveform = rng.normal(size=(1, 4096)).astype(np.float32)
    magnitude = np.abs(GABOR.analyse(waveform).numpy())
    np.testing.assert_allclose(
        consistency.spectral_convergence(GABOR, magnitude, waveform / 2),
        [20 * np.log10(0.5)],
        atol=1e-4,
    )


def test_silence_has_finite_measures():
    silence = np.zeros((1, 4096), np.float32)
    magnitude = np.abs(GABOR.analyse(silence).numpy())
    assert consistency.spectral_convergence(GABOR, magnitude, silence) == [0.0]
    assert consistency.rho(GABOR, np.full((1, 32, 257), -23.0)) == [0.0]


def test_rho_of_white_noise_and_of_no_transform(rng):
    waveform = rng.normal(size=(4, 16384)).astype(np.float32)
    level = np.log(np.abs(GABOR.analyse(waveform).numpy()))
    values = consistency.rho(GABOR, level)
    np.testing.assert_allclose(values.mean(), 0.76, atol=0.02)
    image = np.log(np.abs(rng.normal(size=level.shape)))
    values = consistency.rho(GABOR, image)
    np.testing.assert_allclose(values.mean(), 0.59, atol=0.02)


def test_rho_by_loops(rng):
    level = rng.normal(size=(1, 4, 5))
    x, y = [], []
    for n in range(1, 3):
        for m in range(1, 4):
            s = level[0]
            x.append(s[n - 1, m] - 2 * s[n, m] + s[n + 1, m] + np.pi / 4)
            y.append(s[n, m - 1] - 2 * s[n, m] + s[n, m + 1] + np.pi / 4)
    expected = np.corrcoef(np.abs(x), np.abs(y))[0, 1]
    np.testing.assert_allclose(consistency.rho(GABOR, level), [expected])
