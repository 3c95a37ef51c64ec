"""GANSynth's mel scale: as many bands as bins, and the way back."""

import numpy as np

# HTK's scale: mel = 1127 ln(1 + Hz / 700).
_MELS = 1127.0
_BREAK_HZ = 700.0
# Of the distance of two bins, what a band spans at least.
_LEAST_WIDTH = 1.5
# Of a bin, the overlap below which no band holds it.
_NOTHING = 1e-8


def mel_matrices(bins, sample_rate, *, original=False):
    """Power of linear bins -> power in mel bands, and back.

    Bands are triangles of height 1, their centres evenly spaced in mel. At low
    frequencies they are denser than the bins, and each spans at least one and
    a half bins, so some are nearly alike. The lowest bin is in no band.

    The way back is the transpose, each bin divided by its overlap with all the
    others. It has no negative weights.

    Args:
      bins: bins, taken as evenly spaced from 0 Hz to half of the sample rate,
        and bands.
      sample_rate: in Hz.
      original: whether to widen bands as the published code does. There the
        lower edges, centres and upper edges are one array, so a band that is
        widened moves its neighbours.

    Returns:
      Pair of float32 `[bins, bands]` and `[bands, bins]`, to be multiplied
      from the right.

    Source: Engel et al. 2019, section 2, and their code.
    """
    least = _LEAST_WIDTH * sample_rate / 2 / bins
    edges = np.linspace(0.0, _mel(sample_rate / 2), bins + 2)
    if original:
        _widen_in_place(edges, least)
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    else:
        centre = edges[1:-1]
        reach = np.maximum(edges[1], _reach(centre, least))
        lower, upper = centre - reach, centre + reach
    lower, centre, upper = _hertz(lower), _hertz(centre), _hertz(upper)
    frequency = np.linspace(0.0, sample_rate / 2, bins)[:, None]
    rising = (frequency - lower) / (centre - lower)
    falling = (upper - frequency) / (upper - centre)
    forward = np.maximum(0.0, np.minimum(rising, falling))
    forward[0] = 0.0
    overlap = forward @ forward.sum(axis=0)
    held = overlap > _NOTHING
    backward = forward.T * (held / np.where(held, overlap, 1.0))
    return forward.astype(np.float32), backward.astype(np.float32)


def _widen_in_place(edges, least):
    """Widens bands one by one; band i lies about edges[i + 1]."""
    for i in range(len(edges) - 2):
        if _hertz(edges[i + 2]) - _hertz(edges[i]) < least:
            reach = _reach(edges[i + 1], least)
            edges[i] = edges[i + 1] - reach
            edges[i + 2] = edges[i + 1] + reach


def _reach(centre, width):
    """Half the width of a band of so many Hz about a centre, in mel."""
    return _MELS * np.arcsinh(0.5 * width / (_hertz(centre) + _BREAK_HZ))


def _mel(hertz):
    return _MELS * np.log1p(hertz / _BREAK_HZ)


def _hertz(mel):
    return _BREAK_HZ * np.expm1(mel / _MELS)
