"""Log magnitudes, and what the phase does beside them (GANSynth)."""

import math

import numpy as np
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.dsp import mel_matrices
from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as transforms
from gansynth_zoo.representations import spectrogram

_FLOOR = 1e-6
_LOWEST = math.log(_FLOOR)
# Of [-1, 1], what the training sounds fill; a generator may go beyond them.
_MARGIN = 0.8
# Log magnitude of the bin that was left out.
_SILENT = -100.0


class InstantaneousFrequency(spectrogram.Spectrogram):
    """Log magnitudes, and phases or instantaneous frequencies.

    Features are `[batch, frames, bins, 2 · channels]` in [-1, 1]. A channel
    has two: a level, which is -0.8 for silence and 0.8 for the loudest of the
    training sounds, and an angle, 0.8 for pi. The level of a sound is kept.

    `features` of the settings says what they are:

    * "phase": the log magnitude, and the phase.
    * "frequency": the log magnitude, and the instantaneous frequency: by how
      much the phase grows from frame to frame, in -pi .. pi. The first frame
      holds its phase.
    * "mel": the log power in mel bands, and the instantaneous frequency of the
      bands. The phase of a band is that of the sum of its bins, each counted
      from the centre of the frame, where the bins of one partial agree.
    * "mel_original": the same as the published code has it. The frequency of a
      band is the weighted sum of its bins' frequencies, less whole turns; where
      a band is wide, those of the bins cannot be told from it.

    The lowest bin, 0 Hz, is left out. The number of frames is a power of two,
    for which zeros are put in front of the sound; none are put behind it, so
    the last frame's worth of samples comes back attenuated.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.InstantaneousFrequencyConfig`; without
        `highest` it can only find it.

    Raises:
      ZooError: if the length is no multiple of the hop.

    Source: Engel et al. 2019, section 2, and their code; the phase of "mel" is
    our own.
    """

    # Of the bins, those that features hold.
    kept = slice(1, None)

    def __init__(self, audio, settings):
        length, hop = settings.fft_length, settings.hop
        hops = math.ceil(audio.num_samples / hop)
        frames = 2 ** math.ceil(math.log2(hops))
        before = (frames - 1) * hop + length - audio.num_samples
        stft = transforms.Stft("hann", length, hop, before=before)
        super().__init__(audio, settings, stft, per_channel=2)
        self._kind = settings.features
        self._mel = self._kind in ("mel", "mel_original")
        if self._mel:
            self._forward, self._backward = mel_matrices.mel_matrices(
                stft.bins - 1,
                audio.sample_rate,
                original=self._kind == "mel_original",
            )
        # From the start of a frame to its centre, each bin makes half a turn
        # more than the one below.
        numbers = np.arange(stft.bins)[self.kept]
        self._signs = np.float32(np.cos(stft.frequency_carrier * numbers))

    def fit(self, waveforms):
        """Finds the highest level, if the settings have none."""
        if self._settings.highest is not None:
            return {}
        return {"highest": self.find_highest(waveforms)}

    def find_highest(self, waveforms):
        """The highest log magnitude, or log power in mel bands.

        Args:
          waveforms: iterable of float32 `[batch, samples, channels]`.

        Returns:
          Float.
        """
        highest = tf.function(
            lambda waveform: tf.reduce_max(self._level(self._bins(waveform)))
        )
        return max(float(highest(tf.constant(batch))) for batch in waveforms)

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features."""
        spectrum = self._bins(waveform)
        level = (self._level(spectrum) - _LOWEST) / self._half_range() - 1.0
        angle = self._angle(spectrum) / np.pi
        values = _MARGIN * tf.stack([level, angle], axis=-1)
        return self.together(tf.clip_by_value(values, -1.0, 1.0))

    def log_magnitude(self, features):
        """Features -> log magnitude `[b·c, frames, bins]`."""
        level, _ = self._level_and_angle(features)
        if self._mel:
            power = _power(level) @ self._backward
            level = 0.5 * tf.math.log(power + _FLOOR**2)
        return tf.pad(level, [[0, 0], [0, 0], [1, 0]], constant_values=_SILENT)

    def first_phase(self, features, log_magnitude):
        """The phase that the angles add up to, `[b·c, frames, bins]`."""
        level, angle = self._level_and_angle(features)
        if self._kind == "phase":
            phase = angle
        elif self._kind == "mel":
            # In a bin the loudest band counts most.
            bands = _polar(_power(level), tf.cumsum(angle, axis=1))
            bins = _multiply(bands, self._backward)
            bins *= tf.cast(self._signs, bins.dtype)
            # TensorFlow.js has no angle of complex numbers.
            phase = tf.atan2(tf.math.imag(bins), tf.math.real(bins))
        elif self._kind == "mel_original":
            phase = tf.cumsum(angle @ self._backward, axis=1)
        else:
            phase = tf.cumsum(angle, axis=1)
        return tf.pad(phase, [[0, 0], [0, 0], [1, 0]])

    def _bins(self, waveform):
        return self.analyse(waveform)[..., self.kept]

    def _level(self, spectrum):
        """Log magnitude or log power in bands, `[b·c, frames, bins]`."""
        magnitude = tf.abs(spectrum)
        if self._mel:
            return _log(magnitude**2 @ self._forward)
        return _log(magnitude)

    def _angle(self, spectrum):
        """Phase or its growth in -pi .. pi, `[b·c, frames, bins]`."""
        if self._kind == "mel":
            bands = spectrum * tf.cast(self._signs, spectrum.dtype)
            return _growth(_phase(_multiply(bands, self._forward)))
        if self._kind == "phase":
            return _phase(spectrum)
        growth = _growth(_phase(spectrum))
        if self._kind == "mel_original":
            return phase_gradient.wrap(growth @ self._forward)
        return growth

    def _level_and_angle(self, features):
        """What features stand for, each `[b·c, frames, bins]`."""
        values = self.apart(features) / _MARGIN
        level = (values[..., 0] + 1.0) * self._half_range() + _LOWEST
        return level, np.pi * values[..., 1]

    def _half_range(self):
        highest = self._settings.highest
        if highest is None:
            raise errors.ZooError(
                "Expected the highest level of the training sounds, received "
                "a preset without it; training finds it, so take the preset "
                "of a run."
            )
        # Silent sounds have a range too.
        return max(highest - _LOWEST, 1.0) / 2.0


def _log(values):
    return tf.math.log(values + _FLOOR)


def _power(level):
    """The inverse of `_log`; what silence has of the floor would be heard."""
    return tf.maximum(tf.exp(level) - _FLOOR, 0.0)


def _phase(spectrum):
    """Phase in -pi .. pi, 0 for silence, whose zeros may have signs."""
    phase = tf.math.angle(spectrum)
    return tf.where(tf.abs(spectrum) > 0.0, phase, 0.0)


def _growth(phase):
    """Differences along frames in -pi .. pi; the first is the phase itself."""
    before = tf.pad(phase[:, :-1], [[0, 0], [1, 0], [0, 0]])
    return phase_gradient.wrap(phase - before)


def _polar(magnitude, phase):
    return tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase))


def _multiply(spectrum, matrix):
    """Complex `[b·c, frames, bins]` times a real `[bins, bands]`."""
    matrix = tf.constant(matrix)
    return tf.complex(
        tf.math.real(spectrum) @ matrix, tf.math.imag(spectrum) @ matrix
    )
