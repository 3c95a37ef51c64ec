"""Layers that the architectures share.

Every convolution of the project is made here, so that a faster one has one
place to go.
"""

import dataclasses

import keras
import tensorflow as tf

LEAK = 0.2


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


def dense(units, rng):
    """A dense layer; `rng` is the `random.Random` that seeds its weights."""
    return keras.layers.Dense(units, kernel_initializer=_glorot(rng))


def conv1d(filters, kernel_size, strides, rng):
    """Strided convolution `[batch, s·t, c]` -> `[batch, t, filters]`."""
    return keras.layers.Conv1D(
        filters,
        kernel_size,
        strides,
        padding="same",
        kernel_initializer=_glorot(rng),
    )


def conv1d_transpose(filters, kernel_size, strides, rng):
    """Transposed convolution `[batch, t, c]` -> `[batch, s·t, filters]`."""
    return keras.layers.Conv1DTranspose(
        filters,
        kernel_size,
        strides,
        padding="same",
        kernel_initializer=_glorot(rng),
    )


def _glorot(rng):
    # An explicit seed: Keras would draw one from Python's global generator.
    return keras.initializers.GlorotUniform(seed=rng.getrandbits(31))


@tf.custom_gradient
def leaky_relu(x):
    """Leaky ReLU with slope 0.2, any shape.

    Its derivative is read off the output, so that the input need not be kept;
    this saves an eighth of a training step.
    """
    y = tf.nn.leaky_relu(x, LEAK)

    def gradient(upstream):
        return _leaky_relu_gradient(upstream, y)

    return y, gradient


@tf.custom_gradient
def _leaky_relu_gradient(upstream, y):
    # Linear in `upstream`, and constant in `y` almost everywhere.
    def gradient(second):
        return _leaky_relu_gradient(second, y), None

    return (
        tf.raw_ops.LeakyReluGrad(gradients=upstream, features=y, alpha=LEAK),
        gradient,
    )


def phase_shuffle(x, shifts, radius):
    """Shifts each example in time, and fills the gap by reflection.

    The sample at the edge is not repeated: for a shift p > 0, y[t] = x[t - p],
    and the first p samples are x[p] .. x[1]. (WaveGAN, section 3.3.)

    Args:
      x: float `[batch, samples, channels]` with more than `radius` samples.
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
