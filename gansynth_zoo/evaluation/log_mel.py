"""Log-mel features: how a sound looks to a measure that needs no classifier."""

import numpy as np

from gansynth_zoo.classifiers import network
from gansynth_zoo.dsp import mel

# Below this a band counts as silent: what lies under it is not heard, and
# would otherwise rule every distance.
_FLOOR = 1e-3
_BATCH = 256
# Of the classifier of spoken digits.
_SC09_SAMPLES = 16384
_INT16 = 32767.0


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
    images = _log_mel(
        mono,
        sample_rate,
        frame_length=4 * step,
        frame_step=step,
        mels=32,
        lower_hz=40.0,
        upper_hz=0.49 * sample_rate,
        floor=_FLOOR,
    )
    return images.reshape(len(mono), -1) - np.log(np.float32(_FLOOR))


def sc09_images(waveforms, *, legacy=False):
    """The images that WaveGAN's classifier of spoken digits sees.

    Args:
      waveforms: float `[batch, samples, channels]` at 16 kHz; the channels are
        averaged, and the end is cut or padded with zeros to 16384 samples.
      legacy: whether as in the published script of the nearest neighbours:
        frames of 128 ms where the classifier has 64, and samples up to 32767
        where it has 1, which lowers the floor.

    Returns:
      Float32 `[batch, 128 frames, 128 bands]`, natural logarithms.

    Source: Donahue et al. 2019, section 5.1, and the code published with it.
    """
    mono = np.mean(waveforms, axis=-1, dtype=np.float32)[:, :_SC09_SAMPLES]
    mono = np.pad(mono, ((0, 0), (0, _SC09_SAMPLES - mono.shape[1])))
    if not legacy:
        return _in_batches(network.images, mono)
    return _log_mel(
        mono * np.float32(_INT16),
        network.SAMPLE_RATE,
        frame_length=2048,
        frame_step=128,
        mels=128,
        lower_hz=40.0,
        upper_hz=7800.0,
        floor=1e-6,
    )


def _log_mel(mono, sample_rate, **settings):
    """`mel.log_mel_spectrogram` of many sounds."""

    def images(batch):
        return mel.log_mel_spectrogram(batch, sample_rate, **settings)

    return _in_batches(images, mono)


def _in_batches(function, mono):
    return np.concatenate(
        [
            function(mono[i : i + _BATCH]).numpy()
            for i in range(0, len(mono), _BATCH)
        ]
    )
