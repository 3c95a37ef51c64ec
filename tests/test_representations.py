"""Every representation, as a pair; then what each has of its own."""

import pathlib

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo import presets
from gansynth_zoo.datasets import drums_mini
from gansynth_zoo.dsp import frequency_scale

CLIPS = pathlib.Path(drums_mini.__file__).parent / "clips" / "test"
SAMPLES = 4096
# Preset, settings, and decibels by which what comes back differs at most from
# the sound, in its own spectrogram.
ROWS = {
    "waveform": ("wavegan_drums", {}, -100),
    "mu-law": ("wavegan_drums", {"mu_law": 100.0}, -100),
    "emphasis": ("wavegan_drums", {"pre_emphasis": 0.9}, -25),
    "both": ("wavegan_drums", {"pre_emphasis": 0.97, "mu_law": 100.0}, -25),
    "log spectrogram": ("specgan_drums", {}, -5),
    "log spectrogram, floor": ("specgan_drums", {"magnitude_floor": 1e-3}, -5),
    "log spectrogram, zero": ("specgan_drums", {"phase_start": "zero"}, -4),
    "log spectrogram, random": ("specgan_drums", {"phase_start": "random"}, -4),
    "magnitude": ("tifgan_sc09", {"griffin_lim_steps": 0}, -14),
    "magnitude, polished": ("tifgan_sc09", {}, -18),
    "erb": ("tifgan_sc09", {"frequency_scale": "erb"}, -15),
    "derivatives": (
        "tifgan_sc09_mtf",
        {"phase_from": "derivatives", "griffin_lim_steps": 0},
        -17,
    ),
}


@pytest.fixture(scope="module")
def drums():
    """Starts of eight drum sounds, float32 `[batch, samples, 1]`."""
    sounds = np.zeros((8, SAMPLES, 1), np.float32)
    for sound, path in zip(sounds, sorted(CLIPS.iterdir())[::5], strict=True):
        samples, _ = soundfile.read(path, dtype="float32")
        samples = samples[:SAMPLES] / np.abs(samples[:SAMPLES]).max()
        sound[: len(samples), 0] = samples
    return sounds


def make(name, settings, sounds, channels=1):
    changes = {"num_samples": SAMPLES, "channels": channels, **settings}
    preset = config.replace(presets.get(name), changes)
    return assemble.make_representation(
        assemble.fit_representation(preset, [sounds])
    )


@pytest.fixture(scope="module", params=ROWS)
def row(request, drums):
    """A representation and its limit."""
    name, settings, limit = ROWS[request.param]
    return make(name, settings, drums), limit


def spectra(waveforms):
    """Magnitudes by SciPy, `[batch, bins, frames]`."""
    return np.abs(
        scipy.signal.stft(
            np.asarray(waveforms)[..., 0], nperseg=512, noverlap=384
        )[2]
    )


def convergence_db(sounds, others):
    """Mean difference of spectra, whatever their levels."""
    losses = []
    for a, b in zip(spectra(sounds), spectra(others), strict=True):
        b = b * (a * b).sum() / max((b * b).sum(), 1e-20)
        losses.append(np.linalg.norm(a - b) / np.linalg.norm(a))
    return 20 * np.log10(np.mean(losses) + 1e-9)


def test_there_and_back(row, drums):
    representation, limit = row
    features = representation.to_features(tf.constant(drums))
    assert features.shape == (8, *representation.feature_shape)
    assert features.dtype == tf.float32
    assert np.abs(features).max() <= 1.0
    sounds = representation.to_waveform(features)
    assert sounds.shape == drums.shape
    assert convergence_db(drums, sounds) < limit


def test_a_sound_does_not_depend_on_its_batch(row, drums):
    representation, _ = row
    features = representation.to_features(tf.constant(drums))
    alone = representation.to_features(tf.constant(drums[3:4]))
    np.testing.assert_allclose(features[3:4], alone, atol=1e-5)
    sounds = representation.to_waveform(features)[3:4]
    again = representation.to_waveform(alone)
    own = convergence_db(drums[3:4], sounds)
    assert abs(own - convergence_db(drums[3:4], again)) < 0.1


def test_channels_are_apart(drums):
    name, settings, _ = ROWS["magnitude, polished"]
    mono = make(name, settings, drums)
    stereo = make(name, settings, drums, channels=2)
    both = np.concatenate([drums[:4], drums[4:]], axis=2)
    features = stereo.to_features(tf.constant(both))
    apart = mono.to_features(tf.constant(drums))
    np.testing.assert_allclose(features[..., :1], apart[:4], atol=1e-5)
    np.testing.assert_allclose(features[..., 1:], apart[4:], atol=1e-5)
    assert stereo.to_waveform(features).shape == both.shape


def test_silence_and_flat_pictures_stay_finite(row):
    representation, _ = row
    silence = tf.zeros([2, SAMPLES, 1])
    features = representation.to_features(silence)
    assert np.isfinite(features).all()
    assert np.isfinite(representation.to_waveform(features)).all()
    for value in (-1.0, 0.0, 1.0):
        flat = tf.fill([2, *representation.feature_shape], value)
        assert np.isfinite(representation.to_waveform(flat)).all()


def test_what_is_no_number_ends(row, drums):
    representation, _ = row
    features = representation.to_features(tf.constant(drums[:2])).numpy()
    features[0] = np.nan
    sounds = representation.to_waveform(tf.constant(features)).numpy()
    assert np.isfinite(sounds[1]).all()


def test_the_inverse_is_exported(row, drums, tmp_path):
    representation, _ = row
    shape = [None, *representation.feature_shape]
    module = tf.Module()
    module.inverse = tf.function(
        representation.to_waveform, [tf.TensorSpec(shape)]
    )
    features = representation.to_features(tf.constant(drums[:3]))
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


@pytest.mark.parametrize("mu", [1.0, 100.0, 255.0])
def test_mu_law_is_that_of_librosa(drums, mu):
    representation = make("wavegan_drums", {"mu_law": mu}, drums)
    expected = librosa.mu_compress(drums, mu=mu, quantize=False)
    features = representation.to_features(tf.constant(drums))
    np.testing.assert_allclose(features, expected, atol=1e-6)
    expected = librosa.mu_expand(np.linspace(-1, 1, 99), mu=mu, quantize=False)
    sounds = representation.to_waveform(tf.linspace(-1.0, 1.0, 99))
    np.testing.assert_allclose(sounds, expected, atol=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_emphasis_is_that_of_scipy(drums, share):
    representation = make("wavegan_drums", {"pre_emphasis": share}, drums)
    features = representation.to_features(tf.constant(drums))
    taps = [1 / (1 + share), -share / (1 + share)]
    expected = scipy.signal.lfilter(taps, 1, drums, axis=1)
    np.testing.assert_allclose(features, expected, atol=1e-6)
    noise = np.random.default_rng(0).normal(0, 0.01, drums.shape)
    sounds = representation.to_waveform(tf.constant(noise, tf.float32))
    expected = scipy.signal.lfilter([1], taps, noise, axis=1)
    pole = np.exp(-2 * np.pi * 10 / 16000)
    expected = scipy.signal.lfilter([1, -1], [1, -pole], expected, axis=1)
    np.testing.assert_allclose(sounds, expected, atol=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.97])
def test_an_emphasis_makes_no_constant_of_a_faint_one(share):
    silence = np.zeros([1, SAMPLES, 1], np.float32)
    settings = {"pre_emphasis": share, "mu_law": 8.0}
    representation = make("wavegan_drums", settings, silence)
    sounds = representation.to_waveform(tf.constant(silence + 1e-3))
    assert np.abs(sounds[:, -100:]).max() < 1e-6


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_an_emphasis_that_grows_without_end_is_refused(share):
    with pytest.raises(errors.ZooError, match="pre_emphasis"):
        model_config.WaveformConfig(pre_emphasis=share)


@pytest.mark.parametrize("floor", [1e-6, 1e-3, 0.1])
def test_log_spectrogram_is_that_of_the_formula(drums, floor):
    padded = np.pad(drums[..., 0], [(0, 0), (0, 128)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 256, axis=1)
    window = scipy.signal.get_window("hann", 256)
    magnitude = np.abs(np.fft.rfft(frames[:, ::128] * window))
    log = np.log(magnitude + floor)
    mean, deviation = log.mean((0, 1)), log.std((0, 1))
    expected = np.clip((log - mean) / (3 * deviation), -1, 1)[..., :128]
    representation = make("specgan_drums", {"magnitude_floor": floor}, drums)
    features = representation.to_features(tf.constant(drums))
    # Below, single precision rounds.
    heard = magnitude[..., :128] > 1e-3
    np.testing.assert_allclose(
        features[..., 0][heard], expected[heard], atol=1e-3
    )


def test_what_is_under_the_floor_is_not_seen(drums):
    noise = np.random.default_rng(0).normal(0, 1e-6, drums.shape)
    noisy = (drums + noise).astype(np.float32)
    moved = {}
    for floor in (1e-6, 1e-3):
        of_floor = make("specgan_drums", {"magnitude_floor": floor}, drums)
        pair = [of_floor.to_features(tf.constant(x)) for x in (drums, noisy)]
        moved[floor] = np.abs(pair[0] - pair[1]).max()
    assert moved[1e-3] < 0.05 < 0.1 < moved[1e-6]


def test_moments_do_not_depend_on_how_sounds_are_batched(drums):
    whole = make("specgan_drums", {}, drums).find_moments([drums])
    parts = make("specgan_drums", {}, drums).find_moments(
        [drums[:1], drums[1:]]
    )
    np.testing.assert_allclose(whole, parts, rtol=1e-6)


def test_log_spectrogram_without_moments_says_who_finds_them(drums):
    preset = config.replace(
        presets.get("specgan_drums"), {"num_samples": SAMPLES}
    )
    with pytest.raises(errors.ZooError, match="training finds them"):
        assemble.make_representation(preset).to_features(tf.constant(drums))


def test_stft_features_are_those_of_the_formula(drums):
    wrapped = np.pad(drums[..., 0], [(0, 0), (256, 256)], mode="wrap")
    frames = np.lib.stride_tricks.sliding_window_view(wrapped, 512, axis=1)
    window = np.exp(-np.pi * (np.arange(512) - 256) ** 2 / (128 * 512))
    magnitude = np.abs(np.fft.rfft(frames[:, :-1:128] * window))
    magnitude /= magnitude.max((1, 2), keepdims=True)
    expected = np.log(np.maximum(magnitude, np.exp(-10.0))) / 5 + 1
    representation = make("tifgan_sc09", {}, drums)
    features = representation.to_features(tf.constant(drums))
    np.testing.assert_allclose(features[..., 0], expected[..., :256], atol=1e-3)


def test_stft_features_have_no_level(drums):
    representation = make("tifgan_sc09_mtf", {}, drums)
    features = representation.to_features(tf.constant(drums))
    quiet = representation.to_features(tf.constant(drums / 16))
    np.testing.assert_allclose(features, quiet, atol=1e-3)
    peaks = np.abs(representation.to_waveform(quiet)).max((1, 2))
    np.testing.assert_allclose(peaks, 1.0, atol=1e-6)


def test_a_tone_is_in_the_erb_band_of_its_frequency():
    forward, _ = frequency_scale.erb_matrices(256, 16000, 512)
    for tone in (4, 20, 100, 200):
        band = np.argmax(np.eye(256)[tone] @ forward)
        rate = 21.4 * np.log10(1 + 0.00437 * tone * 16000 / 512)
        top = 21.4 * np.log10(1 + 0.00437 * 255 * 16000 / 512)
        assert abs(band - 255 * rate / top) <= 2


def test_erb_bands_keep_a_constant_and_come_back_from_a_slope():
    forward, backward = frequency_scale.erb_matrices(256, 16000, 512)
    np.testing.assert_allclose(np.ones(256) @ forward, 1, atol=1e-5)
    np.testing.assert_allclose(np.ones(256) @ backward, 1, atol=1e-4)
    slope = np.linspace(-10, 0, 256)
    np.testing.assert_allclose(slope @ forward @ backward, slope, atol=0.1)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("tifgan_sc09", {"phase_from": "derivatives"}, "add --derivatives"),
        ("tifgan_sc09_mtf", {"frequency_scale": "erb"}, "frequency_scale"),
        ("tifgan_sc09", {"num_samples": 1000}, "multiple of hop, 128"),
        ("specgan_sc09", {"num_samples": 1000}, "multiple of hop, 128"),
    ],
)
def test_settings_that_do_not_go_together(name, settings, sentence):
    with pytest.raises(errors.ZooError, match=sentence):
        assemble.make_representation(
            config.replace(presets.get(name), settings)
        )
