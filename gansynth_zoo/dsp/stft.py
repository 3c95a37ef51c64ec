"""Short-time Fourier transforms that are undone exactly."""

import dataclasses

import numpy as np
import tensorflow as tf

# Of exp(-pi t^2 / gamma), for the Gaussian that is nearest to a Hann window of
# length 1: Prusa, Balazs and Sondergaard 2017, table I.
_HANN_GAMMA = 0.25645


@dataclasses.dataclass(frozen=True)
class Stft:
    """A short-time Fourier transform and its inverse.

    Frames are as long as the FFT. The phase refers to the first sample of a
    frame, as that of `tf.signal.stft` does; `time_carrier` and
    `frequency_carrier` hold what this means for phase increments.

    A circular transform sees the sound as one period: frame n is centred at
    sample n * hop, there are samples / hop frames, and the inverse is exact
    everywhere. Else frame n begins at sample n * hop - before. A sample that
    lies under fewer frames than it would further inside, for want of zeros in
    front or behind, comes back attenuated.

    Attributes:
      window: "hann", or "gaussian" with gamma = hop * frame_length, which
        spreads alike in time and frequency, counted in hops and bins. Both are
        periodic, with their peak at frame_length / 2.
      frame_length: samples of a frame, even; also the size of the FFT.
      hop: samples from one frame to the next, a divisor of frame_length.
      before: zeros put in front of the sound. Not for a circular transform.
      after: zeros put behind it. Not for a circular transform.
      circular: whether the end is followed by the beginning.

    Raises:
      ValueError: the lengths do not go together, or the window is unknown.
    """

    window: str
    frame_length: int
    hop: int
    before: int = 0
    after: int = 0
    circular: bool = False

    def __post_init__(self):
        if self.window not in ("hann", "gaussian"):
            raise ValueError(
                "window must be 'hann' or 'gaussian', received "
                f"'{self.window}'."
            )
        if self.frame_length % 2 or self.frame_length % self.hop:
            raise ValueError(
                "frame_length must be even and a multiple of hop, received "
                f"frame_length={self.frame_length}, hop={self.hop}."
            )
        if 2 * self.hop > self.frame_length:
            raise ValueError(
                "hop must be at most half of frame_length, received "
                f"frame_length={self.frame_length}, hop={self.hop}."
            )
        if self.circular and (self.before or self.after):
            raise ValueError(
                "A circular transform takes no zeros, received "
                f"before={self.before}, after={self.after}."
            )

    @property
    def bins(self):
        """Frequencies, from 0 to half of the sample rate."""
        return self.frame_length // 2 + 1

    @property
    def gamma(self):
        """Of exp(-pi t^2 / gamma), the window or the Gaussian nearest to it."""
        if self.window == "gaussian":
            return float(self.hop * self.frame_length)
        return _HANN_GAMMA * self.frame_length**2

    @property
    def time_carrier(self):
        """Radians that a bin's own frequency turns per hop, float32 `[bins]`.

        Whole turns are left out, before they cost precision.
        """
        turns = np.arange(self.bins) * self.hop % self.frame_length
        return np.float32(2 * np.pi / self.frame_length * turns)

    @property
    def frequency_carrier(self):
        """Radians per bin of an impulse at the centre of a frame."""
        return -np.pi

    def num_frames(self, samples):
        """Frames of a sound; `samples` that fill no frame are not seen."""
        if self.circular:
            return samples // self.hop
        padded = samples + self.before + self.after
        return 1 + (padded - self.frame_length) // self.hop

    def analyse(self, waveform):
        """Waveform -> spectrum.

        Args:
          waveform: float32 `[batch, samples]`; samples is a multiple of hop
            for a circular transform, and at least half a frame.

        Returns:
          Complex64 `[batch, frames, bins]`.
        """
        if self.circular:
            half = self.frame_length // 2
            end = waveform[:, -half:]
            padded = tf.concat(
                [end, waveform, waveform[:, : half - self.hop]], 1
            )
        else:
            padded = tf.pad(waveform, [[0, 0], [self.before, self.after]])
        frames = tf.signal.frame(padded, self.frame_length, self.hop)
        return tf.signal.rfft(frames * self._analysis_window())

    def synthesise(self, spectrum):
        """Spectrum -> waveform, the exact inverse of `analyse`.

        Of all waveforms, the result has the spectrum nearest to the given one
        (Griffin and Lim 1984), edges aside.

        Args:
          spectrum: complex64 `[batch, frames, bins]`. The imaginary parts of
            the first and the last bin are not seen.

        Returns:
          Float32 `[batch, samples]`.
        """
        frames = tf.signal.irfft(spectrum) * self._synthesis_window()
        padded = tf.signal.overlap_and_add(frames, self.hop)
        length = tf.shape(padded)[1]
        if not self.circular:
            return padded[:, self.before : length - self.after]
        # What lies before the beginning belongs to the end, and vice versa.
        half = self.frame_length // 2
        samples = length - self.frame_length + self.hop
        behind = half - self.hop
        head = tf.pad(padded[:, :half], [[0, 0], [samples - half, 0]])
        tail = tf.pad(
            padded[:, length - behind :], [[0, 0], [0, samples - behind]]
        )
        return padded[:, half : half + samples] + head + tail

    def random_phase(self, frames):
        """The same random phases at each call, float32 `[frames, bins]`."""
        # Philox by name: "auto" may choose another generator on another device.
        return tf.random.stateless_uniform(
            [frames, self.bins], [0, 0], -np.pi, np.pi, alg="philox"
        )

    def _analysis_window(self):
        if self.window == "gaussian":
            window = gaussian_window(self.frame_length, self.gamma)
        else:
            window = hann_window(self.frame_length)
        return window.astype(np.float32)

    def _synthesis_window(self):
        window = np.float64(self._analysis_window())
        return dual_window(window, self.hop).astype(np.float32)


def hann_window(length):
    """Periodic Hann window, float64 `[samples]`."""
    return 0.5 - 0.5 * np.cos(2 * np.pi / length * np.arange(length))


def gaussian_window(length, gamma):
    """exp(-pi t^2 / gamma) about length / 2, float64 `[samples]`."""
    t = np.arange(length) - length // 2
    return np.exp(-np.pi / gamma * t**2)


def dual_window(window, hop):
    """The synthesis window that undoes an analysis window.

    Args:
      window: float64 `[samples]`, as long as the FFT.
      hop: samples from one frame to the next, a divisor of the length.

    Returns:
      Float64 `[samples]`: shifted by all hops, its products with the analysis
      window add up to 1 (the canonical dual: Griffin and Lim 1984, section
      III).
    """
    power = (window**2).reshape(-1, hop).sum(axis=0)
    return window / np.tile(power, len(window) // hop)
