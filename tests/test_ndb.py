import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import sklearn.cluster

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import k_means
from gansynth_zoo.evaluation import ndb


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Every set of these tests takes many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", 200)
        yield


def inertia(features, centres):
    across = scipy.spatial.distance.cdist(features, centres)
    return np.sum(across.min(axis=1) ** 2)


def test_k_means_finds_clusters_that_are_apart(rng):
    centres = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10], [50, 50]])
    features = np.repeat(centres, 100, axis=0) + rng.normal(size=(500, 2)) / 9
    found = k_means.fit(features.astype(np.float32), 5, seed=3)
    order = np.lexsort(found.round().T)
    np.testing.assert_allclose(
        found[order], centres[np.lexsort(centres.T)], atol=0.1
    )
    numbers, distances = k_means.assign(features, found)
    assert len(set(numbers[:100])) == 1 and len(set(numbers)) == 5
    np.testing.assert_allclose(
        np.sum(distances**2), inertia(features, found), rtol=1e-9
    )


def test_k_means_is_as_tight_as_scikit_learn(rng):
    features = rng.normal(size=(600, 3))
    peer = sklearn.cluster.KMeans(20, n_init=3, random_state=0).fit(features)
    own = inertia(features, k_means.fit(features, 20))
    assert own < 1.05 * peer.inertia_


def test_k_means_is_a_function_of_its_seed(rng):
    features = rng.normal(size=(100, 3))
    first, second = (k_means.fit(features, 9, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.any(k_means.fit(features, 9, seed=6) != first)


def test_centres_that_lost_their_rows_are_used_again():
    features = np.array([[0.0], [1.0], [10.0], [11.0]])
    centres, total = k_means._iterate(features, np.array([[5.0], [99.0]]))
    assert sorted(centres[:, 0]) == [0.5, 10.5] and total == 1.0


def test_k_means_of_too_few_kinds_of_sound():
    with pytest.raises(errors.ZooError, match="3 different sounds .* 2;"):
        k_means.fit(np.repeat(np.eye(2), 5, axis=0), 3)


def test_p_values_are_those_of_a_chi_squared_test():
    first, second = np.array([30, 70, 400]), np.array([45, 60, 195])
    expected = [
        scipy.stats.chi2_contingency(
            [[a, 500 - a], [b, 300 - b]], correction=False
        ).pvalue
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(ndb.p_values(first, second), expected)


def test_bins_that_are_empty_or_hold_all_do_not_differ():
    counts = np.array([0, 50]), np.array([0, 80])
    np.testing.assert_array_equal(ndb.p_values(*counts), [1.0, 1.0])
    assert ndb.divergence(*counts) == 0.0


def test_divergence_equals_scipy_and_ends_at_log_2(rng):
    first, second = rng.integers(0, 9, (2, 12))
    np.testing.assert_allclose(
        ndb.divergence(first, second),
        scipy.spatial.distance.jensenshannon(first, second) ** 2,
    )
    apart = ndb.divergence(np.array([5, 0]), np.array([0, 3]))
    np.testing.assert_allclose(apart, np.log(2))


def test_a_twentieth_of_the_bins_differ_by_chance(rng):
    # The bins do not depend on either set, as the test demands.
    counts = rng.multinomial(2000, np.full(50, 0.02), size=(2, 40))
    differ = [
        np.mean(ndb.p_values(a, b) < ndb.SIGNIFICANCE)
        for a, b in zip(*counts, strict=True)
    ]
    np.testing.assert_allclose(np.mean(differ), 0.05, atol=0.015)


def test_matched_halves_differ_in_few_bins_and_missing_kinds_are_seen(rng):
    values = rng.normal(size=(3000, 2))
    bins = ndb.fit(values[::2], bins=30)
    assert bins.counts.sum() == 1500
    matched = ndb.compare(bins, values[1::2])
    assert matched.share <= 0.2 and matched.divergence < 0.02
    half = ndb.compare(bins, values[1::2][values[1::2, 0] > 0])
    assert half.number > 20 and half.divergence > 0.15
    one = ndb.compare(bins, np.tile(values[:1], (1500, 1)))
    assert one.number > 25 and one.divergence > 0.5


def test_says_how_many_sounds_it_needs(rng):
    values = rng.normal(size=(49, 2))
    with pytest.raises(errors.ZooError, match="50 or more .* received 49"):
        ndb.fit(values, bins=10)
    bins = ndb.fit(values, bins=9)
    with pytest.raises(errors.ZooError, match="45 or more .* received 44"):
        ndb.compare(bins, values[:44])
