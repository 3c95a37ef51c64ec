"""Other ways to compute the same step: types, parts, again, by XLA."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import computation
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import layers
from gansynth_zoo import optimizers
from gansynth_zoo import pipeline
from gansynth_zoo import training

ONE = tf.distribute.get_strategy()
# Each with what else its layers can have.
PRESETS = {
    "wavegan_drums_small": {"post_filter_length": 31, "upsample": "nearest"},
    "specgan_drums_small": {},
    "tifgan_sc09_small": {"dataset": "drums_mini"},
    "gansynth_nsynth_small": {"blocks": 2, "stable_examples": 0},
}


@pytest.fixture(scope="module")
def train(tiny, sgd):
    """Function: preset name and changes -> weights before and after a step."""
    kept = {}

    def make(name, strategy=ONE, **changes):
        key = name, strategy is ONE, *changes.items()
        if key not in kept:
            preset = sgd(
                tiny(
                    name,
                    **PRESETS[name],
                ),
                1e-2,
            )
            kept[key] = trained(config.replace(preset, changes), strategy)
        return kept[key]

    return make


def trained(preset, strategy):
    clips = clip_sources.load_clips(preset)
    preset = assemble.fit_labels(preset, clips)
    labelled = preset.model.classes > 0
    windows = pipeline.Windows(clips, preset.audio, preset.data, labelled)
    sounds = windows.read(np.arange(8), np.zeros(8))
    preset = assemble.fit_representation(preset, [sounds])
    with strategy.scope():
        gan = assemble.make_gan(preset)
    before = weights_of(gan)
    dataset = training.distribute(preset, windows, gan, strategy, 0)
    training.run_loop(gan, iter(dataset), 1, strategy, [])
    return before, weights_of(gan)


def weights_of(gan):
    """All weights of both networks, one after another."""
    networks = gan.generator, gan.discriminator
    return np.concatenate(
        [np.ravel(v) for n in networks for v in n.trainable_variables]
    )


def difference(one, other):
    """Between two steps from the same weights, relative to the first step."""
    np.testing.assert_array_equal(one[0], other[0])
    step = np.linalg.norm(one[1] - one[0])
    return np.linalg.norm(one[1] - other[1]) / step


FRUGAL = {"recompute": True, "batch_parts": 2}


@pytest.mark.parametrize("name", PRESETS)
def test_frugal_training_gives_the_same_weights(train, name):
    assert difference(train(name), train(name, **FRUGAL)) < 1e-5


def test_frugal_training_on_two_devices(train, two_devices):
    name = "wavegan_drums_small"
    two = train(name, two_devices, **FRUGAL)
    assert difference(train(name), two) < 1e-5


def test_xla_gives_the_same_weights(train):
    name = "wavegan_drums_small"
    assert difference(train(name), train(name, xla=True)) < 1e-5


@pytest.mark.parametrize(
    ("name", "precision", "bound"),
    [
        ("wavegan_drums_small", "bfloat16", 0.1),
        ("wavegan_drums_small", "float16", 0.01),
        ("specgan_drums_small", "float16", 0.01),
        ("tifgan_sc09_small", "float16", 0.01),
        # Small differences between the sounds of a group are its own.
        ("gansynth_nsynth_small", "float16", 0.1),
    ],
)
def test_half_the_bits_give_nearly_the_same_weights(
    train, name, precision, bound
):
    half = difference(train(name), train(name, precision=precision))
    # Not the same: it was indeed computed with fewer bits.
    assert bound / 1000 < half < bound


def test_a_segment_has_derivatives_of_any_order(rng):
    x = tf.constant(rng.normal(size=(3, 8, 2)), tf.float32)
    layer = layers.conv1d(4, 5, 2, random.Random(0))
    layer(x)

    def cubes(x):
        return layers.leaky_relu(layer(x)) ** 3

    def third_derivative(function):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as middle:
                middle.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = function(x)
                slopes = inner.gradient(y, x) ** 2
            curves = middle.gradient(slopes, x)
        return outer.gradient(curves, layer.kernel.value)

    with computation.use(computation.Computation(recompute=True)):
        again = third_derivative(
            lambda x: computation.segment(cubes, [layer], x)
        )
    np.testing.assert_allclose(again, third_derivative(cubes), rtol=1e-4)


def test_a_gradient_that_is_not_finite_leaves_the_weights(two_devices):
    # On one replica of two; both must leave out the update.
    with two_devices.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = optimizers.make(config.Recipe(), 0.1, "float16")
        optimizer.build([weight])
    scale = optimizer.dynamic_scale.numpy()

    @tf.function
    def update(bad):
        def step():
            replica = tf.distribute.get_replica_context()
            first = replica.replica_id_in_sync_group == 1
            slope = tf.where(first & bad, np.inf, 1.0)
            optimizers.apply(optimizer, [slope * tf.ones([2])], [weight])

        two_devices.run(step)

    update(tf.constant(True))
    np.testing.assert_array_equal(weight, [1.0, 2.0])
    assert optimizer.dynamic_scale.numpy() == scale / 2
    update(tf.constant(False))
    assert np.all(np.asarray(weight) < [1.0, 2.0])


def test_growth_begins_with_the_loss_scale_that_was_found():
    weight = keras.Variable([1.0, 2.0])
    optimizer = optimizers.make(config.Recipe(), 0.1, "float16")
    optimizer.build([weight])
    optimizer.dynamic_scale.assign(64.0)
    optimizers.apply(optimizer, [tf.ones([2])], [weight])
    optimizers.reset(optimizer)
    assert int(optimizer.iterations) == 0
    assert float(optimizer.dynamic_scale) == 64.0
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


def test_a_batch_that_parts_cannot_share_is_refused(tiny):
    with pytest.raises(errors.ZooError, match="multiple of 3 .*received 4"):
        assemble.make_gan(tiny(batch_parts=3))


def test_parts_with_batch_norm_on_two_devices_are_refused(tiny, two_devices):
    preset = tiny(loss="dcgan", batch_norm=True, batch_parts=2)
    with two_devices.scope(), pytest.raises(errors.ZooError, match="one d"):
        assemble.make_gan(preset)


def test_xla_on_several_processors_is_refused(tiny, two_devices):
    with two_devices.scope(), pytest.raises(errors.ZooError, match="--xla"):
        assemble.make_gan(tiny(xla=True))
