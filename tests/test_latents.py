import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from gansynth_zoo import latents


@pytest.mark.parametrize(
    ("prior", "truncation"),
    [("uniform", None), ("uniform", 0.5), ("normal", None), ("normal", 2.5)],
)
def test_a_seed_has_one_latent_whatever_stands_beside_it(prior, truncation):
    several = latents.from_seeds(prior, 6, tf.constant([3, 9, 4]), truncation)
    alone = latents.from_seeds(prior, 6, tf.constant([9]), truncation)
    np.testing.assert_array_equal(several[1], alone[0])
    assert len(np.unique(several)) == several.numpy().size


def test_large_seeds_differ():
    seeds = tf.constant([1, 1 + 2**32, -1], tf.int64)
    assert len(np.unique(latents.from_seeds("normal", 1, seeds))) == 3


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_interpolation_starts_and_ends_at_its_points(prior, rng):
    first, second = rng.normal(size=(2, 8)).astype(np.float32)
    path = latents.interpolate(prior, first, second, [0.0, 1.0])
    np.testing.assert_allclose(path, [first, second], atol=1e-6)


def test_uniform_interpolation_is_straight():
    path = latents.interpolate(
        "uniform", tf.constant([0.0, 1.0]), tf.constant([1.0, -1.0]), [0.25]
    )
    np.testing.assert_allclose(path, [[0.25, 0.5]])


def test_normal_interpolation_keeps_to_the_sphere_at_even_angles():
    first, second = tf.constant([2.0, 0.0]), tf.constant([0.0, 2.0])
    path = latents.interpolate("normal", first, second, [1 / 3, 2 / 3]).numpy()
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2.0, rtol=1e-6)
    angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(angles, [30.0, 60.0], rtol=1e-5)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_interpolation_between_parallel_latents_is_finite(factor, rng):
    first = rng.normal(size=8).astype(np.float32)
    path = latents.interpolate("normal", first, factor * first, [0.5])
    assert np.isfinite(path).all()


@pytest.mark.parametrize("truncation", [0.5, 1.0, 2.5, 4.0])
def test_truncated_latents_have_the_truncated_distribution(truncation):
    drawn = latents.sample("normal", [50_000], [1, 2], truncation).numpy()
    assert np.abs(drawn).max() <= truncation
    expected = stats.truncnorm(-truncation, truncation)
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01
    # The test above sees little of the tails.
    np.testing.assert_allclose(
        (np.abs(drawn) > 0.9 * truncation).mean(),
        2 * expected.sf(0.9 * truncation),
        atol=0.004,
    )


def test_truncated_uniform_latents_are_uniform():
    drawn = latents.sample("uniform", [50_000], [1, 2], 0.6).numpy()
    expected = stats.uniform(-0.6, 1.2)
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01


def test_truncation_leaves_the_untruncated_numbers_as_they_were():
    plain = latents.sample("normal", [4], [1, 2])
    again = tf.random.stateless_normal([4], [1, 2], alg="philox")
    np.testing.assert_array_equal(plain, again)
