"""Standardised log magnitudes (SpecGAN)."""

import numpy as np
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as transforms
from gansynth_zoo.representations import spectrogram

# Of a magnitude whose logarithm is taken.
_LEAST_MAGNITUDE = 1e-6
# Of standard deviations, what [-1, 1] holds.
_DEVIATIONS = 3.0
# Of a bin that is always silent.
_LEAST_DEVIATION = 1e-2


class LogSpectrogram(spectrogram.Spectrogram):
    """Log magnitudes, standardised bin by bin over the training sounds.

    The features of a mono sound are `[batch, frames, bins, 1]` in [-1, 1],
    which is three standard deviations. The level of a sound is kept.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.LogSpectrogramConfig`; without moments it can
        only find them.

    Raises:
      ZooError: if the lengths do not go together.

    Source: Donahue, McAuley and Puckette 2018, section 3.4. Their inverse
    window lets the level swing from frame to frame; this one is exact.
    """

    def __init__(self, audio, settings):
        length, hop = settings.fft_length, settings.hop
        stft = transforms.Stft("hann", length, hop, after=length - hop)
        super().__init__(audio, settings, stft, per_channel=1)
        self.invertible = len(settings.mean) > 0
        self._floor = settings.magnitude_floor
        self._mean = np.float32(settings.mean)
        deviation = np.maximum(np.float32(settings.deviation), _LEAST_DEVIATION)
        self._scale = _DEVIATIONS * deviation

    def fit(self, waveforms):
        """Finds the moments, if the settings have none."""
        if self._settings.mean:
            return {}
        mean, deviation = self.find_moments(waveforms)
        return {"mean": mean, "deviation": deviation}

    def find_moments(self, waveforms):
        """Mean and standard deviation of each bin's log magnitude.

        Args:
          waveforms: iterable of float32 `[batch, samples, channels]`.

        Returns:
          Two tuples of floats, as many as bins.
        """
        log_magnitude = tf.function(
            lambda waveform: self._floored_log(self.analyse(waveform))
        )
        count, total, squares = 0, 0.0, 0.0
        for batch in waveforms:
            values = log_magnitude(tf.constant(batch)).numpy()
            values = values.reshape(-1, values.shape[-1]).astype(np.float64)
            count += len(values)
            total += values.sum(axis=0)
            squares += np.square(values).sum(axis=0)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        return tuple(mean.tolist()), tuple(deviation.tolist())

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features."""
        self._check_moments()
        values = (
            self._floored_log(self.analyse(waveform)) - self._mean
        ) / self._scale
        values = tf.clip_by_value(values[..., :-1], -1.0, 1.0)
        return self.together(values[..., tf.newaxis])

    def log_magnitude(self, features):
        """Features -> log magnitude `[b·c, frames, bins]`."""
        self._check_moments()
        values = self.apart(features)[..., 0]
        # The bin that was left out is as loud as it is on average.
        values = tf.pad(values, [[0, 0], [0, 0], [0, 1]])
        magnitude = tf.exp(values * self._scale + self._mean) - self._floor
        return tf.math.log(tf.maximum(magnitude, _LEAST_MAGNITUDE))

    def _floored_log(self, spectrum):
        return tf.math.log(tf.abs(spectrum) + self._floor)

    def first_phase(self, features, log_magnitude):
        """As the settings say: zero, random or integrated."""
        start = self._settings.phase_start
        if start == "zero":
            return tf.zeros_like(log_magnitude)
        if start == "random":
            return self.stft.random_phase(self.feature_shape[0])
        return self.integrate(
            log_magnitude,
            phase_gradient.increments_of_magnitude(self.stft, log_magnitude),
        )

    def _check_moments(self):
        if not self.invertible:
            raise errors.ZooError(
                "Expected the mean and deviation of each bin, received a "
                "preset without them; training finds them, so take the preset "
                "of a run."
            )
