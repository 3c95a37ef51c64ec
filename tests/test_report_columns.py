import types

import numpy as np
import pytest
import scipy.spatial.distance

from gansynth_zoo import errors
from gansynth_zoo.reporting import columns


def test_each_class_has_a_frechet_distance_to_its_own(rng):
    """In closed form: the same covariance, another mean for each class."""
    names = np.repeat(["a", "b", "c"], 40)
    points = rng.normal(size=(120, 3))
    shifts = np.array([0.0, 1.0, 3.0])

    def side(points, order):
        row = types.SimpleNamespace(labels=names[order])
        return types.SimpleNamespace(points=points[order], row=row)

    real = side(points, np.arange(120))
    moved = points + np.repeat(shifts, 40)[:, np.newaxis]
    found = columns._frechet_per_class(
        side(moved, np.arange(120)[::-1]), real, None
    )
    squares = 3 * shifts**2
    np.testing.assert_allclose(
        found["frechet_per_class"], (squares.mean(), squares.std()), atol=1e-6
    )
    # Two sounds of a class have one dimension.
    few = side(moved, [0, 1, *range(40, 120)])
    (mean, _) = columns._frechet_per_class(few, real, None)["frechet_per_class"]
    assert mean < squares.mean()
    with pytest.raises(errors.ZooError, match="2 or more sounds of each of 3"):
        columns._frechet_per_class(
            side(moved, [0, *range(40, 120)]), real, None
        )


def test_nearest_is_what_scipy_finds(rng):
    train, held_out, made = (
        types.SimpleNamespace(log_mel=rng.normal(size=(count, 4)))
        for count in (30, 12, 20)
    )

    def nearest(row):
        distances = scipy.spatial.distance.cdist(row.log_mel, train.log_mel)
        return distances.min(axis=1).mean()

    def measured(row, held_out):
        reference = types.SimpleNamespace(held_out=held_out)
        sides = (columns.Side(each, reference) for each in (row, train))
        return columns._nearest(*sides, None)["nearest_relative"]

    expected = nearest(made) / nearest(held_out)
    assert measured(made, held_out) == pytest.approx(expected, rel=1e-6)
    assert measured(held_out, held_out) == 1
    assert measured(train, held_out) == 0
    with pytest.raises(errors.ZooError, match="copies alone"):
        measured(made, train)
