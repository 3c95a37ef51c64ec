"""GANSynth's pictures of a sound, their mel bands, and the ways back."""

import io
import tarfile

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo.dsp import mel_matrices
from gansynth_zoo.representations import instantaneous_frequency

SAMPLES, LENGTH, HOP = 4096, 256, 64
BINS = LENGTH // 2
KINDS = ("phase", "frequency", "mel", "mel_original")
# Decibels of a middling note over what the way there and back changes.
LEAST = {"phase": 50, "frequency": 50, "mel": 20, "mel_original": 5}


def make(kind, *, channels=1, samples=SAMPLES, highest=8.0, **changes):
    changes = {"fft_length": LENGTH, "hop": HOP, **changes}
    return instantaneous_frequency.InstantaneousFrequency(
        config.AudioConfig(num_samples=samples, channels=channels),
        model_config.InstantaneousFrequencyConfig(
            features=kind, highest=highest, **changes
        ),
    )


@pytest.fixture(scope="module")
def notes():
    """Four notes of five partials, float32 `[batch, samples, 1]`."""
    t = np.arange(SAMPLES) / 16000
    pitches = 440 * 2.0 ** (np.array([-12, -3, 4, 11])[:, None] / 12)
    sounds = sum(
        np.sin(2 * np.pi * k * pitches * t + k) / k for k in range(1, 6)
    )
    return np.float32(0.3 * sounds * np.exp(-4 * t))[..., None]


@pytest.fixture(scope="module")
def noise():
    """White noise, which leaves no bin silent: `[2, samples, 1]`."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, SAMPLES, 1)).astype(np.float32)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def spectra(sounds):
    """By NumPy, in float64: `[batch, frames, bins]` without 0 Hz."""
    padded = np.pad(sounds[..., 0], [(0, 0), (LENGTH - HOP, 0)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, LENGTH, axis=1)
    window = np.hanning(LENGTH + 1)[:-1]
    return np.fft.rfft(frames[:, ::HOP] * window)[..., 1:]


def snr(sounds, others, last):
    """Decibels; without the last samples, which lie under fewer frames."""
    a, b = np.asarray(sounds)[:, :-last], np.asarray(others)[:, :-last]
    return 10 * np.log10((a**2).sum((1, 2)) / ((a - b) ** 2).sum((1, 2)))


def same_angle(found, expected):
    """Whether features are these angles, of which pi and -pi are one."""
    turns = np.exp(1j * np.pi * np.float64(found) / 0.8)
    np.testing.assert_allclose(turns, np.exp(1j * expected), atol=1e-2)


def by_views(bins, sample_rate):
    """The published way, written another way: views of one array."""
    edges = np.linspace(0, 2595 * np.log10(1 + sample_rate / 1400), bins + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]

    def hertz(mel):
        return 700 * (10 ** (mel / 2595) - 1)

    scale, width = 2595 / np.log(10), 0.75 * sample_rate / bins
    for i in range(bins):
        if hertz(high[i]) - hertz(low[i]) < width:
            half = 0.5 * width / (hertz(middle[i]) + 700)
            by = scale * np.log(half + np.hypot(1, half))
            low[i], high[i] = middle[i] - by, middle[i] + by
    triangles = [
        np.interp(np.linspace(0, sample_rate / 2, bins), hertz(x), [0, 1, 0])
        for x in np.transpose([low, middle, high])
    ]
    matrix = np.stack(triangles, axis=1)
    matrix[0] = 0
    return matrix


@pytest.mark.parametrize(
    ("samples", "length", "hop", "shape", "zeros"),
    [
        (64000, 2048, 512, (128, 1024, 2), 3072),
        (64000, 1024, 256, (256, 512, 2), 2304),
        (16384, 512, 128, (128, 256, 2), 384),
    ],
)
def test_shapes_of_the_paper_and_a_small_one(
    samples, length, hop, shape, zeros
):
    made = make("phase", samples=samples, fft_length=length, hop=hop)
    assert made.feature_shape == shape
    assert (made.stft.before, made.stft.after) == (zeros, 0)


def test_there_and_back(kind, notes):
    made = make(kind, griffin_lim_steps=0)
    features = made.to_features(tf.constant(notes))
    assert features.shape == (4, *made.feature_shape)
    assert features.dtype == tf.float32
    assert np.abs(features).max() <= 1.0
    sounds = made.to_waveform(features)
    assert sounds.shape == notes.shape
    assert np.median(snr(notes, sounds, LENGTH)) > LEAST[kind]


def test_phase_in_mel_bands_loses_no_more_than_their_level_does(notes):
    made = make("mel", griffin_lim_steps=0)
    features = made.to_features(tf.constant(notes))
    phase = tf.math.angle(made.analyse(tf.constant(notes)))
    magnitude = tf.exp(made.log_magnitude(features))
    known = made.stft.synthesise(
        tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase))
    )
    lost = snr(notes, known[..., None], LENGTH) - snr(
        notes, made.to_waveform(features), LENGTH
    )
    assert lost.max() < 3.0


def test_real_notes_come_back(archives):
    sounds = []
    with tarfile.open(archives / "nsynth-valid.jsonwav.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(("-064-050.wav", "-075-075.wav")):
                data = io.BytesIO(archive.extractfile(member).read())
                sounds.append(soundfile.read(data, 16384, dtype="float32")[0])
    sounds = np.stack(sounds)[..., None]
    assert len(sounds) == 3
    least = {"frequency": 33, "mel": 15, "mel_original": 1}
    for kind, decibels in least.items():
        made = make(kind, samples=16384, fft_length=512, hop=128)
        features = made.to_features(tf.constant(sounds))
        back = made.to_waveform(features)
        assert np.median(snr(sounds, back, 512)) > decibels, kind


def test_a_step_mends_the_original_phase(notes):
    magnitude = np.abs(spectra(notes))
    distances = []
    for steps in (0, 1):
        made = make("mel_original", griffin_lim_steps=steps)
        sounds = made.to_waveform(made.to_features(tf.constant(notes)))
        distances.append(np.linalg.norm(np.abs(spectra(sounds)) - magnitude))
    assert distances[1] < 0.5 * distances[0]


def test_levels_are_those_of_the_formula(kind, noise):
    level = np.log(np.abs(spectra(noise)) + 1e-6)
    if kind.startswith("mel"):
        matrix = by_views(BINS, 16000)
        if kind == "mel":
            matrix, _ = mel_matrices.mel_matrices(BINS, 16000)
        level = np.log(np.abs(spectra(noise)) ** 2 @ matrix + 1e-6)
    # GANSynth's form: by the range of the data, with a margin of 0.8.
    low, high = np.log(1e-6), 8.0
    alpha = 0.8 * 2 / (high - low)
    beta = 0.8 * (-2 * low / (high - low) - 1)
    features = make(kind).to_features(tf.constant(noise))
    np.testing.assert_allclose(
        features[..., 0], np.clip(alpha * level + beta, -1, 1), atol=1e-4
    )


def test_the_published_normaliser_is_one_of_these():
    made = make("frequency", highest=10.376635743321689)
    for value in (-0.8, 0.3, 1.0):
        picture = tf.fill([1, *made.feature_shape], value)
        level = made.log_magnitude(picture)[..., 1:]
        expected = (value - 0.113718730221) / 0.0661371661726
        np.testing.assert_allclose(level, expected, atol=1e-4)


def test_phases_are_those_of_the_formula(noise):
    phase = np.angle(spectra(noise))
    features = make("phase").to_features(tf.constant(noise))
    same_angle(features[..., 1], phase)


def test_frequencies_are_those_of_the_formula(noise):
    phase = np.unwrap(np.angle(spectra(noise)), axis=1)
    features = make("frequency").to_features(tf.constant(noise))
    same_angle(features[..., 1], np.diff(phase, axis=1, prepend=0))


def test_original_frequencies_are_those_of_the_published_formula(noise):
    phase = np.unwrap(np.angle(spectra(noise)), axis=1)
    bands = np.unwrap(phase @ by_views(BINS, 16000), axis=1)
    features = make("mel_original").to_features(tf.constant(noise))
    same_angle(features[..., 1], np.diff(bands, axis=1, prepend=0))


@pytest.mark.parametrize("kind", ["frequency", "mel"])
def test_a_tone_has_its_frequency_in_every_band_it_reaches(kind):
    # 12.25 bins: a quarter of 12.25 turns from frame to frame.
    tone = np.cos(2 * np.pi * 12.25 / LENGTH * np.arange(SAMPLES))
    features = make(kind).to_features(
        tf.constant(np.float32(tone)[None, :, None])
    )
    middle = features[0, 30]
    loud = middle[:, 0] > np.max(middle[:, 0]) - 0.1
    assert np.sum(loud) >= 3
    same_angle(middle[:, 1][loud], 2 * np.pi * 12.25 / 4)


def test_many_frames_are_summed_precisely():
    made = make("frequency", samples=1024 * HOP, griffin_lim_steps=0)
    rng = np.random.default_rng(0)
    features = np.float32(rng.uniform(-1, 1, [1, *made.feature_shape]))
    found = made.first_phase(features, None)[..., 1:]
    expected = np.cumsum(np.pi * np.float64(features[..., 1]) / 0.8, axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_highest_level_does_not_depend_on_how_sounds_are_batched(noise):
    made = make("frequency", highest=None)
    expected = np.log(np.abs(spectra(noise)) + 1e-6).max()
    for batches in ([noise], [noise[:1], noise[1:]]):
        np.testing.assert_allclose(
            made.find_highest(batches), expected, atol=1e-4
        )


def test_without_the_highest_level_it_says_who_finds_it(notes):
    with pytest.raises(errors.ZooError, match="training finds it"):
        make("mel", highest=None).to_features(tf.constant(notes))


def test_silence_and_flat_pictures_stay_finite(kind):
    made = make(kind)
    features = made.to_features(tf.zeros([2, SAMPLES, 1]))
    np.testing.assert_allclose(features[..., 0], -0.8, atol=1e-5)
    np.testing.assert_array_equal(features[..., 1], 0)
    assert np.abs(made.to_waveform(features)).max() < 1e-5
    for value in (-1.0, 0.0, 1.0):
        flat = tf.fill([2, *made.feature_shape], value)
        assert np.isfinite(made.to_waveform(flat)).all()
    silent = make(kind, highest=float(np.log(1e-6)))
    assert np.isfinite(silent.to_features(tf.zeros([1, SAMPLES, 1]))).all()


def test_what_is_no_number_stays_in_its_sound(kind, notes):
    made = make(kind)
    features = made.to_features(tf.constant(notes[:2])).numpy()
    expected = made.to_waveform(tf.constant(features[1:]))
    features[0] = np.nan
    sounds = made.to_waveform(tf.constant(features))
    np.testing.assert_allclose(sounds[1:], expected, atol=1e-4)


def test_a_sound_does_not_depend_on_its_batch(kind, notes):
    made = make(kind)
    features = made.to_features(tf.constant(notes))
    alone = made.to_features(tf.constant(notes[2:3]))
    loud = features[2:3, ..., 0] > 0
    np.testing.assert_allclose(
        features[2:3][loud], alone[loud], atol=1e-4, rtol=0
    )
    sounds = made.to_waveform(features)[2:3]
    again = made.to_waveform(features[2:3])
    np.testing.assert_allclose(sounds, again, atol=1e-4)


def test_channels_are_apart(kind, notes):
    both = np.concatenate([notes[:2], notes[2:]], axis=2)
    made = make(kind, channels=2)
    assert made.feature_shape == (64, BINS, 4)
    features = made.to_features(tf.constant(both))
    apart = make(kind).to_features(tf.constant(notes))
    np.testing.assert_allclose(features[..., 0], apart[:2, ..., 0], atol=1e-5)
    np.testing.assert_allclose(features[..., 2], apart[2:, ..., 0], atol=1e-5)
    sounds = made.to_waveform(features)
    assert sounds.shape == both.shape
    for channel, mono in enumerate((apart[:2], apart[2:])):
        np.testing.assert_allclose(
            sounds[..., channel],
            make(kind).to_waveform(mono)[..., 0],
            atol=1e-3,
        )


def test_the_inverse_is_exported(kind, notes, tmp_path):
    made = make(kind)
    shape = [None, *made.feature_shape]
    module = tf.Module()
    module.inverse = tf.function(made.to_waveform, [tf.TensorSpec(shape)])
    features = made.to_features(tf.constant(notes))
    sounds = module.inverse(features).numpy()
    tf.saved_model.save(module, tmp_path)
    again = tf.saved_model.load(tmp_path).inverse(features).numpy()
    np.testing.assert_array_equal(sounds, again)
    graph = module.inverse.get_concrete_function().graph.as_graph_def()
    nodes = [
        *graph.node,
        *(n for f in graph.library.function for n in f.node_def),
    ]
    assert not {n.op for n in nodes} & {"PyFunc", "EagerPyFunc"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 1000}, "multiple of hop, 64"),
        ({"hop": 100}, "hop"),
        ({"hop": 256}, "hop"),
        ({"fft_length": 384}, "power of 2"),
    ],
)
def test_settings_that_do_not_go_together(changes, sentence):
    with pytest.raises(errors.ZooError, match=sentence):
        make("mel", **changes)


# Entries of the published function's matrix, 1024 bins at 16 kHz.
PUBLISHED = {
    (1, 1): 0.971973,
    (10, 12): 0.006903,
    (10, 13): 0.993097,
    (100, 132): 0.208151,
    (317, 422): 0.971471,
    (500, 667): 0.081773,
    (1000, 1015): 0.497492,
}


def test_the_original_matrix_is_the_published_one():
    forward, backward = mel_matrices.mel_matrices(1024, 16000, original=True)
    for entry, value in PUBLISHED.items():
        np.testing.assert_allclose(forward[entry], value, atol=1e-5)
    np.testing.assert_allclose(forward.sum(), 1021.09818, rtol=1e-6)
    np.testing.assert_allclose(backward.sum(), 1021.01139, rtol=1e-6)


@settings(deadline=None, max_examples=20)
@given(strategies.sampled_from([8, 32, 128]), strategies.integers(2000, 96000))
def test_the_original_matrix_is_that_of_views(bins, sample_rate):
    forward, _ = mel_matrices.mel_matrices(bins, sample_rate, original=True)
    np.testing.assert_allclose(forward, by_views(bins, sample_rate), atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(
    strategies.sampled_from([8, 32, 128]),
    strategies.integers(2000, 96000),
    strategies.booleans(),
)
def test_the_way_back_is_the_transpose_over_its_overlap(
    bins, sample_rate, original
):
    forward, backward = mel_matrices.mel_matrices(
        bins, sample_rate, original=original
    )
    assert forward.min() >= 0 and forward.max() <= 1 + 1e-6
    assert not forward[0].any()
    sums = np.sum(np.float64(forward) @ forward.T, axis=0)
    scale = np.diag([1 / x if x > 1e-8 else 0.0 for x in sums])
    np.testing.assert_allclose(backward, forward.T @ scale, atol=1e-4)


def test_a_band_is_a_triangle_between_its_neighbours_centres():
    forward, _ = mel_matrices.mel_matrices(1024, 16000)
    top = 2595 * np.log10(1 + 8000 / 700)
    # At high frequencies, where bands are wider than the least width.
    for band in (700, 900, 1000):
        corners = top * np.arange(band, band + 3) / 1025
        hertz = 700 * (10 ** (corners / 2595) - 1)
        triangle = np.interp(np.linspace(0, 8000, 1024), hertz, [0, 1, 0])
        np.testing.assert_allclose(forward[:, band], triangle, atol=1e-4)
    # At low ones, each bin but the lowest and the highest is heard.
    assert (forward[1:-1].sum(axis=1) > 0.1).all()
