import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.evaluation import classification
from gansynth_zoo.evaluation import frechet
from gansynth_zoo.evaluation import inception_score


def softmaxes(rng, count, classes=5):
    return scipy.special.softmax(3 * rng.normal(size=(count, classes)), axis=1)


def test_inception_score_of_one_group_equals_scipy(rng):
    p = softmaxes(rng, 40)
    divergences = scipy.stats.entropy(p, p.mean(axis=0, keepdims=True), axis=1)
    mean, deviation = inception_score.inception_score(p, splits=1)
    np.testing.assert_allclose(mean, np.exp(divergences.mean()))
    assert deviation == 0.0


def test_inception_score_is_over_seeded_groups_of_all_sounds(rng):
    # Of groups of one, each is its own mean.
    assert inception_score.inception_score(softmaxes(rng, 8), splits=8) == (
        pytest.approx(1.0),
        pytest.approx(0.0, abs=1e-12),
    )
    p = softmaxes(rng, 60)
    first, again, other = (
        inception_score.inception_score(p, splits=4, seed=s) for s in (0, 0, 1)
    )
    assert first == again and first != other and first[1] > 0


def test_sure_and_balanced_is_the_number_of_classes(rng):
    p = np.eye(10)[np.tile(np.arange(10), 30)]
    mean, _ = inception_score.inception_score(p, splits=1)
    np.testing.assert_allclose(mean, 10.0)
    np.testing.assert_allclose(inception_score.am_score(p, p), 0.0, atol=1e-9)
    # Nine pairs of ten are of two classes, as far apart as the floor allows.
    np.testing.assert_allclose(
        np.log(inception_score.modified_inception_score(p)),
        0.9 * -np.log(1e-12),
    )


@pytest.mark.parametrize("row", [np.eye(4)[2], [0.1, 0.2, 0.3, 0.4]])
def test_one_class_or_identical_sounds_are_1(row):
    p = np.tile(row, (20, 1))
    mean, deviation = inception_score.inception_score(p, splits=5)
    np.testing.assert_allclose([mean, deviation], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(inception_score.modified_inception_score(p), 1.0)


def test_modified_inception_score_equals_all_pairs(rng):
    p = softmaxes(rng, 12)
    pairs = [scipy.stats.entropy(a, b) for a in p for b in p]
    np.testing.assert_allclose(
        inception_score.modified_inception_score(p), np.exp(np.mean(pairs))
    )


def test_am_score_equals_scipy(rng):
    p, training = softmaxes(rng, 12), softmaxes(rng, 30)
    expected = scipy.stats.entropy(training.mean(axis=0), p.mean(axis=0))
    expected += scipy.stats.entropy(p, axis=1).mean()
    np.testing.assert_allclose(inception_score.am_score(p, training), expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_scores_keep_their_range_and_ignore_names_of_classes(seed):
    rng = np.random.default_rng(seed)
    p = scipy.special.softmax(30 * rng.normal(size=(20, 6)), axis=1)
    mean, _ = inception_score.inception_score(p, splits=2)
    assert 1.0 <= mean <= 6.0
    renamed, _ = inception_score.inception_score(p[:, ::-1], splits=2)
    np.testing.assert_allclose(renamed, mean)


def test_scores_say_what_they_need(rng):
    p = softmaxes(rng, 12)
    with pytest.raises(errors.ZooError, match="5 divides, received 12; use 10"):
        inception_score.inception_score(p, splits=5)
    with pytest.raises(errors.ZooError, match="divides, received 3; use 10"):
        inception_score.inception_score(p[:3])
    with pytest.raises(errors.ZooError, match="1 or more .* received 0"):
        inception_score.modified_inception_score(p[:0])
    with pytest.raises(errors.ZooError, match="a sum of 1 .* softmax"):
        inception_score.modified_inception_score(np.log(p))
    with pytest.raises(errors.ZooError, match="NaN"):
        inception_score.modified_inception_score(p * np.nan)
    with pytest.raises(errors.ZooError, match="of 5 values each, received 4"):
        inception_score.am_score(p, np.full((3, 4), 0.25))


def test_accuracy_and_entropy_by_hand():
    p = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25]])
    assert classification.accuracy(p, np.array([0, 2, 0])) == 2 / 3
    np.testing.assert_allclose(
        classification.entropy(p), np.log(2) * (1 + 0 + 1.5) / 3
    )
    assert classification.entropy(np.eye(3)) == 0.0


def test_accuracy_refuses_labels_of_another_classifier():
    with pytest.raises(errors.ZooError, match="0 to 2, received 0 to 3"):
        classification.accuracy(np.eye(3), np.array([0, 3, 1]))
    with pytest.raises(errors.ZooError, match="3 whole labels"):
        classification.accuracy(np.eye(3), np.array([0, 1]))
    with pytest.raises(errors.ZooError, match="3 whole labels"):
        classification.accuracy(np.eye(3), np.array([0.0, 1.0, 2.0]))


def test_frechet_per_class_is_that_of_each_class(rng):
    real, made = rng.normal(size=(2, 40, 3))
    labels = np.tile([1, 7], 20)
    made[labels == 7] += 2.0
    shuffle = rng.permutation(40)
    found = classification.frechet_per_class(
        real, labels, made[shuffle], labels[shuffle]
    )
    expected = frechet.frechet_distance(
        frechet.Gaussian.of(real[::2]), frechet.Gaussian.of(made[::2])
    )
    assert found.keys() == {1, 7}
    np.testing.assert_allclose(found[1], expected)
    assert found[7] > 9.0 > found[1]


def test_frechet_per_class_names_a_class_that_is_missing(rng):
    real = rng.normal(size=(40, 3))
    labels = np.tile([1, 7], 20)
    with pytest.raises(errors.ZooError, match="class 7 in one of them"):
        classification.frechet_per_class(
            real, labels, real, np.ones(40, np.int64)
        )
