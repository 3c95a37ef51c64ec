"""Mel filters and log-mel spectrograms."""

import tensorflow as tf


def log_mel_spectrogram(
    waveform,
    sample_rate,
    *,
    frame_length,
    frame_step,
    mels,
    lower_hz,
    upper_hz,
    floor=1e-6,
):
    """Natural logarithm of the magnitudes in mel bands.

    Args:
      waveform: float32 `[batch, samples]`.
      sample_rate: in Hz.
      frame_length: samples of a frame, which is also the size of the FFT; the
        window is a periodic Hann.
      frame_step: samples from one frame to the next. The end is padded with
        zeros, so that every sample is the first of a frame or within one.
      mels: bands, triangles of equal height and HTK's scale.
      lower_hz: where the lowest band begins.
      upper_hz: where the highest band ends.
      floor: added to the magnitudes.

    Returns:
      Float32 `[batch, frames, mels]`, frames = ceil(samples / frame_step).
    """
    spectrum = tf.signal.stft(
        waveform, frame_length, frame_step, frame_length, pad_end=True
    )
    matrix = tf.signal.linear_to_mel_weight_matrix(
        mels, frame_length // 2 + 1, sample_rate, lower_hz, upper_hz
    )
    return tf.math.log(tf.abs(spectrum) @ matrix + floor)
