"""Layers of progressively grown networks, which keep what they make in scale.

Source: Karras, Aila, Laine and Lehtinen 2018, sections 3 and 4, as in
GANSynth's code.
"""

import math

import keras
import tensorflow as tf

from gansynth_zoo import computation


class Equalized(keras.layers.Layer):
    """A kernel of standard normal weights that is scaled whenever it is used.

    So an optimizer with a step of one size for all weights, as Adam, moves
    every layer at the same relative speed. The weights are made at once, not
    by the first call: a network that grows has them all from the start.

    Args:
      shape: of the kernel; its last axis is that of the bias, which starts
        at 0.
      fan_in: numbers that one output is said to be made of.
      slope: slope below 0 of the unit that follows, by which the scale is
        sqrt(2 / ((1 + slope²)·fan_in)); 1 where none follows.
      rng: the `random.Random` that seeds the weights.
    """

    def __init__(self, shape, fan_in, slope, rng):
        super().__init__(autocast=False)
        self.scale = math.sqrt(2.0 / ((1.0 + slope**2) * fan_in))
        self.kernel = self.add_weight(
            shape=shape,
            initializer=keras.initializers.RandomNormal(
                stddev=1.0, seed=rng.getrandbits(31)
            ),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=shape[-1:], initializer="zeros", name="bias"
        )
        self.built = True

    def scaled_kernel(self):
        """The kernel as it is used, of its own shape."""
        return self.scale * self.kernel.value


class EqualizedDense(Equalized):
    """`[batch, inputs]` -> `[batch, units]`.

    Args:
      inputs: numbers that come in.
      units: numbers that go out.
      rng: as of `Equalized`.
      slope: as of `Equalized`.
    """

    def __init__(self, inputs, units, rng, slope=0.0):
        super().__init__((inputs, units), inputs, slope, rng)

    def call(self, x):
        x = tf.cast(x, tf.float32)
        return tf.matmul(x, self.scaled_kernel()) + self.bias.value


class EqualizedConv2D(Equalized):
    """Convolution `[batch, t, b, channels]` -> `[batch, t, b, filters]`.

    Args:
      channels: channels that come in.
      filters: channels that go out.
      kernel_size: taps in both directions.
      rng: as of `Equalized`.
      slope: as of `Equalized`.
    """

    def __init__(self, channels, filters, kernel_size, rng, slope=0.0):
        shape = (kernel_size, kernel_size, channels, filters)
        super().__init__(shape, kernel_size**2 * channels, slope, rng)

    def call(self, x):
        x, kernel = computation.cast(x), computation.cast(self.scaled_kernel())
        x = tf.nn.conv2d(x, kernel, 1, "SAME")
        return tf.nn.bias_add(x, computation.cast(self.bias.value))


class EqualizedStart(Equalized):
    """A first picture, `[batch, inputs]` -> `[batch, frames, bins, filters]`.

    GANSynth's code surrounds the inputs with zeros and convolves them with a
    kernel as large as the picture. This is the same without the products with
    zero, though they count in its `fan_in`; and the kernel, `[inputs, frames,
    bins, filters]`, has frames and bins the other way round.

    Args:
      inputs: numbers that come in.
      frames: frames of the picture.
      bins: bins of the picture.
      filters: channels of the picture; there is one bias for each.
      rng: as of `Equalized`.
    """

    def __init__(self, inputs, frames, bins, filters, rng):
        shape = (inputs, frames, bins, filters)
        super().__init__(shape, frames * bins * inputs, 0.0, rng)

    def call(self, x):
        inputs, *picture = self.kernel.shape
        kernel = tf.reshape(self.scaled_kernel(), [inputs, -1])
        x = tf.reshape(tf.matmul(x, kernel), [-1, *picture])
        return tf.nn.bias_add(x, self.bias.value)


@tf.custom_gradient
def pixel_norm(x):
    """Scales the last axis to a mean square of 1; any shape.

    With a gradient of its own, which takes two thirds of the time.
    """
    # float16 ends at the square of 256.
    x, dtype = tf.cast(x, tf.float32), x.dtype
    scale = tf.math.rsqrt(_mean(tf.square(x)) + 1e-8)
    y = x * scale

    def gradient(upstream):
        upstream = tf.cast(upstream, tf.float32)
        return tf.cast(scale * (upstream - y * _mean(upstream * y)), dtype)

    return tf.cast(y, dtype), gradient


def _mean(x):
    """Over the last axis, which stays; any shape."""
    channels = x.shape[-1]
    # For a few channels a product is faster than TensorFlow's mean.
    means = tf.matmul(
        tf.reshape(x, [-1, channels]), tf.fill([channels, 1], 1.0 / channels)
    )
    return tf.reshape(means, tf.concat([tf.shape(x)[:-1], [1]], 0))
