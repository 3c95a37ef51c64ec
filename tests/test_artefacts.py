import numpy as np
import pytest
import scipy.signal

from gansynth_zoo import errors
from gansynth_zoo.evaluation import artefacts
from gansynth_zoo.evaluation import levels
from gansynth_zoo.evaluation import log_mel

SAMPLES = 4096


def noise(rng, count=40, samples=SAMPLES):
    return rng.normal(size=(count, samples, 1))


def test_white_and_coloured_noise_have_no_whine(rng):
    white = noise(rng)
    pink = scipy.signal.lfilter([1.0], [1.0, -0.9], white, axis=1)
    for sounds in (white, pink):
        np.testing.assert_allclose(
            artefacts.whine_db(sounds, 16), np.zeros(8), atol=1.5
        )


def test_a_tone_stands_out_as_far_as_its_power_says(rng):
    sounds = noise(rng)
    amplitude = 0.3
    time = np.arange(SAMPLES)[:, np.newaxis]
    sounds += amplitude * np.sin(2 * np.pi * 3 / 16 * time + 0.7)
    # A Hann window of N samples holds N A²/4 · 2/3 of the tone's power in its
    # bin, in units of the noise's; 64 · 16 is the length of a frame.
    expected = 10 * np.log10(1 + 64 * 16 * amplitude**2 / 4 * 2 / 3)
    found = artefacts.whine_db(sounds, 16)
    assert found.argmax() == 2
    np.testing.assert_allclose(found[2], expected, atol=1.0)


def test_up_sampling_by_zeros_whines_at_all_multiples(rng):
    # An offset before zeros are put between the samples: the worst layer.
    short = noise(rng, samples=SAMPLES // 4) + 1.0
    sounds = np.zeros((40, SAMPLES, 1))
    sounds[:, ::4] = short
    assert np.all(artefacts.whine_db(sounds, 4) > 15.0)
    smooth = scipy.signal.resample(short, SAMPLES, axis=1) + noise(rng) / 10
    assert np.all(np.abs(artefacts.whine_db(smooth, 4)) < 3.0)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_silent_and_constant_sounds_have_no_whine(value):
    sounds = np.full((2, SAMPLES, 1), value)
    np.testing.assert_allclose(artefacts.whine_db(sounds, 8), np.zeros(4))


def test_whine_ignores_loudness_and_order(rng):
    sounds = noise(rng, 5)
    louder = sounds[::-1] * np.array([1, 2, 4, 8, 16])[:, None, None]
    np.testing.assert_allclose(
        artefacts.whine_db(louder, 4), artefacts.whine_db(sounds, 4)
    )


def test_whine_says_what_it_needs(rng):
    with pytest.raises(errors.ZooError, match="8192 samples .* received 4096"):
        artefacts.whine_db(noise(rng, 1), 128)
    with pytest.raises(errors.ZooError, match="shape .0, 4096, 1."):
        artefacts.whine_db(noise(rng, 0), 4)


def test_levels_by_hand():
    sounds = np.zeros((4, 8, 2))
    sounds[1] = 0.1
    sounds[2, :, 0], sounds[2, :, 1] = 0.5, -0.5
    sounds[3, ::2], sounds[3, 1::2] = 1.0, -1.0
    np.testing.assert_allclose(
        levels.rms_db(sounds), [-120.0, -20.0, 20 * np.log10(0.5), 0.0]
    )
    np.testing.assert_allclose(levels.dc_offset(sounds), [0.0, 0.1, 0.5, 0.0])
    assert levels.silent_share(sounds) == 0.25
    assert levels.clipped_share(sounds) == 0.25


def test_levels_refuse_what_is_not_finite():
    with pytest.raises(errors.ZooError, match="NaN or infinite samples"):
        levels.rms_db(np.full((1, 8, 1), np.nan))


@pytest.mark.parametrize(
    ("legacy", "frame", "scale"), [(False, 1024, 1), (True, 2048, 32767)]
)
def test_sc09_images_by_scipy(rng, legacy, frame, scale):
    sounds = np.zeros((2, 9000, 1), np.float32)
    sounds[1, :, 0] = rng.uniform(-0.5, 0.5, 9000)
    images = log_mel.sc09_images(sounds, legacy=legacy)
    assert images.shape == (2, 128, 128)
    np.testing.assert_allclose(images[0], np.log(1e-6), rtol=1e-6)
    # The frame that begins with sample 20 · 128, HTK's mel scale by hand.
    window = scipy.signal.get_window("hann", frame)
    part = sounds[1, 20 * 128 : 20 * 128 + frame, 0] * window * scale
    hz = np.arange(1, frame // 2 + 1) * 16000 / frame

    def to_mel(f):
        return 1127.0 * np.log1p(np.asarray(f) / 700.0)

    edges = np.linspace(to_mel(40), to_mel(7800), 130)
    low, middle, high = (edges[i : i + 128, None] for i in range(3))
    rising, falling = (
        (to_mel(hz) - low) / (middle - low),
        (high - to_mel(hz)) / (high - middle),
    )
    bands = np.maximum(0, np.minimum(rising, falling))
    expected = np.log(bands @ np.abs(np.fft.rfft(part))[1:] + 1e-6)
    np.testing.assert_allclose(images[1, 20], expected, atol=2e-2)
