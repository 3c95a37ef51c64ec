"""Levels: whether sounds are silent, clipped or off centre."""

import numpy as np

from gansynth_zoo.evaluation import checks

# So near to full scale a sample was cut off, but for the few at the peak of a
# sound that was normalised.
FULL_SCALE = 0.995
# Below it a sound is not heard beside one at full scale.
SILENCE_DB = -60.0


def rms_db(waveforms):
    """Root mean square level.

    Args:
      waveforms: float `[batch, samples, channels]`.

    Returns:
      Float `[batch]` in dB, full scale is 0; -120 at least.
    """
    waveforms = checks.waveforms(waveforms)
    power = np.mean(np.square(waveforms, dtype=np.float64), axis=(1, 2))
    return 10.0 * np.log10(np.maximum(power, 1e-12))


def silent_share(waveforms):
    """Share of the sounds below -60 dB.

    Args:
      waveforms: float `[batch, samples, channels]`.

    Returns:
      Float from 0 to 1.
    """
    return float(np.mean(rms_db(waveforms) < SILENCE_DB))


def clipped_share(waveforms):
    """Share of the samples at full scale, 0.995 or more.

    Args:
      waveforms: float `[batch, samples, channels]`.

    Returns:
      Float from 0 to 1.
    """
    return float(np.mean(np.abs(checks.waveforms(waveforms)) >= FULL_SCALE))


def dc_offset(waveforms):
    """How far each sound's mean is from 0.

    Args:
      waveforms: float `[batch, samples, channels]`.

    Returns:
      Float `[batch]`, of the channel that is farthest off; 1 is full scale.
    """
    means = np.mean(checks.waveforms(waveforms), axis=1, dtype=np.float64)
    return np.max(np.abs(means), axis=1)
