"""How phase changes from bin to bin and from frame to frame.

The magnitudes of a Gaussian's spectrum hold all but a constant of its phase:
along time the phase turns as the log magnitude slopes along frequency, and the
reverse. A Hann window does nearly as well.

Two forms are in use. An increment is what the phase grows by from one frame
(or bin) to the next. A derivative, as TiFGAN learns it, stands at a bin, has
no carrier, and is in units of pi; its sign along frequency is turned.

Source: Prusa, Balazs and Sondergaard 2017, section III; Marafioti et al. 2019,
section 4.
"""

import numpy as np
import tensorflow as tf


def increments_of_magnitude(stft, log_magnitude):
    """Increments that magnitudes imply.

    Args:
      stft: a `gansynth_zoo.dsp.stft.Stft`.
      log_magnitude: float32 `[batch, frames, bins]`, natural logarithm.

    Returns:
      Increments along time, float32 `[batch, frames - 1, bins]`, and along
      frequency, `[batch, frames, bins - 1]`; radians, not wrapped.
    """
    ratio = stft.hop * stft.frame_length / stft.gamma
    # At the first and the last bin the magnitude mirrors itself: no slope.
    across_bins = log_magnitude[:, :, 2:] - log_magnitude[:, :, :-2]
    across_bins = tf.pad(across_bins, [[0, 0], [0, 0], [1, 1]])
    # At the first and the last frame the slope goes on.
    first = 2 * log_magnitude[:, :1] - log_magnitude[:, 1:2]
    last = 2 * log_magnitude[:, -1:] - log_magnitude[:, -2:-1]
    longer = tf.concat([first, log_magnitude, last], axis=1)
    across_frames = longer[:, 2:] - longer[:, :-2]
    return _increments(
        stft, across_bins, 0.5 * ratio, across_frames, -0.5 / ratio
    )


def increments_of_derivatives(stft, along_time, along_frequency):
    """Increments that TiFGAN's derivatives describe.

    Args:
      stft: a `gansynth_zoo.dsp.stft.Stft`.
      along_time: float32 `[batch, frames, bins]` in -1 .. 1.
      along_frequency: float32 `[batch, frames, bins]` in -1 .. 1.

    Returns:
      As `increments_of_magnitude`.
    """
    return _increments(stft, along_time, np.pi, along_frequency, -np.pi)


def derivatives(stft, spectrum):
    """TiFGAN's phase derivatives, each the mean to both sides.

    Args:
      stft: a circular `gansynth_zoo.dsp.stft.Stft`.
      spectrum: complex64 `[batch, frames, bins]` of `stft.analyse`.

    Returns:
      Derivatives along time and along frequency, float32
      `[batch, frames, bins]` in -1 .. 1.
    """
    phase = tf.math.angle(spectrum)
    later = phase - tf.roll(phase, 1, axis=1) - stft.time_carrier
    later = wrap(later)
    along_time = 0.5 * (later + tf.roll(later, -1, axis=1))
    # A real sound has the opposite phase at the opposite frequency.
    mirrored = tf.concat(
        [-phase[:, :, 1:2], phase, -phase[:, :, -2:-1]], axis=2
    )
    higher = mirrored[:, :, 1:] - mirrored[:, :, :-1] - stft.frequency_carrier
    higher = wrap(higher)
    along_frequency = -0.5 * (higher[:, :, 1:] + higher[:, :, :-1])
    return along_time / np.pi, along_frequency / np.pi


def wrap(phase):
    """Takes off whole turns; what is left lies in -pi .. pi."""
    return phase - 2 * np.pi * tf.round(phase / (2 * np.pi))


def _increments(stft, along_time, time_scale, along_frequency, frequency_scale):
    """From gradients at the bins: the mean of two, scaled, and the carrier."""
    time = along_time[:, 1:] + along_time[:, :-1]
    frequency = along_frequency[:, :, 1:] + along_frequency[:, :, :-1]
    return (
        0.5 * time_scale * time + stft.time_carrier,
        0.5 * frequency_scale * frequency + stft.frequency_carrier,
    )
