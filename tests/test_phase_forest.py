import pathlib
import sys
from unittest import mock

import numpy as np
import pytest
import scipy.sparse
import soundfile
import tensorflow as tf
from absl import flags
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo.dsp import griffin_lim
from gansynth_zoo.dsp import phase_forest
from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as stft_
from gansynth_zoo.evaluation import consistency

ROOT = pathlib.Path(__file__).parents[1]
# As in test_benchmarks.py.
with mock.patch.object(sys, "path", [str(ROOT), *sys.path]):
    from benchmarks import heap_integration
    from benchmarks import phase_retrieval

GABOR = stft_.Stft("gaussian", 512, 128, circular=True)
THRESHOLD = phase_forest.THRESHOLD


@pytest.fixture(scope="module")
def drums():
    """Real sounds, float32 `[batch, samples]`, cut or padded to 8192."""
    paths = sorted((ROOT / "datasets/drums_mini/clips").rglob("*.flac"))[::20]
    clips = [soundfile.read(path, dtype="float32")[0][:8192] for path in paths]
    return np.stack([np.pad(x, (0, 8192 - len(x))) for x in clips])


def level_of(waveform):
    """Log magnitude as TiFGAN has it, clipped at e^-10 of the loudest."""
    level = np.log(np.abs(GABOR.analyse(waveform).numpy()) + 1e-9)
    return np.maximum(level, level.max(axis=(1, 2), keepdims=True) - 10)


def background(level):
    return np.zeros(level.shape[1:], np.float32)


def random_increments(shape):
    rng = np.random.default_rng(0)
    batch, frames, bins = shape
    return (
        rng.uniform(-9, 9, [batch, frames - 1, bins]).astype(np.float32),
        rng.uniform(-9, 9, [batch, frames, bins - 1]).astype(np.float32),
    )


def grid_edges(values, combine):
    """Of two neighbours' values, for edges along time, then frequency."""
    return [
        combine(values[1:], values[:-1]).ravel(),
        combine(values[:, 1:], values[:, :-1]).ravel(),
    ]


def check_forest(level, phase, increments):
    """One clip's phase follows a spanning forest, as heavy as SciPy's."""
    heard = level > level.max() - THRESHOLD
    nodes = np.arange(level.size, dtype=np.int32).reshape(level.shape)
    start, stop = (
        np.concatenate(grid_edges(nodes, lambda a, b, i=i: (b, a)[i]))
        for i in (0, 1)
    )
    inside = np.concatenate(grid_edges(heard, np.logical_and))
    # SciPy's is the lightest forest, and takes 0 for no edge.
    weight = np.concatenate(grid_edges(np.float64(level), np.add))
    weight -= 2 * level.max() + 1
    forest = scipy.sparse.csgraph.minimum_spanning_tree(
        scipy.sparse.coo_array(
            (-weight[inside], (start[inside], stop[inside])),
            (level.size, level.size),
        ).tocsr()
    )
    grown = np.concatenate(grid_edges(phase, np.subtract))
    wanted = np.concatenate([part.ravel() for part in increments])
    error = np.abs(np.angle(np.exp(1j * (grown - wanted))))
    followed = inside & (error < 1e-5)
    assert followed.sum() == forest.nnz
    np.testing.assert_allclose(-weight[followed].sum(), forest.sum())


@tf.function(
    input_signature=[tf.TensorSpec([None] * 3)] * 3
    + [tf.TensorSpec([None] * 2)]
)
def integrate(level, time, frequency, noise):
    return phase_forest.integrate(level, time, frequency, noise)


def check_forests(level):
    increments = random_increments(level.shape)
    phase = integrate(level, *increments, background(level))
    for i in range(len(level)):
        check_forest(level[i], phase[i].numpy(), [x[i] for x in increments])


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(2, 20), st.integers(3, 20)),
    steps=st.sampled_from([2, 5, 1000]),
    seed=st.integers(0, 99),
)
def test_forest_is_as_heavy_as_scipys(shape, steps, seed):
    # Few steps make plateaus and many ties.
    rng = np.random.default_rng(seed)
    level = np.round(rng.uniform(-10, 0, shape) * steps / 10) * 10 / steps
    check_forests(level.astype(np.float32))


def test_forest_is_as_heavy_as_scipys_on_real_sounds(drums):
    check_forests(level_of(drums[:3]))


def test_phase_without_curl_comes_back(rng):
    true = rng.uniform(-20, 20, (2, 24, 33)).astype(np.float32)
    level = np.zeros_like(true)
    increments = np.diff(true, axis=1), np.diff(true, axis=2)
    phase = integrate(level, *increments, background(level))
    turned = np.exp(1j * (phase.numpy() - true)).reshape(2, -1)
    np.testing.assert_allclose(
        turned, turned[:, :1].repeat(24 * 33, 1), atol=1e-4
    )


def retrieve(level):
    level = tf.convert_to_tensor(level)
    increments = phase_gradient.increments_of_magnitude(GABOR, level)
    noise = GABOR.random_phase(tf.shape(level)[1])
    return phase_forest.integrate(level, *increments, noise)


def test_phase_is_at_least_as_good_as_the_heaps(drums):
    by_heap = phase_retrieval._in_numpy(
        heap_integration.integrate, phase_retrieval._heap
    )
    level = level_of(drums)
    magnitude = np.exp(level)
    forest = griffin_lim.griffin_lim(GABOR, magnitude, retrieve(level), 0)
    forest, heap = (
        consistency.spectral_convergence(GABOR, magnitude, waveform).mean()
        for waveform in (forest, by_heap(level))
    )
    assert forest < heap + 0.2
    assert forest < -15


def test_a_clip_alone_is_as_in_its_batch(drums):
    level = level_of(drums)
    np.testing.assert_array_equal(retrieve(level[2:3]), retrieve(level)[2:3])


def test_bins_under_the_threshold_have_the_background(rng):
    level = rng.uniform(-20, 0, (2, 9, 257)).astype(np.float32)
    noise = np.broadcast_to(GABOR.random_phase(9), level.shape)
    quiet = level <= level.max(axis=(1, 2), keepdims=True) - THRESHOLD
    phase = retrieve(level).numpy()
    np.testing.assert_array_equal(phase[quiet], noise[quiet])
    assert np.mean(phase[~quiet] == noise[~quiet]) < 0.01


@pytest.mark.parametrize("value", [0.0, -23.0, -np.inf, np.nan, np.inf])
def test_what_is_no_sound_has_a_finite_phase(value):
    level = np.full([2, 12, 257], value, np.float32)
    level[0, 3, 5] = 1.0
    phase = retrieve(level).numpy()
    assert np.all(np.isfinite(phase)) and np.all(np.abs(phase) <= 3.15)


def test_derivatives_that_are_no_numbers_do_not_hang():
    level = np.zeros([1, 6, 257], np.float32)
    nan = np.full_like(level, np.nan)
    increments = phase_gradient.increments_of_derivatives(GABOR, nan, nan)
    phase = integrate(level, *increments, background(level))
    assert phase.shape == level.shape


def test_export_is_the_same_to_the_bit(drums, tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, 257])])
        def waveform(self, level):
            magnitude = tf.exp(level)
            return griffin_lim.griffin_lim(
                GABOR, magnitude, retrieve(level), 2, 0.99
            )

    module = Module()
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    level = level_of(drums[:2])
    for batch in (level, level[:1, :40]):
        np.testing.assert_array_equal(
            loaded.waveform(batch), module.waveform(batch)
        )
    graph = module.waveform.get_concrete_function().graph.as_graph_def()
    nodes = [
        *graph.node,
        *(n for f in graph.library.function for n in f.node_def),
    ]
    assert not [node.op for node in nodes if "PyFunc" in node.op]


def test_benchmark_command(archives, capsys, monkeypatch):
    methods = {
        "silence": lambda level: np.zeros([len(level), 16384], np.float32)
    }
    monkeypatch.setattr(phase_retrieval, "make_methods", lambda: methods)
    values = flags.FlagValues()
    phase_retrieval.define_flags(values)
    toy = "--part=quality --part=time --clips=2 --batch_size=2 --seconds=0"
    values(["", f"--archives={archives}", *toy.split()])
    assert phase_retrieval.main(values) == 0
    header, row, _, timed = capsys.readouterr().out.splitlines()
    assert (
        header.split()
        == "dB sc09 sc09_fsdd mancini_piano noisy blurred".split()
    )
    # The error of silence is all of it.
    assert row.split() == ["silence", *["0.00"] * 5]
    assert timed.split()[:2] == ["2", "silence"]
