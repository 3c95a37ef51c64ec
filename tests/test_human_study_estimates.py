import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from scipy import stats

from gansynth_zoo.listening import estimates

outcomes = st.integers(1, 400).flatmap(
    lambda count: st.tuples(st.integers(0, count), st.just(count))
)


@settings(deadline=None)
@given(outcomes)
def test_wilson_and_sign_test_agree_with_scipy(outcome):
    successes, count = outcome
    test = stats.binomtest(successes, count)
    expected = test.proportion_ci(method="wilson")
    np.testing.assert_allclose(
        estimates.wilson(successes, count), expected, atol=1e-9
    )
    assert estimates.sign_test(successes, count) == pytest.approx(
        test.pvalue, rel=1e-6
    )


def test_no_toss_proves_nothing():
    assert estimates.sign_test(0, 0) == 1


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 29, 400, 20_000])
def test_t_quantile_agrees_with_scipy(freedom):
    expected = stats.t.ppf(0.975, freedom)
    assert estimates.t_quantile(freedom) == pytest.approx(expected, rel=1e-4)


def study(rng, listeners, trials, of_listener=1.0, of_trial=1.0):
    """Values, listeners and trials of a study in which all answer to all."""
    listener, trial = np.mgrid[:listeners, :trials].reshape(2, -1)
    values = rng.normal(0, of_listener, listeners)[listener]
    values = values + rng.normal(0, of_trial, trials)[trial]
    return values + rng.normal(0, 0.5, len(values)), listener, trial


def test_mean_interval_of_answers_that_differ_by_listener_alone(rng):
    values, listener, trial = study(rng, 12, 6, of_trial=0)
    means = values.reshape(12, 6).mean(axis=1)
    expected = stats.t.interval(
        0.95, 11, means.mean(), means.std(ddof=1) / np.sqrt(12)
    )
    one_trial = np.zeros(len(values), int)
    found = estimates.mean_interval(values, listener, one_trial)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    # The roles may change.
    found = estimates.mean_interval(values, one_trial, listener)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "effects", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]
)
def test_mean_interval_holds_the_mean_in_95_of_100(rng, effects):
    held = 0
    for _ in range(300):
        values, *clusters = study(rng, 10, 15, *effects)
        low, high = estimates.mean_interval(values, *clusters)
        held += low < 0 < high
    # Three standard errors of a share are 0.038.
    assert held / 300 > 0.912


def test_mean_interval_of_one_answer_is_unknown():
    assert estimates.mean_interval([3], ["ann"], ["t1"]) is None
    low, high = estimates.mean_interval([3, 3], ["ann"] * 2, ["t1", "t2"])
    assert low == high == 3


def units(*raters):
    """Rows of raters, "." for a gap, to the answers of each unit."""
    columns = zip(*(row.split() for row in raters), strict=True)
    return [[int(v) for v in column if v != "."] for column in columns]


KRIPPENDORFF = units(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


# Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, sections C
# and D; the two of sections A and B have no gaps.
@pytest.mark.parametrize(
    ("metric", "expected"), [("nominal", 0.743), ("interval", 0.849)]
)
def test_alpha_of_the_published_example(metric, expected):
    found = estimates.alpha(KRIPPENDORFF, metric)
    assert found == pytest.approx(expected, abs=5e-4)


def test_alpha_of_two_raters_and_two_values():
    # Section A: 10 units, disagreement on 4.
    found = estimates.alpha(units("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"))
    assert found == pytest.approx(0.095, abs=5e-4)


def test_alpha_of_perfect_and_of_random_answers(rng):
    assert estimates.alpha([[1, 1], [2, 2], [2, 2, 2]]) == 1
    random = rng.integers(0, 5, (4000, 3)).tolist()
    for metric in ("nominal", "interval"):
        assert abs(estimates.alpha(random, metric)) < 0.03


def test_alpha_cannot_be_computed():
    assert estimates.alpha([[1], [2]]) is None
    assert estimates.alpha([[1, 1], [1, 1]]) is None
