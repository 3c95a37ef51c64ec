"""Consistency: whether magnitudes can be those of a sound."""

import numpy as np
import tensorflow as tf

# -200 dB: no more than float32 can tell from 0.
_LEAST = 1e-10


def spectral_convergence(stft, magnitude, waveform):
    """How far the magnitudes of a waveform are from those it was made from.

    Args:
      stft: a `gansynth_zoo.dsp.stft.Stft`.
      magnitude: float `[batch, frames, bins]`, what was aimed at.
      waveform: float `[batch, samples]`, what was found with its phase.

    Returns:
      Float `[batch]` in dB, 20 log10(|| |STFT| - magnitude || / ||magnitude||):
      lower is better, 0 for silence. Its negative is the projection loss of
      tifresi.

    Source: Sturmel and Daudet 2011, section 3; Marafioti et al. 2019.
    """
    found = tf.abs(stft.analyse(tf.cast(waveform, tf.float32))).numpy()
    error = np.linalg.norm(found - magnitude, axis=(1, 2))
    target = np.linalg.norm(magnitude, axis=(1, 2))
    silent = target == 0
    ratio = np.where(silent, 1.0, error) / np.where(silent, 1.0, target)
    return 20 * np.log10(np.maximum(ratio, _LEAST))


def rho(stft, log_magnitude):
    """TiFGAN's consistency of a magnitude spectrogram.

    With a Gaussian window, the second differences of the log magnitude along
    time and along frequency, each less its share of a constant sum, are each
    other's negative but for zeros. So their magnitudes correlate. Real sounds
    reach 0.5 to 0.8, also for how low they were clipped: compare with real
    ones that were clipped alike.

    Args:
      stft: a `gansynth_zoo.dsp.stft.Stft` with a Gaussian window.
      log_magnitude: float `[batch, frames, bins]`, natural logarithm.

    Returns:
      Float `[batch]` in -1 .. 1; 0 where either has no variance.

    Source: Marafioti et al. 2019, section 3.3.
    """
    level = np.asarray(log_magnitude, np.float64)
    share = np.pi * stft.hop / stft.frame_length
    middle = level[:, 1:-1, 1:-1]
    in_time = level[:, :-2, 1:-1] - 2 * middle + level[:, 2:, 1:-1]
    in_frequency = level[:, 1:-1, :-2] - 2 * middle + level[:, 1:-1, 2:]
    x, y = (
        _standardise(np.abs(values + share).reshape(len(level), -1))
        for values in (in_time, in_frequency)
    )
    return np.sum(x * y, axis=1)


def _standardise(values):
    """Float `[batch, values]` with mean 0 and norm 1, or of zeros alone."""
    values = values - values.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(norm > _LEAST, norm, np.inf)
