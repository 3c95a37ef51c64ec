"""Prepared data sets as what is trained on: ours, and those of others."""

import importlib
import pathlib
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from gansynth_zoo import audio_files
from gansynth_zoo import clip_sources
from gansynth_zoo import errors
from gansynth_zoo import prepared_sets

NSYNTH = "nsynth/gansynth_subset"


def noise(samples=400, peak=0.5, seed=0):
    """Float32 `[samples]` that reaches its peak."""
    waveform = np.random.default_rng(seed).uniform(-1, 1, samples)
    return (peak / np.abs(waveform).max() * waveform).astype(np.float32)


def write_set(data_dir, examples, name=NSYNTH, version="2.3.3", **features):
    """Prepares a set of TFDS that no builder of ours knows."""
    features.setdefault(
        "audio",
        tfds.features.Audio(shape=(None,), dtype=np.float32, sample_rate=16000),
    )
    name, _, config = name.partition("/")
    tfds.disable_progress_bar()
    made = tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        config=config or None,
        version=version,
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(examples))},
        data_dir=data_dir,
        disable_shuffling=True,
    )
    return pathlib.Path(made.data_path)


@pytest.fixture
def load(tiny, monkeypatch, tmp_path):
    """Function: settings -> clips, from a cache of its own."""
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path / "cache"))

    def load(dataset=NSYNTH, **changes):
        changes.setdefault("data_dir", str(tmp_path))
        return clip_sources.load_clips(tiny(dataset=dataset, **changes))

    return load


def stored(clips, number):
    """A clip as float32 `[samples]`."""
    row = clips.index[number]
    scale = row["scale"] / np.float32(32768)
    return clips.window(number, 0, row["length"])[:, 0] * scale


def names(clips):
    """Name of each clip's label."""
    return [[*clips.labels, None][i] for i in clips.index["label"]]


def test_a_foreign_set_is_read_without_its_builder(load, tmp_path):
    waveforms = [noise(seed=i) for i in range(3)]
    write_set(
        tmp_path,
        [
            {"audio": waveform, "pitch": 60 + i, "id": f"note{i}"}
            for i, waveform in enumerate(waveforms)
        ],
        pitch=tfds.features.ClassLabel(num_classes=128),
        id=tfds.features.Text(),
    )
    clips = load()
    assert names(clips) == ["60", "61", "62"]
    for number, waveform in enumerate(waveforms):
        np.testing.assert_allclose(
            stored(clips, number), waveform, atol=0.5 / 2**15
        )
    assert clips.about["name"] == "nsynth/gansynth_subset/2.3.3"
    assert clips.about["licence"] == "unknown"
    assert not [name for name in sys.modules if name.endswith(".nsynth")]


def test_integers_are_samples_of_16_bits(load, tmp_path):
    samples = np.array([-32768, 16384, 1, 0], np.int64)
    write_set(
        tmp_path,
        [{"audio": samples}],
        audio=tfds.features.Audio(shape=(None,), sample_rate=8000),
    )
    clips = load(sample_rate=8000)
    np.testing.assert_array_equal(stored(clips, 0), samples / 32768)
    assert names(clips) == [None]


@pytest.mark.parametrize(
    ("feature", "values", "expected"),
    [
        (
            tfds.features.ClassLabel(names=["snare", "kick"]),
            [1, 0, -1],
            ["kick", "snare", None],
        ),
        (tfds.features.Text(), ["b", "a", "é"], ["b", "a", "é"]),
        (np.int64, [7, 24, 7], ["7", "24", "7"]),
        (tfds.features.Tensor(shape=(2,), dtype=np.int64), [[1, 2]], [None]),
    ],
)
def test_labels_are_names(load, tmp_path, feature, values, expected):
    examples = [{"audio": noise(), "label": value} for value in values]
    write_set(tmp_path, examples, label=feature)
    assert names(load()) == expected


def test_a_label_goes_before_a_pitch(load, tmp_path):
    write_set(
        tmp_path,
        [{"audio": noise(), "label": "x", "pitch": 60}],
        label=tfds.features.Text(),
        pitch=np.int64,
    )
    assert names(load()) == ["x"]


def test_what_cannot_be_heard_is_left_out_and_named(load, tmp_path, capsys):
    least = np.float32(2**-15)
    spoiled = noise()
    spoiled[5] = np.nan
    examples = {
        "fine": noise(),
        "zeros": np.zeros(400, np.float32),
        "least": np.tile([least, -least], 200),
        "spoiled": spoiled,
        "empty": np.zeros(0, np.float32),
        "quiet": 2 * np.tile([least, -least], 200),
    }
    write_set(
        tmp_path,
        [{"audio": w, "id": name} for name, w in examples.items()],
        id=tfds.features.Text(),
    )
    clips = load()
    assert len(clips) == 2
    assert clips.left_out == {
        "zeros": "it is silent",
        "least": "it is silent",
        "spoiled": "it holds values that are no numbers",
        "empty": "it holds no samples",
    }
    out = capsys.readouterr().out
    assert "Left out: 4; " in out
    assert "  least: it is silent\n" in out
    assert len(load()) == 2
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    listed = pathlib.Path(out.partition("; ")[2].partition(" lists")[0])
    assert "least" in listed.read_text()
    kept = load(keep_silent=True)
    assert len(kept) == 4
    assert set(kept.left_out) == {"spoiled", "empty"}


def test_silent_files_of_a_folder_are_kept_on_request(load, tmp_path):
    folder = tmp_path / "sounds"
    audio_files.write(folder / "a.wav", noise(), 16000)
    audio_files.write(folder / "b.wav", np.zeros(400), 16000)
    assert set(load(audio_dir=str(folder)).left_out) == {"b.wav"}
    kept = load(audio_dir=str(folder), keep_silent=True)
    np.testing.assert_array_equal(kept.index["peak"] > 0, [True, False])
    assert not kept.left_out


def test_a_set_that_is_all_silent_is_refused(load, tmp_path):
    write_set(tmp_path, [{"audio": np.zeros(400, np.float32)}])
    with pytest.raises(errors.ZooError, match="none .* silent.*keep_silent"):
        load()
    assert list((tmp_path / "cache/clips").iterdir()) == []


@pytest.mark.parametrize(
    "audio",
    [
        tfds.features.Tensor(shape=(None,), dtype=np.float32),
        tfds.features.Audio(shape=(None,), dtype=np.float32),
    ],
)
def test_a_set_without_a_sample_rate_is_refused(load, tmp_path, audio):
    write_set(tmp_path, [{"audio": noise()}], audio=audio)
    with pytest.raises(errors.ZooError, match="'audio' and its sample rate"):
        load()


def test_a_set_without_audio_is_refused(load, tmp_path):
    write_set(tmp_path, [{"audio": "a"}], audio=tfds.features.Text())
    with pytest.raises(errors.ZooError, match="'audio' and its sample rate"):
        load()


def test_a_damaged_record_is_one_sentence_and_leaves_nothing(load, tmp_path):
    folder = write_set(tmp_path, [{"audio": noise()}] * 3)
    (file,) = folder.glob("*.tfrecord*")
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    with pytest.raises(errors.ZooError, match="damaged; remove"):
        load()
    assert list((tmp_path / "cache/clips").iterdir()) == []


def test_a_name_alone_is_the_default_config_or_another(load, tmp_path):
    other = write_set(tmp_path, [{"audio": noise()}], "abc/other")
    write_set(tmp_path, [{"audio": noise()}] * 2, "abc/usual")
    metadata = tmp_path / "abc" / ".config" / "metadata.json"
    assert len(load("abc")) == 2
    assert len(load("abc/other")) == 1
    metadata.write_text('{"default_config_name": "other"}')
    assert len(load("abc")) == 1
    (other / "features.json").unlink()
    assert len(load("abc")) == 2
    metadata.unlink()
    assert len(load("abc")) == 2


def test_the_newest_whole_version_is_taken(load, tmp_path):
    for number, version in enumerate(["1.9.0", "1.10.0", "2.0.0"]):
        examples = [{"audio": noise()}] * (number + 1)
        newest = write_set(tmp_path, examples, "abc", version)
    assert len(load("abc")) == 3
    (newest / "dataset_info.json").write_text("{")
    assert len(load("abc")) == 2


def test_without_a_folder_a_foreign_set_is_looked_for_in_that_of_tfds(
    load, tmp_path, monkeypatch
):
    write_set(tmp_path, [{"audio": noise()}])
    with pytest.raises(errors.ZooError, match="none that TFDS has prepared"):
        load(data_dir="")
    monkeypatch.setattr(prepared_sets.constants, "DATA_DIR", str(tmp_path))
    assert len(load(data_dir="")) == 1


@pytest.mark.parametrize("name", ["", "..", "/etc", "a/b/c", "nsynth/"])
def test_what_is_no_name_is_unknown(load, name):
    with pytest.raises(errors.ZooError, match="Unknown data set"):
        load(name)


def test_a_set_of_the_package_that_is_not_prepared_says_how_to(load):
    with pytest.raises(
        errors.ZooError,
        match="build --dataset=drums --archive=PATH --data_dir=",
    ):
        load("drums")
    with pytest.raises(errors.ZooError, match="one of .*received 'packs'"):
        load("sc09/packs")
    with pytest.raises(errors.ZooError, match="none, received 'small'"):
        load("drums_mini/small")


def test_what_a_builder_left_out_is_passed_on(load, tmp_path):
    folder = tmp_path / "drums" / "train"
    for name in ("a", "b"):
        audio_files.write(folder / f"{name}.wav", noise(), 16000)
    (folder / "broken.wav").write_bytes(b"RIFF")
    prepared_sets.prepare("drums", tmp_path, [tmp_path / "drums"])
    clips = load("drums")
    assert len(clips) == 2
    (name,) = clips.left_out
    assert name.endswith("broken.wav")


def test_labels_of_drums_mini(load):
    clips = load("drums_mini", data_dir="")
    builder = importlib.import_module("gansynth_zoo.datasets.drums_mini")
    folder = pathlib.Path(builder.__file__).parent / "clips" / "train"
    kits = [path.name.split("_")[0] for path in folder.iterdir()]
    assert clips.labels == ["LM2", "Rumpf"]
    assert sorted(names(clips)) == sorted(kits)
