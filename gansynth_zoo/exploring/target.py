"""The latents whose sound is nearest to a given one, searched by slopes."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import spectral_distance

STEPS = 300
# Sounds that are listened to first, and those of them that are starts.
_TRIED, _STARTS = 256, 8
_RATE = 0.05


class Found(NamedTuple):
    """How far a search is, and the best of what it found.

    Attributes:
      step: parts of the search that are done.
      of: parts in all.
      loss: the smallest distance, `SpectralDistance`.
      start_loss: the smallest of the starts, where the search began.
      latents: float32 `[latent]`.
      label: number of its label; 0 without labels.
      seed: of the start that led there.
    """

    step: int
    of: int
    loss: float
    start_loss: float
    latents: np.ndarray
    label: int
    seed: int


def read(path, name, facts, most_seconds=None):
    """Reads a target as the training sounds of a model were read.

    Args:
      path: of an audio file.
      name: what errors call it.
      facts: metadata of the model, a dictionary.
      most_seconds: longer files are refused; None takes any length.

    Returns:
      Float32 `[samples, channels]`, of the model's rate and length: cut off
      or with zeros at the end.

    Raises:
      ZooError: if it is no sound that can be used, or too long.
    """
    data = facts["config"]["data"]
    try:
        with audio_files.open_sound(path) as sound:
            seconds = sound.frames / sound.samplerate
    except errors.ZooError as error:
        raise errors.ZooError(f"{name} cannot be used: {error}.") from error
    if most_seconds and seconds > most_seconds:
        raise errors.ZooError(
            f"Expected {most_seconds} s of sound at the most, received "
            f"{seconds:.1f} s; cut it."
        )
    wanted = folder_sounds.Wanted(
        facts["sample_rate"], facts["channels"], data["trim_silence"]
    )
    report, waveform = folder_sounds.decode(path, name, wanted)
    if report.reason:
        raise errors.ZooError(f"{name} cannot be used: {report.reason}.")
    samples = facts["num_samples"]
    waveform = waveform[:samples]
    if data["normalize"] == "file":
        waveform = waveform / max(np.abs(waveform).max(), 1e-9)
    return np.pad(waveform, ((0, samples - len(waveform)), (0, 0)))


def search(instrument, waveform, steps=STEPS):
    """Searches the latents of a sound.

    Of the sounds of the first seeds, with each label, the nearest ones are
    starts; from each, Adam goes down the slope of the distance, inside of the
    prior. Whoever stops to ask for more stops the search.

    Args:
      instrument: an `instrument.Instrument`.
      waveform: float32 `[samples, channels]`, of the model's length.
      steps: of each start.

    Yields:
      `Found`, after each part of the search.
    """
    distance = spectral_distance.SpectralDistance(instrument, waveform)
    kinds = max(1, len(instrument.names))
    latents, _ = instrument.of_seeds(range(-(-_TRIED // kinds)))
    labels = np.repeat(np.arange(kinds), len(latents))
    seeds = np.tile(np.arange(len(latents)), kinds)
    parts = range(0, len(seeds), instruments.BATCH)
    of, losses = len(parts) + steps, np.zeros(0)
    best = None
    for part, first in enumerate(parts, 1):
        rows = slice(first, first + instruments.BATCH)
        tried = distance(latents[seeds[rows]], labels[rows]).numpy()
        losses = np.concatenate([losses, tried])
        row = int(np.argmin(losses))
        loss, seed = float(losses[row]), int(seeds[row])
        best = Found(
            part, of, loss, loss, latents[seed], int(labels[row]), seed
        )
        yield best
    starts = _starts(losses, labels)
    seeds, labels = seeds[starts], labels[starts]
    for number, (points, reached) in enumerate(
        _descend(instrument, distance, latents[seeds], labels, steps),
        len(parts) + 1,
    ):
        row = int(np.argmin(reached))
        if reached[row] < best.loss:
            best = best._replace(
                loss=float(reached[row]),
                latents=points[row],
                label=int(labels[row]),
                seed=int(seeds[row]),
            )
        best = best._replace(step=number)
        yield best


def _starts(losses, labels):
    """Rows of the nearest sounds, at most two of a label where others are."""
    order = np.argsort(losses)
    rank = np.zeros(len(losses), int)
    for label in np.unique(labels):
        of_label = order[labels[order] == label]
        rank[of_label] = np.arange(len(of_label))
    return np.lexsort((losses, rank > 1))[:_STARTS]


def _descend(instrument, distance, latents, labels, steps):
    """Yields points, float32 `[starts, latent]`, and their distances."""
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    optimizer = keras.optimizers.Adam(rate)
    points = keras.Variable(latents)
    optimizer.build([points])

    @tf.function
    def slopes(points):
        with tf.GradientTape() as tape:
            tape.watch(points)
            losses = distance(points, labels)
            total = tf.reduce_sum(losses)
        return losses, tape.gradient(total, points)

    for _ in range(steps):
        # The value, not the variable, which the step changes.
        here = tf.identity(points.value)
        losses, slope = slopes(here)
        yield here.numpy(), losses.numpy()
        optimizer.apply([slope], [points])
        points.assign(instrument.keep_inside(points.value))
