"""Tone: whether sounds are noise, a tone, or all the same tone."""

import numpy as np

# A Hann window spreads a steady tone over two bins to each side; one that
# comes and goes within 50 ms is this much wider.
_TONE_BINS, _TONE_HZ = 2, 20.0


def flatness(waveforms, sample_rate):
    """Geometric over arithmetic mean of the power spectrum.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Float `[batch]`: near 1 for white noise, near 0 for a tone, 1 for
      silence.
    """
    mono = np.mean(waveforms, axis=2, dtype=np.float64)
    # Frames of 32 ms, averaged: the spectrum of a whole noise is not flat.
    size = min(1 << int(np.log2(0.032 * sample_rate)), mono.shape[1])
    frames = np.lib.stride_tricks.sliding_window_view(mono, size, axis=1)
    frames = frames[:, :: max(1, size // 2)] * np.hanning(size + 2)[1:-1]
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=1)[:, 1:] + 1e-12
    return np.exp(np.mean(np.log(power), axis=1)) / np.mean(power, axis=1)


def strongest(waveforms, sample_rate):
    """The narrow band that holds most of the energy of all sounds.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Its centre in Hz, and the share that the median sound has in it.
    """
    mono = np.mean(waveforms, axis=2, dtype=np.float64)
    mono = mono - mono.mean(axis=1, keepdims=True)
    samples = mono.shape[1]
    power = np.abs(np.fft.rfft(mono * np.hanning(samples + 2)[1:-1])) ** 2
    # Each sound counts the same, however loud.
    power /= np.maximum(power.sum(axis=1, keepdims=True), 1e-12)
    half = max(_TONE_BINS, round(_TONE_HZ * samples / sample_rate))
    sums = np.pad(np.cumsum(power, axis=1), ((0, 0), (half + 1, half)), "edge")
    sums[:, : half + 1] = 0.0
    shares = sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]
    centre = int(np.argmax(shares.mean(axis=0)))
    # The band's edges may be anywhere about the tone; its peak is the tone.
    first = max(0, centre - half)
    peak = first + int(np.argmax(power.mean(axis=0)[first : centre + half + 1]))
    return peak * sample_rate / samples, float(np.median(shares[:, centre]))
