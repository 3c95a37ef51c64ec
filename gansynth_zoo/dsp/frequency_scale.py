"""A warped frequency axis, and the way back.

Bands are as many as bins, evenly spaced on the ERB scale of hearing: low
frequencies get more rows of the picture, high ones fewer. Both ways are linear
maps of log magnitudes.

Source: Glasberg and Moore 1990, equation 4.
"""

import numpy as np

# Measured: less gains nothing on real sounds, more blurs them.
_DAMPING = 1e-3


def erb_matrices(bins, sample_rate, fft_length):
    """Linear bins -> ERB bands, and back.

    Where bands are wider than bins, a band is the mean of bins under a
    triangle; where they are narrower, it lies between two bins. The way back
    is the least-squares inverse, damped so that it does not amplify what a
    network gets wrong.

    Args:
      bins: bins from 0 Hz on, and bands.
      sample_rate: in Hz.
      fft_length: of the transform.

    Returns:
      Pair of float32 `[bins, bands]` and `[bands, bins]`, to be multiplied
      from the right. The columns of both sum to 1: a constant spectrum stays
      what it is.
    """
    top = (bins - 1) * sample_rate / fft_length
    rates = np.linspace(0.0, _erb_rate(top), bins)
    centres = _frequency(rates) * fft_length / sample_rate
    widths = np.maximum(1.0, np.gradient(centres))
    distance = np.abs(np.arange(bins)[:, None] - centres[None])
    forward = np.maximum(0.0, 1.0 - distance / widths[None])
    forward /= forward.sum(axis=0)
    backward = _damped_inverse(forward)
    return forward.astype(np.float32), backward.astype(np.float32)


def _erb_rate(frequency):
    return 21.4 * np.log10(1.0 + 0.00437 * frequency)


def _frequency(rate):
    return (10.0 ** (rate / 21.4) - 1.0) / 0.00437


def _damped_inverse(forward):
    bands = forward.shape[1]
    square = forward.T @ forward + _DAMPING * np.eye(bands)
    backward = np.linalg.solve(square, forward.T)
    # What the damping takes from a constant.
    return backward + (1.0 - backward.sum(axis=0)) / bands
