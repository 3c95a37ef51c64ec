"""GANSynth: labelled notes from networks that grow block by block.

Features are `[batch, frames, bins, channels]`, in [-1, 1]: a magnitude and a
phase. Each block doubles frames and bins; `growth` says what a stage is. All
weights are there from the start, and a stage computes those of its own blocks
alone.

Source: Engel et al. 2019, section 3 and appendix A, and its code; Karras,
Aila, Laine and Lehtinen 2018.
"""

import math

import keras
import tensorflow as tf

from gansynth_zoo import computation
from gansynth_zoo import conditioning
from gansynth_zoo import equalized
from gansynth_zoo import errors
from gansynth_zoo import growth
from gansynth_zoo import layers
from gansynth_zoo import phase_shuffle


def start_for(frames, bins, blocks):
    """Frames and bins of the first block's picture.

    Args:
      frames: frames of the features.
      bins: bins of the features.
      blocks: blocks of the networks, at least 1.

    Returns:
      (frames, bins).

    Raises:
      ZooError: if they cannot be halved so often.
    """
    step = 1 << (blocks - 1)
    if frames % step or bins % step:
        sides = math.gcd(frames, bins)
        most = (sides & -sides).bit_length()
        raise errors.ZooError(
            f"Expected frames and bins to be multiples of {step} beside "
            f"{blocks} blocks, received {frames} frames and {bins} bins; "
            f"take at most {most} blocks, or other sizes."
        )
    return frames // step, bins // step


def _widths(settings):
    """Width before each block, and after the last, `blocks` + 1 numbers."""
    return [
        min(settings.dim << i, settings.max_dim)
        for i in reversed(range(settings.blocks + 1))
    ]


class GANSynthGenerator(keras.Model):
    """Latents `[batch, latent]`, labels -> `[batch, frames, bins, channels]`.

    Features have all their frames and bins at every stage.

    Call arguments:
      latents: float `[batch, latent]`.
      labels: int `[batch]` in 0 .. classes - 1.
      stage: the stage, a Python number; None for the last.
      blend: float or scalar tensor in [0, 1], how far the last block of an odd
        stage is faded in.

    Args:
      feature_shape: (frames, bins, channels), sizes as in `start_for`.
      settings: a `model_config.GANSynthConfig`.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="generator")
        frames, bins, channels = feature_shape
        blocks = settings.blocks
        start = start_for(frames, bins, blocks)
        widths = _widths(settings)[1:]
        self.blocks = blocks
        self._classes = settings.classes
        inputs = settings.latent_size + settings.classes
        self.first = [
            equalized.EqualizedStart(inputs, *start, widths[0], rng)
        ] + [
            equalized.EqualizedConv2D(widths[i - 1], widths[i], 3, rng)
            for i in range(1, blocks)
        ]
        self.second = [
            equalized.EqualizedConv2D(width, width, 3, rng) for width in widths
        ]
        self.to_rgb = [
            equalized.EqualizedConv2D(width, channels, 1, rng, slope=1.0)
            for width in widths
        ]

    def call(self, latents, labels, stage=None, blend=1.0):
        stage = growth.last_stage(self.blocks) if stage is None else stage
        top = growth.top_block(stage)
        x = conditioning.concatenate(latents, labels, self._classes)
        x = equalized.pixel_norm(x)
        x = self._block(0, x)
        for i in range(1, top + 1):
            before = x
            x = self._block(i, growth.upscale(x, 2))
        features = layers.tanh(self.to_rgb[top](x))
        if growth.fades(stage):
            before = layers.tanh(self.to_rgb[top - 1](before))
            features = growth.mix(growth.upscale(before, 2), features, blend)
        return growth.upscale(features, 2 ** (self.blocks - 1 - top))

    def _block(self, i, x):
        pair = self.first[i], self.second[i]

        def block(x):
            for layer in pair:
                x = equalized.pixel_norm(layers.leaky_relu(layer(x)))
            return x

        return computation.segment(block, pair, x)


class GANSynthDiscriminator(keras.Model):
    """Features, labels, shifts -> scores, logits, as of `conditioning.Head`.

    A gradient penalty sees the normalised features that this network reads. In
    GANSynth's code the network normalises them itself, and the penalty is on
    what it is given, where slopes are smaller by the scale of each channel.

    Call arguments:
      features: `[batch, frames, bins, channels]`; real ones went through
        `growth.blend_real`.
      labels: int `[batch]` in 0 .. classes - 1.
      shifts: not used, there is no phase shuffle.
      stage: as of the generator.
      blend: as of the generator.

    Args:
      feature_shape: (frames, bins, channels), as of the generator.
      settings: a `model_config.GANSynthConfig`.
      rng: `random.Random` that seeds the weights.

    Raises:
      ZooError: for other sizes.
    """

    def __init__(self, feature_shape, settings, rng):
        super().__init__(name="discriminator")
        frames, bins, channels = feature_shape
        blocks = settings.blocks
        start = start_for(frames, bins, blocks)
        last, *widths = _widths(settings)
        self.blocks = blocks
        self.shuffles = phase_shuffle.Shuffles()
        self._group_size = settings.group_size
        self.from_rgb = [
            equalized.EqualizedConv2D(channels, width, 1, rng)
            for width in widths
        ]
        # Beside what block 0 reads stands the deviation of a group.
        beside = int(settings.group_size > 1)
        self.first = [
            equalized.EqualizedConv2D(width + beside * (i == 0), width, 3, rng)
            for i, width in enumerate(widths)
        ]
        # A convolution as large as what it reads is a dense layer.
        self.second = [
            equalized.EqualizedDense(math.prod(start) * widths[0], last, rng)
        ] + [
            equalized.EqualizedConv2D(widths[i], widths[i - 1], 3, rng)
            for i in range(1, blocks)
        ]
        self.head = conditioning.Head(
            settings,
            lambda units: equalized.EqualizedDense(last, units, rng, slope=1.0),
        )

    def call(self, features, labels, shifts, stage=None, blend=1.0):
        del shifts
        stage = growth.last_stage(self.blocks) if stage is None else stage
        top = growth.top_block(stage)
        small = growth.downscale(features, 2 ** (self.blocks - 1 - top))
        x = self._read(top, small)
        for i in range(top, 0, -1):
            x = self._block(i, x)
            if i == top and growth.fades(stage):
                before = self._read(top - 1, growth.downscale(small, 2))
                x = growth.mix(before, x, blend)
        x = layers.minibatch_deviation(x, self._group_size)
        x = layers.leaky_relu(self.first[0](x))
        x = tf.reshape(x, [-1, math.prod(x.shape[1:])])
        x = layers.leaky_relu(self.second[0](x))
        return self.head(x, labels)

    def _block(self, i, x):
        pair = self.first[i], self.second[i]

        def block(x):
            for layer in pair:
                x = layers.leaky_relu(layer(x))
            return growth.downscale(x, 2)

        return computation.segment(block, pair, x)

    def _read(self, i, features):
        return layers.leaky_relu(self.from_rgb[i](features))
