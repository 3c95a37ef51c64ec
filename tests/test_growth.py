import fractions
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gansynth_zoo import growth

NSYNTH = growth.Schedule(blocks=7, stable=800_000, transition=800_000)


# Where each stage of GANSynth's own training ends.
@pytest.mark.parametrize("stage", range(12))
def test_stages_of_the_papers_training(stage):
    end = 800_000 * (stage + 1)
    assert NSYNTH.stage(end - 1) == stage
    assert NSYNTH.stage(end) == stage + 1
    assert NSYNTH.start(stage + 1) == end


def test_the_last_stage_never_ends():
    assert growth.last_stage(7) == 12
    assert NSYNTH.stage(11_000_000) == NSYNTH.stage(10**9) == 12
    assert NSYNTH.blend(12, 11_000_000) == 1.0


def progress_of(blocks, stable, transition, examples):
    """GANSynth's progress, as its code computes it."""
    cap = blocks * stable + (blocks - 1) * transition - 1
    examples = min(examples, max(cap, 0))
    pairs, rest = divmod(examples, stable + transition)
    part = fractions.Fraction(max(0, rest - stable), transition)
    return pairs + part


@given(
    st.integers(1, 8),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(0, 1000),
)
def test_schedule_is_the_papers_progress(blocks, stable, transition, examples):
    schedule = growth.Schedule(blocks, stable, transition)
    stage = schedule.stage(examples)
    blend = schedule.blend(stage, examples)
    assert 0 <= stage <= growth.last_stage(blocks)
    assert schedule.start(stage) <= examples
    if stage < growth.last_stage(blocks):
        assert examples < schedule.start(stage + 1)
    progress = stage // 2 + (blend if growth.fades(stage) else 0)
    assert progress == pytest.approx(
        float(progress_of(blocks, stable, transition, examples)), abs=1e-12
    )


def test_without_lengths_all_blocks_train_from_the_start():
    assert growth.Schedule(5, 0, 0).stage(0) == 8


def test_transitions_may_follow_each_other():
    schedule = growth.Schedule(3, 0, 2)
    assert [schedule.stage(i) for i in range(5)] == [1, 1, 3, 3, 4]


def test_stages_may_follow_each_other_without_transitions():
    schedule = growth.Schedule(3, 2, 0)
    assert [schedule.stage(i) for i in range(5)] == [0, 0, 2, 2, 4]


def test_blend_of_a_tensor():
    examples = tf.constant(1_000_000, tf.int64)
    assert float(NSYNTH.blend(1, examples)) == 0.25


def test_upscaling_repeats(rng):
    x = rng.normal(size=[2, 3, 4, 5]).astype(np.float32)
    for factor in (1, 2, 4):
        expected = x.repeat(factor, axis=1).repeat(factor, axis=2)
        np.testing.assert_array_equal(growth.upscale(x, factor), expected)


def test_downscaling_takes_means(rng):
    x = rng.normal(size=[2, 8, 12, 3]).astype(np.float32)
    for factor in (1, 2, 4):
        squares = x.reshape([2, 8 // factor, factor, 12 // factor, factor, 3])
        np.testing.assert_allclose(
            growth.downscale(x, factor), squares.mean(axis=(2, 4)), atol=1e-6
        )


def real_mix(x, blocks, progress):
    """The sum over all blocks, each with its weight, by NumPy."""
    total = np.zeros(x.shape)
    batch, frames, bins, channels = x.shape
    for b in range(1, blocks + 1):
        weight = max(0, min(progress - (b - 2), b - progress))
        f = 2 ** (blocks - b)
        small = x.reshape(batch, frames // f, f, bins // f, f, channels)
        detail = small.mean(axis=(2, 4)).repeat(f, axis=1).repeat(f, axis=2)
        total += weight * detail
    return total


@pytest.mark.parametrize("stage", range(5))
@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_real_examples_are_the_documented_mix(stage, blend, rng):
    x = rng.normal(size=[2, 8, 16, 2]).astype(np.float32)
    progress = stage // 2 + (blend if stage % 2 else 0.0)
    mixed = growth.blend_real(x, 3, stage, blend)
    np.testing.assert_allclose(mixed, real_mix(x, 3, progress), atol=1e-6)


@pytest.mark.parametrize("stage", [1, 3])
def test_real_examples_go_on_where_a_stage_begins(stage, rng):
    x = rng.normal(size=[2, 8, 16, 2]).astype(np.float32)
    for blend, neighbour in [(0.0, stage - 1), (1.0, stage + 1)]:
        np.testing.assert_allclose(
            growth.blend_real(x, 3, stage, blend),
            growth.blend_real(x, 3, neighbour, math.nan),
            atol=1e-6,
        )


def test_real_examples_of_the_last_stage_are_untouched(rng):
    x = tf.constant(rng.normal(size=[2, 8, 16, 2]), tf.float32)
    assert growth.blend_real(x, 3, 4, 1.0) is x
