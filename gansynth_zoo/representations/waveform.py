"""The waveform itself, or its mu-law (WaveGAN)."""

import math

import tensorflow as tf


class Waveform:
    """Features that are the waveform, `[batch, samples, channels]`.

    With a mu-law they are sign(x) log(1 + mu |x|) / log(1 + mu) of the waveform
    x, in which faint noise is plain to a discriminator.

    Attributes:
      feature_shape: (samples, channels).
      invertible: whether `to_waveform` has all that it needs to know.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.WaveformConfig`.
    """

    invertible = True

    def __init__(self, audio, settings):
        self._mu = settings.mu_law
        self.feature_shape = (audio.num_samples, audio.channels)

    def fit(self, waveforms):
        """Settings to find of the training sounds: none."""
        del waveforms
        return {}

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features of its shape."""
        if not self._mu:
            return waveform
        compressed = tf.math.log1p(self._mu * tf.abs(waveform))
        return tf.sign(waveform) * compressed / math.log1p(self._mu)

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`."""
        if not self._mu:
            return features
        # An expm1 is not in all formats that modules are exported to.
        expanded = tf.exp(math.log1p(self._mu) * tf.abs(features)) - 1.0
        return tf.sign(features) * expanded / self._mu
