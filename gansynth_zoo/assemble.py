"""Preset -> objects: the only place where a name becomes a class."""

import dataclasses
import random

from gansynth_zoo import audio_gan
from gansynth_zoo import errors
from gansynth_zoo import losses
from gansynth_zoo import optimizers
from gansynth_zoo.models import specgan
from gansynth_zoo.models import tifgan
from gansynth_zoo.models import wavegan
from gansynth_zoo.representations import instantaneous_frequency
from gansynth_zoo.representations import log_spectrogram
from gansynth_zoo.representations import stft_features
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
    rng = random.Random(preset.train.seed)
    gan = audio_gan.AudioGAN(
        make_generator(preset, rng),
        make_discriminator(preset, rng),
        make_generator(preset, rng),
        make_representation(preset),
        preset.model.latent_size,
        preset.model.latent_prior,
        getattr(preset.model, "latent_truncation", 0.0) or None,
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


def fit_representation(preset, waveforms):
    """The preset with what its representation has to know of the sounds.

    Args:
      preset: a `config.Preset`.
      waveforms: iterable of all training sounds, float32 `[batch, samples,
        channels]`; not looked at if there is nothing to find.

    Returns:
      A `config.Preset`.
    """
    found = make_representation(preset).fit(waveforms)
    fitted = dataclasses.replace(preset.representation, **found)
    return dataclasses.replace(preset, representation=fitted)


def make_generator(preset, rng):
    """The generator of a preset; `rng`, a `random.Random`, seeds it."""
    return _make_network(0, preset, rng)


def make_discriminator(preset, rng):
    """The discriminator of a preset; `rng`, a `random.Random`, seeds it."""
    return _make_network(1, preset, rng)


def _make_network(which, preset, rng):
    network = MODELS[preset.model.name][which]
    feature_shape = make_representation(preset).feature_shape
    return network(feature_shape, preset.model, rng)


def make_representation(preset):
    """The representation of a preset."""
    kind = REPRESENTATIONS[preset.representation.name]
    return kind(preset.audio, preset.representation)


MODELS = {
    "wavegan": (wavegan.WaveGANGenerator, wavegan.WaveGANDiscriminator),
    "specgan": (specgan.SpecGANGenerator, specgan.SpecGANDiscriminator),
    "tifgan": (tifgan.TiFGANGenerator, tifgan.TiFGANDiscriminator),
}
REPRESENTATIONS = {
    "waveform": waveform.Waveform,
    "log_spectrogram": log_spectrogram.LogSpectrogram,
    "stft_features": stft_features.StftFeatures,
    "instantaneous_frequency": instantaneous_frequency.InstantaneousFrequency,
}
