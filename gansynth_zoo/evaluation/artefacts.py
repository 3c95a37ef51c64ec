"""Artefacts: the whine of transposed convolutions."""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import checks

# Bins from one tone to the next. A Hann window spreads a tone to the next
# bin; its surroundings are those from 4 to 16 bins off.
_SPACING = 64
_NEAR, _FAR = 4, 16
# Of a sound's mean power, below which nothing is heard.
_FLOOR = 1e-10
_BATCH = 64


def whine_db(waveforms, factor):
    """Tones at multiples of the rate before the last up-sampling.

    A generator whose last layers make `factor` samples of one leaves tones at
    multiples of sample rate / `factor`, in all sounds alike. Noise has 0 dB;
    a real sound more or less, as its pitch falls on a tone or beside it, so
    always give the values of real sounds as well. The largest is heard first.

    Args:
      waveforms: float `[batch, samples, channels]`, 64 x `factor` samples or
        more; the channels are averaged.
      factor: samples out per sample in, 2 or more; WaveGAN's layers have 4
        each.

    Returns:
      Float `[factor // 2]`, how far the tone of 1, 2, ... times
      sample rate / `factor` stands above its surroundings in dB, in the
      spectrum of each sound and on average over the sounds; 0 for silence.

    Raises:
      ZooError: if the sounds are too short, or not finite.

    Source of the tones: Donahue et al. 2019, on phase shuffle.
    """
    waveforms = checks.waveforms(waveforms)
    size = _SPACING * factor
    if waveforms.shape[1] < size:
        raise errors.ZooError(
            f"Expected sounds of {size} samples or more for an up-sampling by "
            f"{factor}, received {waveforms.shape[1]}; use a smaller factor."
        )
    batches = [
        _tones_db(waveforms[i : i + _BATCH], factor)
        for i in range(0, len(waveforms), _BATCH)
    ]
    return np.concatenate(batches).mean(axis=0)


def _tones_db(waveforms, factor):
    """The same of each sound, `[batch, factor // 2]`."""
    size = _SPACING * factor
    mono = np.mean(waveforms, axis=2, dtype=np.float64)
    mono -= mono.mean(axis=1, keepdims=True)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size, axis=1)
    frames = frames[:, :: size // 2] * np.hanning(size + 1)[:-1]
    power = np.mean(np.abs(np.fft.fft(frames)) ** 2, axis=1)
    floor = _FLOOR * power.mean(axis=1, keepdims=True)
    power = np.log10(np.maximum(power, np.maximum(floor, 1e-12)))
    # One row per tone, with the tone in the middle.
    middle = _SPACING // 2
    rows = np.roll(10 * power, middle, axis=1).reshape(-1, factor, _SPACING)
    off = np.abs(np.arange(_SPACING) - middle)
    around = rows[:, :, (_NEAR <= off) & (off <= _FAR)].mean(axis=2)
    return (rows[:, :, middle] - around)[:, 1 : factor // 2 + 1]
