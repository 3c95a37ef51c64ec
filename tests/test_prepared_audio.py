import numpy as np

from gansynth_zoo.datasets import prepared_audio


def test_conversion_to_int16_is_exact():
    every = np.arange(-32768, 32768).astype(np.int16)
    scaled = every.astype(np.float32) / np.float32(32768)
    assert np.array_equal(prepared_audio.to_int16(scaled), every)


def test_conversion_to_int16_clips():
    waveform = np.array([-2.0, 1.0, 2.0], np.float32)
    assert prepared_audio.to_int16(waveform).tolist() == [-32768, 32767, 32767]
