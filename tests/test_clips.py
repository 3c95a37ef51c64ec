import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import clips
from gansynth_zoo import errors


def write(folder, waveforms, channels=1):
    with clips.writing(folder / "set", 8000, channels) as writer:
        writer.about["name"] = "n"
        for waveform in waveforms:
            writer.add(waveform)
    return clips.Clips(folder / "set")


def read(made, clip):
    row = made.index[clip]
    stored = made.window(clip, 0, row["length"]).astype(np.float64)
    return stored * (float(row["scale"]) / 32768)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-32768, 32767), max_size=40))
def test_16_bit_sounds_are_stored_exactly(tmp_path_factory, values):
    waveform = (np.array(values, np.float32) / 32768).reshape(-1, 1)
    made = write(tmp_path_factory.mktemp("clips"), [waveform])
    np.testing.assert_array_equal(read(made, 0), waveform)


@pytest.mark.parametrize("level", [1e-4, 0.01, 0.7, 1.0, 3.5])
def test_quiet_and_loud_sounds_keep_15_bits(tmp_path, rng, level):
    waveform = rng.uniform(-level, level, (500, 2)).astype(np.float32)
    made = write(tmp_path, [waveform], channels=2)
    np.testing.assert_allclose(read(made, 0), waveform, atol=level / 2**14)
    assert made.index["peak"][0] == np.abs(waveform).max()


def test_windows_end_with_their_clip(tmp_path):
    made = write(
        tmp_path, [np.full((n, 1), n / 16, np.float32) for n in (3, 0, 5)]
    )
    assert made.window(0, 1, 10).shape == (2, 1)
    assert made.window(1, 0, 10).shape == (0, 1)
    assert made.window(2, 3, 1).shape == (1, 1)
    np.testing.assert_array_equal(read(made, 2), np.full((5, 1), 5 / 16))


def test_a_set_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield np.ones((4, 1), np.float32)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write(tmp_path, broken())
    assert list(tmp_path.iterdir()) == []


def test_facts_travel_with_the_set(tmp_path):
    write(tmp_path, [np.ones((8000, 2), np.float32)] * 3, channels=2)
    again = clips.Clips(tmp_path / "set")
    assert (len(again), again.sample_rate, again.channels) == (3, 8000, 2)
    assert again.seconds() == 3.0
    assert again.about["name"] == "n"


def test_labels_are_numbered_by_name(tmp_path):
    with clips.writing(tmp_path / "set", 8000, 1) as writer:
        for label in ("snare", None, "kick", "snare"):
            writer.add(np.ones((4, 1), np.float32), label)
        assert len(writer) == 4
    made = clips.Clips(tmp_path / "set")
    assert made.labels == ["kick", "snare"]
    np.testing.assert_array_equal(made.index["label"], [1, -1, 0, 1])


def test_a_folder_that_takes_no_files_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.ZooError, match="GANSYNTH_ZOO_CACHE"):
        write(tmp_path / "file", [])
