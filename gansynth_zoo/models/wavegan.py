"""WaveGAN: a waveform from strided one-dimensional convolutions.

Source: Donahue, McAuley and Puckette 2018, section 3 and appendix D.
"""

import functools
import math

import keras
import tensorflow as tf

from gansynth_zoo import conditioning
from gansynth_zoo import errors
from gansynth_zoo import layers
from gansynth_zoo import phase_shuffle

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
    """Latents, labels -> waveform `[batch, samples, channels]`.

    Each layer halves the width and multiplies the length by its stride; the
    last one makes the channels, in [-1, 1] before the learned filter.

    Args:
      feature_shape: (samples, channels).
      settings: a `model_config.WaveGANConfig`; dim is the width before the
        last layer.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: if there are no networks of that length.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="generator")
        num_samples, channels = feature_shape
        strides = strides_for(num_samples)
        widths = [settings.dim << i for i in reversed(range(len(strides)))]
        self._start_width = widths[0]
        self._classes = settings.classes
        self.start = layers.dense(START * widths[0], rng)
        self.convolutions = [
            UPSAMPLINGS[settings.upsample](
                width, settings.kernel_size, stride, rng
            )
            for width, stride in zip(
                widths[1:] + [channels], strides, strict=True
            )
        ]
        self.norms = [
            layers.optional_norm(settings.batch_norm) for _ in strides
        ]
        self.post_filter = keras.layers.Identity()
        if settings.post_filter_length:
            self.post_filter = layers.ChannelFilter(
                settings.post_filter_length, rng
            )

    def call(self, latents, labels, training=False):
        x = conditioning.concatenate(latents, labels, self._classes)
        x = tf.reshape(self.start(x), [-1, START, self._start_width])
        for norm, convolution in zip(
            self.norms, self.convolutions, strict=True
        ):
            x = norm(x, training=training)
            x = layers.rectified(convolution, x, training)
        return self.post_filter(layers.tanh(x))


class WaveGANDiscriminator(keras.Model):
    """`[batch, samples, channels]`, labels, shifts -> scores, logits.

    The strides come in the order of the generator's: one of 2 is that of the
    last layer of both. Phase shuffle follows each convolution but the last,
    and the first four at most; `shifts` is int32 `[batch, shuffles.count]`;
    scores and logits are those of `conditioning.Head`.
    Batch norm has all convolutions but the first normalised, by the batch's
    own statistics even where a sound is only scored.

    Args:
      feature_shape: (samples, channels).
      settings: a `model_config.WaveGANConfig`; dim is the width after the
        first layer.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: if there are no networks of that length, or it is too short
        for the phase shuffle.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="discriminator")
        strides = strides_for(feature_shape[0])
        shuffled = min(4, len(strides) - 1)
        samples_left = feature_shape[0] // math.prod(strides[:shuffled])
        if settings.shuffle_radius >= samples_left:
            raise errors.ZooError(
                f"Expected shuffle_radius to be less than {samples_left}, the "
                "samples that are left where it is used last, received "
                f"{settings.shuffle_radius}; make it smaller or the sounds "
                "longer."
            )
        self.shuffles = phase_shuffle.Shuffles(
            shuffled, settings.shuffle_radius, settings.shuffle_per
        )
        self.convolutions = [
            layers.conv1d(settings.dim << i, settings.kernel_size, stride, rng)
            for i, stride in enumerate(strides)
        ]
        self.norms = [
            layers.optional_norm(settings.batch_norm and i > 0, averages=False)
            for i in range(len(strides))
        ]
        self._group_size = settings.group_size
        self.head = conditioning.Head(
            settings, functools.partial(layers.dense, rng=rng)
        )

    def call(self, waveform, labels, shifts, training=False):
        x = waveform
        for i, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            shift = shifts[:, i] if i < self.shuffles.count else None
            x = layers.judged(
                convolution, x, training, norm, shift, self.shuffles.radius
            )
        positions = x
        x = layers.minibatch_deviation(x, self._group_size)
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2]])
        return self.head(x, labels, positions)
