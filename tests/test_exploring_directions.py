"""Directions of the latents: found where they are, and tested elsewhere."""

import types

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from gansynth_zoo.exploring import directions

SIZE = 12


def alike(one, other):
    """Cosine of the angle between two vectors."""
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_the_direction_of_a_descriptor_is_found(rng):
    latents = rng.uniform(-1, 1, (800, SIZE)).astype("f4")
    true = rng.standard_normal(SIZE)
    values = 1000 * np.tanh(latents @ true) + 50 * rng.standard_normal(800)
    values[::7] = np.nan
    (found,) = directions.of_descriptors(
        latents, np.zeros(800, int), {"brightness": values}
    )
    assert alike(found.vector, true) > 0.98
    assert np.linalg.norm(found.vector) == pytest.approx(1.0)
    assert found.correlation > 0.9
    low, high = found.range
    # Twice the deviation of a uniform latent.
    assert high == -low == pytest.approx(2 / np.sqrt(3), rel=0.05)


def test_what_a_label_does_is_no_direction(rng):
    labels = rng.integers(0, 2, 1000)
    latents = rng.standard_normal((1000, SIZE))
    # The first latent tells the label, which is what rules the descriptor.
    latents[:, 0] += 3 * labels
    values = 20.0 * labels + latents[:, 1]
    (found,) = directions.of_descriptors(latents, labels, {"x": values})
    assert abs(found.vector[0]) < 0.1
    assert found.vector[1] > 0.95
    assert found.correlation > 0.9


def test_what_the_latents_do_not_rule_is_left_out(rng):
    latents = rng.standard_normal((600, SIZE))
    values = {
        "chance": rng.standard_normal(600),
        "constant": np.ones(600),
        "rare": np.where(np.arange(600) < 20, latents[:, 0], np.nan),
    }
    labels = np.zeros(600, int)
    assert directions.of_descriptors(latents, labels, values) == []


def test_fewer_sounds_than_latents_are_enough_to_try(rng):
    latents = rng.standard_normal((60, 100))
    values = 5 * latents[:, 3]
    (found,) = directions.of_descriptors(
        latents, np.zeros(60, int), {"x": values}
    )
    assert np.argmax(np.abs(found.vector)) == 3


def test_principal_directions_are_those_that_sampling_finds(rng):
    """GANSpace: components of the first layer's output, regressed on latents.

    The layer has a row for each latent, and then one for each label.
    """
    kernel = rng.standard_normal((SIZE + 3, 5, 8)) * 0.1
    kernel[:SIZE] *= np.linspace(3, 0.1, SIZE)[:, None, None]
    module = types.SimpleNamespace(
        weights=[
            tf.Variable(np.zeros(40)),
            tf.Variable(kernel),
            tf.Variable(np.zeros((SIZE + 3, 2))),
        ]
    )
    instrument = types.SimpleNamespace(
        facts={"latent_size": SIZE}, names=["a", "b", "c"], module=module
    )
    latents = rng.standard_normal((40_000, SIZE))
    found = directions.principal(instrument, latents)
    output = latents @ kernel[:SIZE].reshape(SIZE, -1)
    output -= output.mean(axis=0)
    _, _, components = np.linalg.svd(output.T @ output)
    scores = output @ components[:5].T
    slopes = np.linalg.lstsq(latents, scores, rcond=None)[0].T
    assert [one.kind for one in found] == ["principal"] * 5
    for one, slope in zip(found, slopes, strict=True):
        assert abs(alike(one.vector, slope)) > 0.99
        assert one.range[1] == pytest.approx(2.0, rel=0.02)


def test_without_a_first_layer_there_are_no_principal_directions():
    instrument = types.SimpleNamespace(
        facts={"latent_size": SIZE},
        names=[],
        module=types.SimpleNamespace(weights=[tf.Variable([1.0])]),
    )
    assert directions.principal(instrument, np.zeros((2, SIZE))) == []


@given(
    strategies.lists(
        strategies.tuples(strategies.integers(0, 5), strategies.floats(-9, 9)),
        min_size=3,
        max_size=30,
    )
)
@settings(max_examples=50, deadline=None)
def test_the_rank_correlation_is_that_of_scipy(pairs):
    x, y = np.array(pairs).T
    found = directions.rank_correlation(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert found == 0
    else:
        expected = scipy.stats.spearmanr(x, y).statistic
        assert found == pytest.approx(expected, abs=1e-9)
