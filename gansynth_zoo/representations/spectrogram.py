"""What the representations by short-time Fourier transform share."""

import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.dsp import griffin_lim
from gansynth_zoo.dsp import phase_forest


class Spectrogram:
    """Pictures of spectra, and the waveforms they stand for.

    Channels are transformed one by one, and stand beside one another in the
    last axis of the features. One bin is left out of the features: the highest,
    which is half of the sample rate, unless a kind says otherwise.

    Attributes:
      kept: slice of the bins that features hold.
      stft: a `dsp.stft.Stft`.
      feature_shape: (frames, bins, channels).
      invertible: whether `to_waveform` has all that it needs to know.

    Args:
      audio: a `config.AudioConfig`.
      settings: the representation's settings.
      stft: a `dsp.stft.Stft`.
      per_channel: features of each channel.

    Raises:
      ZooError: if the length is no multiple of the hop.
    """

    kept = slice(None, -1)
    invertible = True

    def __init__(self, audio, settings, stft, per_channel):
        if audio.num_samples % stft.hop:
            raise errors.ZooError(
                f"Expected num_samples to be a multiple of hop, {stft.hop}, "
                f"received {audio.num_samples}."
            )
        self.stft = stft
        frames = stft.num_frames(audio.num_samples)
        channels = audio.channels * per_channel
        self.feature_shape = (frames, stft.bins - 1, channels)
        self._audio = audio
        self._settings = settings

    def fit(self, waveforms):
        """Finds the settings that depend on the training sounds.

        Args:
          waveforms: iterable of float32 `[batch, samples, channels]`; not
            looked at if nothing is missing.

        Returns:
          Dictionary of a setting's name to its value.
        """
        del waveforms
        return {}

    def analyse(self, waveform):
        """`[batch, samples, channels]` -> complex `[b·c, frames, bins]`."""
        apart = tf.transpose(waveform, [0, 2, 1])
        apart = tf.reshape(apart, [-1, self._audio.num_samples])
        return self.stft.analyse(apart)

    def log_magnitude(self, features):
        """Features -> natural log magnitude, float `[b·c, frames, bins]`."""
        raise NotImplementedError

    def first_phase(self, features, log_magnitude):
        """The phase that Griffin-Lim starts with, `[b·c, frames, bins]`."""
        raise NotImplementedError

    def retrieve(self, features):
        """Finds waveforms for magnitudes.

        Args:
          features: float `[batch, *feature_shape]`.

        Returns:
          Log magnitude, float `[b·c, frames, bins]`, and the waveform that was
          found for it, `[b·c, samples]`.
        """
        log_magnitude = self.log_magnitude(features)
        waveform = griffin_lim.griffin_lim(
            self.stft,
            tf.exp(log_magnitude),
            self.first_phase(features, log_magnitude),
            self._settings.griffin_lim_steps,
            self._settings.griffin_lim_momentum,
        )
        return log_magnitude, waveform

    def to_waveform(self, features):
        """Features -> waveform `[batch, samples, channels]`."""
        _, apart = self.retrieve(features)
        audio = self._audio
        apart = tf.reshape(apart, [-1, audio.channels, audio.num_samples])
        return tf.transpose(apart, [0, 2, 1])

    def integrate(self, log_magnitude, increments):
        """Phase along the loudest paths, float `[b·c, frames, bins]`.

        Args:
          log_magnitude: float `[b·c, frames, bins]`.
          increments: what the phase grows by along time and frequency, as of
            `dsp.phase_gradient`.
        """
        background = self.stft.random_phase(self.feature_shape[0])
        return phase_forest.integrate(log_magnitude, *increments, background)

    def together(self, values):
        """`[b·c, frames, bins, k]` -> features `[batch, frames, bins, c·k]`."""
        frames, bins, width = self.feature_shape
        k = width // self._audio.channels
        values = tf.reshape(values, [-1, self._audio.channels, frames, bins, k])
        values = tf.transpose(values, [0, 2, 3, 1, 4])
        return tf.reshape(values, [-1, frames, bins, width])

    def apart(self, features):
        """Features `[batch, frames, bins, c·k]` -> `[b·c, frames, bins, k]`."""
        frames, bins, width = self.feature_shape
        k = width // self._audio.channels
        values = tf.reshape(
            features, [-1, frames, bins, self._audio.channels, k]
        )
        values = tf.transpose(values, [0, 3, 1, 2, 4])
        return tf.reshape(values, [-1, frames, bins, k])
