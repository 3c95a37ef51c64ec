"""Sounds changed in ways that leave their class alone."""

import tensorflow as tf

# Either way: in octaves, and as a share of the length.
_SPEED, _SHIFT = 0.2, 0.1
# Of the bandwidth: how narrow, in octaves, and how often.
_NARROWER, _NARROWED = 2.0, 0.5
_QUIETEST_DB = -20.0
# Of the sound's energy to that of the noise.
_NOISE_DB = (10.0, 100.0)


def augment(waveforms, seed):
    """Other speed, place, bandwidth, level and noise, drawn for each sound.

    The speed, and the pitch with it, is 0.87 to 1.15 times what it was; the
    sound starts up to a tenth of its length sooner or later; half of the
    sounds end at 1/4 to all of their bandwidth, as recordings of another rate
    do; the peak is -20 to 0 dB of full scale; and there is white noise 10 to
    100 dB below.

    Args:
      waveforms: float32 `[batch, samples]`.
      seed: int `[2]`, from which alone all is drawn.

    Returns:
      Float32 `[batch, samples]`. Silence stays silent.
    """
    seeds = tf.random.split(seed, 2)
    speed, shift, narrowed, width, level, noise = tf.unstack(
        tf.random.stateless_uniform([6, tf.shape(waveforms)[0], 1], seeds[0])
    )
    waveforms = _played(
        waveforms, 2.0 ** (_SPEED * (2 * speed - 1)), _SHIFT * (2 * shift - 1)
    )
    width = tf.where(narrowed < _NARROWED, 2.0 ** (-_NARROWER * width), 1.0)
    waveforms = _low_pass(waveforms, width)
    waveforms *= _from_db(_QUIETEST_DB * level) / tf.maximum(
        tf.reduce_max(tf.abs(waveforms), 1, keepdims=True), 1e-9
    )
    rms = tf.sqrt(tf.reduce_mean(tf.square(waveforms), 1, keepdims=True))
    low, high = _NOISE_DB
    rms *= _from_db(-(low + (high - low) * noise))
    return waveforms + rms * tf.random.stateless_normal(
        tf.shape(waveforms), seeds[1]
    )


def _played(waveforms, speed, shift):
    """Sounds at a speed, a share of their length later; zeros around them."""
    samples = waveforms.shape[1]
    places = tf.range(samples, dtype=tf.float32) - shift * samples
    places = tf.clip_by_value(places * speed, -1.0, samples)
    before = tf.floor(places)
    padded = tf.pad(waveforms, [[0, 0], [1, 2]])
    number = tf.cast(before, tf.int32) + 1
    first, second = (
        tf.gather(padded, number + i, batch_dims=1) for i in range(2)
    )
    return first + (places - before) * (second - first)


def _low_pass(waveforms, width):
    """Sounds without what lies above a share of their bandwidth."""
    samples = waveforms.shape[1]
    spectra = tf.signal.rfft(waveforms)
    kept = tf.linspace(0.0, 1.0, spectra.shape[1]) <= width
    return tf.signal.irfft(
        tf.where(kept, spectra, tf.zeros_like(spectra)), [samples]
    )


def _from_db(level):
    return 10.0 ** (level / 20.0)
