"""The waveform itself (WaveGAN), or companded."""

import math

import tensorflow as tf


class Waveform:
    """Features that are the waveform, `[batch, samples, channels]`.

    With companding they are its samples on the logarithmic scale of telephony,
    where a faint hiss is as easy to tell from silence as a loud one from a
    loud sound.

    Attributes:
      feature_shape: (samples, channels).
      invertible: whether `to_waveform` has all that it needs to know.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.WaveformConfig`.

    Source: ITU-T Recommendation G.711 (1988), the mu-law.
    """

    invertible = True

    def __init__(self, audio, settings):
        self._mu = settings.companding
        self.feature_shape = (audio.num_samples, audio.channels)

    def fit(self, waveforms):
        """Settings to find of the training sounds: none."""
        del waveforms
        return {}

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features of its shape."""
        if not self._mu:
            return waveform
        level = tf.math.log1p(self._mu * tf.abs(waveform))
        return tf.sign(waveform) * level / math.log1p(self._mu)

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`."""
        if not self._mu:
            return features
        # Not expm1, which formats for phones lack; what it would gain is
        # below the last bit of 24.
        level = tf.exp(math.log1p(self._mu) * tf.abs(features)) - 1.0
        return tf.sign(features) * level / self._mu
