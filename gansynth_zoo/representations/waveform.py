"""The waveform itself (WaveGAN)."""


class Waveform:
    """Features that are the waveform, `[batch, samples, channels]`.

    Attributes:
      feature_shape: (samples, channels).
      invertible: whether `to_waveform` has all that it needs to know.

    Args:
      audio: a `config.AudioConfig`.
      settings: a `model_config.WaveformConfig`.
    """

    invertible = True

    def __init__(self, audio, settings):
        del settings
        self.feature_shape = (audio.num_samples, audio.channels)

    def fit(self, waveforms):
        """Settings to find of the training sounds: none."""
        del waveforms
        return {}

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features, the same."""
        return waveform

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`, the same."""
        return features
