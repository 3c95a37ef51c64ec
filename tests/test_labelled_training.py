"""Labels in training: what is learned of them, where they come from."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import clips
from gansynth_zoo import config
from gansynth_zoo import draws
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import runs
from gansynth_zoo import training

LABELS = np.array([2, 0, 1, 2], np.int32)
SEED, DRIFT, PENALTY, LABEL = 3, 0.5, 10.0, 7.0
RECIPE = config.Recipe(
    n_critic=1, penalty_weight=PENALTY, drift_weight=DRIFT, label_weight=LABEL
)


def told(preset, kind, names=("a", "b", "c"), counts=(1, 1, 2)):
    """A preset that has found its labels."""
    model = dataclasses.replace(
        preset.model,
        conditioning=kind,
        label_names=names,
        label_counts=counts,
    )
    return dataclasses.replace(preset, model=model)


class Case:
    """A gan whose weights change by minus their gradients, and a batch.

    Args:
      preset: a preset that has found its labels.
      step: steps that were done.
      blocks_left: blocks that are not trained yet.
      growth: arguments of networks that grow.
    """

    def __init__(self, preset, step=0, blocks_left=0, **growth):
        self.gan = assemble.make_gan(preset)
        self.gan.step.assign(step)
        self.gan.compile(
            assemble.find_loss(dataclasses.replace(preset, recipe=RECIPE)),
            RECIPE,
            keras.optimizers.SGD(1.0),
            keras.optimizers.SGD(1.0),
            train=config.TrainConfig(batch_size=4, ema_decay=0.0, seed=SEED),
        )
        self._step, self._growth = step, growth
        shape = assemble.make_representation(preset).feature_shape
        rng = np.random.default_rng(0)
        self.real = rng.uniform(-1, 1, (4, *shape)).astype(np.float32)
        self._blocks_left = blocks_left

    def train(self):
        batch = {
            "features": tf.constant(self.real[:, np.newaxis]),
            "labels": tf.constant(LABELS[:, np.newaxis]),
            "rows": tf.range(4, dtype=tf.int64),
        }
        logs = tf.function(self.gan.train_step)(batch)
        assert set(logs) == set(self.gan.logged)
        return logs

    def _draws(self, update):
        step = tf.constant(self._step, tf.int64)
        return draws.Draws(SEED, step, update, range(4), 4)

    def _fake(self, random):
        latents = random.latents(self.gan.latent_prior, self.gan.latent_size)
        return self.gan.generator(latents, LABELS, **self._growth)

    def _judge(self, random, features, use, labels=LABELS):
        shifts = random.shifts(use, self.gan.discriminator.shuffles)
        return self.gan.discriminator(features, labels, shifts, **self._growth)

    def _blended(self):
        """Real features with the detail of a block that is half faded in."""
        if not self._growth:
            return self.real
        detail = 2**self._blocks_left
        fine, coarse = (
            means(self.real, size).repeat(size, 1).repeat(size, 2)
            for size in (detail, 2 * detail)
        )
        blend = self._growth["blend"]
        return blend * fine + (1 - blend) * coarse

    def penalty(self, labels=LABELS):
        random, real = self._draws(0), self._blended()
        factors = tf.reshape(random.factors(), [4] + [1] * (real.ndim - 1))
        points = factors * self._fake(random) + (1 - factors) * real
        with tf.GradientTape() as tape:
            tape.watch(points)
            scores, _ = self._judge(
                random, points, draws.SHIFTS_PENALTY, labels
            )
        slopes = tf.reshape(tape.gradient(scores, points), [4, -1])
        return PENALTY * tf.reduce_mean((tf.norm(slopes, axis=1) - 1) ** 2)

    def losses_of_discriminator(self):
        """What is to be logged, and the whole."""
        random = self._draws(0)
        scores, logits = self._judge(random, self._blended(), draws.SHIFTS_REAL)
        fakes, _ = self._judge(random, self._fake(random), draws.SHIFTS_FAKE)
        loss = tf.reduce_mean(fakes) - tf.reduce_mean(scores)
        loss += DRIFT * tf.reduce_mean(scores**2)
        label_loss, penalty = surprise(logits), self.penalty()
        return loss, label_loss, loss + penalty + LABEL * label_loss

    def losses_of_generator(self):
        random = self._draws(1)
        fakes, logits = self._judge(
            random, self._fake(random), draws.SHIFTS_FAKE
        )
        loss, label_loss = -tf.reduce_mean(fakes), surprise(logits)
        return loss, label_loss, loss + LABEL * label_loss


def means(x, size):
    batch, frames, bins, channels = x.shape
    x = x.reshape(batch, frames // size, size, bins // size, size, channels)
    return x.mean(axis=(2, 4))


def surprise(logits):
    """Mean of minus the logarithm of the right label's probability."""
    if not logits.shape[1]:
        return 0.0
    odds = tf.exp(logits)
    right = tf.reduce_sum(odds * tf.one_hot(LABELS, 3), axis=1)
    return tf.reduce_mean(tf.math.log(tf.reduce_sum(odds, axis=1) / right))


def check_moved(network, before, losses):
    """The weights moved by minus the gradient of the last of the losses."""
    after = network.get_weights()
    network.set_weights(before)
    with tf.GradientTape() as tape:
        *told, whole = losses()
    weights = [weight.value for weight in network.trainable_variables]
    gradients = tape.gradient(
        whole, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    moves = [b - a for a, b in zip(after, before, strict=True)]
    assert any(np.abs(move).max() > 1e-3 for move in moves)
    for move, gradient in zip(moves, gradients, strict=True):
        np.testing.assert_allclose(move, gradient, rtol=1e-3, atol=1e-5)
    network.set_weights(after)
    return told


@pytest.mark.parametrize(
    ("name", "kind", "where"),
    [
        ("wavegan_sc09_labels_small", "auxiliary", {}),
        ("wavegan_sc09_labels_small", "projection", {}),
        (
            "gansynth_nsynth_small",
            "auxiliary",
            {"step": 2, "blocks_left": 1, "stage": 1, "blend": 0.5},
        ),
    ],
)
def test_a_step_goes_down_the_documented_losses(tiny, name, kind, where):
    size = {} if "stage" in where else {"num_samples": 128}
    case = Case(told(tiny(name, **size), kind), **where)
    networks = case.gan.discriminator, case.gan.generator
    before = [network.get_weights() for network in networks]
    logs = case.train()
    found = {}
    # The generator's loss is that of the discriminator as it is by then.
    after = networks[1].get_weights()
    networks[1].set_weights(before[1])
    found["discriminator"] = check_moved(
        networks[0], before[0], case.losses_of_discriminator
    )
    networks[1].set_weights(after)
    found["generator"] = check_moved(
        networks[1], before[1], case.losses_of_generator
    )
    for network, (loss, label_loss) in found.items():
        np.testing.assert_allclose(logs[f"{network}_loss"], loss, rtol=1e-4)
        if kind == "auxiliary":
            np.testing.assert_allclose(
                logs[f"{network}_label_loss"], label_loss, rtol=1e-4
            )


def test_the_penalty_of_a_projection_is_of_the_labelled_score(tiny):
    preset = tiny("wavegan_sc09_labels_small", num_samples=128)
    case = Case(told(preset, "projection"))
    expected, other = (
        float(case.penalty(labels)) for labels in (LABELS, LABELS[::-1])
    )
    assert abs(expected - other) > 1e-3
    np.testing.assert_allclose(case.train()["penalty"], expected, rtol=1e-5)


def test_two_replicas_give_the_labels_of_one(tiny, sgd, two_devices):
    ends = []
    for strategy in (tf.distribute.get_strategy(), two_devices):
        preset = tiny("wavegan_sc09_labels_small", num_samples=64)
        preset = sgd(preset, 1e-2)
        made = clip_sources.load_clips(preset)
        preset = assemble.fit_labels(preset, made)
        with strategy.scope():
            gan = assemble.make_gan(preset)
        windows = pipeline.Windows(made, preset.audio, preset.data, True)
        dataset = training.distribute(preset, windows, gan, strategy, 0)
        training.run_loop(gan, iter(dataset), 2, strategy, [])
        ends.append([*map(np.asarray, gan.weights)])
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


@pytest.fixture
def make_clips(tmp_path):
    """Function: label of each sound -> its clips."""

    def make(*labels):
        with clips.writing(tmp_path / "set", 16000, 1) as writer:
            for label in labels:
                writer.add(np.full((4, 1), 0.5, np.float32), label)
        return clips.Clips(tmp_path / "set")

    return make


def test_labels_are_counted(tiny, make_clips):
    preset = tiny("wavegan_sc09_labels_small")
    fitted = assemble.fit_labels(preset, make_clips("b", None, "c", "a", "b"))
    assert fitted.model.label_names == ("a", "b", "c")
    assert fitted.model.label_counts == (1, 2, 1)
    assert fitted.model.classes == 3
    assert assemble.make_gan(fitted).label_counts == (1, 2, 1)


def test_labels_that_are_not_asked_for_are_not_looked_at(tiny, make_clips):
    assert assemble.fit_labels(tiny(), make_clips("a", "b")) == tiny()


@pytest.mark.parametrize("labels", [(None, None), ("a", "a", None)])
def test_sounds_without_two_labels_are_refused(tiny, make_clips, labels):
    preset = tiny("wavegan_sc09_labels_small")
    with pytest.raises(errors.ZooError, match="two labels or more .*-folders"):
        assemble.fit_labels(preset, make_clips(*labels))


@pytest.mark.parametrize("labels", ["ac", "abc", "ba"])
def test_other_labels_than_the_run_has_are_refused(tiny, make_clips, labels):
    preset = tiny("wavegan_sc09_labels_small")
    preset = told(preset, "projection", ("a", "b"), (3, 4))
    if labels == "ba":  # the order in which they come does not matter
        assert assemble.fit_labels(preset, make_clips(*labels)).model.classes
        return
    with pytest.raises(
        errors.ZooError, match="2 labels of the run, a, b, received a, "
    ):
        assemble.fit_labels(preset, make_clips(*labels))


def test_folders_of_a_folder_become_the_labels_of_the_run(pitched):
    model = pitched.read_preset().model
    assert model.label_names == ("60", "62", "64")
    assert model.label_counts == (2, 1, 3)


@pytest.fixture
def resumed(pitched, tmp_path):
    """A copy of the run and of its sounds, to go on with."""
    shutil.copytree(pitched.path, tmp_path / "run")
    preset = pitched.read_preset()
    sounds = tmp_path / "sounds"
    shutil.copytree(preset.data.audio_dir, sounds)
    changes = {"audio_dir": str(sounds), "steps": 3}
    return runs.Run(tmp_path / "run"), config.replace(preset, changes)


def test_a_resumed_run_keeps_its_labels(resumed):
    run, preset = resumed
    said = []
    assert training.train(preset, run, report=said.append)
    assert run.steps()[0] == 3
    assert run.read_preset().model == preset.model
    assert any(line.endswith("6 windows an epoch.") for line in said)
    assert "Left out: 1 clips that have no label." in said


def test_a_run_is_not_resumed_with_other_labels(resumed):
    run, preset = resumed
    before = run.read_preset()
    sounds = preset.data.audio_dir
    shutil.move(f"{sounds}/62", f"{sounds}/63")
    with pytest.raises(
        errors.ZooError, match="run, 60, 62, 64, received 60, 63, 64; start"
    ):
        training.train(preset, run, report=lambda _: None)
    assert run.read_preset() == before
    assert run.steps() == [2]
