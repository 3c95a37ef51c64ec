"""Growth in training: stages, what begins anew with them, resuming."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import callbacks
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import runs
from gansynth_zoo import training

# Stage 0 is steps 0 and 1, stage 1 is 2 and 3, the last begins with step 4.
STARTS = (0, 2, 4)
STEPS = 6
ONE = tf.distribute.get_strategy()


@pytest.fixture(scope="module")
def prepared(tiny):
    """A preset of two blocks with what it found of its sounds, and those."""
    preset = tiny(
        "gansynth_nsynth_small",
        blocks=2,
        dim=2,
        loss="dcgan",  # which is compiled soonest
        stable_examples=8,
        transition_examples=8,
    )
    clips = clip_sources.load_clips(preset)
    preset = assemble.fit_labels(preset, clips)
    windows = pipeline.Windows(clips, preset.audio, preset.data, True)
    numbers = np.arange(len(windows))
    sounds = windows.read(numbers, np.zeros(len(windows)))
    return assemble.fit_representation(preset, [sounds]), windows


def go_on(prepared, gan, steps, watching=(), strategy=ONE):
    """Trains from where it stands, by the trainer's own loop."""
    preset, windows = prepared
    first_step = int(gan.step.numpy())
    dataset = training.distribute(preset, windows, gan, strategy, first_step)
    training.run_loop(gan, iter(dataset), steps, strategy, list(watching))


def state_of(gan):
    """All that a checkpoint holds."""
    parts = [gan, gan.generator_optimizer, gan.discriminator_optimizer]
    return [np.asarray(v) for part in parts for v in part.variables]


def last_blocks(gan):
    """Kernels of the second block of both networks."""
    networks = gan.generator, gan.discriminator
    return [np.asarray(network.second[1].kernel) for network in networks]


class Watch(keras.callbacks.Callback):
    """Writes down where each stage begins, and the age of the optimizers."""

    def __init__(self):
        super().__init__()
        self.begun, self.ended, self.ages, self.kernels = [], [], {}, []

    def on_train_begin(self, logs=None):
        self.kernels.append(last_blocks(self.model))

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append((int(self.model.step.numpy()), epoch))
        self._write()

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append((int(self.model.step.numpy()), epoch))
        self.kernels.append(last_blocks(self.model))

    def on_train_batch_end(self, batch, logs=None):
        assert batch == int(self.model.step.numpy())
        self._write()

    def _write(self):
        gan = self.model
        self.ages[int(gan.step.numpy()), gan.stage] = [
            int(optimizer.iterations)
            for optimizer in (
                gan.generator_optimizer,
                gan.discriminator_optimizer,
            )
        ]


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    """A gan trained without a stop, what was seen, and its previews."""
    gan = assemble.make_gan(prepared[0])
    watch, heard = Watch(), []

    def listen(step, sounds):
        heard.append((step, sounds, gan.generate(*gan.seeded(tf.range(2)))))

    folder = tmp_path_factory.mktemp("previews")
    writer = tf.summary.create_file_writer(str(folder))
    previews = callbacks.Previews(
        folder, writer, 16000, 0, count=2, listeners=[listen]
    )
    go_on(prepared, gan, STEPS, [watch, previews])
    return gan, watch, heard


def test_each_stage_is_an_epoch(whole):
    _, watch, _ = whole
    assert watch.begun == [(0, 0), (2, 1), (4, 2)]
    assert watch.ended == [(2, 0), (4, 1), (STEPS, 2)]


def test_optimizers_begin_anew_with_each_stage_and_never_within(whole):
    _, watch, _ = whole
    assert {step for step, _ in watch.ages} >= {*STARTS, STEPS}
    for (step, stage), ages in watch.ages.items():
        assert ages == [step - STARTS[stage]] * 2


def test_a_block_waits_for_its_stage(whole):
    _, watch, _ = whole
    for start, waited, faded, end in zip(*watch.kernels, strict=True):
        np.testing.assert_array_equal(waited, start)
        assert not np.array_equal(faded, waited)
        assert not np.array_equal(end, faded)


def test_previews_are_of_the_stage_that_is_trained(whole):
    _, _, heard = whole
    assert {2, 4, STEPS} <= {step for step, *_ in heard}
    for _, sounds, expected in heard:
        assert sounds.shape == (2, 256, 1)
        np.testing.assert_allclose(sounds, expected, atol=1e-3)


def test_a_run_that_stops_within_stages_and_between_is_the_same(
    whole, prepared, tmp_path
):
    run = runs.Run(tmp_path)
    for steps in (2, 3, STEPS):
        gan = assemble.make_gan(prepared[0])
        run.restore(gan)
        go_on(prepared, gan, steps)
        run.save(gan, keep=9)
    assert gan.stage == 2
    for one, other in zip(state_of(whole[0]), state_of(gan), strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_replicas_grow_to_the_weights_of_one(prepared, sgd, two_devices):
    preset = config.replace(sgd(prepared[0], 1e-2), {"ema_decay": 0.0})
    ends = []
    for strategy in (ONE, two_devices):
        with strategy.scope():
            gan = assemble.make_gan(preset)
            gan.step.assign(1)
        go_on(prepared, gan, 3, strategy=strategy)
        assert gan.stage == 1
        ends.append([np.asarray(weight) for weight in gan.weights])
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("devices", [1, 2])
def test_a_batch_that_groups_do_not_fill_is_refused(tiny, two_devices, devices):
    # Two devices have three examples each.
    preset = tiny("gansynth_nsynth_small", batch_size=6 if devices == 2 else 3)
    strategy = two_devices if devices == 2 else ONE
    with (
        strategy.scope(),
        pytest.raises(
            errors.ZooError,
            match=f"multiple of {2 * devices} .*group_size 2.*, received "
            f"{preset.train.batch_size}",
        ),
    ):
        assemble.make_gan(preset)
