import numpy as np
import pytest

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import descriptors
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.evaluation import log_mel

RATE = 16000


def sine(frequency, samples=RATE):
    t = np.arange(samples) / RATE
    return np.sin(2 * np.pi * frequency * t)[np.newaxis, :, np.newaxis]


def test_kernel_distance_by_loops(rng):
    x, y = rng.normal(size=(5, 3)), rng.normal(1.0, 2.0, (4, 3))
    scale = np.sqrt(x.var(axis=0).mean())
    centre = x.mean(axis=0)

    def kernel(a, b):
        a, b = (a - centre) / scale, (b - centre) / scale
        return (np.dot(a, b) / 3 + 1) ** 3

    def within(s):
        pairs = [(i, j) for i in range(len(s)) for j in range(len(s)) if i != j]
        return np.mean([kernel(s[i], s[j]) for i, j in pairs])

    across = np.mean([kernel(a, b) for a in x for b in y])
    np.testing.assert_allclose(
        kernel_distance.kernel_distance(x, y),
        within(x) + within(y) - 2 * across,
    )


def test_kernel_distance_is_about_0_for_one_distribution(rng):
    # The reference sets centre and scale, so only large sets are unbiased.
    values = [
        kernel_distance.kernel_distance(*rng.normal(size=(2, 400, 8)))
        for _ in range(20)
    ]
    assert abs(np.mean(values)) < 0.01
    shifted = rng.normal(1.0, 1.0, (400, 8))
    far = kernel_distance.kernel_distance(rng.normal(size=(400, 8)), shifted)
    assert far > 1.0


def test_kernel_distance_is_the_same_in_blocks(rng, monkeypatch):
    x, y = rng.normal(size=(30, 3)), rng.normal(1.0, 2.0, (25, 3))
    whole = kernel_distance.kernel_distance(x, y)
    monkeypatch.setattr(blocks, "_ROWS", 7)
    np.testing.assert_allclose(kernel_distance.kernel_distance(x, y), whole)


def test_kernel_distance_of_subsets_of_all_rows_is_that_of_the_set(rng):
    x, y = rng.normal(size=(30, 3)), rng.normal(1.0, 2.0, (30, 3))
    mean, deviation = kernel_distance.kernel_distance_of_subsets(
        x, y, subsets=4, size=30
    )
    np.testing.assert_allclose(mean, kernel_distance.kernel_distance(x, y))
    assert deviation < 1e-9


def test_kernel_distance_of_subsets_is_unbiased(rng):
    x, y = rng.normal(size=(600, 3)), rng.normal(0.5, 1.0, (600, 3))
    mean, deviation = kernel_distance.kernel_distance_of_subsets(
        x, y, subsets=60, size=50
    )
    whole = kernel_distance.kernel_distance(x, y)
    assert abs(mean - whole) < 4 * deviation / np.sqrt(60)
    again = kernel_distance.kernel_distance_of_subsets(
        x, y, subsets=60, size=50
    )
    assert again == (mean, deviation)


def test_kernel_distance_says_what_it_needs(rng):
    x = rng.normal(size=(30, 3))
    with pytest.raises(errors.ZooError, match="1000 or more reference .* 30;"):
        kernel_distance.kernel_distance_of_subsets(x, x)
    with pytest.raises(errors.ZooError, match="one row 30 times"):
        kernel_distance.kernel_distance(np.full((30, 3), 0.1), x)
    with pytest.raises(errors.ZooError, match="of 3 values each, received 2"):
        kernel_distance.kernel_distance(x, x[:, :2])


def test_diversity_needs_two_sounds(rng):
    with pytest.raises(errors.ZooError, match="2 or more .* received 1"):
        diversity.mean_pairwise_distance(rng.normal(size=(1, 3)))


def test_diversity_of_copies_is_0():
    features = np.tile([0.3, -0.7], (5, 1))
    assert diversity.mean_pairwise_distance(features) < 1e-7


@pytest.mark.parametrize("frequency", [200, 1000, 5000])
def test_centroid_of_a_sine_is_its_frequency(frequency):
    centroid = descriptors.spectral_centroid(sine(frequency), RATE)
    np.testing.assert_allclose(centroid, [frequency], rtol=1e-3)


def test_peak_to_rms_of_a_sine_and_a_square():
    square = np.sign(sine(100) + 1e-9)
    np.testing.assert_allclose(
        descriptors.peak_to_rms(np.concatenate([sine(100), square])),
        [20 * np.log10(np.sqrt(2)), 0.0],
        atol=1e-3,
    )


def test_silence_has_finite_descriptors_and_features():
    silence = np.zeros((1, 4096, 1))
    assert descriptors.spectral_centroid(silence, RATE) == [0.0]
    assert descriptors.peak_to_rms(silence) == [0.0]
    np.testing.assert_allclose(log_mel.features(silence, RATE), 0.0, atol=1e-5)


def test_log_mel_features_ignore_the_level_and_see_the_pitch():
    low, high = sine(300), sine(3000)
    features = log_mel.features(np.concatenate([low, 0.1 * low, high]), RATE)
    np.testing.assert_allclose(features[0], features[1], atol=0.02)
    frames = features.reshape(3, -1, 32)
    assert frames[0].mean(axis=0).argmax() < frames[2].mean(axis=0).argmax()
