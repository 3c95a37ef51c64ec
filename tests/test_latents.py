import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import latents


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_a_seed_has_one_latent_whatever_stands_beside_it(prior):
    several = latents.from_seeds(prior, 6, tf.constant([3, 9, 4]))
    alone = latents.from_seeds(prior, 6, tf.constant([9]))
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
