import dataclasses
import itertools
import pathlib
import random
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from gansynth_zoo import losses
from gansynth_zoo import model_config
from gansynth_zoo import presets

# The benchmarks are not installed, and the checkout is not on the path: it
# would let `datasets` be imported under a second name.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import data_pipeline
    from benchmarks import evaluation
    from benchmarks import generation
    from benchmarks import plain
    from benchmarks import timing
    from benchmarks import training_step

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
    discriminator = plain.PlainDiscriminator(
        (16384, 1), model_config.WaveGANConfig(dim=dim), None
    )
    with tf.Graph().as_default():
        shifts = tf.zeros([1, 4], tf.int32)
        discriminator(tf.zeros([1, 16384, 1]), tf.zeros([1]), shifts)
        flop = plain.pass_flop(discriminator, 16384)
    assert flop / 1e9 == pytest.approx(giga, rel=0.01)


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


def run(command, arguments):
    values = flags.FlagValues()
    command.define_flags(values)
    values(["", *arguments])
    assert command.main(values) == 0


def test_training_step_command(capsys):
    with ON_PATH:  # its processes are started with it
        run(
            training_step,
            [*TOY, "--part=generator", "--batch_size=2"],
        )
    header, zoo, other = capsys.readouterr().out.splitlines()
    assert zoo.split()[:4] == ["generator", "2", "2", "zoo"]
    assert other.split()[3] == "plain"
    assert other.split()[-2:] == ["1.00", "1.00"]


@pytest.mark.parametrize("part", ["discriminator", "iteration"])
def test_each_part_of_a_training_step_is_measured(tiny, part):
    setting = training_step.Setting(part, tiny("wavegan_drums_small"))
    assert training_step._measure("plain", setting, 1).seconds > 0


@pytest.mark.parametrize(
    ("preset", "part", "passes"),
    [
        ("wavegan_drums", "discriminator", 11),
        ("wavegan_drums", "generator", 5),
        ("wavegan_drums", "iteration", 60),
        ("wavegan_drums_small", "discriminator", 7.5),
    ],
)
def test_least_work(tiny, preset, part, passes):
    n_critic = presets.get(preset).recipe.n_critic
    small = tiny(preset, batch_size=3, n_critic=n_critic)
    setting = training_step.Setting(part, small)
    discriminator = plain.make_gan("plain", setting.preset).discriminator
    flop = 3 * passes * plain.pass_flop(discriminator, 256)
    assert training_step._least_flop(setting) == pytest.approx(flop)


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
