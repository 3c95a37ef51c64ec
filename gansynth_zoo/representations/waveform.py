"""The waveform itself (WaveGAN)."""


class Waveform:
    """Features that are the waveform, `[batch, samples, channels]`.

    Attributes:
      feature_shape: (samples, channels).

    Args:
      num_samples: length of the waveform.
      channels: its channels.
    """

    def __init__(self, num_samples, channels):
        self.feature_shape = (num_samples, channels)

    def to_features(self, waveform):
        """Waveform `[batch, samples, channels]` -> features, the same."""
        return waveform

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`, the same."""
        return features
