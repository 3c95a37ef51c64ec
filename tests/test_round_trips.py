import pathlib
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from gansynth_zoo.dsp import stft as transforms

# As in test_benchmarks.py.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import round_trips

STFT = transforms.Stft("hann", 64, 16, before=48)


def test_a_tenth_of_the_level_is_20_decibels_down(rng):
    before = rng.normal(size=(3, 256, 1)).astype(np.float32)
    after = 1.1 * before
    # What the last frame loses does not count.
    after[:, -64:] = 0.0
    found = round_trips.signal_to_noise(STFT, before, after)
    np.testing.assert_allclose(found, 20.0, atol=1e-3)
    found = round_trips.convergence(STFT, tf.constant(before), 1.1 * before)
    np.testing.assert_allclose(found, -20.0, atol=1e-3)
