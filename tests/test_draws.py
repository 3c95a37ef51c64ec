import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import draws
from gansynth_zoo import phase_shuffle

SHUFFLES = phase_shuffle.Shuffles(count=3, radius=2)


def make_draws(rows, seed=1, step=5, update=0, batch_size=8):
    return draws.Draws(
        seed, tf.constant(step, tf.int64), update, tf.constant(rows), batch_size
    )


def all_of(made):
    return (
        made.latents("uniform", 4),
        made.latents("normal", 4),
        made.factors(),
        made.shifts(draws.SHIFTS_REAL, SHUFFLES),
        made.shifts(draws.SHIFTS_FAKE, SHUFFLES),
    )


def test_a_row_is_the_same_whoever_draws_it():
    whole = all_of(make_draws(range(8)))
    parts = [all_of(make_draws(rows)) for rows in ([0, 1, 2], [3, 4, 5, 6, 7])]
    for values, *shares in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(values, np.concatenate(shares))


@pytest.mark.parametrize("other", [{"seed": 2}, {"step": 6}, {"update": 1}])
def test_seed_step_and_update_change_all(other):
    first = all_of(make_draws(range(8)))
    second = all_of(make_draws(range(8), **other))
    for one, two in zip(first, second, strict=True):
        assert not np.array_equal(one, two)


def test_uses_differ():
    made = make_draws(range(8))
    real, fake, penalty = (
        made.shifts(use, SHUFFLES).numpy()
        for use in (draws.SHIFTS_REAL, draws.SHIFTS_FAKE, draws.SHIFTS_PENALTY)
    )
    assert not np.array_equal(real, fake)
    assert not np.array_equal(real, penalty)


def test_shifts_take_every_value_within_the_radius():
    made = make_draws(range(512), batch_size=512)
    shifts = made.shifts(draws.SHIFTS_REAL, SHUFFLES)
    assert shifts.shape == (512, 3)
    assert set(np.unique(shifts)) == {-2, -1, 0, 1, 2}


def test_shifts_per_batch_are_one_for_all_rows():
    shuffles = phase_shuffle.Shuffles(count=3, radius=8, per="batch")
    shifts = make_draws(range(8)).shifts(draws.SHIFTS_REAL, shuffles).numpy()
    assert (shifts == shifts[0]).all()
    assert len(set(shifts[0])) > 1


def test_latents_and_factors_have_their_ranges():
    made = make_draws(range(4096), batch_size=4096)
    uniform = made.latents("uniform", 4).numpy()
    assert -1 <= uniform.min() < -0.99 < 0.99 < uniform.max() <= 1
    normal = made.latents("normal", 4).numpy()
    assert abs(normal.std() - 1) < 0.03
    factors = made.factors().numpy()
    assert 0 <= factors.min() < 0.01 < 0.99 < factors.max() < 1
