"""The waveform, what is heard of it made plain, or as it is (WaveGAN)."""

import math

import tensorflow as tf

# Echoes of a filter that are fainter than this are left out.
_INAUDIBLE = 1e-8
# In Hz: what lies below is not heard, and is kept from sounds with an emphasis.
_LOWEST = 10.0


class Waveform:
    """Features that are the waveform, `[batch, samples, channels]`.

    A pre-emphasis a makes them (x[n] - a x[n-1]) / (1 + a) of the waveform x:
    high tones come nearer to the level of low ones, and what a network adds to
    all alike is less of a hiss in the sound. On the way back a high-pass of
    first order follows: a constant too small to be seen would otherwise become
    (1 + a) / (1 - a) times as large. A mu-law then makes them sign(x) log(1 +
    mu |x|) / log(1 + mu), in which faint noise is plain to a discriminator.
    Both stay in [-1, 1] with the waveform.

    Attributes:
      feature_shape: (samples, channels).
      invertible: whether `to_waveform` has all that it needs to know.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.WaveformConfig`.

    Source: Valin and Skoglund 2019, section 3.2, for the two together.
    """

    invertible = True

    def __init__(self, audio, settings):
        self._pre_emphasis = settings.pre_emphasis
        self._high_pass = math.exp(-2 * math.pi * _LOWEST / audio.sample_rate)
        self._mu = settings.mu_law
        self.feature_shape = (audio.num_samples, audio.channels)

    def fit(self, waveforms):
        """Settings to find of the training sounds: none."""
        del waveforms
        return {}

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features of its shape."""
        features = waveform
        if self._pre_emphasis:
            before = self._pre_emphasis * _delayed(features, 1)
            features = (features - before) / (1.0 + self._pre_emphasis)
        if self._mu:
            compressed = tf.math.log1p(self._mu * tf.abs(features))
            compressed /= math.log1p(self._mu)
            features = tf.sign(features) * compressed
        return features

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`."""
        waveform = features
        if self._mu:
            # An expm1 is not in all formats that modules are exported to.
            expanded = tf.exp(math.log1p(self._mu) * tf.abs(waveform)) - 1.0
            waveform = tf.sign(waveform) * expanded / self._mu
        if self._pre_emphasis:
            waveform *= 1.0 + self._pre_emphasis
            waveform = _echoing(waveform, self._pre_emphasis)
            waveform -= _delayed(waveform, 1)
            waveform = _echoing(waveform, self._high_pass)
        return waveform


def _delayed(x, samples):
    return tf.pad(x[:, :-samples], [[0, 0], [samples, 0], [0, 0]])


def _echoing(x, share):
    """The recursive filter y[n] = x[n] + share y[n-1]."""
    # 1 / (1 - a D) is (1 + a D) (1 + a^2 D^2) (1 + a^4 D^4) ..., where D delays
    # by a sample: a few sums, and no loop over samples.
    delay = 1
    while delay < x.shape[1] and share**delay > _INAUDIBLE:
        x += share**delay * _delayed(x, delay)
        delay *= 2
    return x
