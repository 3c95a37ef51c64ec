import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.listening import sounds

RATE = 8000


def sound_of(number):
    """A decaying tone, float32 `[samples, 1]`."""
    time = np.arange(400) / RATE
    tone = np.sin(2 * np.pi * (200 + 37 * number) * time) * np.exp(-8 * time)
    return 0.5 * tone[:, np.newaxis].astype(np.float32)


class Module:
    """A module whose sound of seed N is a tone, silent where 5 divides N."""

    def generate(self, count, seed):
        made = [sound_of(n) * bool(n % 5) for n in range(seed, seed + count)]
        return tf.constant(np.stack(made))


def test_sounds_of_a_module_are_those_of_its_seeds():
    left_out, lines = {}, []
    made = sounds.of_module("m", Module(), RATE, 3, 8)
    taken = sounds.take("m", made, 8, left_out, lines.append)
    names = [f"seed {n}" for n in (3, 4, 6, 7, 8, 9, 11, 12)]
    assert [s.name for s in taken] == names
    np.testing.assert_array_equal(taken[2].waveform, sound_of(6))
    assert left_out == dict.fromkeys(["seed 5", "seed 10"], "it is silent")
    assert lines[0] == "Left out of m: 2"


def test_a_module_that_is_always_silent_is_refused():
    class Silent:
        def generate(self, count, seed):
            return tf.zeros([count, 100, 1])

    made = sounds.of_module("m", Silent(), RATE, 0, 100)
    with pytest.raises(errors.ZooError, match="received 0 that can be heard"):
        sounds.take("m", made, 100, {}, lambda line: None)


@settings(deadline=None, max_examples=30)
@given(
    st.floats(1e-3, 1.0), st.integers(0, 3000), st.sampled_from([8000, 44100])
)
def test_the_level_is_that_of_the_sounding_part(amplitude, silence, rate):
    time = np.arange(rate // 10) / rate
    sine = amplitude * np.sin(2 * np.pi * 1000 * time)[:, np.newaxis]
    padded = np.pad(sine, ((0, silence), (0, 0)))
    expected = amplitude / np.sqrt(2)
    assert sounds.level(padded, rate) == pytest.approx(expected, rel=0.06)


def test_the_common_level_is_the_highest_without_clipping():
    pulses = np.zeros((4410, 1), np.float32)
    pulses[::441] = 0.5
    both = [
        sounds.Sound("s", "n", None, pulses, 44100),
        sounds.Sound("s", "n", None, sound_of(3), RATE),
    ]
    level = sounds.match_levels(both)
    # One sample in 441 is at the peak of 0.99, and the others are 0.
    assert level == pytest.approx(20 * np.log10(0.99 / np.sqrt(441)), abs=1e-3)
    for sound in both:
        found = 20 * np.log10(sounds.level(sound.waveform, sound.sample_rate))
        assert found == pytest.approx(level, abs=1e-3)
        assert np.abs(sound.waveform).max() <= 0.9901
