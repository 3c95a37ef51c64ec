"""Log-mel features: how a sound looks to a measure that needs no classifier."""

import numpy as np

from gansynth_zoo.dsp import mel

# Below this a band counts as silent: what lies under it is not heard, and
# would otherwise rule every distance.
_FLOOR = 1e-3
_BATCH = 256


def features(waveforms, sample_rate):
    """Features of each sound.

    The log-mel spectrogram of 32 bands in frames of 16 ms, of the sound
    brought to a peak of 1, since loudness is a matter of the fader.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Float32 `[batch, features]`, 0 for silence.
    """
    mono = np.mean(waveforms, axis=-1, dtype=np.float32)
    peak = np.max(np.abs(mono), axis=1, keepdims=True)
    mono = mono / np.maximum(peak, 1e-9)
    step = 1 << int(np.log2(sample_rate * 0.016))
    batches = [
        mel.log_mel_spectrogram(
            mono[i : i + _BATCH],
            sample_rate,
            frame_length=4 * step,
            frame_step=step,
            mels=32,
            lower_hz=40.0,
            upper_hz=0.49 * sample_rate,
            floor=_FLOOR,
        ).numpy()
        for i in range(0, len(mono), _BATCH)
    ]
    return np.concatenate(batches).reshape(len(mono), -1) - np.log(
        np.float32(_FLOOR)
    )
