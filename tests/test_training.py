import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import callbacks
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import draws
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import training

STEPS = 5
ONE = tf.distribute.get_strategy()


def make_dataset(preset, gan, **kwargs):
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    return pipeline.make_dataset(
        windows,
        gan.representation.to_features,
        preset.recipe,
        preset.train,
        **kwargs,
    )


def train(preset, strategy=ONE, steps=STEPS):
    """A trained AudioGAN, by the trainer's own loop."""
    with strategy.scope():
        gan = assemble.make_gan(preset)
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    dataset = training.distribute(preset, windows, gan, strategy, first_step=0)
    training.run_loop(gan, iter(dataset), steps, strategy, [])
    return gan


def largest_difference(one, other):
    """Relative to the largest weight of each network."""
    return max(
        np.abs(np.asarray(a) - np.asarray(b)).max()
        / max(np.abs(np.asarray(a)).max(), 1e-3)
        for name in ("generator", "discriminator", "average")
        for a, b in zip(
            getattr(one, name).weights,
            getattr(other, name).weights,
            strict=True,
        )
        if np.asarray(a).size > 1
    )


@pytest.fixture(params=["wgan-gp", "ns-r1"])
def preset(request, tiny):
    """Both recipes, small, with a penalty that comes at every second update."""
    if request.param == "wgan-gp":
        return tiny("wavegan_drums", n_critic=2)
    return tiny(penalty_interval=2)


def test_fit_gives_the_weights_of_the_trainer(preset):
    ours = train(preset)
    gan = assemble.make_gan(preset)
    dataset = make_dataset(preset, gan)
    gan.fit(dataset, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    assert int(gan.step) == STEPS
    assert largest_difference(ours, gan) < 1e-6


def test_training_moves_all_weights(preset):
    before = assemble.make_gan(preset)
    after = train(preset)
    for name in ("generator", "discriminator", "average"):
        pairs = zip(
            getattr(before, name).weights,
            getattr(after, name).weights,
            strict=True,
        )
        # The bias of the scores alone has no part in the Wasserstein loss.
        moved = [not np.array_equal(a, b) for a, b in pairs]
        assert sum(moved) >= len(moved) - 1


def test_two_replicas_give_the_weights_of_one(preset, sgd, two_devices):
    preset = sgd(preset)
    one, two = train(preset), train(preset, two_devices)
    assert largest_difference(one, two) < 1e-6


def test_two_replicas_train_with_adam(preset, two_devices):
    one, two = train(preset), train(preset, two_devices)
    # Adam divides by small second moments, which magnifies rounding.
    assert largest_difference(one, two) < 2e-2


GROUPED = ["wavegan_drums_small", "specgan_drums_small", "tifgan_sc09_small"]


@pytest.mark.parametrize("name", GROUPED)
def test_a_score_hangs_on_its_group_alone(tiny, name, rng):
    gan = assemble.make_gan(tiny(name, group_size=2))
    shape = gan.representation.feature_shape
    features = rng.uniform(-1, 1, [4, *shape]).astype(np.float32)
    labels = np.zeros(4, np.int32)
    shifts = np.zeros([4, gan.discriminator.shuffles.count], np.int32)
    before, _ = gan.discriminator(features, labels, shifts)
    features[0] *= 0.5
    after, _ = gan.discriminator(features, labels, shifts)
    changed = np.abs(after - before) > 1e-5
    assert changed.tolist() == [True, True, False, False]


def test_two_replicas_see_the_groups_of_one(tiny, sgd, two_devices):
    preset = sgd(tiny(group_size=2))
    one, two = train(preset), train(preset, two_devices)
    assert largest_difference(one, two) < 1e-6


@pytest.mark.parametrize(("given", "edge"), [(0, 1), (0.5, 0.5), (2.5, 1)])
def test_sounds_are_made_of_truncated_latents(tiny, given, edge):
    gan = assemble.make_gan(tiny(latent_truncation=given))
    latents, _ = gan.seeded(np.arange(50))
    assert 0.99 * edge < np.abs(latents).max() <= edge


def test_the_average_follows_the_generator_by_its_formula(tiny):
    preset = tiny(ema_decay=0.5)
    expected = np.asarray(assemble.make_gan(preset).generator.weights[0])
    for step in range(3):
        weight = train(preset, steps=step + 1).generator.weights[0]
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * np.asarray(weight)
    average = train(preset, steps=3).average.weights[0]
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-7)


def test_decay_0_is_the_generator_itself(tiny):
    gan = train(tiny(ema_decay=0.0))
    for one, other in zip(
        gan.average.weights, gan.generator.weights, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_an_interrupted_run_ends_with_the_same_weights(tiny, tmp_path):
    ends = []
    for name, stops in (("whole", [6]), ("parts", [2, 3, 6])):
        run = runs.Run(tmp_path / name)
        for steps in stops:
            assert training.train(tiny(steps=steps), run, report=lambda _: None)
        gan = assemble.make_gan(tiny())
        assert run.restore(gan) == 6
        ends.append(gan)
    assert largest_difference(*ends) == 0.0


def test_other_sounds_than_at_the_start_are_told(tiny, tmp_path):
    run = runs.Run(tmp_path)
    training.train(tiny(), run, report=lambda _: None)
    said = []
    training.train(tiny(), run, report=said.append)
    assert not any("not those" in line for line in said)
    run.write_data({**run.read_data(), "clips": 7})
    training.train(tiny(), run, report=said.append)
    assert "The sounds are not those that the run was started with." in said


def test_settings_that_fail_leave_no_run(tiny, tmp_path):
    run = runs.Run(tmp_path)
    with pytest.raises(errors.ZooError, match="next longer is 1024"):
        training.train(tiny(num_samples=1000), run, report=lambda _: None)
    assert not run.exists()


def test_a_run_writes_previews_and_summaries(tiny, tmp_path):
    run = runs.Run(tmp_path)
    training.train(tiny(), run, report=lambda _: None)
    names = sorted(path.name for path in run.previews.iterdir())
    assert names == ["step_00000002.png", "step_00000002.wav"]
    events = b"".join(p.read_bytes() for p in run.summaries.iterdir())
    for tag in (b"generator_loss", b"spectrograms", b"sounds"):
        assert tag in events


def test_a_loss_that_is_not_finite_is_named_with_its_step():
    stop = callbacks.StopOnNonFinite()
    stop.on_train_batch_end(8, {"generator_loss": np.ones(4)})
    with pytest.raises(
        errors.ZooError, match="generator_loss is nan at step 7"
    ):
        stop.on_train_batch_end(
            8, {"generator_loss": np.array([1.0, 2.0, np.nan, np.nan])}
        )


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(tiny, tmp_path):
    run = runs.Run(tmp_path)
    wild = tiny(
        steps=60, discriminator_learning_rate=1e30, checkpoint_seconds=0
    )
    with pytest.raises(
        errors.ZooError, match="is (nan|inf) at step|not finite"
    ):
        training.train(wild, run, report=lambda _: None)
    gan = assemble.make_gan(wild)
    assert run.restore(gan) == max(run.steps(), default=0)
    for weight in gan.variables:
        assert np.isfinite(np.asarray(weight)).all()


@pytest.mark.parametrize("devices", [1, 2])
def test_weights_are_clipped_after_every_update(tiny, two_devices, devices):
    preset = with_recipe(tiny, "wgan", discriminator_learning_rate=1.0)
    gan = train(preset, two_devices if devices == 2 else ONE, steps=2)
    for weight in gan.discriminator.trainable_variables:
        for copy in tf.nest.flatten(getattr(weight.value, "values", [weight])):
            largest = np.abs(np.asarray(copy)).max()
            assert largest <= np.float32(0.01)
    largest = [np.abs(np.asarray(w)).max() for w in gan.generator.weights]
    assert max(largest) > 0.01


def test_without_a_limit_nothing_is_clipped(tiny):
    gan = train(with_recipe(tiny, "wgan", weight_clip=0.0), steps=1)
    weights = gan.discriminator.trainable_variables
    assert max(np.abs(np.asarray(w)).max() for w in weights) > 0.01


def test_clipped_replicas_give_the_weights_of_one(tiny, sgd, two_devices):
    preset = sgd(with_recipe(tiny, "wgan"))
    one, two = train(preset), train(preset, two_devices)
    assert largest_difference(one, two) < 1e-6


SOUND = {"upsample": "nearest", "post_filter_length": 31, "channels": 2}
NORM = {"batch_norm": True}
TRAINED = [
    *((recipe, SOUND) for recipe in presets.RECIPES),
    *((recipe, NORM) for recipe in ("wgan", "lsgan", "dcgan")),
]


def with_recipe(tiny, name, **changes):
    recipe = presets.get_recipe(name)
    preset = dataclasses.replace(tiny("wavegan_drums"), recipe=recipe)
    return config.replace(preset, {"n_critic": 1, **changes})


@pytest.mark.parametrize(("recipe", "options"), TRAINED)
def test_every_recipe_trains_with_every_option(tiny, recipe, options, rng):
    preset = with_recipe(tiny, recipe, num_samples=128, dim=2, **options)
    gan = assemble.make_gan(preset)
    shape = (4, 1, 128, preset.audio.channels)
    batch = {
        "features": tf.constant(rng.uniform(-1, 1, shape), tf.float32),
        "labels": tf.zeros([4, 1], tf.int32),
        "rows": tf.range(4, dtype=tf.int64),
    }
    step = tf.function(gan.train_step)
    before = [np.asarray(weight) for weight in gan.generator.weights]
    for _ in range(2):
        logs = step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    for weight in gan.weights:
        assert np.isfinite(np.asarray(weight)).all()
    moved = zip(before, gan.generator.weights, strict=True)
    assert any(not np.array_equal(a, b) for a, b in moved)
    sounds = gan.generate(*gan.seeded(tf.range(2)))
    assert sounds.shape == (2, *shape[2:])


@pytest.mark.parametrize("recipe", ["wgan-gp", "fast"])
def test_batch_norm_beside_a_gradient_penalty_is_refused(tiny, recipe):
    with pytest.raises(
        errors.ZooError, match="--recipe=wgan or lsgan or dcgan, or leave"
    ):
        assemble.make_gan(with_recipe(tiny, recipe, batch_norm=True))


@pytest.mark.parametrize("devices", [1, 2])
def test_statistics_move_whenever_the_generator_trains(
    tiny, two_devices, devices
):
    preset = with_recipe(tiny, "dcgan", batch_norm=True, n_critic=2)
    strategy = two_devices if devices == 2 else ONE
    # At a learning rate of 0 every pass adds a hundredth of what the first
    # layer makes of its latents: two passes for the discriminator, one for
    # the generator. The dense layer is linear, so a mean over replicas is
    # that over the batch.
    still = {"generator_learning_rate": 0.0}
    gan = train(config.replace(preset, still), strategy, steps=1)
    mean = np.zeros(gan.generator.norms[0].moving_mean.shape)
    rows = tf.range(preset.train.batch_size)
    for update in range(3):
        random = draws.Draws(
            preset.train.seed, tf.constant(0, tf.int64), update, rows, len(rows)
        )
        made = gan.generator.start(random.latents("uniform", 100))
        made = np.reshape(made, [-1, len(mean)]).mean(0)
        mean = 0.99 * mean + 0.01 * made
    for network in (gan.generator, gan.average):
        moved = network.norms[0].moving_mean
        np.testing.assert_allclose(moved, mean, rtol=1e-4, atol=1e-7)


def test_the_discriminator_keeps_no_statistics(tiny):
    gan = assemble.make_gan(with_recipe(tiny, "dcgan", batch_norm=True))
    assert not gan.discriminator.non_trainable_variables


def test_the_average_copies_the_state_that_is_not_trained(tiny):
    preset = with_recipe(tiny, "dcgan", batch_norm=True)
    gan = train(config.replace(preset, {"ema_decay": 0.999}), steps=3)
    for norm, copied in zip(
        gan.generator.norms, gan.average.norms, strict=True
    ):
        for one, other in zip(
            norm.non_trainable_variables,
            copied.weights[-2:],
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
        assert not np.array_equal(norm.beta, copied.beta)


def test_a_run_with_all_options_resumes_to_the_same_weights(tiny, tmp_path):
    ends = []
    for name, stops in (("whole", [3]), ("parts", [1, 3])):
        run = runs.Run(tmp_path / name)
        for steps in stops:
            preset = with_recipe(
                tiny, "wgan", num_samples=128, steps=steps, **SOUND, **NORM
            )
            assert training.train(preset, run, report=lambda _: None)
        gan = assemble.make_gan(preset)
        assert run.restore(gan) == 3
        ends.append(gan)
    # The averages of batch norm among them.
    assert largest_difference(*ends) == 0.0
    variance = ends[0].average.norms[0].moving_variance
    assert not np.array_equal(variance, np.ones(variance.shape))
