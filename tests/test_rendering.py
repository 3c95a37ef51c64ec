import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import latents
from gansynth_zoo import midi
from gansynth_zoo import rendering

RATE = 1000
SAMPLES = 1000
Note = midi.Note


def constant(latents, pitches, channels=1):
    """Sounds that are one everywhere."""
    return np.ones((len(pitches), SAMPLES, channels), np.float32)


def noise(latents, pitches):
    """A sound of its own for each pitch and latent, stereo."""
    return np.stack(
        [
            np.random.default_rng([pitch, int(latent[0])])
            .uniform(-1, 1, (SAMPLES, 2))
            .astype(np.float32)
            for latent, pitch in zip(latents, pitches, strict=True)
        ]
    )


def milliseconds(times):
    return np.round(1000 * np.array(times))[:, np.newaxis]


def render(notes, make=constant, rate=RATE):
    return rendering.render(notes, make, rate, milliseconds)


def trapezium(seconds):
    """The envelope at 1 kHz of a note that its sound outlasts."""
    corners = [0, 0.01, seconds, seconds + 0.3]
    time = np.arange(round(1000 * (seconds + 0.3))) / 1000
    return np.interp(time, corners, [0, 1, 1, 0])


def test_a_note_has_its_attack_length_and_release():
    waveform = render([Note(0.0, 0.5, 60, 127)])
    assert waveform.shape == (800, 1)
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform[:, 0], 0.5 * trapezium(0.5), atol=1e-6)


@pytest.mark.parametrize("seconds", [0.7, 1.0, 60.0])
def test_a_long_note_fades_out_before_its_sound_ends(seconds):
    waveform = render([Note(0.0, seconds, 60, 127)])
    np.testing.assert_allclose(waveform[:, 0], 0.5 * trapezium(0.7), atol=1e-6)


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.01, 0.2, 5.0])
@pytest.mark.parametrize("samples", [1, 5, 200, 16384])
@pytest.mark.parametrize("rate", [16000, 22050])
def test_envelopes_are_steady_and_end_with_the_sound(seconds, samples, rate):
    curve = rendering.envelope(seconds, samples, rate)
    assert 1 <= len(curve) <= samples
    assert curve.min() >= 0 and curve.max() <= 1
    # No step is larger than that of the attack, nor than the last one.
    steps = np.abs(np.diff(np.append(curve, 0)))
    assert steps.max() <= 1.001 / (0.01 * rate)


def test_two_notes_add_by_their_velocities():
    waveform = render([Note(0.0, 0.6, 60, 127), Note(0.25, 0.35, 64, 32)])
    expected = np.zeros(900)
    expected[:900] += trapezium(0.6)
    expected[250:650] += 32 / 127 * trapezium(0.1)
    np.testing.assert_allclose(
        waveform[:, 0], 0.5 * expected / expected.max(), atol=1e-6
    )


def test_the_largest_absolute_value_is_half_of_full_scale():
    def make(latents, pitches):
        sounds = np.array(constant(latents, pitches, channels=2))
        sounds[..., 1] *= -3
        return sounds

    waveform = render([Note(0.1, 0.3, 60, 1)], make)
    assert waveform.shape == (600, 2)
    assert waveform.min() == pytest.approx(-0.5)
    assert waveform.max() == pytest.approx(0.5 / 3)
    assert not waveform[:100].any()


def test_silent_sounds_stay_silent():
    def make(latents, pitches):
        return 0 * constant(latents, pitches)

    np.testing.assert_array_equal(
        render([Note(0.0, 0.1, 60, 127)], make), np.zeros((400, 1))
    )


def test_pitches_are_heard_at_their_times():
    rate, pitches = 8000, (60, 64, 67)

    def make(latents, pitches):
        hertz = 440 * 2 ** ((np.asarray(pitches) - 69) / 12)
        time = np.arange(rate) / rate
        tones = np.sin(2 * np.pi * hertz[:, np.newaxis] * time)
        return tones[..., np.newaxis].astype(np.float32)

    notes = [Note(i, i + 0.6, p, 100) for i, p in enumerate(pitches)]
    waveform = render(notes, make, rate)[:, 0]
    for second, hertz in enumerate((261.63, 329.63, 392.0)):
        part = waveform[second * rate :][: rate // 2]
        level = np.abs(np.fft.rfft(part * np.hanning(len(part)), rate * 4))
        assert np.argmax(level) / 4 == pytest.approx(hertz, abs=0.3)


def test_each_note_has_the_pitch_and_the_latent_of_its_start():
    asked = []

    def make(latents, pitches):
        asked.extend(zip(latents[:, 0], pitches, strict=True))
        return constant(latents, pitches)

    render([Note(0.25, 1.0, 60, 64), Note(0.5, 1.0, 72, 64)], make)
    assert asked == [(250, 60), (500, 72)]


def test_few_sounds_are_made_at_once():
    sizes = []

    def make(latents, pitches):
        sizes.append(len(pitches))
        return constant(latents, pitches)

    render([Note(i / 8, i / 8 + 0.1, 60, 64) for i in range(70)], make)
    assert sizes == [32, 32, 6]


NOTES = st.lists(
    st.builds(
        lambda start, length, pitch, velocity: Note(
            start / 100, (start + length) / 100, pitch, velocity
        ),
        st.integers(0, 300),
        st.integers(0, 150),
        st.integers(60, 64),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(NOTES, st.randoms(use_true_random=False))
def test_notes_in_any_order_give_the_same_mix(notes, random):
    shuffled = random.sample(notes, len(notes))
    np.testing.assert_allclose(
        render(shuffled, noise), render(notes, noise), atol=1e-6
    )


@settings(max_examples=25, deadline=None)
@given(NOTES, NOTES)
def test_two_pieces_at_once_are_their_sum(first, second):
    together = render(first + second, noise)
    total = np.zeros((5000, 2))
    for note in first + second:
        # A note alone is known but for its level; that comes by hand.
        curve = rendering.envelope(note.end - note.start, SAMPLES, RATE)
        (sound,) = noise(milliseconds([note.start]), [note.pitch])
        shaped = curve[:, np.newaxis] * sound[: len(curve)]
        start = round(RATE * note.start)
        total[start : start + len(curve)] += note.velocity / 127 * shaped
    total *= 0.5 / np.abs(total).max()
    np.testing.assert_allclose(total[: len(together)], together, atol=1e-6)
    assert not total[len(together) :].any()


def path(prior, seconds=6.0, seed=0):
    draw = functools.partial(latents.from_seeds, prior, 8)
    return draw, rendering.path_over_time(draw, prior, seconds, seed)


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_the_path_goes_through_the_seeds_at_even_times(prior):
    draw, latents_at = path(prior, 1.5, seed=7)
    np.testing.assert_allclose(
        latents_at([0.0, 3.0, 1.5, 15.0]),
        draw(tf.constant([7, 9, 8, 17], tf.int64)),
        atol=1e-6,
    )


def test_the_path_of_uniform_latents_is_straight():
    draw, latents_at = path("uniform")
    first, second = draw(tf.constant([0, 1], tf.int64)).numpy()
    np.testing.assert_allclose(
        latents_at([1.5]), [0.75 * first + 0.25 * second], atol=1e-6
    )


def test_the_path_of_normal_latents_turns_evenly_on_the_sphere():
    def draw(seeds):
        """A quarter of a circle of radius 2 from each seed to the next."""
        angles = np.pi / 2 * np.array(seeds, np.float32)
        return tf.constant(2 * np.stack([np.cos(angles), np.sin(angles)], 1))

    latents_at = rendering.path_over_time(draw, "normal", 6.0)
    times = np.array([0.0, 1.0, 4.5, 7.0, 20.5])
    expected = draw(times / 6)
    np.testing.assert_allclose(latents_at(times), expected, atol=1e-5)


def test_a_path_is_continuous_at_its_seeds():
    for prior in ("uniform", "normal"):
        _, latents_at = path(prior)
        before, after = latents_at([5.9999, 6.0001]).numpy()
        np.testing.assert_allclose(before, after, atol=1e-3)


def test_one_short_note_has_a_sound():
    _, latents_at = path("normal")

    def make(latents, pitches):
        assert latents.shape == (1, 8)
        return np.mean(latents) * constant(latents, pitches)

    notes = [Note(0.0, 0.2, 60, 80)]
    waveform = rendering.render(notes, make, RATE, latents_at)
    assert np.abs(waveform).max() == pytest.approx(0.5)


def chain(make, length, samples=SAMPLES):
    blocks = list(rendering.chain(make, milliseconds, RATE, length))
    return np.concatenate(blocks), blocks


@given(length=st.integers(1, 40 * SAMPLES))
@settings(max_examples=20, deadline=None)
def test_a_chain_of_ones_is_one_and_as_long_as_asked(length):
    waveform, blocks = chain(
        lambda points: np.ones((len(points), SAMPLES, 2), np.float32), length
    )
    assert waveform.shape == (length, 2)
    np.testing.assert_allclose(waveform, 1.0, atol=1e-6)
    assert max(map(len, blocks)) <= SAMPLES // 2


def test_a_sound_fades_into_the_one_half_a_sound_later():
    sizes = []

    def make(points):
        """Sounds that are everywhere the number of their half second."""
        sizes.append(len(points))
        level = np.float32(points[:, 0, np.newaxis, np.newaxis] / 500)
        return np.broadcast_to(level, (len(points), SAMPLES, 1))

    waveform, _ = chain(make, 60 * SAMPLES)
    time = np.arange(60 * SAMPLES) / 500
    # The first half second is the first sound's alone.
    before = np.maximum(np.floor(time) - 1, 0)
    share = np.sin(np.pi / 2 * ((time + 1e-3) % 1)) ** 2
    expected = np.where(time < 1, 0, before + share)
    np.testing.assert_allclose(waveform[:, 0], expected, atol=1e-4)
    # However long, so many sounds are in memory at once.
    assert max(sizes) == 32
