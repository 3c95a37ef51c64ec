import dataclasses
import itertools
import json
import pathlib
import random
import struct
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from gansynth_zoo import clips
from gansynth_zoo import config
from gansynth_zoo import losses
from gansynth_zoo import memory as memory_estimate
from gansynth_zoo import model_config
from gansynth_zoo import presets

# The benchmarks are not installed, and the checkout is not on the path: it
# would let `datasets` be imported under a second name.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import cost
    from benchmarks import data_pipeline
    from benchmarks import evaluation
    from benchmarks import generation
    from benchmarks import memory
    from benchmarks import plain
    from benchmarks import steps
    from benchmarks import timing
    from benchmarks import training_step
    from benchmarks import trials

SHAPE = (1024, 1)
# Every pair of shifts of the two shuffles, one for each example.
SHIFTS = np.array(list(itertools.product(range(-2, 3), repeat=2)), np.int32)
NO_LABELS = np.zeros(len(SHIFTS), np.int32)
SETTINGS = model_config.WaveGANConfig(dim=4)
TOY = ["--dim=2", "--num_samples=256", "--rounds=1", "--seconds=0"]


def make_generators():
    """The project's and the plain one, with the same weights."""
    zoo, other = (
        generator(SHAPE, SETTINGS, random.Random(0))
        for generator, _ in plain.VARIANTS.values()
    )
    for network in (zoo, other):
        network(tf.zeros([1, 100]), NO_LABELS[:1])
    other.set_weights(zoo.get_weights())
    return zoo, other


def make_discriminators(per):
    settings = dataclasses.replace(SETTINGS, shuffle_per=per)
    zoo, other = (
        discriminator(SHAPE, settings, random.Random(0))
        for _, discriminator in plain.VARIANTS.values()
    )
    for network in (zoo, other):
        network(tf.zeros([1, 1024, 1]), NO_LABELS[:1], tf.constant(SHIFTS[:1]))
    other.set_weights(zoo.get_weights())
    return zoo, other


def waveforms(rng):
    return tf.constant(rng.uniform(-1, 1, [len(SHIFTS), 1024, 1]), tf.float32)


def gradients(discriminator, real, fake, shifts):
    """Of the loss with its gradient penalty, by each weight."""

    def score(features):
        scores, _ = discriminator(features, NO_LABELS, shifts, training=True)
        return scores

    @tf.function
    def by_weights():
        with tf.GradientTape() as tape:
            factors = tf.linspace(0.0, 1.0, len(SHIFTS))
            total = losses.wasserstein_discriminator(score(real), score(fake))
            total += 10 * losses.gradient_penalty(score, real, fake, factors)
        weights = [v.value for v in discriminator.trainable_variables]
        return tape.gradient(
            total, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    return by_weights()


def check_close(ours, theirs, tolerance):
    """Relative to the largest value."""
    difference = np.max(np.abs(np.subtract(ours, theirs)))
    assert difference <= tolerance * np.max(np.abs(theirs))


def test_plain_networks_have_as_many_parameters():
    for zoo, other in (make_generators(), make_discriminators("example")):
        assert zoo.count_params() == other.count_params()


def test_plain_generator_makes_the_same_sounds(rng):
    latents = tf.constant(rng.uniform(-1, 1, [8, 100]), tf.float32)
    zoo, other = (
        generator(latents, NO_LABELS[:8]) for generator in make_generators()
    )
    assert zoo.shape == (8, 1024, 1)
    np.testing.assert_allclose(zoo, other, atol=1e-5)


@pytest.mark.parametrize("per", ["example", "batch"])
def test_plain_discriminator_gives_the_same_scores(rng, per):
    shifts = SHIFTS if per == "example" else np.full_like(SHIFTS, (2, -1))
    waveform = waveforms(rng)
    zoo, other = (
        network(waveform, NO_LABELS, tf.constant(shifts))[0]
        for network in make_discriminators(per)
    )
    np.testing.assert_allclose(zoo, other, atol=1e-5)


@pytest.mark.parametrize("per", ["example", "batch"])
def test_plain_discriminator_has_the_same_gradients(rng, per):
    shifts = SHIFTS if per == "example" else np.full_like(SHIFTS, (2, -1))
    real, fake = waveforms(rng), waveforms(rng)
    zoo, other = (
        gradients(network, real, fake, tf.constant(shifts))
        for network in make_discriminators(per)
    )
    for ours, theirs in zip(zoo, other, strict=True):
        check_close(ours, theirs, 1e-4)


@pytest.mark.parametrize(("dim", "giga"), [(64, 1.69), (16, 0.108)])
def test_work_of_a_pass(dim, giga):
    settings = model_config.WaveGANConfig(dim=dim)
    discriminator = plain.PlainDiscriminator((16384, 1), settings, None)
    with tf.Graph().as_default():
        shifts = tf.zeros([1, 4], tf.int32)
        inputs = tf.zeros([1, 16384, 1]), tf.zeros([1]), shifts
        discriminator(*inputs)  # makes the weights
        graph = tf.__internal__.FuncGraph("pass")
        with graph.as_default():
            graph.outputs = [discriminator(*inputs)[0]]
        multiply_adds = steps.graph_multiply_adds(graph)
    assert 2 * multiply_adds / 1e9 == pytest.approx(giga, rel=0.01)


def test_best_in_turns_takes_turns_and_the_best():
    calls = []

    def measure(name):
        calls.append(name)
        return timing.Sample(1.0 + len(calls), 20.0 - len(calls))

    best = timing.best_in_turns(
        {name: lambda count, name=name: measure(name) for name in "ab"}, 3, 0
    )
    assert "".join(calls) == "aabbababab"
    assert best == {
        "a": timing.Sample(6.0, 11.0),
        "b": timing.Sample(7.0, 10.0),
    }


def test_best_in_turns_measures_for_long_enough():
    counts = []

    def measure(count):
        counts.append(count)
        return timing.Sample(0.1, 0.1)

    timing.best_in_turns({"a": measure}, rounds=1, seconds=3, multiple=8)
    assert counts == [1, 1, 32]


def test_median_and_spread():
    samples = [timing.Sample(s, 2 * s) for s in (4.0, 1.0, 2.0, 8.0, 5.0)]
    assert timing.median(samples) == timing.Sample(4.0, 8.0)
    # The middle half reaches from 2 to 5.
    assert timing.spread(samples) == 1.5 / 4
    assert timing.spread(samples[:1]) == 0


def run(command, arguments, *given):
    values = flags.FlagValues()
    command.define_flags(values)
    values(["", *arguments])
    assert command.main(*given, values) == 0


def test_training_step_command(capsys, tiny):
    run(
        training_step,
        ["--rounds=1", "--seconds=0", "--part=generator"],
        tiny("wavegan_drums"),
    )
    about, _, zoo, other = capsys.readouterr().out.splitlines()
    assert about.startswith("wavegan_drums: dim 4, batch 4, 256 samples; peak")
    assert zoo.split()[:2] == ["generator", "zoo"]
    assert other.split()[:2] == ["generator", "plain"]
    assert other.split()[-2:] == ["1.00", "1.00"]


@pytest.mark.parametrize(
    "name", ["specgan_sc09_labels_small", "tifgan_sc09_small"]
)
def test_a_step_of_other_models(tiny, name):
    with plain.used("plain"):
        gan = steps.make_gan(tiny(name))
        step = steps.make_step(gan, "discriminator")
    assert np.isfinite(step().numpy())
    assert steps.graph_multiply_adds(step.graph) > 0


def test_work_of_the_steps(tiny):
    changes = {"penalty_interval": 8, "n_critic": 3, "batch_parts": 2}
    counts = steps.count_multiply_adds(tiny("wavegan_drums", **changes))
    # 256 samples are 16 · 4 · 4; the widths are 8 and 4, and of 25 taps.
    inner, outer = 16 * 25 * 4 * 8, 64 * 25 * 1 * 4
    dense, head = 100 * 16 * 8, 16 * 8
    fakes = dense + inner + outer
    # Forward, for the weights, and for the input, but not for a sound's.
    scores = 3 * inner + 2 * outer + 3 * head
    # Up to the last activation, the slope, and twice the gradient of that.
    penalty = 4 * inner + 4 * outer + 2 * head
    discriminator = 4 * (fakes + 2 * scores + penalty / 8)
    made = 2 * dense + 3 * inner + 3 * outer
    generator = 4 * (made + 2 * inner + 2 * outer + 2 * head)
    assert counts == {
        "discriminator": discriminator,
        "generator": generator,
        "iteration": 3 * discriminator + generator,
    }


def test_growing_networks_are_at_the_stage_that_is_asked_for(tiny):
    gan = steps.make_gan(tiny("gansynth_nsynth_small"))
    assert gan.stage == 4
    for stage in range(5):
        steps.enter_stage(gan, stage)
        assert gan.stage == stage


@pytest.mark.parametrize("count", [5, 200])
def test_clips_of_a_trial(tmp_path, count):
    audio = config.AudioConfig(num_samples=64)
    trials._write_clips(tmp_path / "clips", audio, count)
    found = clips.Clips(tmp_path / "clips")
    assert len(found) == count
    assert len(found.labels) == len(steps.LABELS)
    assert all(found.window(i, 0, 64).shape == (64, 1) for i in range(count))
    assert found.window(4, 0, 64).any()
    assert found.window(count - 1, 0, 64).any() == (count == 5)


def test_cost_command(capsys, monkeypatch, tiny, tmp_path):
    axes = {"num_samples": (100,), "cores": (1,), "precision": ("bfloat16",)}
    monkeypatch.setattr(cost, "AXES", axes)
    with ON_PATH:  # its process is started with it
        run(
            cost,
            [*(f"--axis={axis}" for axis in axes)]
            + ["--iterations=1", f"--out={tmp_path}"],
            tiny("wavegan_drums"),
        )
    left_out, _, row, other = capsys.readouterr().out.splitlines()
    assert left_out.startswith("Left out num_samples 100: Expected ")
    assert row.split()[:2] == ["cores", "1"]
    assert other.split()[:2] == ["precision", "bfloat16"]
    written = json.loads((tmp_path / "cost.json").read_text("utf-8"))
    assert written["preset"]["model"]["dim"] == 4
    point, _ = written["points"]
    assert 0 < point["input s"] < point["start-up s"]
    assert 0 < point["iteration s"] < point["start-up s"]
    assert 0 < point["MiB"] < 1000
    picture = (tmp_path / "cost.png").read_bytes()
    assert struct.unpack(">II", picture[16:24]) == (640, 600)


def test_factors_of_what_was_fitted(rng):
    estimates = [
        memory_estimate.Estimate(*parts)
        for parts in rng.uniform(1, 9, [5, 5]).tolist()
    ]
    measured = [
        3 * e.program + e.weights + e.gradients / 2 + e.batches + e.activations
        for e in estimates
    ]
    factors = memory._best_factors(estimates, measured)
    expected = {"program": 3, "gradients": 0.5, "activations": 1}
    assert factors == pytest.approx(expected)


def test_generation_command(capsys):
    run(generation, [*TOY, "--batch_size=1", "--batch_size=3"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        ["1", "zoo"],
        ["1", "plain"],
        ["3", "zoo"],
        ["3", "plain"],
    ]


def test_data_pipeline_command(capsys, monkeypatch, tiny):
    small = tiny()
    monkeypatch.setattr(presets, "get", lambda name: small)
    run(data_pipeline, ["--minutes=0.2", "--rounds=1", "--seconds=0"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    train, *others = rows
    assert train[:4] == ["train", "256", "4", "1"]
    assert train[-1] == "1.00"
    assert ["read", "first"] in [row[:2] for row in others]
    names = ["prepare", "TFDS", "copy", "decode", "write"]
    assert [row[0] for row in others[-5:]] == names
    for row in others:
        speed, _, multiple = (float(x.replace(",", "")) for x in row[-3:])
        ratio = speed / float(train[-3].replace(",", ""))
        assert multiple == pytest.approx(ratio, rel=0.02)


def test_evaluation_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ON_PATH:  # its processes are started with it
        run(evaluation, ["--count=20", "--num_samples=1024"])
    (row,) = capsys.readouterr().out.splitlines()[1:]
    count, seconds, per_1000, own, mapped = (
        float(cell.replace(",", "")) for cell in row.split()
    )
    assert count == 20
    assert per_1000 == pytest.approx(50 * seconds, rel=0.01)
    assert 0 <= own <= mapped
    assert list(tmp_path.iterdir()) == []
