"""Griffin-Lim: a waveform from magnitudes, by going to and fro."""

import tensorflow as tf

# Below it a value has no direction worth keeping.
_TINY = 1e-30


def griffin_lim(stft, magnitude, phase, steps, momentum=0.0):
    """A waveform whose spectrum comes near to given magnitudes.

    Each step synthesises, analyses, and keeps of the result the phase alone.

    Args:
      stft: a `gansynth_zoo.dsp.stft.Stft`.
      magnitude: float32 `[batch, frames, bins]`, 0 or more.
      phase: float32 `[batch, frames, bins]` or `[frames, bins]` in radians,
        where to start; `stft.random_phase` where nothing is known.
      steps: how many; with 0 the phase is taken as it is.
      momentum: how far each step goes on in the direction of the last; 0 is
        Griffin-Lim, 0.99 the fast one.

    Returns:
      Float32 `[batch, samples]`.

    Source: Griffin and Lim 1984; Perraudin, Balazs and Sondergaard 2013,
    algorithm 2.
    """
    start = tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase))

    def step(spectrum, last):
        consistent = stft.analyse(stft.synthesise(spectrum))
        onward = consistent + momentum * (consistent - last)
        return _with_magnitude(magnitude, onward), consistent

    # From zeros, the first step has no direction to go on in.
    spectrum, _ = tf.while_loop(
        lambda *_: True,
        step,
        (start, tf.zeros_like(start)),
        maximum_iterations=steps,
    )
    return stft.synthesise(spectrum)


def _with_magnitude(magnitude, spectrum):
    """Keeps the phase, float32 and complex64 `[batch, frames, bins]`."""
    real, imaginary = tf.math.real(spectrum), tf.math.imag(spectrum)
    scale = magnitude * tf.math.rsqrt(real**2 + imaginary**2 + _TINY)
    return tf.complex(real * scale, imaginary * scale)
