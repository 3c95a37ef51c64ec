"""TiFGAN: a Gabor spectrogram from spectrally normalised convolutions.

Features are `[batch, frames, bins, channels]`: the log magnitude, or that and
the two derivatives of the phase.

Source: Marafioti, Holighaus, Perraudin and Majdak 2019, section 4, and its
code.
"""

import functools
import math

import keras
import tensorflow as tf

from gansynth_zoo import conditioning
from gansynth_zoo import layers
from gansynth_zoo import phase_shuffle
from gansynth_zoo import spectral_norm
from gansynth_zoo.models import specgan

# Bins that the dense layer of the generator makes.
START_BINS = 8

# Taps of the convolutions (bins by frames) as a shape over frames and bins.
KERNELS = {"12x3": (3, 12), "6x6": (6, 6)}


class TiFGANGenerator(keras.Model):
    """Latents, labels -> `[batch, frames, bins, channels]`.

    Each layer doubles both sides. The first one keeps the width, each further
    one halves it, and the last one makes the channels, in [-1, 1].

    Args:
      feature_shape: (frames, bins, channels), sizes as in
        `specgan.doublings_for` with `START_BINS`.
      settings: a `model_config.TiFGANConfig`; dim is the width before the last
        layer.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="generator")
        frames, bins, channels = feature_shape
        doublings = specgan.doublings_for(frames, bins, START_BINS)
        widths = [settings.dim << i for i in reversed(range(doublings - 1))]
        self._start_shape = (frames >> doublings, START_BINS, widths[0])
        self._classes = settings.classes
        self.start = layers.dense(math.prod(self._start_shape), rng)
        kernel = KERNELS[settings.kernel_shape]
        self.convolutions = [
            spectral_norm.SpectralNorm(
                layers.conv2d_transpose(width, kernel, 2, rng),
                rng,
            )
            for width in widths + [channels]
        ]

    def call(self, latents, labels, training=False):
        x = conditioning.concatenate(latents, labels, self._classes)
        x = tf.reshape(self.start(x), [-1, *self._start_shape])
        for convolution in self.convolutions:
            x = layers.rectified(convolution, x, training)
        return layers.tanh(x)


class TiFGANDiscriminator(keras.Model):
    """`[batch, frames, bins, channels]`, labels, shifts -> scores, logits.

    Scores and logits are those of `conditioning.Head`. There is no phase
    shuffle: `shifts` is not used.

    Args:
      feature_shape: (frames, bins, channels), as of the generator.
      settings: a `model_config.TiFGANConfig`; dim is the width after the first
        layer, and each further one doubles it.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="discriminator")
        frames, bins, _ = feature_shape
        halvings = specgan.doublings_for(frames, bins, START_BINS)
        self.shuffles = phase_shuffle.Shuffles()
        kernel = KERNELS[settings.kernel_shape]
        self.convolutions = [
            spectral_norm.SpectralNorm(
                layers.conv2d(settings.dim << i, kernel, 2, rng), rng
            )
            for i in range(halvings)
        ]
        self._group_size = settings.group_size
        self.head = conditioning.Head(
            settings, functools.partial(layers.dense, rng=rng)
        )

    def call(self, features, labels, shifts, training=False):
        del shifts
        x = features
        for convolution in self.convolutions:
            x = layers.judged(convolution, x, training)
        x = layers.minibatch_deviation(x, self._group_size)
        x = tf.reshape(x, [-1, math.prod(x.shape[1:])])
        return self.head(x, labels)
