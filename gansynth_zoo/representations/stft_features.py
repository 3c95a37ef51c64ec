"""Log magnitudes of a Gabor transform, with phase derivatives (TiFGAN)."""

import math

import tensorflow as tf

from gansynth_zoo.dsp import frequency_scale
from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as transforms
from gansynth_zoo.representations import spectrogram

# Log magnitude of what is to be silent.
_SILENT = -100.0


class StftFeatures(spectrogram.Spectrogram):
    """Log magnitudes relative to a sound's largest, and phase derivatives.

    Features are `[batch, frames, bins, channels]` in [-1, 1]. A channel has
    one, the log magnitude, or three: that, and the derivatives of the phase by
    time and by frequency, over pi. The transform is circular with a Gaussian
    window. The level of a sound is lost: what comes back has a peak of 1.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.StftFeaturesConfig`.

    Raises:
      ZooError: if the lengths do not go together.

    Source: Marafioti, Holighaus, Perraudin and Majdak 2019, sections 3 and 4.
    """

    def __init__(self, audio, settings):
        stft = transforms.Stft(
            "gaussian", settings.fft_length, settings.hop, circular=True
        )
        per_channel = 3 if settings.derivatives else 1
        super().__init__(audio, settings, stft, per_channel)
        self._half_range = settings.log_range / 2.0
        self._warp = self._unwarp = None
        if settings.frequency_scale == "erb":
            self._warp, self._unwarp = frequency_scale.erb_matrices(
                stft.bins - 1, audio.sample_rate, stft.frame_length
            )

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features."""
        spectrum = self.analyse(waveform)
        magnitude = tf.abs(spectrum)
        largest = tf.reduce_max(magnitude, [1, 2], keepdims=True)
        relative = tf.math.divide_no_nan(magnitude, largest)
        floor = math.exp(-self._settings.log_range)
        values = tf.math.log(tf.maximum(relative, floor))[..., :-1]
        if self._warp is not None:
            values = values @ self._warp
        # Rounding may lead beyond.
        channels = [
            tf.clip_by_value(values / self._half_range + 1.0, -1.0, 1.0)
        ]
        if self._settings.derivatives:
            derivatives = phase_gradient.derivatives(self.stft, spectrum)
            channels += [
                tf.clip_by_value(d[..., :-1], -1.0, 1.0) for d in derivatives
            ]
        return self.together(tf.stack(channels, axis=-1))

    def log_magnitude(self, features):
        """Features -> log magnitude `[b·c, frames, bins]`, 0 at most."""
        values = self.apart(features)[..., 0]
        values = self._half_range * (values - 1.0)
        if self._unwarp is not None:
            values = values @ self._unwarp
            values = tf.clip_by_value(values, -self._settings.log_range, 0.0)
        return tf.pad(values, [[0, 0], [0, 0], [0, 1]], constant_values=_SILENT)

    def first_phase(self, features, log_magnitude):
        """Integrated from the magnitude, or from the derivatives."""
        if self._settings.phase_from == "derivatives":
            increments = phase_gradient.increments_of_derivatives(
                self.stft, *self._derivatives(features)
            )
        else:
            increments = phase_gradient.increments_of_magnitude(
                self.stft, log_magnitude
            )
        return self.integrate(log_magnitude, increments)

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`, its peak 1."""
        waveform = super().to_waveform(features)
        peak = tf.reduce_max(tf.abs(waveform), [1, 2], keepdims=True)
        return tf.math.divide_no_nan(waveform, peak)

    def _derivatives(self, features):
        """The two phase derivatives, each `[b·c, frames, bins]`."""
        values = self.apart(features)[..., 1:]
        values = tf.pad(values, [[0, 0], [0, 0], [0, 1], [0, 0]])
        return values[..., 0], values[..., 1]
