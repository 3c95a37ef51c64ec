"""Preset -> objects: the only place where a name becomes a class."""

import dataclasses
import random

import numpy as np
import tensorflow as tf

from gansynth_zoo import audio_gan
from gansynth_zoo import errors
from gansynth_zoo import growth
from gansynth_zoo import losses
from gansynth_zoo import machine
from gansynth_zoo import optimizers
from gansynth_zoo.models import gansynth
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
      ZooError: if the loss is unknown, or it or the batch does not go with the
        networks.
    """
    loss = find_loss(preset)
    _check_step(preset)
    schedule = _schedule(preset)
    rng = random.Random(preset.train.seed)
    gan = audio_gan.AudioGAN(
        make_generator(preset, rng),
        make_discriminator(preset, rng),
        make_generator(preset, rng),
        make_representation(preset),
        preset.model,
        schedule,
    )
    recipe = preset.recipe
    precision = preset.train.precision
    gan.compile(
        loss,
        recipe,
        optimizers.make(recipe, recipe.generator_learning_rate, precision),
        optimizers.make(recipe, recipe.discriminator_learning_rate, precision),
        train=preset.train,
    )
    return gan


def _schedule(preset):
    """The `growth.Schedule` of networks that grow, else None."""
    model = preset.model
    if not hasattr(model, "blocks"):
        return None
    return growth.Schedule(
        model.blocks, model.stable_examples, model.transition_examples
    )


def _check_step(preset):
    """Refuses what a training step cannot do."""
    strategy, train = tf.distribute.get_strategy(), preset.train
    replicas = strategy.num_replicas_in_sync
    group_size = preset.model.group_size
    multiple = replicas * train.batch_parts * group_size
    if train.batch_size % multiple:
        raise errors.ZooError(
            f"Expected batch_size to be a multiple of {multiple} (devices "
            f"{replicas}, batch_parts {train.batch_parts}, group_size "
            f"{group_size}), received {train.batch_size}."
        )
    averages = replicas > 1 and getattr(preset.model, "batch_norm", False)
    if averages and (train.batch_parts > 1 or train.xla):
        raise errors.ZooError(
            f"Expected one device beside --batch_norm with --batch_parts or "
            f"--xla, received {replicas}; take --strategy=one, or leave one of "
            "them out."
        )
    if train.xla and replicas > 1 and not machine.on_gpus(strategy):
        raise errors.ZooError(
            f"Expected one processor beside --xla, received {replicas}; take "
            "--strategy=one, or leave --xla out."
        )


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


def fit_labels(preset, clips):
    """The preset with the labels of the training sounds, where it uses any.

    Args:
      preset: a `config.Preset`.
      clips: a `clips.Clips`.

    Returns:
      A `config.Preset`.

    Raises:
      ZooError: if the sounds have no labels, or others than the run has.
    """
    model, names = preset.model, tuple(clips.labels)
    if model.conditioning == "none":
        return preset
    if len(names) < 2:
        raise errors.ZooError(
            "Expected sounds of two labels or more beside --conditioning="
            f"{model.conditioning}, received {len(names)}; sub-folders of "
            "--audio_dir are labels, and --conditioning=none needs none."
        )
    if model.label_names and model.label_names != names:
        raise errors.ZooError(
            f"Expected sounds with the {len(model.label_names)} labels of the "
            f"run, {', '.join(model.label_names)}, received "
            f"{', '.join(names)}; start another run for them."
        )
    numbers = clips.index["label"]
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names))
    fitted = dataclasses.replace(
        model, label_names=names, label_counts=tuple(counts.tolist())
    )
    return dataclasses.replace(preset, model=fitted)


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
    "gansynth": (
        gansynth.GANSynthGenerator,
        gansynth.GANSynthDiscriminator,
    ),
}
REPRESENTATIONS = {
    "waveform": waveform.Waveform,
    "log_spectrogram": log_spectrogram.LogSpectrogram,
    "stft_features": stft_features.StftFeatures,
    "instantaneous_frequency": instantaneous_frequency.InstantaneousFrequency,
}
