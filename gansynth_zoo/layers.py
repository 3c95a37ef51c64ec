"""Layers that the architectures share.

The strided convolutions of the project; `convolutions` computes them.
"""

import math

import keras
import tensorflow as tf

from gansynth_zoo import computation
from gansynth_zoo import convolutions
from gansynth_zoo import phase_shuffle

LEAK = 0.2


def dense(units, rng):
    """A dense layer; `rng` is the `random.Random` that seeds its weights."""
    return keras.layers.Dense(units, kernel_initializer=_glorot(rng))


def conv1d(filters, kernel_size, strides, rng):
    """Strided convolution `[batch, s·t, c]` -> `[batch, t, filters]`."""
    return Convolution(filters, (kernel_size,), strides, rng)


def conv1d_transpose(filters, kernel_size, strides, rng):
    """Transposed convolution `[batch, t, c]` -> `[batch, s·t, filters]`."""
    return Convolution(filters, (kernel_size,), strides, rng, True)


def conv2d(filters, kernel_size, strides, rng):
    """Strided convolution `[batch, s·t, s·b, c]` -> `[batch, t, b, filters]`.

    Args:
      filters: channels of the result.
      kernel_size: taps in both directions, or (over frames, over bins).
      strides: the same for the stride.
      rng: the `random.Random` that seeds the weights.
    """
    return Convolution(filters, _pair(kernel_size), _pair(strides), rng)


def conv2d_transpose(filters, kernel_size, strides, rng):
    """Its transpose, `[batch, t, b, c]` -> `[batch, s·t, s·b, filters]`."""
    return Convolution(filters, _pair(kernel_size), _pair(strides), rng, True)


def _pair(size):
    return (size, size) if isinstance(size, int) else size


def _glorot(rng):
    # An explicit seed: Keras would draw one from Python's global generator.
    return keras.initializers.GlorotUniform(seed=rng.getrandbits(31))


class Convolution(keras.layers.Layer):
    """A convolution "same" or its transpose, then a bias for each filter.

    Weights are `[*taps, c, filters]`, for the transpose `[*taps, filters, c]`.

    Args:
      filters: channels of the result.
      taps: a number for each axis.
      strides: as of `convolutions.convolve`.
      rng: the `random.Random` that seeds the weights.
      transposed: whether it is the transpose.
    """

    def __init__(self, filters, taps, strides, rng, transposed=False):
        super().__init__(autocast=False)
        self._filters = filters
        self._taps = taps
        self._strides = strides
        self._initializer = _glorot(rng)
        self._transposed = transposed

    def build(self, input_shape):
        ends = input_shape[-1], self._filters
        self.kernel = self.add_weight(
            shape=(*self._taps, *(ends[::-1] if self._transposed else ends)),
            initializer=self._initializer,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self._filters,), initializer="zeros", name="bias"
        )

    def call(self, x, training=False, kernel=None):
        kernel = self.kernel.value if kernel is None else kernel
        convolve = convolutions.convolve
        if self._transposed:
            convolve = convolutions.convolve_transposed
        x, kernel = computation.cast(x), computation.cast(kernel)
        x = convolve(x, kernel, self._strides, training)
        return tf.nn.bias_add(x, computation.cast(self.bias.value))


class NearestConv1D(keras.layers.Layer):
    """Repeats each sample, then convolves: `[batch, t, c]` -> `[.., s·t, f]`.

    Both are one transposed convolution, whose kernel is the sum of `strides`
    shifted copies of the weights: a third of the work, and about three times
    as fast as the two in turn. The weights are those of the convolution,
    `[kernel_size, c, filters]`.

    Args:
      filters: channels of the result.
      kernel_size: taps of the convolution.
      strides: how often each sample is repeated, a power of 2.
      rng: the `random.Random` that seeds the weights.

    Source: WaveGAN's code; Odena, Dumoulin and Olah 2016.
    """

    def __init__(self, filters, kernel_size, strides, rng):
        super().__init__(autocast=False)
        self._shape = (kernel_size, filters)
        self._strides = strides
        self._initializer = _glorot(rng)

    def build(self, input_shape):
        kernel_size, filters = self._shape
        self.kernel = self.add_weight(
            shape=(kernel_size, input_shape[-1], filters),
            initializer=self._initializer,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(filters,), initializer="zeros", name="bias"
        )

    def call(self, x, training=False):
        kernel = tf.transpose(self._spread_kernel(), [0, 2, 1])
        x, kernel = computation.cast(x), computation.cast(kernel)
        x = convolutions.convolve_transposed(x, kernel, self._strides, training)
        return tf.nn.bias_add(x, computation.cast(self.bias.value))

    def _spread_kernel(self):
        # "same" cuts as much from both ends, and an odd sample from the last;
        # a convolution with an even number of taps cuts it from the first.
        even = 1 - self._shape[0] % 2
        kernel = tf.pad(self.kernel.value[::-1], [[0, even], [0, 0], [0, 0]])
        # By doubling: fewer additions, and always in the same order.
        copies = 1
        while copies < self._strides:
            before = tf.pad(kernel, [[0, copies], [0, 0], [0, 0]])
            after = tf.pad(kernel, [[copies, 0], [0, 0], [0, 0]])
            kernel = before + after
            copies *= 2
        return kernel


class ResizedConv2D(keras.layers.Layer):
    """Resizes, then convolves: `[batch, t, b, c]` -> `[batch, s·t, s·b, f]`.

    Pixels are squares whose centres keep their places, as in
    `tf.image.resize`. The weights are those of the convolution,
    `[kernel_size, kernel_size, c, filters]`.

    Args:
      filters: channels of the result.
      kernel_size: taps of the convolution in both directions.
      strides: by how much each side grows.
      rng: the `random.Random` that seeds the weights.
      method: "nearest", "bilinear" or "bicubic".

    Source: SpecGAN's code; Odena, Dumoulin and Olah 2016.
    """

    def __init__(self, filters, kernel_size, strides, rng, method):
        super().__init__(autocast=False)
        self._strides = strides
        self._method = method
        self.convolution = conv2d(filters, kernel_size, 1, rng)

    def call(self, x, training=False):
        # As products with two constant matrices: TensorFlow's own resizing
        # has gradients that differ from run to run on a graphics card, or no
        # kernel for it.
        frames, bins = (
            tf.cast(self._matrix(length), x.dtype) for length in x.shape[1:3]
        )
        x = tf.einsum("ti,bifc->btfc", frames, x)
        x = tf.einsum("fi,btic->btfc", bins, x)
        return self.convolution(x, training=training)

    def _matrix(self, length):
        """What resizes one axis, `[s·length, length]`."""
        size = [self._strides * length, length]
        unit = tf.eye(length)[..., tf.newaxis]
        return tf.image.resize(unit, size, self._method)[..., 0]


class ChannelFilter(keras.layers.Layer):
    """A long learned filter for each channel, `[batch, samples, channels]`.

    The same as a depthwise convolution, stride 1, "same", without bias, which
    on a processor is 15 to 60 times slower, one channel at a time. So here a
    block of samples is taken for as many channels of a convolution of blocks.
    The weights are those of the depthwise convolution, `[length, channels, 1]`.

    Args:
      length: taps of a filter.
      rng: the `random.Random` that seeds the weights.

    Source: Donahue, McAuley and Puckette 2018, appendix on post-processing.
    """

    _BLOCK = 64

    def __init__(self, length, rng):
        super().__init__()
        self._length = length
        # Glorot's limit for one channel, whatever the number of channels.
        limit = (3.0 / length) ** 0.5
        self._initializer = keras.initializers.RandomUniform(
            -limit, limit, seed=rng.getrandbits(31)
        )

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(self._length, input_shape[-1], 1),
            initializer=self._initializer,
            name="kernel",
        )

    def call(self, x):
        sounds = tf.unstack(x, axis=-1)
        filters = tf.unstack(self.kernel.value[..., 0], axis=-1)
        return tf.stack(
            [self._filter(*pair) for pair in zip(sounds, filters, strict=True)],
            axis=-1,
        )

    def _filter(self, sounds, taps):
        """One channel, `[batch, samples]`, with its filter `[length]`."""
        samples, block = sounds.shape[1], self._BLOCK
        blocks = -(-samples // block)
        # So many blocks of the input have a part in one of the output.
        span = (block + self._length - 2) // block + 1
        before = (self._length - 1) // 2
        after = (blocks + span - 1) * block - before - samples
        padded = tf.pad(sounds, [[0, 0], [before, after]])
        # Row i is the filter from sample i on: each row of the longer matrix
        # runs over into the next by one.
        width = span * block
        row = tf.pad(taps, [[0, width + 1 - self._length]])
        rows = tf.reshape(tf.tile(row, [block])[: block * width], [block, -1])
        filtered = tf.nn.conv1d(
            tf.reshape(padded, [-1, blocks + span - 1, block]),
            tf.reshape(tf.transpose(rows), [span, block, block]),
            1,
            "VALID",
        )
        return tf.reshape(filtered, [-1, blocks * block])[:, :samples]


class BatchNorm(keras.layers.Layer):
    """Mean 0 and variance 1 for each channel, then a learned scale and offset.

    Over all but the last axis. In training the mean and variance are those of
    the batch (of a replica's part of it), and each pass moves the averages
    that are used outside of training. So a generator's averages move whenever
    it is used in training, for either network, as in WaveGAN's code. They are
    the mean over the replicas; Keras' own layer leaves each with its own.

    Args:
      averages: whether there are averages; without, the batch's own mean and
        variance are used outside of training too.

    Source: Ioffe and Szegedy 2015, section 3; the momentum and epsilon of
    TensorFlow 1, with which the papers' models were trained.
    """

    _MOMENTUM = 0.99
    _EPSILON = 1e-3

    def __init__(self, averages=True):
        super().__init__(autocast=False)
        self._averages = averages

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(
            shape=shape, initializer="ones", name="gamma"
        )
        self.beta = self.add_weight(
            shape=shape, initializer="zeros", name="beta"
        )
        if self._averages:
            self.moving_mean = self.add_weight(
                shape=shape,
                initializer="zeros",
                trainable=False,
                aggregation="mean",
                name="moving_mean",
            )
            self.moving_variance = self.add_weight(
                shape=shape,
                initializer="ones",
                trainable=False,
                aggregation="mean",
                name="moving_variance",
            )

    def call(self, x, training=False):
        dtype, x = x.dtype, tf.cast(x, tf.float32)
        of_batch = training or not self._averages
        axes = list(range(x.shape.rank - 1))
        mean = tf.reduce_mean(x, axes) if of_batch else self.moving_mean.value
        x = x - mean
        variance = (
            tf.reduce_mean(tf.square(x), axes)
            if of_batch
            else self.moving_variance.value
        )
        if self._averages and training:
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        scale = self.gamma.value * tf.math.rsqrt(variance + self._EPSILON)
        return tf.cast(x * scale + self.beta.value, dtype)

    def _move(self, average, value):
        old = self._MOMENTUM * average.value
        average.assign(old + (1.0 - self._MOMENTUM) * value)


def minibatch_deviation(x, group_size):
    """Appends a channel that says how much the examples of a group differ.

    Its value is the standard deviation over the group, averaged over all
    positions and channels: one number, the same for every example of the
    group. A discriminator that sees it knows sounds that are all alike.

    Args:
      x: float `[batch, ..., channels]`.
      group_size: how many consecutive examples are a group; 1 appends nothing.
        The batch is a multiple of it; a smaller batch is one group.

    Returns:
      `[batch, ..., channels + 1]`.

    Source: Karras, Aila, Laine and Lehtinen 2018, section 3.
    """
    if group_size == 1:
        return x
    size = tf.minimum(group_size, tf.shape(x)[0])
    groups = tf.reshape(x, tf.stack([-1, size, math.prod(x.shape[1:])]))
    groups = tf.cast(groups, tf.float32)
    centred = groups - tf.reduce_mean(groups, axis=1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=1)
    # The epsilon keeps the derivative of the root finite where all are equal.
    deviation = tf.reduce_mean(tf.sqrt(variance + 1e-6), axis=-1)
    deviation = tf.cast(deviation, x.dtype)
    of_each = tf.repeat(deviation, size)
    channel = tf.reshape(of_each, [-1, *[1] * (len(x.shape) - 1)])
    return tf.concat([x, channel * tf.ones_like(x[..., :1])], axis=-1)


@tf.custom_gradient
def leaky_relu(x):
    """Leaky ReLU with slope 0.2, any shape.

    Its derivative is read off the output, so that the input need not be kept;
    this saves an eighth of a training step.
    """
    y = tf.nn.leaky_relu(x, LEAK)

    def gradient(upstream):
        # Constant in `y` almost everywhere.
        return tf.raw_ops.LeakyReluGrad(
            gradients=upstream, features=tf.stop_gradient(y), alpha=LEAK
        )

    return y, gradient


def optional_norm(wanted, averages=True):
    """`BatchNorm` where it is wanted, else a layer that changes nothing."""
    if wanted:
        return BatchNorm(averages)
    return keras.layers.Identity(autocast=False)


def rectified(convolution, x, training):
    """A layer of a generator: ReLU, then a convolution."""
    return computation.segment(
        lambda x: convolution(tf.nn.relu(x), training=training),
        [convolution],
        x,
    )


def judged(convolution, x, training, norm=None, shifts=None, radius=0):
    """A layer of a discriminator: convolution, norm, leaky ReLU, shuffle.

    Args:
      convolution: a layer.
      x: `[batch, samples, channels]` or `[batch, frames, bins, channels]`.
      training: as of the convolution.
      norm: a layer, or None.
      shifts: as of `phase_shuffle.shuffle`; None does not shuffle.
      radius: as of `phase_shuffle.shuffle`.

    Returns:
      What the next layer reads.
    """

    def layer(x):
        x = convolution(x, training=training)
        x = leaky_relu(norm(x) if norm else x)
        if shifts is None:
            return x
        return phase_shuffle.shuffle(x, shifts, radius)

    used = [convolution, norm] if norm else [convolution]
    return computation.segment(layer, used, x)


def tanh(x):
    """What ends a generator: any shape -> float32 in [-1, 1]."""
    return tf.tanh(tf.cast(x, tf.float32))
