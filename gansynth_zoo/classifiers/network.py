"""The network of a classifier, and the image of a sound that it sees."""

import dataclasses

import keras
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import layers
from gansynth_zoo.dsp import mel

SAMPLE_RATE = 16000
_FRAME, _STEP, _BANDS = 1024, 128, 128
_STAGES = 4
# Each stage halves the image, of which one frame has to be left.
_FEWEST_SAMPLES = (2**_STAGES - 1) * _STEP + 1


@dataclasses.dataclass(frozen=True)
class Design:
    """What a network's shape depends on.

    Attributes:
      labels: tuple of the names of the classes.
      num_samples: length of the sounds that it hears, at `SAMPLE_RATE`.
      dim: channels of each stage.

    Raises:
      ZooError: if there are fewer than two classes, or the sounds are too
        short.
    """

    labels: tuple
    num_samples: int = 16384
    dim: int = 128

    def __post_init__(self):
        if len(self.labels) < 2:
            raise errors.ZooError(
                "Expected two or more labels to tell apart, received "
                f"{len(self.labels)} ({', '.join(self.labels) or 'none'}); "
                "use sounds of other classes too."
            )
        if self.num_samples < _FEWEST_SAMPLES:
            raise errors.ZooError(
                f"Expected num_samples to be at least {_FEWEST_SAMPLES}, "
                f"received {self.num_samples}; the network halves its image "
                f"{_STAGES} times."
            )


def images(waveforms):
    """Log-mel spectrograms.

    Args:
      waveforms: float32 `[batch, samples]` at `SAMPLE_RATE`, in [-1, 1].

    Returns:
      Float32 `[batch, frames, mels]`, frames of 64 ms every 8 ms, 128 bands
      from 40 to 7800 Hz.
    """
    return mel.log_mel_spectrogram(
        waveforms,
        SAMPLE_RATE,
        frame_length=_FRAME,
        frame_step=_STEP,
        mels=_BANDS,
        lower_hz=40.0,
        upper_hz=7800.0,
    )


class Network(keras.Model):
    """Four stages of convolution and pooling, then a dense layer.

    `[batch, samples]` -> logits `[batch, labels]`. The image's bands are
    normalised, as is what each later stage and the dense layer are given.

    Args:
      design: a `Design`.
      rng: the `random.Random` that seeds the weights.

    Source: Donahue, McAuley and Puckette 2019, section 5.1, and the code
    published with it.
    """

    def __init__(self, design, rng):
        super().__init__()
        self._norms = [layers.BatchNorm() for _ in range(_STAGES + 1)]
        self._convolutions = [
            layers.conv2d(design.dim, 5, 1, rng) for _ in range(_STAGES)
        ]
        self._flatten = keras.layers.Flatten()
        self._dense = layers.dense(len(design.labels), rng)
        self(tf.zeros([1, design.num_samples]))

    def call(self, waveforms, training=False):
        features = self.features(waveforms, training=training)
        return self.logits(features, training=training)

    def features(self, waveforms, training=False):
        """What the last stage makes of sounds.

        Args:
          waveforms: float32 `[batch, samples]`.
          training: whether to normalise by the batch.

        Returns:
          Float32 `[batch, frames / 16 · 8 · dim]`, 0 or more.
        """
        x = self._norms[0](images(waveforms), training=training)
        x = x[..., tf.newaxis]
        for stage, convolution in enumerate(self._convolutions):
            if stage:
                x = self._norms[stage](x, training=training)
            x = tf.nn.max_pool2d(tf.nn.relu(convolution(x)), 2, 2, "VALID")
        return self._flatten(x)

    def logits(self, features, training=False):
        """Float32 `[batch, labels]` of the `features`."""
        return self._dense(self._norms[-1](features, training=training))

    def named_variables(self):
        """All variables: name -> variable.

        The names are those of the published checkpoint, without its scope.
        """
        kinds = {
            "batch_normalization": self._norms,
            "conv2d": self._convolutions,
            "dense": [self._dense],
        }
        return {
            f"{kind}{f'_{i}' if i else ''}/{variable.name}": variable
            for kind, parts in kinds.items()
            for i, part in enumerate(parts)
            for variable in part.variables
        }
