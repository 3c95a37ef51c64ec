import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo.dsp import stft as stft_


def decibels(signal, error):
    return 10 * np.log10(np.mean(signal**2) / np.mean(error**2))


def noise(samples, batch=2):
    rng = np.random.default_rng(samples)
    return rng.normal(size=(batch, samples)).astype(np.float32)


def round_trip(stft, waveform):
    return stft.synthesise(stft.analyse(waveform)).numpy()


lengths = {
    "window": st.sampled_from(["hann", "gaussian"]),
    "hop": st.sampled_from([5, 16, 32]),
    "hops": st.sampled_from([2, 4, 8]),
    "count": st.integers(1, 9),
}


@settings(deadline=None, max_examples=30)
@given(**lengths)
def test_circular_round_trip_is_exact_everywhere(window, hop, hops, count):
    stft = stft_.Stft(window, hop * hops, hop, circular=True)
    waveform = noise(hop * (hops + count))
    there = stft.analyse(waveform)
    assert there.shape == (2, stft.num_frames(waveform.shape[1]), stft.bins)
    back = round_trip(stft, waveform)
    assert back.shape == waveform.shape
    assert decibels(waveform, back - waveform) > 120


@settings(deadline=None, max_examples=30)
@given(before=st.integers(0, 300), after=st.integers(0, 300), **lengths)
def test_round_trip_is_exact_but_for_edges(
    window, hop, hops, count, before, after
):
    stft = stft_.Stft(window, hop * hops, hop, before, after)
    waveform = noise(before + after + hop * (2 * hops + count))
    back = round_trip(stft, waveform)
    samples = back.shape[1]
    frames = stft.num_frames(waveform.shape[1])
    assert samples == (frames - 1) * hop + hop * hops - before - after
    # Where as many frames overlap as anywhere.
    exact = slice(max(0, hop * (hops - 1) - before), frames * hop - before)
    error = (back - waveform[:, :samples])[:, exact]
    assert decibels(waveform[:, :samples][:, exact], error) > 120


def test_analysis_equals_numpy_on_frames():
    waveform = noise(96)[:1]
    window = scipy.signal.get_window("hann", 32)
    stft = stft_.Stft("hann", 32, 8, before=24, after=16)
    padded = np.pad(waveform[0], (24, 16))
    starts = range(0, len(padded) - 31, 8)
    expected = [np.fft.rfft(window * padded[n : n + 32]) for n in starts]
    np.testing.assert_allclose(stft.analyse(waveform)[0], expected, atol=1e-5)


def test_circular_frames_are_centred_at_multiples_of_hop():
    waveform = noise(96)[:1]
    stft = stft_.Stft("gaussian", 32, 8, circular=True)
    window = np.exp(-np.pi * np.arange(-16, 16) ** 2 / (8 * 32))
    expected = [
        np.fft.rfft(window * np.roll(waveform[0], 16 - n)[:32])
        for n in range(0, 96, 8)
    ]
    np.testing.assert_allclose(stft.analyse(waveform)[0], expected, atol=1e-5)


@pytest.mark.parametrize("hop", [8, 16, 32])
def test_dual_window_equals_scipy(hop):
    window = stft_.gaussian_window(64, 500.0)
    scipys = scipy.signal.ShortTimeFFT(window, hop, 1.0).dual_win
    np.testing.assert_allclose(stft_.dual_window(window, hop), scipys)


@pytest.mark.parametrize(
    ("stft", "samples", "shape"),
    [
        (stft_.Stft("gaussian", 512, 128, circular=True), 16384, (128, 257)),
        (stft_.Stft("hann", 256, 128, after=128), 16384, (128, 129)),
        (stft_.Stft("hann", 2048, 512, before=3072), 64000, (128, 1025)),
        (stft_.Stft("hann", 1024, 256, before=2304), 64000, (256, 513)),
    ],
)
def test_transforms_of_the_models(stft, samples, shape):
    waveform = noise(samples, batch=1)
    assert stft.analyse(waveform).shape == (1, *shape)
    assert round_trip(stft, waveform).shape == waveform.shape


def test_time_carrier_is_the_advance_of_a_bins_own_sine():
    stft = stft_.Stft("gaussian", 64, 16, circular=True)
    for m in (10, 15, 21):
        sine = np.cos(2 * np.pi * m / 64 * np.arange(256))[np.newaxis]
        column = stft.analyse(np.float32(sine)).numpy()[0, :, m]
        advance = column[1:] / column[:-1]
        turned = np.exp(1j * stft.time_carrier[m])
        np.testing.assert_allclose(advance, np.full(15, turned), atol=0.01)


def test_frequency_carrier_is_that_of_an_impulse_at_the_centre():
    stft = stft_.Stft("gaussian", 64, 16, circular=True)
    impulse = np.zeros([1, 256], np.float32)
    impulse[0, 5 * 16] = 1.0
    row = stft.analyse(impulse).numpy()[0, 5]
    turned = np.exp(1j * stft.frequency_carrier)
    np.testing.assert_allclose(row[1:] / row[:-1], turned, atol=1e-5)


def test_batch_and_length_may_be_unknown():
    stft = stft_.Stft("gaussian", 64, 16, circular=True)
    unknown = tf.TensorSpec([None, None], tf.float32)
    function = tf.function(
        lambda waveform: stft.synthesise(stft.analyse(waveform)),
        input_signature=[unknown],
    )
    for samples in (64, 320):
        waveform = noise(samples)
        np.testing.assert_allclose(function(waveform), waveform, atol=1e-5)


def test_random_phase_is_the_same_at_each_call():
    stft = stft_.Stft("hann", 64, 32)
    phase = stft.random_phase(200).numpy()
    assert phase.shape == (200, 33)
    np.testing.assert_array_equal(phase, stft.random_phase(200))
    # Of a uniform distribution over a turn.
    assert abs(np.exp(1j * phase).mean()) < 0.03
    assert phase.min() < -3.1 and phase.max() > 3.1


@pytest.mark.parametrize(
    "arguments",
    [
        ("triangle", 64, 16),
        ("hann", 63, 21),
        ("hann", 64, 24),
        ("hann", 64, 64),
        ("hann", 64, 16, 1, 0, True),
    ],
)
def test_settings_that_do_not_go_together_are_refused(arguments):
    with pytest.raises(ValueError, match="received"):
        stft_.Stft(*arguments)
