"""Preset -> objects: the only place where a name becomes a class."""

import random

from gansynth_zoo import audio_gan
from gansynth_zoo import errors
from gansynth_zoo import losses
from gansynth_zoo import optimizers
from gansynth_zoo.models import wavegan
from gansynth_zoo.representations import waveform


def make_gan(preset):
    """The networks of a preset, with their first weights, and how they train.

    Call it within the scope of the strategy that trains.

    Args:
      preset: a `config.Preset`.

    Returns:
      A compiled `audio_gan.AudioGAN`.

    Raises:
      ZooError: if the loss is unknown, or does not go with the networks.
    """
    loss = find_loss(preset)
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
    make_optimizer = optimizers.OPTIMIZERS[recipe.optimizer]
    gan.compile(
        loss,
        recipe,
        make_optimizer(recipe, recipe.generator_learning_rate),
        make_optimizer(recipe, recipe.discriminator_learning_rate),
        batch_size=preset.train.batch_size,
        ema_decay=preset.train.ema_decay,
        seed=preset.train.seed,
    )
    return gan


def find_loss(preset):
    """The `losses.Loss` of a preset.

    Raises:
      ZooError: if the loss is unknown, or does not go with the networks.
    """
    name = preset.recipe.loss
    if name not in losses.LOSSES:
        raise errors.ZooError(
            f"Expected loss to be one of {', '.join(losses.LOSSES)}, "
            f"received {name!r}."
        )
    loss = losses.LOSSES[name]
    # With batch norm a score depends on the whole batch, and its slope at one
    # example is not what is to be penalised.
    if loss.penalty and getattr(preset.model, "batch_norm", False):
        others = [k for k, row in losses.LOSSES.items() if not row.penalty]
        raise errors.ZooError(
            "Expected a loss without gradient penalty beside batch_norm, "
            f"received {name!r}; choose --recipe={' or '.join(others)}, or "
            "leave batch_norm out."
        )
    return loss


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
        upsample=preset.model.upsample,
        batch_norm=preset.model.batch_norm,
        post_filter_length=preset.model.post_filter_length,
    )


def _wavegan_discriminator(preset, rng):
    return wavegan.WaveGANDiscriminator(
        wavegan.strides_for(preset.audio.num_samples),
        preset.model.dim,
        preset.model.kernel_size,
        preset.model.shuffle_radius,
        preset.model.shuffle_per,
        rng,
        batch_norm=preset.model.batch_norm,
    )


MODELS = {"wavegan": (_wavegan_generator, _wavegan_discriminator)}
REPRESENTATIONS = {"waveform": _waveform}
