"""What sounds are like, each word a number for every sound.

They are logarithms, as the ear counts, and NaN where a sound has no such
quality: silence has none.
"""

import numpy as np

from gansynth_zoo.evaluation import descriptors
from gansynth_zoo.evaluation import tone

# Peaks below it are silence.
_SILENCE = 1e-4
# Share of the energy after which a sound has ended.
_ENDED = 0.95
# Seconds of a frame of the envelope; shares of its largest between which the
# attack lies.
_FRAME = 0.004
_ATTACK = (0.1, 0.9)
# Seconds in which the pitch is looked for, its range in Hz, and how alike one
# period is to the next where there is any.
_PITCH_SECONDS = 0.064
_PITCHES = (50.0, 1000.0)
_VOICED = 0.8


def measure(waveforms, sample_rate):
    """Descriptors of sounds.

    Args:
      waveforms: float `[batch, samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Dictionary of a word to float64 `[batch]`:

      * "brightness": octaves, of the spectral centroid above 1 Hz.
      * "length": of the seconds until 95 % of the energy has come, log2.
      * "attack": of the seconds from a tenth to nine tenths of the largest
        level, log2 (the log attack time of Peeters et al. 2011, in octaves).
      * "pitch": octaves above 1 Hz, NaN where there is none.
      * "noisiness": logarithm of the spectral flatness.
    """
    mono = np.mean(waveforms, axis=-1, dtype=np.float64)
    silent = np.max(np.abs(mono), axis=1) < _SILENCE
    envelope = _envelope(mono, sample_rate)
    centroid = descriptors.spectral_centroid(waveforms, sample_rate)
    found = {
        "brightness": np.log2(np.maximum(centroid, 1.0)),
        "length": _length(mono, sample_rate),
        "attack": _attack(envelope),
        "pitch": _pitch(mono, envelope, sample_rate),
        "noisiness": np.log(tone.flatness(waveforms, sample_rate)),
    }
    return {
        word: np.where(silent, np.nan, values) for word, values in found.items()
    }


def _envelope(mono, sample_rate):
    """Root mean square of frames, `[batch, frames]`."""
    size = max(1, min(round(_FRAME * sample_rate), mono.shape[1]))
    frames = mono.shape[1] // size
    frames = mono[:, : frames * size].reshape(len(mono), frames, size)
    return np.sqrt(np.mean(frames**2, axis=2))


def _length(mono, sample_rate):
    energy = np.cumsum(mono**2, axis=1)
    ended = np.argmax(energy >= _ENDED * energy[:, -1:], axis=1)
    return np.log2((ended + 1) / sample_rate)


def _attack(envelope):
    largest = envelope.max(axis=1, keepdims=True)
    begun, reached = (
        np.argmax(envelope >= share * largest, axis=1) for share in _ATTACK
    )
    return np.log2((reached - begun + 1) * _FRAME)


def _pitch(mono, envelope, sample_rate):
    """The shortest period that comes back, where the sound is loudest."""
    size = min(round(_PITCH_SECONDS * sample_rate), mono.shape[1])
    centre = np.argmax(envelope, axis=1) * mono.shape[1] // envelope.shape[1]
    first = np.minimum(centre, mono.shape[1] - size)
    part = mono[np.arange(len(mono))[:, None], first[:, None] + np.arange(size)]
    part = part - part.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(part, 2 * size)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:, : size // 2]
    # What overlaps at each lag, of either side: 1 is a perfect period.
    squares = np.pad(np.cumsum(part**2, axis=1), ((0, 0), (1, 0)))
    lags = np.arange(size // 2)
    left, right = squares[:, size - lags], squares[:, -1:] - squares[:, lags]
    alike = 2 * products / np.maximum(left + right, 1e-12)
    shortest, longest = (round(sample_rate / hz) for hz in reversed(_PITCHES))
    alike = alike[:, : longest + 1]
    # A peak, not the flank of lag 0.
    peaks = (alike[:, 1:-1] >= alike[:, :-2]) & (alike[:, 1:-1] > alike[:, 2:])
    alike = np.where(peaks, alike[:, 1:-1], 0.0)
    alike[:, : shortest - 1] = 0.0
    best = alike.max(axis=1, initial=0.0)
    # Twice the period comes back as well as the period.
    lag = 1 + np.argmax(alike >= 0.9 * best[:, None], axis=1)
    return np.where(best >= _VOICED, np.log2(sample_rate / lag), np.nan)
