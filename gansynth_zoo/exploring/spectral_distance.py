"""How far a model's sounds are from one sound, with slopes by the latents."""

import json

import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import config
from gansynth_zoo.representations import spectrogram

# Samples of the frames; a quarter of one is from each to the next.
_FRAMES = (2048, 1024, 512, 256, 128, 64)
# Magnitudes so far below the level of the sound are not heard: -60 dB.
_FLOOR = 1e-3
# The same of a spectrogram, natural logarithms below the loudest of the target.
_DEPTH = 7.0
# Frames and bins that are averaged.
_POOLS = (1, 2, 4, 8)


class SpectralDistance:
    """Mean difference of log magnitudes at several resolutions.

    Of a model of waveforms, these are of short-time Fourier transforms whose
    frames have 64 to 2048 samples (Engel et al. 2020, DDSP, section 4.2: the
    logarithmic part), of sounds brought to one level. Of a model of
    spectrograms, they are its own features, averaged over 1 to 8 frames and
    bins: the phase, which is retrieved afterwards, has no say, nor slopes.

    Args:
      instrument: an `instrument.Instrument`.
      waveform: the target, float32 `[samples, channels]`, of the model's
        length.
    """

    def __init__(self, instrument, waveform):
        preset = config.from_json(json.dumps(instrument.facts["config"]))
        representation = assemble.make_representation(preset)
        target = tf.convert_to_tensor(waveform, tf.float32)[tf.newaxis]
        self._instrument = instrument
        self._make = instrument.module
        self._look = _look_at_sounds
        if isinstance(representation, spectrogram.Spectrogram):
            self._make = instrument.module.features
            target = representation.to_features(target)
            loudest = tf.reduce_max(representation.log_magnitude(target))

            def look(features):
                return _look_at_features(representation, features, loudest)

            self._look = look
        self._target = self._look(target)

    def __call__(self, latents, labels):
        """Distances in nepers: 1 is 8.7 dB.

        Args:
          latents: float32 `[batch, latent]`.
          labels: ints `[batch]`.

        Returns:
          Float32 `[batch]`.
        """
        made = self._make(*self._instrument.inputs(latents, labels))
        return tf.add_n(
            [
                tf.reduce_mean(tf.abs(picture - target), axis=[1, 2])
                for picture, target in zip(
                    self._look(made), self._target, strict=True
                )
            ]
        ) / len(self._target)


def _look_at_sounds(waveforms):
    """Waveforms -> a picture `[batch, channels·frames, bins]` a resolution."""
    size, samples = tf.shape(waveforms)[0], waveforms.shape[1]
    level = tf.reduce_mean(tf.square(waveforms), axis=[1, 2], keepdims=True)
    even = waveforms * tf.math.rsqrt(level + 1e-10)
    even = tf.reshape(tf.transpose(even, [0, 2, 1]), [-1, samples])
    pictures = []
    for length in _FRAMES:
        if length <= samples:
            spectrum = tf.signal.stft(even, length, length // 4)
            # A Hann window adds up to half its length: 1 is a sine of peak 1.
            magnitude = tf.sqrt(
                tf.square(tf.math.real(spectrum))
                + tf.square(tf.math.imag(spectrum))
                # The slope of the root is finite at 0.
                + 1e-10
            ) / (length / 4)
            picture = tf.math.log(magnitude + _FLOOR)
            bins = length // 2 + 1
            pictures.append(tf.reshape(picture, [size, -1, bins]))
    return pictures


def _look_at_features(representation, features, loudest):
    """Features -> a picture `[batch, channels·frames, bins]` a resolution."""
    values = representation.log_magnitude(features)
    floor = loudest - _DEPTH
    # What lies below has a slope too, and so finds its way out.
    values = (floor + tf.nn.softplus(values - floor))[..., tf.newaxis]
    size, bins = tf.shape(features)[0], values.shape[2]
    pictures = []
    for pool in _POOLS:
        pooled = tf.nn.avg_pool2d(values, pool, pool, "SAME")
        pictures.append(tf.reshape(pooled, [size, -1, -(-bins // pool)]))
    return pictures
