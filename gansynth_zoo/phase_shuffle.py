"""Phase shuffle: a discriminator's features, shifted in time at random.

Source: Donahue, McAuley and Puckette 2018, section 3.3.
"""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Shuffles:
    """The phase shifts that a discriminator wants with each call.

    Attributes:
      count: shifts for each example.
      radius: largest shift; 0 for none.
      per: "example" or "batch", what one shift is drawn for.
    """

    count: int = 0
    radius: int = 0
    per: str = "example"


def shuffle(x, shifts, radius):
    """Shifts each example in time, and fills the gap by reflection.

    The sample at the edge is not repeated: for a shift p > 0, y[t] = x[t - p],
    and the first p samples are x[p] .. x[1]. (WaveGAN, section 3.3.) All bins
    of a spectrogram are shifted alike.

    Args:
      x: float `[batch, samples, channels]` or `[batch, frames, bins,
        channels]` with more than `radius` samples or frames.
      shifts: int32 `[batch]` in -radius .. radius.
      radius: largest shift; 0 returns `x`.

    Returns:
      Tensor of the shape of `x`.
    """
    if radius == 0:
        return x
    length = x.shape[1]
    if length <= radius:
        raise ValueError(
            f"Expected more than radius={radius} samples to shuffle, "
            f"received {length}."
        )
    if x.shape.rank > 3:
        flat = tf.reshape(x, [-1, length, math.prod(x.shape[2:])])
        flat = shuffle(flat, shifts, radius)
        return tf.reshape(flat, [-1, *x.shape[1:]])

    # The shift is linear, so its gradient is its transpose, whose gradient is
    # the shift again: both are gathers, where TensorFlow's own gradient of a
    # gather is a scatter.
    @tf.custom_gradient
    def shift(x):
        return _shift(x, shifts), shift_transpose

    @tf.custom_gradient
    def shift_transpose(y):
        return _shift_transpose(y, shifts, radius), shift

    return shift(x)


def _shift(x, shifts):
    length = x.shape[1]
    source = tf.range(length) - shifts[:, tf.newaxis]
    source = tf.abs(source)
    source = (length - 1) - tf.abs((length - 1) - source)
    return tf.ensure_shape(tf.gather(x, source, batch_dims=1), x.shape)


def _shift_transpose(y, shifts, radius):
    length = y.shape[1]
    shifts = shifts[:, tf.newaxis]
    padded = tf.pad(y, [[0, 0], [radius, radius], [0, 0]])
    back = tf.gather(
        padded, tf.range(radius, radius + length) + shifts, batch_dims=1
    )
    # Sample j of the first `radius` after the edge was also read, mirrored,
    # at p - j; of the last ones before the edge likewise, with -p.
    offsets = tf.range(1, radius + 1)

    def mirrored(edge, p):
        index = p - offsets
        values = tf.gather(edge, tf.maximum(index, 0), batch_dims=1)
        return tf.where((index >= 0)[..., tf.newaxis], values, 0.0)

    start = mirrored(y[:, :radius], shifts)
    end = mirrored(y[:, -1 : -radius - 1 : -1], -shifts)[:, ::-1]
    inner = slice(radius + 1, length - radius - 1)
    if length < 2 * radius + 2:
        zeros = [[0, 0], [1, length - 1 - radius], [0, 0]]
        back += tf.pad(start, zeros)
        back += tf.pad(end, [zeros[0], zeros[1][::-1], zeros[2]])
    else:
        back = tf.concat(
            [
                back[:, :1],
                back[:, 1 : radius + 1] + start,
                back[:, inner],
                back[:, -radius - 1 : -1] + end,
                back[:, -1:],
            ],
            axis=1,
        )
    return tf.ensure_shape(back, y.shape)
