"""Preset -> objects: the only place where a name becomes a class."""

import random

import keras

from gansynth_zoo import audio_gan
from gansynth_zoo import errors
from gansynth_zoo import losses
from gansynth_zoo.models import wavegan
from gansynth_zoo.representations import waveform


def make_gan(preset):
    """The networks of a preset, with their first weights, and how they train.

    Call it within the scope of the strategy that trains.

    Args:
      preset: a `config.Preset`.

    Returns:
      A compiled `audio_gan.AudioGAN`.
    """
    make_generator, make_discriminator = MODELS[preset.model.name]
    rng = random.Random(preset.train.seed)
    gan = audio_gan.AudioGAN(
        make_generator(preset, rng),
        make_discriminator(preset, rng),
        make_generator(preset, rng),
        make_representation(preset),
        preset.model.latent_size,
        preset.model.latent_prior,
    )
    recipe = preset.recipe
    if recipe.loss not in losses.LOSSES:
        raise errors.ZooError(
            f"Expected loss to be one of {', '.join(losses.LOSSES)}, "
            f"received {recipe.loss!r}."
        )
    gan.compile(
        losses.LOSSES[recipe.loss],
        recipe,
        _adam(recipe, recipe.generator_learning_rate),
        _adam(recipe, recipe.discriminator_learning_rate),
        batch_size=preset.train.batch_size,
        ema_decay=preset.train.ema_decay,
        seed=preset.train.seed,
    )
    return gan


def make_representation(preset):
    """The representation of a preset."""
    return REPRESENTATIONS[preset.representation.name](preset)


def _waveform(preset):
    return waveform.Waveform(preset.audio.num_samples, preset.audio.channels)


def _wavegan_generator(preset, rng):
    return wavegan.WaveGANGenerator(
        wavegan.strides_for(preset.audio.num_samples),
        preset.model.dim,
        preset.model.kernel_size,
        preset.audio.channels,
        rng,
    )


def _wavegan_discriminator(preset, rng):
    return wavegan.WaveGANDiscriminator(
        wavegan.strides_for(preset.audio.num_samples),
        preset.model.dim,
        preset.model.kernel_size,
        preset.model.shuffle_radius,
        preset.model.shuffle_per,
        rng,
    )


def _adam(recipe, learning_rate):
    return keras.optimizers.Adam(
        learning_rate,
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        # That of TensorFlow 1, with which the papers' models were trained.
        epsilon=1e-8,
    )


MODELS = {"wavegan": (_wavegan_generator, _wavegan_discriminator)}
REPRESENTATIONS = {"waveform": _waveform}
