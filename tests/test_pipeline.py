import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import clip_sources
from gansynth_zoo import clips
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import pipeline

AUDIO = config.AudioConfig(sample_rate=8000, num_samples=64)
FIRST = config.DataConfig(normalize="none")
RANDOM = config.DataConfig(window="random", normalize="none")
RECIPE = config.Recipe(n_critic=3)
TRAIN = config.TrainConfig(batch_size=4, seed=7)


def write(folder, waveforms, labels=()):
    with clips.writing(folder, 8000, 1) as writer:
        for waveform, label in itertools.zip_longest(waveforms, labels):
            writer.add(waveform, label)
    return clips.Clips(folder)


@pytest.fixture
def make_windows(tmp_path):
    def make(waveforms, data=FIRST, **labels):
        made = write(tmp_path / "set", waveforms, **labels)
        return pipeline.Windows(made, AUDIO, data)

    return make


def constant_clips(count):
    """Clips that hold their own number, in units of 1/64."""
    return [np.full((64, 1), (i + 1) / 64, np.float32) for i in range(count)]


def take(windows, steps, **kwargs):
    dataset = pipeline.make_dataset(
        windows, lambda waveform: waveform, RECIPE, TRAIN, **kwargs
    )
    share = kwargs.get("share", pipeline.Share())
    count = steps * share.local
    return list(dataset.take(count).as_numpy_iterator())


def test_shapes(make_windows):
    (batch,) = take(make_windows(constant_clips(5)), 1)
    assert batch["features"].shape == (4, 3, 64, 1)
    assert batch["features"].dtype == np.float32
    np.testing.assert_array_equal(batch["rows"], range(4))


def test_labels_are_those_of_the_sounds(make_windows):
    labels = ["b", None, "a", "c", None]
    windows = make_windows(constant_clips(5), labels=labels)
    expected = np.array([1, -1, 0, 2, -1])
    for batch in take(windows, 4):
        assert batch["labels"].shape == (4, 3)
        assert batch["labels"].dtype == np.int32
        numbers = batch["features"][:, :, 0, 0] * 64 - 1
        np.testing.assert_array_equal(
            batch["labels"], expected[numbers.astype(int)]
        )


def test_each_window_has_the_label_of_its_clip(make_windows):
    long = [np.ones((n, 1), np.float32) for n in (200, 10, 64)]
    windows = make_windows(long, RANDOM, labels=["x", None, "a"])
    np.testing.assert_array_equal(windows.labels, [1, 1, 1, -1, 0])


@pytest.mark.parametrize("data", [FIRST, RANDOM])
def test_clips_without_a_label_can_be_left_out(tmp_path, data):
    long = [np.full((n, 1), n / 256, np.float32) for n in (200, 70, 10, 130)]
    made = write(tmp_path / "set", long, ["x", None, "a", None])
    windows = pipeline.Windows(made, AUDIO, data, labelled=True)
    count = len(windows)
    assert count == (4 if data is RANDOM else 2)
    np.testing.assert_array_equal(windows.labels, [1] * (count - 1) + [0])
    read = windows.read(np.arange(count), np.full(count, 0.9))
    np.testing.assert_array_equal(
        read[:, 0, 0] * 256, [200] * (count - 1) + [10]
    )


def test_every_epoch_has_every_clip_once_in_an_order_of_its_own(make_windows):
    batches = take(make_windows(constant_clips(24)), 4)
    orders = np.concatenate(
        [batch["features"][:, :, 0, 0].T.ravel() * 64 for batch in batches]
    ).reshape(2, 24)
    assert [sorted(order) for order in orders] == [list(range(1, 25))] * 2
    assert not np.array_equal(orders[0], orders[1])


def test_speed_is_varied(tmp_path):
    data = dataclasses.replace(FIRST, vary_speed=0.5)
    rate, hertz, length = 8000, 440.0, 4000
    audio = dataclasses.replace(AUDIO, num_samples=length // 2)
    sine = np.sin(2 * np.pi * hertz * np.arange(length) / rate)
    made = write(tmp_path / "set", [sine[:, np.newaxis].astype(np.float32)])
    windows = pipeline.Windows(made, audio, data)
    speeds = np.array([-1.0, 0.0, 0.5])
    sounds = windows.read(np.zeros(3, int), np.zeros(3), speeds)
    for sound, speed in zip(sounds[..., 0], speeds, strict=True):
        time = np.arange(length // 2) / rate
        expected = np.sin(2 * np.pi * hertz * (1 + 0.5 * speed) * time)
        # A resampler has no neighbours at the edges.
        inner = slice(200, -200)
        np.testing.assert_allclose(sound[inner], expected[inner], atol=1e-3)


def test_each_time_a_sound_has_another_speed(tmp_path, rng):
    data = dataclasses.replace(FIRST, vary_speed=0.1)
    noise = rng.uniform(-1, 1, (200, 1)).astype(np.float32)
    made = write(tmp_path / "set", [noise])
    batches = take(pipeline.Windows(made, AUDIO, data), 2)
    found = np.concatenate([b["features"].reshape(-1, 64) for b in batches])
    assert len(np.unique(found, axis=0)) == len(found) == 24


def test_starting_later_gives_what_would_have_come(make_windows):
    windows = make_windows(constant_clips(7), RANDOM, labels="abcdefg")
    whole = take(windows, 5)
    for one, other in zip(
        whole[3:], take(windows, 2, first_step=3), strict=True
    ):
        np.testing.assert_array_equal(one["features"], other["features"])
        np.testing.assert_array_equal(one["labels"], other["labels"])


def test_replicas_share_the_batch(make_windows, rng):
    long = [rng.uniform(-1, 1, (900, 1)).astype(np.float32) for _ in range(3)]
    windows = make_windows(long, RANDOM, labels="abc")
    whole = take(windows, 3)
    halves = take(windows, 3, share=pipeline.Share(2, local=2))
    other = take(windows, 3, share=pipeline.Share(2, first=1))
    for step in range(3):
        pair = halves[2 * step : 2 * step + 2]
        for key in ("features", "labels", "rows"):
            joined = np.concatenate([half[key] for half in pair])
            np.testing.assert_array_equal(joined, whole[step][key])
            np.testing.assert_array_equal(other[step][key], pair[1][key])


def test_a_batch_that_cannot_be_shared_is_refused(make_windows):
    with pytest.raises(errors.ZooError, match="3 replicas can share"):
        take(make_windows(constant_clips(2)), 1, share=pipeline.Share(3))


def test_another_seed_gives_another_order(make_windows):
    windows = make_windows(constant_clips(40))
    train = dataclasses.replace(TRAIN, seed=8)
    other = pipeline.make_dataset(windows, lambda x: x, RECIPE, train)
    (first,) = take(windows, 1)
    second = next(other.as_numpy_iterator())
    assert not np.array_equal(first["features"], second["features"])


def test_first_windows_start_at_the_start_and_are_padded(make_windows):
    ramp = np.arange(1, 101, dtype=np.float32).reshape(-1, 1) / 128
    windows = make_windows([ramp, ramp[:10]])
    first, short = windows.read(np.array([0, 1]), np.array([0.9, 0.9]))
    np.testing.assert_array_equal(first, ramp[:64])
    np.testing.assert_array_equal(short[:10], ramp[:10])
    assert not short[10:].any()


def test_random_windows_lie_anywhere_within_a_long_clip(make_windows):
    ramp = np.arange(1, 201, dtype=np.float32).reshape(-1, 1) / 256
    windows = make_windows([ramp, ramp[:10]], RANDOM)
    assert len(windows) == 3 + 1
    fractions = np.array([0.0, 0.5, 1 - 1e-7])
    starts = windows.read(np.array([0, 1, 2]), fractions)[:, 0, 0] * 256
    np.testing.assert_array_equal(starts, [1, 69, 137])
    short = windows.read(np.array([3]), np.array([0.9]))[0]
    np.testing.assert_array_equal(short[:10], ramp[:10])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=4),
    st.floats(0, 1, exclude_max=True),
)
def test_overlapping_windows_are_all_that_there_are(
    tmp_path_factory, lengths, overlap
):
    ramps = [
        np.arange(1, n + 1, dtype=np.float32).reshape(-1, 1) / 1024
        for n in lengths
    ]
    data = config.DataConfig(
        window="overlap", overlap=overlap, normalize="none"
    )
    folder = tmp_path_factory.mktemp("clips") / "set"
    made = write(folder, ramps)
    windows = pipeline.Windows(made, AUDIO, data)
    hop = max(1, round(64 * (1 - overlap)))
    expected = []
    for ramp in ramps:
        start, end = 0, 0
        while end < len(ramp):
            end = start + 64
            piece = ramp[start:end]
            expected.append(np.pad(piece, [(0, 64 - len(piece)), (0, 0)]))
            start += hop
    assert len(windows) == len(expected)
    fractions = np.full(len(windows), 0.9)
    read = windows.read(np.arange(len(windows)), fractions)
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("overlap", [-0.1, 1.0, np.nan])
def test_an_overlap_that_never_ends_is_refused(overlap):
    with pytest.raises(errors.ZooError, match="Expected overlap"):
        config.DataConfig(window="overlap", overlap=overlap)


@pytest.mark.parametrize(
    ("normalize", "peaks"),
    [("none", [0.25, 0.5]), ("file", [1.0, 1.0]), ("set", [0.5, 1.0])],
)
def test_normalisation(make_windows, normalize, peaks):
    waveforms = [np.full((64, 1), peak, np.float32) for peak in (0.25, -0.5)]
    windows = make_windows(waveforms, config.DataConfig(normalize=normalize))
    read = windows.read(np.arange(2), np.zeros(2))
    np.testing.assert_allclose(np.abs(read).max(axis=(1, 2)), peaks)


@pytest.mark.parametrize("waveforms", [[], [np.zeros((64, 1), np.float32)]])
def test_a_set_without_sound_is_refused(make_windows, waveforms):
    with pytest.raises(errors.ZooError, match="Expected sounds to train on"):
        make_windows(waveforms)


def test_drums_mini_is_prepared_and_cached(tiny):
    made = clip_sources.load_clips(tiny())
    assert (len(made), made.sample_rate) == (120, 16000)
    assert "CC BY 3.0" in made.about["licence"]
    assert len(clip_sources.load_clips(tiny(), "test")) == 40
    lower = clip_sources.load_clips(tiny(sample_rate=8000, channels=2))
    assert (lower.sample_rate, lower.channels) == (8000, 2)
    assert lower.seconds() == pytest.approx(made.seconds(), rel=1e-3)


def test_an_unknown_data_set_lists_the_known_ones(tiny):
    with pytest.raises(errors.ZooError, match="known are .*drums_mini"):
        clip_sources.load_clips(tiny(dataset="drumms"))


def test_an_unknown_split_lists_the_known_ones(tiny):
    with pytest.raises(errors.ZooError, match="one of train, test"):
        clip_sources.load_clips(tiny(), "valid")
