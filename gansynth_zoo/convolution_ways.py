"""Three ways to compute a convolution "same", its gradients, its transpose.

  Plain     by the library's strided convolution.
  Blocks    a block of as many taps as the stride becomes one tap of more
            channels, which makes the stride 1.
  Columns   all that goes into one position stands in a row, and a matrix
            product does the rest.

Their results are the same but for rounding. `convolutions` says what the
methods compute, and chooses.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis of a convolution.

    Attributes:
      length: of the picture.
      taps: of the weights.
      stride: how far it is from one position to the next.
    """

    length: int
    taps: int
    stride: int

    @property
    def positions(self):
        """Length of what comes out."""
        return -(-self.length // self.stride)

    @property
    def before(self):
        """Taps before the first value of the picture at the first position."""
        reach = (self.positions - 1) * self.stride + self.taps
        return max(reach - self.length, 0) // 2


class Plain:
    """By the library's strided convolution.

    Args:
      height: an `Axis`.
      width: another.
    """

    def __init__(self, height, width):
        self._sides = height.length, width.length
        self._taps = height.taps, width.taps
        self._strides = height.stride, width.stride

    def forward(self, picture, weights):
        return tf.nn.conv2d(picture, weights, self._strides, "SAME")

    def to_picture(self, out, weights):
        shape = [tf.shape(out)[0], *self._sides, weights.shape[2]]
        return tf.nn.conv2d_transpose(
            out, weights, shape, self._strides, "SAME"
        )

    def to_weights(self, picture, out):
        return tf.raw_ops.Conv2DBackpropFilter(
            input=picture,
            filter_sizes=[*self._taps, picture.shape[3], out.shape[3]],
            out_backprop=out,
            strides=[1, *self._strides, 1],
            padding="SAME",
        )


class Blocks:
    """By a convolution of stride 1, whose taps are blocks of taps.

    Args:
      height: an `Axis`.
      width: another.
    """

    def __init__(self, height, width):
        self._height = height
        self._width = width
        self._zeros = _around(height), _around(width)
        self._blocks = tuple(
            (sum(zeros) + axis.taps) // axis.stride
            for zeros, axis in zip(self._zeros, (height, width), strict=True)
        )

    def forward(self, picture, weights):
        x, w = self._gather_picture(picture), self._gather_weights(weights)
        return tf.nn.conv2d(x, w, 1, "SAME")

    def to_picture(self, out, weights):
        w = self._gather_weights(weights)
        shape = [tf.shape(out)[0], *out.shape[1:3], w.shape[2]]
        x = self._scatter(tf.nn.conv2d_transpose(out, w, shape, 1, "SAME"))
        return x[:, : self._height.length, : self._width.length]

    def to_weights(self, picture, out):
        x, filters = self._gather_picture(picture), out.shape[3]
        w = tf.raw_ops.Conv2DBackpropFilter(
            input=x,
            filter_sizes=[*self._blocks, x.shape[3], filters],
            out_backprop=out,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        w = self._scatter(tf.reshape(w, [1, *self._blocks, -1]))
        (top, _), (left, _) = self._zeros
        rows, columns = self._height.taps, self._width.taps
        w = w[0, top : top + rows, left : left + columns]
        return tf.reshape(w, [rows, columns, -1, filters])

    def _gather_picture(self, picture):
        zeros = [
            [0, axis.positions * axis.stride - axis.length]
            for axis in (self._height, self._width)
        ]
        return self._gather(tf.pad(picture, [[0, 0], *zeros, [0, 0]]))

    def _gather_weights(self, weights):
        channels, filters = weights.shape[2:]
        w = tf.pad(weights, [*self._zeros, [0, 0], [0, 0]])
        w = self._gather(tf.reshape(w, [1, *w.shape[:2], channels * filters]))
        return tf.reshape(w, [*self._blocks, -1, filters])

    def _gather(self, x):
        """Makes the values of each block the channels of one place."""
        s, t = self._height.stride, self._width.stride
        rows, columns, channels = x.shape[1] // s, x.shape[2] // t, x.shape[3]
        x = tf.reshape(x, [-1, rows, s, columns, t * channels])
        x = tf.transpose(x, [0, 1, 3, 2, 4])
        return tf.reshape(x, [-1, rows, columns, s * t * channels])

    def _scatter(self, x):
        """What `_gather` does, the other way."""
        s, t = self._height.stride, self._width.stride
        rows, columns, channels = x.shape[1], x.shape[2], x.shape[3] // (s * t)
        x = tf.reshape(x, [-1, rows, columns, s, t * channels])
        x = tf.transpose(x, [0, 1, 3, 2, 4])
        return tf.reshape(x, [-1, rows * s, columns * t, channels])


def _around(axis):
    """Zeros before and after the taps, which make whole blocks of them.

    Of these as many are to lie before a position's own block as after it, or
    one less: that is what "same" means for a stride of 1, and the picture
    itself needs no zeros.
    """
    after = axis.taps - axis.before
    left = -(-axis.before // axis.stride)
    right = -(-after // axis.stride) - 1
    left, right = max(left, right - 1), max(left, right)
    return (
        left * axis.stride - axis.before,
        (right + 1) * axis.stride - after,
    )


class Columns:
    """By a matrix product with all that goes into each position.

    Args:
      height: an `Axis`.
      width: another.
    """

    def __init__(self, height, width):
        self._height = height
        self._width = width

    def forward(self, picture, weights):
        filters = weights.shape[3]
        out = tf.matmul(
            self._gather(picture), tf.reshape(weights, [-1, filters])
        )
        rows, columns = self._height.positions, self._width.positions
        return tf.reshape(out, [-1, rows, columns, filters])

    def to_picture(self, out, weights):
        filters = weights.shape[3]
        # With the weights to the left, as they lie: for a few positions, of a
        # single sound, they would take longer to turn than to multiply.
        x = tf.matmul(
            tf.reshape(weights, [-1, filters]),
            tf.reshape(out, [-1, filters]),
            transpose_b=True,
        )
        return self._scatter(tf.transpose(x), weights.shape[2])

    def to_weights(self, picture, out):
        channels, filters = picture.shape[3], out.shape[3]
        weights = tf.matmul(
            self._gather(picture),
            tf.reshape(out, [-1, filters]),
            transpose_a=True,
        )
        taps = self._height.taps, self._width.taps
        return tf.reshape(weights, [*taps, channels, filters])

    def _gather(self, picture):
        """`[batch, height, width, c]` -> `[batch·positions, taps·c]`."""
        height, width, channels = self._height, self._width, picture.shape[3]
        x = tf.reshape(picture, [-1, width.length, channels])
        x = _unfold(x, width)
        row = width.positions * width.taps * channels
        x = _unfold(tf.reshape(x, [-1, height.length, row]), height)
        x = tf.reshape(
            x,
            [-1, height.positions, height.taps, width.positions]
            + [width.taps * channels],
        )
        x = tf.transpose(x, [0, 1, 3, 2, 4])
        return tf.reshape(x, [-1, height.taps * width.taps * channels])

    def _scatter(self, x, channels):
        """The transpose of `_gather`: adds up what it wrote more than once."""
        height, width = self._height, self._width
        row = width.positions * width.taps * channels
        x = tf.reshape(
            x,
            [-1, height.positions, width.positions, height.taps]
            + [width.taps * channels],
        )
        x = tf.transpose(x, [0, 1, 3, 2, 4])
        x = tf.reshape(x, [-1, height.positions, height.taps * row])
        x = _fold(x, height)
        x = tf.reshape(x, [-1, width.positions, width.taps * channels])
        x = _fold(x, width)
        return tf.reshape(x, [-1, height.length, width.length, channels])


def _unfold(x, axis):
    """`[batch, length, c]` -> `[batch, positions, taps·c]`."""
    channels = x.shape[2]
    blocks, block = _blocks(axis), axis.stride * channels
    x = tf.pad(x, [[0, 0], _padding(axis), [0, 0]])
    x = tf.reshape(x, [-1, axis.positions + blocks - 1, block])
    # Block by block: that many values lie together at every position.
    parts = [x[:, i : i + axis.positions] for i in range(blocks)]
    last = axis.taps * channels - (blocks - 1) * block
    parts[-1] = parts[-1][:, :, :last]
    return tf.concat(parts, axis=2)


def _fold(x, axis):
    """The transpose of `_unfold`."""
    channels = x.shape[2] // axis.taps
    blocks, block = _blocks(axis), axis.stride * channels
    x = tf.pad(x, [[0, 0], [0, 0], [0, blocks * block - x.shape[2]]])
    parts = [
        tf.pad(
            x[:, :, i * block : (i + 1) * block],
            [[0, 0], [i, blocks - 1 - i], [0, 0]],
        )
        for i in range(blocks)
    ]
    length = axis.stride * (axis.positions + blocks - 1)
    x = tf.reshape(tf.add_n(parts), [-1, length, channels])
    return x[:, axis.before : axis.before + axis.length]


def _blocks(axis):
    """Blocks of as many taps as the stride, which hold all taps."""
    return -(-axis.taps // axis.stride)


def _padding(axis):
    """Zeros before and after a picture: whole blocks for each position."""
    whole = (axis.positions + _blocks(axis) - 1) * axis.stride
    return axis.before, whole - axis.length - axis.before
