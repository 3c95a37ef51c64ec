import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import sklearn.neighbors
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import nearest_neighbour
from gansynth_zoo.evaluation import neighbours
from gansynth_zoo.evaluation import precision_recall

cdist = scipy.spatial.distance.cdist


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    """Every set of these tests takes many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", 7)
        yield


def test_tiles_cover_all_pairs_once(rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(5.0, 1.0, (17, 3))
    whole = np.zeros((20, 17))
    for rows, columns, tile in blocks.distances(x, y):
        assert max(tile.shape) <= 7
        whole[rows, columns] += tile
    np.testing.assert_allclose(whole, cdist(x, y), rtol=1e-9)


def test_blocks_of_long_rows_have_few():
    assert len(blocks.slices(np.zeros((3, 1)))) == 1
    long = np.lib.stride_tricks.as_strided(np.zeros(1), (3, 2**22), (0, 0))
    assert len(blocks.slices(long)) == 3  # of 32 MiB each


def test_copies_far_from_the_middle_are_0_apart(rng):
    rows = (1e3 * rng.normal(size=(20, 3))).astype(np.float32)
    assert np.all(neighbours.distances(rows, rows[::-1]) == 0)


@pytest.mark.parametrize("count", [1, 4])
def test_neighbours_equal_scikit_learn(rng, count):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    search = sklearn.neighbors.NearestNeighbors(n_neighbors=count)
    expected, _ = search.fit(y).kneighbors(x)
    np.testing.assert_allclose(neighbours.distances(x, y, count), expected)
    expected, _ = search.kneighbors()  # of each row of y, without itself
    np.testing.assert_allclose(
        neighbours.distances_to_others(y, count), expected
    )


def test_diversity_equals_scipy(rng):
    features = rng.normal(size=(20, 4))
    np.testing.assert_allclose(
        diversity.mean_pairwise_distance(features),
        scipy.spatial.distance.pdist(features).mean(),
    )


def test_nearest_neighbour_equals_its_definition(rng):
    generated, real = rng.normal(size=(2, 12, 4))
    training = rng.normal(size=(40, 4))

    def within(x):
        return np.sort(cdist(x, x), axis=1)[:, 1].mean()

    def to_training(x):
        return cdist(x, training).min(axis=1).mean()

    found = nearest_neighbour.measure(generated, training)
    np.testing.assert_allclose(
        [found.within, found.to_training],
        [within(generated), to_training(generated)],
    )
    relative = found.over(nearest_neighbour.measure(real, training))
    np.testing.assert_allclose(
        [relative.within, relative.to_training],
        [
            within(generated) / within(real),
            to_training(generated) / to_training(real),
        ],
    )


def test_nearest_neighbour_sees_copies_and_repetition(rng):
    training = rng.normal(size=(30, 4))
    copies = nearest_neighbour.measure(training[:10], training)
    assert copies.to_training == 0 and copies.within > 0.5
    one = np.tile(rng.normal(size=4), (10, 1))
    repeated = nearest_neighbour.measure(one, training)
    assert repeated.within == 0 and repeated.to_training > 0


def test_nearest_neighbour_says_what_it_needs(rng):
    x, y = rng.normal(size=(2, 5, 4))
    with pytest.raises(errors.ZooError, match="2 or more .* received 1"):
        nearest_neighbour.measure(x[:1], y)
    found = nearest_neighbour.measure(x, y)
    with pytest.raises(errors.ZooError, match="copies alone"):
        found.over(nearest_neighbour.measure(y, y))


def by_definition(real, generated, k):
    """Precision, recall, density and coverage."""
    across = cdist(real, generated)
    balls = np.sort(cdist(real, real), axis=1)[:, [k]]
    own_balls = np.sort(cdist(generated, generated), axis=1)[:, k]
    inside = across <= balls
    return [
        inside.any(axis=0).mean(),
        (across <= own_balls).any(axis=1).mean(),
        inside.sum() / (k * len(generated)),
        inside.any(axis=1).mean(),
    ]


def measured(real, generated, k):
    first = precision_recall.precision_recall(real, generated, k)
    second = precision_recall.density_coverage(real, generated, k)
    return [first.precision, first.recall, second.density, second.coverage]


@pytest.mark.parametrize("k", [1, 5])
def test_precision_and_recall_equal_their_definitions(rng, k):
    real, generated = rng.normal(size=(30, 3)), rng.normal(1.5, 1, (20, 3))
    expected = by_definition(real, generated, k)
    assert 0 < min(expected) and expected[0] < 1
    np.testing.assert_allclose(measured(real, generated, k), expected)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_order_rotation_and_scale_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 20, 3))
    turn = 3.0 * scipy.stats.special_ortho_group.rvs(3, random_state=seed)
    np.testing.assert_allclose(
        measured(rng.permutation(x) @ turn, rng.permutation(y) @ turn, 3),
        measured(x, y, 3),
    )


def test_precision_and_recall_of_the_same_far_and_few_sounds(rng):
    real = rng.normal(size=(30, 3))
    assert measured(real, real[::-1], 3)[:2] == [1.0, 1.0]
    assert measured(real, real[::-1], 3)[3] == 1.0
    assert measured(real, real + 100.0, 3) == [0.0] * 4
    # Ten times one good sound: precise, but what is it worth.
    one = np.tile(real[:1], (10, 1))
    precision, recall, _, coverage = measured(real, one, 3)
    assert precision == 1.0 and recall < 0.1 and coverage < 0.3
    # All sounds alike, in both sets: silence, say.
    assert measured(np.zeros((9, 3)), np.zeros((9, 3)), 3)[:2] == [1.0, 1.0]


def test_matched_halves_have_density_and_coverage_near_1(rng):
    # Naeem et al. 2020: coverage is 1 - 2^-k for large sets.
    real, generated = rng.normal(size=(2, 300, 2))
    found = precision_recall.density_coverage(real, generated, 5)
    np.testing.assert_allclose(
        [found.density, found.coverage], [1.0, 1 - 2**-5], atol=0.1
    )


def test_precision_and_recall_say_what_they_need(rng):
    few = rng.normal(size=(3, 2))
    with pytest.raises(errors.ZooError, match="4 or more real .* received 3"):
        precision_recall.precision_recall(few, few)
    with pytest.raises(errors.ZooError, match="6 or more real .* received 3"):
        precision_recall.density_coverage(few, few)
