"""SpecGAN: a spectrogram from strided two-dimensional convolutions.

Features are `[batch, frames, bins, channels]`.

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

# Bins that the dense layer of the generator makes.
START_BINS = 4


def doublings_for(frames, bins, start_bins):
    """How many layers double a picture until it has all frames and bins.

    Args:
      frames: frames of the features, a multiple of 2 to the power of the
        result.
      bins: bins of the features, `start_bins` times a power of 2, at least 4.
      start_bins: bins that the first layer reads.

    Returns:
      Int.

    Raises:
      ZooError: for other sizes; it names the next larger one that fits.
    """
    doublings = max(2, (-(-bins // start_bins) - 1).bit_length())
    if start_bins << doublings != bins:
        raise errors.ZooError(
            f"Expected bins to be {start_bins} times a power of 2 and at "
            f"least {start_bins * 4}, received {bins}; the next larger is "
            f"{start_bins << doublings}."
        )
    step = 1 << doublings
    if frames < 1 or frames % step:
        raise errors.ZooError(
            f"Expected frames to be a multiple of {step} beside {bins} bins, "
            f"received {frames}; the next larger is "
            f"{max(1, -(-frames // step)) * step}."
        )
    return doublings


# How a layer of the generator makes the picture larger.
UPSAMPLINGS = {
    "zeros": layers.conv2d_transpose,
    "nearest": functools.partial(layers.ResizedConv2D, method="nearest"),
    "bilinear": functools.partial(layers.ResizedConv2D, method="bilinear"),
    "bicubic": functools.partial(layers.ResizedConv2D, method="bicubic"),
}


class SpecGANGenerator(keras.Model):
    """Latents, labels -> `[batch, frames, bins, channels]`.

    Each layer halves the width and doubles both sides; the last one makes the
    channels, in [-1, 1].

    Args:
      feature_shape: (frames, bins, channels), sizes as in `doublings_for`.
      settings: a `model_config.SpecGANConfig`; dim is the width before the
        last layer.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="generator")
        frames, bins, channels = feature_shape
        doublings = doublings_for(frames, bins, START_BINS)
        widths = [settings.dim << i for i in reversed(range(doublings))]
        self._start_shape = (frames >> doublings, START_BINS, widths[0])
        self._classes = settings.classes
        self.start = layers.dense(math.prod(self._start_shape), rng)
        self.convolutions = [
            UPSAMPLINGS[settings.upsample](width, settings.kernel_size, 2, rng)
            for width in widths[1:] + [channels]
        ]
        self.norms = [
            layers.optional_norm(settings.batch_norm) for _ in self.convolutions
        ]

    def call(self, latents, labels, training=False):
        x = conditioning.concatenate(latents, labels, self._classes)
        x = tf.reshape(self.start(x), [-1, *self._start_shape])
        for norm, convolution in zip(
            self.norms, self.convolutions, strict=True
        ):
            x = norm(x, training=training)
            x = layers.rectified(convolution, x, training)
        return layers.tanh(x)


class SpecGANDiscriminator(keras.Model):
    """`[batch, frames, bins, channels]`, labels, shifts -> scores, logits.

    Phase shuffle along time follows each convolution but the last, by less
    than the frames that the last one reads; `shifts` is int32 `[batch,
    shuffles.count]`, scores and logits are those of `conditioning.Head`. Batch
    norm has all convolutions but the first normalised, by the batch's own
    statistics even where a picture is only scored.

    Args:
      feature_shape: (frames, bins, channels), sizes as in `doublings_for`.
      settings: a `model_config.SpecGANConfig`; dim is the width after the
        first layer.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="discriminator")
        frames, bins, _ = feature_shape
        halvings = doublings_for(frames, bins, START_BINS)
        frames_left = frames >> (halvings - 1)
        if settings.shuffle_radius >= frames_left:
            raise errors.ZooError(
                f"Expected shuffle_radius to be less than {frames_left}, the "
                "frames that the last convolution reads, received "
                f"{settings.shuffle_radius}; make it smaller or the sounds "
                "longer."
            )
        self.shuffles = phase_shuffle.Shuffles(
            halvings - 1, settings.shuffle_radius, settings.shuffle_per
        )
        self.convolutions = [
            layers.conv2d(settings.dim << i, settings.kernel_size, 2, rng)
            for i in range(halvings)
        ]
        self.norms = [
            layers.optional_norm(settings.batch_norm and i > 0, averages=False)
            for i in range(halvings)
        ]
        self._group_size = settings.group_size
        self.head = conditioning.Head(
            settings, functools.partial(layers.dense, rng=rng)
        )

    def call(self, features, labels, shifts, training=False):
        x = features
        for i, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            shift = shifts[:, i] if i < self.shuffles.count else None
            x = layers.judged(
                convolution, x, training, norm, shift, self.shuffles.radius
            )
        x = layers.minibatch_deviation(x, self._group_size)
        x = tf.reshape(x, [-1, math.prod(x.shape[1:])])
        return self.head(x, labels)
