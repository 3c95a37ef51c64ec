import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import frechet
from gansynth_zoo.evaluation import reduction


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Every set of these tests takes many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", 15)
        yield


def distance(x, y):
    return frechet.frechet_distance(
        frechet.Gaussian.of(x), frechet.Gaussian.of(y)
    )


def by_scipy(x, y):
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    step = x.mean(axis=0) - y.mean(axis=0)
    root = scipy.linalg.sqrtm(a @ b).real
    return step @ step + np.trace(a + b - 2 * root)


def mixed(rng, count=60, dimensions=5):
    turn = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=(count, dimensions)) @ turn + rng.normal(size=5)


def test_equals_the_formula_by_scipy(rng):
    x, y = mixed(rng), mixed(rng, 40)
    np.testing.assert_allclose(distance(x, y), by_scipy(x, y), rtol=1e-9)
    np.testing.assert_allclose(distance(y, x), distance(x, y), rtol=1e-9)


def test_one_dimension_is_the_difference_of_means_and_deviations(rng):
    x, y = rng.normal(1.0, 2.0, (50, 1)), rng.normal(-2.0, 0.5, (70, 1))
    np.testing.assert_allclose(
        distance(x, y),
        (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2,
    )


def test_moments_equal_numpy_in_any_batches(rng):
    # Far from 0, where sums of squares would have lost all digits.
    values = (1e6 + rng.normal(size=(50, 3))).astype(np.float64)
    gaussian = frechet.Gaussian(3)
    for batch in np.split(values, [1, 2, 30]):
        gaussian.update(batch)
    np.testing.assert_allclose(gaussian.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        gaussian.covariance, np.cov(values, rowvar=False), rtol=1e-6, atol=1e-9
    )


def test_is_0_for_a_set_and_itself_even_where_it_is_flat(rng):
    values = mixed(rng)
    values[:, 3] = values[:, 0] + values[:, 1]
    values[:, 4] = 0.25
    assert distance(values, values) < 1e-6
    constant = np.full((20, 4), 0.3)
    assert distance(constant, constant) == 0.0
    np.testing.assert_allclose(distance(constant, constant + 1), 4.0)


def test_halves_of_one_set_are_near_and_another_set_is_far(rng):
    values = rng.normal(size=(2000, 8))
    assert distance(values[::2], values[1::2]) < 0.05
    np.testing.assert_allclose(
        distance(values[::2], values[1::2] + 1.0), 8.0, rtol=0.1
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_order_and_rotation_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    x, y = mixed(rng), mixed(rng)
    turn = scipy.stats.special_ortho_group.rvs(5, random_state=seed)
    np.testing.assert_allclose(
        distance(rng.permutation(x) @ turn, y @ turn),
        distance(x, y),
        rtol=1e-6,
    )


def test_says_how_many_sounds_it_needs(rng):
    few = rng.normal(size=(19, 10))
    with pytest.raises(errors.ZooError, match="20 or more .* received 19"):
        distance(few, few)
    enough = rng.normal(size=(30, 3))
    with pytest.raises(errors.ZooError, match="10 and 3 dimensions"):
        distance(few, enough)
    enough[4, 1] = np.inf
    with pytest.raises(errors.ZooError, match="NaN or infinite"):
        distance(enough, enough)


def test_reduction_keeps_the_principal_components(rng):
    scales = 0.5 ** np.arange(30)
    values = rng.normal(size=(80, 30)) * scales @ scipy.linalg.hadamard(32)[:30]
    reduce = reduction.fit(values, 4)
    centred = values - values.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(
        np.abs(reduce(values)), np.abs(centred @ axes[:4].T), atol=1e-6
    )
    np.testing.assert_allclose(
        reduce.axes.T @ reduce.axes, np.eye(4), atol=1e-12
    )


def test_reduction_keeps_most_variance_of_features_that_fade_slowly(rng):
    values = rng.normal(size=(60, 300)) / np.sqrt(1 + np.arange(300))
    kept = reduction.fit(values, 10)(values).var(axis=0).sum()
    singular = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)
    assert kept > 0.98 * np.sum(singular[:10] ** 2) / 60


def test_reduction_says_what_it_needs(rng):
    values = rng.normal(size=(8, 20))
    with pytest.raises(errors.ZooError, match="9 or more .* received 8"):
        reduction.fit(values, 9)
    with pytest.raises(errors.ZooError, match="of 20 values each"):
        reduction.fit(values, 3)(values[:, 1:])
