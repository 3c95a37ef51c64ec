"""Strided convolutions as three linear operators, each by the fastest way.

Of a picture, the weights and what comes out, each is a product of the others:

  forward(picture, weights)     what comes out
  to_picture(out, weights)      the gradient of the first for the picture; also
                                the transposed convolution
  to_weights(picture, out)      the gradient of the first for the weights

All three are linear in both arguments, so the gradients of each are the other
two. Derivatives of any order, as of a gradient penalty, stay among the three.

There are three ways to compute them, those of `convolution_ways`, with the same
results but for rounding.

Axes are those of a picture, `[batch, height, width, channels]`; what comes out
is `[batch, rows, columns, filters]`, as long as the picture divided by the
stride, rounded up ("same"). Weights are `[taps, taps, channels, filters]`.
"""

import contextlib

import tensorflow as tf

from gansynth_zoo import convolution_ways

# True takes the library's convolutions for every layer that is traced from
# then on. With a graphics card they are taken in any case: the other ways were
# measured on processors alone.
PLAIN = False

# A matrix product writes each value of a picture down once for each tap, where
# the library rearranges the weights: Columns pays for many filters at few
# positions. Filters that it takes for each position of an example:
_FILTERS_PER_POSITION = 8
# The same for `to_picture`, where the rows have to be added up again.
_FILTERS_PER_POSITION_BACK = 32
# Weights that fit into a core's cache are quickly rearranged.
_MANY_WEIGHTS = 2**21
# With fewer channels the library's `to_picture` leaves registers empty.
_FEW_CHANNELS = 8
# The library has no good `to_weights` for more taps along the last axis.
_MOST_TAPS = 14


@contextlib.contextmanager
def plain():
    """Has layers that are traced inside take the library's convolutions."""
    global PLAIN
    before, PLAIN = PLAIN, True
    try:
        yield
    finally:
        PLAIN = before


def convolve(x, weights, strides, training):
    """Convolution "same".

    Args:
      x: `[batch, samples, channels]` or `[batch, height, width, channels]`;
        all but the batch are known.
      weights: `[taps, channels, filters]` or `[taps, taps, channels, filters]`.
      strides: int, or in two dimensions a pair.
      training: whether the gradients, of any order, take the fastest ways too.
        They are TensorFlow's own without: a SavedModel keeps of others the
        first alone, and whoever loads it is warned.

    Returns:
      `[batch, positions, filters]` or `[batch, rows, columns, filters]`: as
      long as `x` divided by the stride, rounded up.
    """
    if x.shape.rank == 3:
        x, weights = tf.expand_dims(x, 1), tf.expand_dims(weights, 0)
        x = convolve(x, weights, (1, strides), training)
        return tf.squeeze(x, 1)
    axes = tuple(
        map(convolution_ways.Axis, x.shape[1:3], weights.shape[:2], strides)
    )
    return _make(axes, weights, training).forward(x, weights)


def convolve_transposed(x, weights, strides, training):
    """Transposed convolution "same".

    Args:
      x: `[batch, samples, channels]` or `[batch, rows, columns, channels]`;
        all but the batch are known.
      weights: `[taps, filters, channels]` or `[taps, taps, filters, channels]`,
        those of the convolution that it is the transpose of.
      strides: int, or in two dimensions a pair.
      training: as of `convolve`.

    Returns:
      `[batch, stride·samples, filters]`, or both axes so much longer.
    """
    if x.shape.rank == 3:
        x, weights = tf.expand_dims(x, 1), tf.expand_dims(weights, 0)
        x = convolve_transposed(x, weights, (1, strides), training)
        return tf.squeeze(x, 1)
    axes = tuple(
        convolution_ways.Axis(positions * stride, taps, stride)
        for positions, taps, stride in zip(
            x.shape[1:3], weights.shape[:2], strides, strict=True
        )
    )
    return _make(axes, weights, training).to_picture(x, weights)


def _make(axes, weights, training):
    ways = choose(axes, *weights.shape[2:])
    return Operators(axes, ways) if training else Ways(axes, ways)


def choose(axes, channels, filters):
    """The ways that are fastest on a processor, by the shape of a layer.

    Args:
      axes: an `Axis` for each axis.
      channels: of the picture.
      filters: channels of what comes out.

    Returns:
      A class each for `forward`, `to_picture` and `to_weights`.
    """
    if PLAIN or tf.config.get_visible_devices("GPU"):
        return (convolution_ways.Plain,) * 3
    strided = any(axis.stride > 1 for axis in axes)
    positions, weights = 1, channels * filters
    for axis in axes:
        positions *= axis.positions
        weights *= axis.taps
    forward = to_picture = to_weights = convolution_ways.Plain
    if strided and channels <= _FEW_CHANNELS:
        to_picture = convolution_ways.Blocks
    if strided and axes[-1].taps > _MOST_TAPS:
        to_weights = convolution_ways.Blocks
    if weights >= _MANY_WEIGHTS:
        if filters >= _FILTERS_PER_POSITION * positions:
            forward = to_weights = convolution_ways.Columns
        if filters >= _FILTERS_PER_POSITION_BACK * positions:
            to_picture = convolution_ways.Columns
    return forward, to_picture, to_weights


class Ways:
    """The three operators, each by a way of its own.

    Args:
      axes: an `Axis` for the height and one for the width.
      ways: three of `Plain`, `Blocks` and `Columns`, as `choose` gives them.
    """

    def __init__(self, axes, ways):
        forward, to_picture, to_weights = (way(*axes) for way in ways)
        self.forward = forward.forward
        self.to_picture = to_picture.to_picture
        self.to_weights = to_weights.to_weights


class Operators:
    """The same, with gradients that are these operators again.

    Args:
      axes: as of `Ways`.
      ways: as of `Ways`.
    """

    def __init__(self, axes, ways):
        self._ways = Ways(axes, ways)

    def forward(self, picture, weights):
        @tf.custom_gradient
        def operator(x, w):
            def gradient(dy):
                return self.to_picture(dy, w), self.to_weights(x, dy)

            return self._ways.forward(x, w), gradient

        return operator(picture, weights)

    def to_picture(self, out, weights):
        @tf.custom_gradient
        def operator(y, w):
            def gradient(dx):
                return self.forward(dx, w), self.to_weights(dx, y)

            return self._ways.to_picture(y, w), gradient

        return operator(out, weights)

    def to_weights(self, picture, out):
        @tf.custom_gradient
        def operator(x, y):
            def gradient(dw):
                return self.to_picture(y, dw), self.forward(x, dw)

            return self._ways.to_weights(x, y), gradient

        return operator(picture, out)
