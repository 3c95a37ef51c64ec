"""WaveGAN from stock Keras layers: the baseline of every ratio.

The networks compute what those of `gansynth_zoo.models.wavegan` do, in the
order in which the paper says it. They stay as they are.
"""

import contextlib
import unittest.mock

import keras
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import conditioning
from gansynth_zoo import convolutions
from gansynth_zoo import phase_shuffle
from gansynth_zoo.models import wavegan


class PlainGenerator(keras.Model):
    """Latents, labels -> waveform `[batch, samples, channels]`.

    Args:
      feature_shape: (samples, channels).
      settings: a `model_config.WaveGANConfig` without options.
      rng: not used.
    """

    def __init__(self, feature_shape, settings, rng):
        del rng
        super().__init__(name="generator")
        num_samples, channels = feature_shape
        strides = wavegan.strides_for(num_samples)
        widths = [settings.dim << i for i in reversed(range(len(strides)))]
        self._start_width = widths[0]
        self.start = keras.layers.Dense(wavegan.START * widths[0])
        self.convolutions = [
            keras.layers.Conv1DTranspose(
                width, settings.kernel_size, stride, "same"
            )
            for width, stride in zip(
                widths[1:] + [channels], strides, strict=True
            )
        ]
        self.activation = keras.layers.ReLU()

    def call(self, latents, labels):
        del labels
        x = self.start(latents)
        x = tf.reshape(x, [-1, wavegan.START, self._start_width])
        for convolution in self.convolutions:
            x = convolution(self.activation(x))
        return tf.tanh(x)


class PlainDiscriminator(keras.Model):
    """`[batch, samples, channels]`, labels, shifts -> scores, logits.

    Args:
      feature_shape: (samples, channels).
      settings: a `model_config.WaveGANConfig` without options.
      rng: not used.
    """

    def __init__(self, feature_shape, settings, rng):
        del rng
        super().__init__(name="discriminator")
        strides = wavegan.strides_for(feature_shape[0])
        self.shuffles = phase_shuffle.Shuffles(
            min(4, len(strides) - 1),
            settings.shuffle_radius,
            settings.shuffle_per,
        )
        self.convolutions = [
            keras.layers.Conv1D(
                settings.dim << i, settings.kernel_size, stride, "same"
            )
            for i, stride in enumerate(strides)
        ]
        self.activation = keras.layers.LeakyReLU(0.2)
        self.head = conditioning.Head(settings, keras.layers.Dense)

    def call(self, waveform, labels, shifts):
        x = waveform
        for i, convolution in enumerate(self.convolutions):
            x = self.activation(convolution(x))
            if i < self.shuffles.count:
                x = _phase_shuffle(x, shifts[:, i], self.shuffles)
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2]])
        return self.head(x, labels)


def _phase_shuffle(x, shifts, shuffles):
    """Phase shuffle of `[batch, samples, channels]`; x[t - shift] at t.

    One shift for the batch is a pad of as many samples, as in the reference;
    one for each example is a gather. A loop over the examples takes a third
    longer, and would flatter what is compared with it.
    """
    if shuffles.per == "batch":
        before, after = tf.maximum(shifts[0], 0), tf.maximum(-shifts[0], 0)
        padded = tf.pad(x, [[0, 0], [before, after], [0, 0]], "REFLECT")
        shuffled = padded[:, after : after + x.shape[1]]
    else:
        radius = shuffles.radius
        padded = tf.pad(x, [[0, 0], [radius, radius], [0, 0]], "REFLECT")
        source = tf.range(radius, radius + x.shape[1]) - shifts[:, tf.newaxis]
        shuffled = tf.gather(padded, source, batch_dims=1)
    return tf.ensure_shape(shuffled, x.shape)


VARIANTS = {
    "zoo": (wavegan.WaveGANGenerator, wavegan.WaveGANDiscriminator),
    "plain": (PlainGenerator, PlainDiscriminator),
}


@contextlib.contextmanager
def used(variant):
    """Has networks that are made, and traced, inside be those of a variant.

    WaveGAN's plain networks are those above; those of other models are their
    own, with the library's convolutions.

    Args:
      variant: a key of `VARIANTS`.
    """
    with contextlib.ExitStack() as stack:
        if variant == "plain":
            networks = {"wavegan": VARIANTS["plain"]}
            stack.enter_context(
                unittest.mock.patch.dict(assemble.MODELS, networks)
            )
            stack.enter_context(convolutions.plain())
        yield
