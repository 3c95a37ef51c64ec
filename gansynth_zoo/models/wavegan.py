"""WaveGAN: a waveform from strided one-dimensional convolutions.

Source: Donahue, McAuley and Puckette 2018, section 3 and appendix D.
"""

import keras
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import layers

# Samples that the dense layer of the generator makes.
START = 16


def strides_for(num_samples):
    """Strides of the generator's layers, from the first to the last.

    As many fours as fit and one two where needed: 16384 is 16·4·4·4·4·4 and
    32768 is twice that.

    Args:
      num_samples: length of the waveform, 16 times a power of 2, at least 64.

    Returns:
      Tuple of ints.

    Raises:
      ZooError: for any other length; it names the next longer one that fits.
    """
    doublings = max(2, (-(-num_samples // START) - 1).bit_length())
    if START << doublings != num_samples:
        raise errors.ZooError(
            "Expected num_samples to be 16 times a power of 2 and at least "
            f"64, received {num_samples}; the next longer is "
            f"{START << doublings}."
        )
    return (4,) * (doublings // 2) + (2,) * (doublings % 2)


# How a layer of the generator makes the sound longer.
UPSAMPLINGS = {
    "zeros": layers.conv1d_transpose,
    "nearest": layers.NearestConv1D,
}


class WaveGANGenerator(keras.Model):
    """Latents `[batch, latent]` -> waveform `[batch, samples, channels]`.

    Each layer halves the width and multiplies the length by its stride; the
    last one makes the channels, in [-1, 1] before the learned filter.

    Args:
      strides: by how much each convolution makes the sound longer.
      dim: width before the last layer.
      kernel_size: taps of each convolution.
      channels: channels of the waveform.
      rng: `random.Random` that seeds the weights.
      upsample: a key of `UPSAMPLINGS`.
      batch_norm: whether what a convolution reads is normalised first.
      post_filter_length: taps of the learned filter, 0 for none.
    """

    def __init__(
        self,
        strides,
        dim,
        kernel_size,
        channels,
        rng,
        *,
        upsample="zeros",
        batch_norm=False,
        post_filter_length=0,
    ):
        super().__init__(name="generator")
        widths = [dim << i for i in reversed(range(len(strides)))]
        self._start_width = widths[0]
        self.start = layers.dense(START * widths[0], rng)
        self.convolutions = [
            UPSAMPLINGS[upsample](width, kernel_size, stride, rng)
            for width, stride in zip(
                widths[1:] + [channels], strides, strict=True
            )
        ]
        self.norms = [
            layers.BatchNorm() if batch_norm else keras.layers.Identity()
            for _ in strides
        ]
        self.post_filter = keras.layers.Identity()
        if post_filter_length:
            self.post_filter = layers.ChannelFilter(post_filter_length, rng)

    def call(self, latents, training=False):
        x = self.start(latents)
        x = tf.reshape(x, [-1, START, self._start_width])
        for norm, convolution in zip(
            self.norms, self.convolutions, strict=True
        ):
            x = convolution(tf.nn.relu(norm(x, training=training)))
        return self.post_filter(tf.tanh(x))


class WaveGANDiscriminator(keras.Model):
    """Waveform `[batch, samples, channels]`, shifts -> scores `[batch]`.

    Phase shuffle follows each convolution but the last, and the first four at
    most. `shifts` is int32 `[batch, shuffles.count]`.

    Args:
      strides: strides of the convolutions, in the order of the generator's: a
        stride of 2 is that of the last layer of both.
      dim: width after the first layer.
      kernel_size: taps of each convolution.
      shuffle_radius: largest shift of the phase shuffle.
      shuffle_per: "example" or "batch".
      rng: `random.Random` that seeds the weights.
      batch_norm: whether all convolutions but the first are normalised, by
        the batch's own statistics even where a sound is only scored.
    """

    def __init__(
        self,
        strides,
        dim,
        kernel_size,
        shuffle_radius,
        shuffle_per,
        rng,
        *,
        batch_norm=False,
    ):
        super().__init__(name="discriminator")
        self.shuffles = layers.Shuffles(
            min(4, len(strides) - 1), shuffle_radius, shuffle_per
        )
        self.convolutions = [
            layers.conv1d(dim << i, kernel_size, stride, rng)
            for i, stride in enumerate(strides)
        ]
        self.norms = [
            layers.BatchNorm(averages=False)
            if batch_norm and i > 0
            else keras.layers.Identity()
            for i in range(len(strides))
        ]
        self.score = layers.dense(1, rng)

    def call(self, waveform, shifts):
        x = waveform
        for i, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x = layers.leaky_relu(norm(convolution(x)))
            if i < self.shuffles.count:
                x = layers.phase_shuffle(x, shifts[:, i], self.shuffles.radius)
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2]])
        return tf.squeeze(self.score(x), -1)
