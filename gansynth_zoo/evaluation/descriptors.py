"""Descriptors: what one sound is like, in numbers with units."""

import numpy as np


def spectral_centroid(waveforms, sample_rate):
    """The frequency around which the magnitude spectrum balances.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Float `[batch]` in Hz; 0 for silence.
    """
    mono = np.mean(waveforms, axis=-1, dtype=np.float64)
    magnitude = np.abs(np.fft.rfft(mono))
    frequency = np.fft.rfftfreq(mono.shape[1], 1 / sample_rate)
    total = magnitude.sum(axis=1)
    return magnitude @ frequency / np.where(total > 0, total, 1.0)


def peak_to_rms(waveforms):
    """Crest factor: high for a sound that decays, low for a steady one.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.

    Returns:
      Float `[batch]` in dB; 0 for silence.
    """
    mono = np.mean(waveforms, axis=-1, dtype=np.float64)
    peak = np.max(np.abs(mono), axis=1)
    rms = np.sqrt(np.mean(mono**2, axis=1))
    silent = rms == 0
    return 20 * np.log10(
        np.where(silent, 1.0, peak) / np.where(silent, 1.0, rms)
    )
