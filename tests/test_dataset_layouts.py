"""What the builders make of good, strange and broken recordings and names."""

import io
import json
import pathlib
import tarfile

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import bach
from gansynth_zoo.datasets import birds
from gansynth_zoo.datasets import drums
from gansynth_zoo.datasets import nsynth_notes
from gansynth_zoo.datasets import sc09
from gansynth_zoo.datasets import timit

DATA = pathlib.Path(__file__).parent / "data"


def write(path, samples, rate=16000, **arguments):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **arguments)
    return path


def write_noise(path, seconds=0.05, seed=0):
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * 16000))
    return write(path, noise)


def prepare(package, tmp_path, *sources, config=None):
    builder = package.Builder(
        data_dir=tmp_path / "data", config=config, archives=sources
    )
    builder.download_and_prepare()
    return builder


def read(builder, split="train"):
    """Examples by id."""
    examples = tfds.as_numpy(builder.as_dataset(split=split))
    return {example["id"].decode(): example for example in examples}


def ids(builder):
    return {split: set(read(builder, split)) for split in builder.info.splits}


def test_every_sample_format_is_read(tmp_path, rng):
    folder = tmp_path / "train"
    wide = rng.integers(-(2**31), 2**31, 300).astype(np.int32)
    wide[0] = 2**31 - 1  # It rounds to more than 16 bits hold.
    write(folder / "24.wav", wide, subtype="PCM_24")
    bytes_ = rng.integers(0, 256, 300)
    write(folder / "8.wav", (bytes_ - 128) / 128, subtype="PCM_U8")
    loud = rng.uniform(-1.5, 1.5, 300).astype(np.float32)
    write(folder / "float.wav", loud, subtype="FLOAT")
    both = rng.integers(-(2**15), 2**15, (300, 2)).astype(np.int16)
    write(folder / "stereo.wav", both)
    write(folder / "flac.flac", both[:, 0])
    found = read(prepare(drums, tmp_path, tmp_path / "train"))
    audio = {name: example["audio"] for name, example in found.items()}
    assert audio["24"][0] == 32767
    # libsndfile drops the lowest 8 of 32 bits.
    expected = np.rint((wide[1:] >> 8) / 256)
    assert np.array_equal(audio["24"][1:], np.clip(expected, -32768, 32767))
    assert np.array_equal(audio["8"], (bytes_ - 128) * 256)
    expected = np.clip(np.rint(loud * 32768.0), -32768, 32767)
    assert np.array_equal(audio["float"], expected)
    assert np.array_equal(audio["stereo"], np.rint(both.mean(axis=1)))
    assert np.array_equal(audio["flac"], both[:, 0])


def tones(rate):
    """A second of two tones under 4 kHz, fading in and out."""
    phases = 2 * np.pi * np.outer([440, 3000], np.arange(rate)) / rate
    return 0.4 * np.hanning(rate) * np.sin(phases).sum(axis=0)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_other_sample_rates_are_brought_to_16_khz(rate, tmp_path):
    write(tmp_path / "train" / "a.wav", tones(rate), rate)
    builder = prepare(drums, tmp_path, tmp_path / "train")
    made = read(builder)["a"]["audio"] / 32768
    expected = tones(16000)
    assert abs(len(made) - 16000) <= 1
    assert np.abs(made[:15999] - expected[:15999]).max() < 2e-3
    assert scipy.signal.correlate(made, expected).argmax() == len(expected) - 1


@pytest.mark.parametrize(
    ("name", "rate", "subtype"),
    [
        ("a.wav", 8000, "ULAW"),
        ("a.wav", 96000, "DOUBLE"),
        ("a.aiff", 44100, "PCM_24"),
        ("a.flac", 16000, "PCM_16"),
        ("a.ogg", 16000, "VORBIS"),
    ],
)
@pytest.mark.parametrize("loudness", [0, 0.5])
@pytest.mark.parametrize("packed", [True, False])
def test_room_is_estimated_for_every_format(
    name, rate, subtype, loudness, packed, tmp_path
):
    # Silence takes far fewer bytes than sound, in some of them.
    path = tmp_path / "train" / name
    write(path, loudness * tones(rate), rate, subtype=subtype)
    source = tmp_path / "train"
    if packed:
        source = tmp_path / "a.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            archive.add(path, f"train/{name}")
    arguments = {"data_dir": tmp_path / "data", "archives": [source]}
    needed = drums.Builder(**arguments).bytes_needed()
    assert 64000 < needed < 66000 + path.stat().st_size


def test_broken_files_are_named_and_the_rest_is_prepared(tmp_path):
    folder = tmp_path / "train"
    for number in range(3):
        write_noise(folder / f"{number}.wav", seed=number)
    (folder / "text.wav").write_text("no sound")
    (folder / "nothing.wav").write_bytes(b"")
    write(folder / "empty.wav", np.zeros(0))
    whole = write_noise(folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[:-100])
    write(folder / "nan.wav", np.array([0.1, np.nan]), subtype="FLOAT")
    write_noise(tmp_path / "train" / "0.flac")
    write(folder / "silent.wav", np.full(99, -1, np.int16))
    write(folder / "quiet.wav", np.full(99, -2, np.int16))
    write_noise(tmp_path / "other" / "lost.wav")
    source = tmp_path
    builder = prepare(drums, tmp_path, source)
    name = source.name
    assert ids(builder) == {"train": {"0", "1", "2", "silent", "quiet"}}
    left_out = tfds.builder_from_directory(builder.data_path).info.metadata[
        "left_out"
    ]
    reasons = {
        "train/text.wav": "no audio that is known",
        "train/nothing.wav": "an empty file",
        "train/empty.wav": "no samples",
        "train/cut.wav": "cut off",
        "train/nan.wav": "no numbers",
        "train/0.wav": "'0' is there already",
        "other/lost.wav": "in no folder",
    }
    assert set(left_out) == {f"{name}/{path}" for path in reasons}
    for path, reason in reasons.items():
        assert reason in left_out[f"{name}/{path}"]
        assert str(tmp_path) not in left_out[f"{name}/{path}"]
    assert builder.info.metadata["silent"] == ["silent"]


def test_a_split_of_broken_files_alone_is_refused(tmp_path):
    write_noise(tmp_path / "d" / "train" / "a.wav")
    (tmp_path / "d" / "test").mkdir()
    (tmp_path / "d" / "test" / "b.wav").write_text("no sound")
    with pytest.raises(errors.ZooError, match="'test' of drums.*b.wav"):
        prepare(drums, tmp_path, tmp_path / "d")
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_a_set_without_train_is_refused(tmp_path):
    write_noise(tmp_path / "d" / "test" / "a.wav")
    with pytest.raises(errors.ZooError, match=r"named .*train,valid,test"):
        prepare(drums, tmp_path, tmp_path / "d")


def test_a_builder_prepares_what_it_failed_on_before(tmp_path):
    write_noise(tmp_path / "train" / "a.wav")
    (tmp_path / "train" / "b.wav").write_text("no sound")
    builder = drums.Builder(
        data_dir=tmp_path / "data", archives=[tmp_path / "train"]
    )
    good = builder.example
    builder.example = lambda *what: (_ for _ in ()).throw(OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        builder.download_and_prepare()
    builder.example = good
    builder.download_and_prepare()
    assert ids(builder) == {"train": {"a"}}
    assert set(builder.left_out) == {"train/b.wav"}


def test_the_folder_nearest_to_a_file_tells_its_split(tmp_path):
    source = tmp_path / "test"
    write_noise(source / "TRAIN" / "kit" / "a.wav")
    write_noise(source / "Validation" / "a.wav", seed=1)
    builder = prepare(drums, tmp_path, source)
    assert ids(builder) == {"train": {"kit/a"}, "validation": {"a"}}


def test_birds_without_a_species_are_left_out(tmp_path):
    for name in ("XC1_Parus_major", "XC2_parus_major", "tit", "XC_Parus_major"):
        write_noise(tmp_path / "train" / f"{name}.wav")
    builder = prepare(birds, tmp_path, tmp_path / "train")
    (example,) = read(builder).values()
    assert example["label"] == b"Parus major"
    assert len(builder.left_out) == 3
    (tmp_path / "train" / "XC1_Parus_major.wav").unlink()
    with pytest.raises(errors.ZooError, match="XC<id>_<Genus>_<species>.wav"):
        prepare(birds, tmp_path / "again", tmp_path / "train")


def test_digits_without_a_label_are_left_out(tmp_path):
    for name in ("One_0a_nohash_0", "Ten_0a_nohash_0", "One", "One_x_nohash_0"):
        write_noise(tmp_path / "train" / f"{name}.wav")
    builder = prepare(sc09, tmp_path, tmp_path / "train")
    assert ids(builder) == {"train": {"One_0a_nohash_0"}}
    assert len(builder.left_out) == 3


def test_the_wrong_config_of_the_digits_names_the_other(tmp_path):
    pack = DATA / "sc09"
    with pytest.raises(errors.ZooError, match="--dataset=sc09/pack"):
        prepare(sc09, tmp_path, pack, config="speech_commands")
    write_noise(tmp_path / "s" / "one" / "0a_nohash_0.wav")
    (tmp_path / "s" / "validation_list.txt").write_text("two/0a_nohash_0.wav\n")
    with pytest.raises(errors.ZooError, match="--dataset=sc09/speech_commands"):
        prepare(sc09, tmp_path, tmp_path / "s")


def test_the_official_lists_split_the_digits(tmp_path):
    source = tmp_path / "v2"
    for word in ("one", "two", "three", "bed", "_background_noise_"):
        write_noise(source / word / "0a_nohash_0.wav")
    (source / "two" / "strange.wav").write_bytes(
        (source / "two" / "0a_nohash_0.wav").read_bytes()
    )
    for name, word in (("validation", "two"), ("testing", "three")):
        listed = f"bed/0a_nohash_0.wav\r\n{word}/0a_nohash_0.wav\r\n"
        (source / f"{name}_list.txt").write_text(listed)
    builder = prepare(sc09, tmp_path, source, config="speech_commands")
    assert ids(builder) == {
        "train": {"One_0a_nohash_0"},
        "validation": {"Two_0a_nohash_0"},
        "test": {"Three_0a_nohash_0"},
    }
    assert set(builder.left_out) == {"v2/two/strange.wav"}


def test_timit_is_read_in_any_case_and_each_recording_once(tmp_path):
    source = tmp_path / "timit"
    samples = np.arange(-300, 300, dtype=np.int16)
    sphere = {"format": "NIST", "subtype": "PCM_16"}
    write(source / "TRAIN/DR1/FCJF0/SA1.WAV", samples, **sphere)
    write(source / "TRAIN/DR1/FCJF0/SA1.WAV.wav", samples, format="WAV")
    write(source / "train/dr2/mabc0/sa1.wav", samples, format="WAV")
    write(source / "Test/Dr8/fxyz0/si9.wav", samples, **sphere)
    write(source / "TRAIN/DR9/FCJF0/SA1.WAV", samples, **sphere)
    shortened = bytearray((source / "Test/Dr8/fxyz0/si9.wav").read_bytes())
    coding = b"sample_coding -s26 pcm,embedded-shorten-v2.00\n"
    shortened[400 : 400 + len(coding)] = coding
    (source / "TRAIN/DR1/FCJF0/SX1.WAV").write_bytes(shortened)
    builder = prepare(timit, tmp_path, source)
    found = read(builder)
    assert set(found) == {"DR1/FCJF0/SA1", "DR2/MABC0/SA1"}
    assert found["DR2/MABC0/SA1"]["dialect"] == b"DR2"
    assert found["DR2/MABC0/SA1"]["speaker"] == b"MABC0"
    for example in found.values():
        assert np.array_equal(example["audio"], samples)
    assert set(read(builder, "test")) == {"DR8/FXYZ0/SI9"}
    reasons = {name[6:]: why for name, why in builder.left_out.items()}
    assert set(reasons) == {
        "TRAIN/DR1/FCJF0/SA1.WAV.wav",
        "TRAIN/DR9/FCJF0/SA1.WAV",
        "TRAIN/DR1/FCJF0/SX1.WAV",
    }
    assert "shorten" in reasons["TRAIN/DR1/FCJF0/SX1.WAV"]
    assert "already" in reasons["TRAIN/DR1/FCJF0/SA1.WAV.wav"]


def cut_by_time(length):
    """Ranges of samples of the splits of a recording."""
    eighty, ninety = round(length * 0.8), round(length * 0.9)
    return {
        "train": (0, eighty),
        "validation": (eighty, ninety),
        "test": (ninety, length),
    }


def check_bach(builder, recordings):
    """Checks clips against recordings: name -> (split -> range, samples)."""
    for split in builder.info.splits:
        starts = {name: [] for name in recordings}
        for known_as, example in read(builder, split).items():
            name, _, start = known_as.partition("@")
            start = int(start)
            samples = recordings[name][1]
            assert np.array_equal(
                example["audio"], samples[start : start + 16000]
            )
            starts[name].append(start)
        for name, (ranges, _) in recordings.items():
            first, stop = ranges.get(split, (0, 0))
            expected = []
            while first + 16000 <= stop:
                expected.append(first)
                first += 1280
            assert sorted(starts[name]) == expected


def test_bach_is_cut_by_time(tmp_path, rng):
    recordings = {}
    for name, length in (("a", 200_000), ("b/c", 320_001), ("short", 15_999)):
        samples = rng.integers(-9999, 9999, length).astype(np.int16)
        write(tmp_path / "piano" / f"{name}.wav", samples)
        recordings[f"piano/{name}"] = (cut_by_time(length), samples)
    builder = prepare(bach, tmp_path, tmp_path / "piano")
    assert set(builder.left_out) == {"piano/short.wav"}
    assert set(builder.info.splits) == {"train", "validation", "test"}
    check_bach(builder, recordings)


def test_bach_keeps_the_folders_of_splits(tmp_path, rng):
    recordings = {}
    for name, split in (("train/a", "train"), ("valid/b", "validation")):
        samples = rng.integers(-9999, 9999, 40_000).astype(np.int16)
        write(tmp_path / "piano" / f"{name}.wav", samples)
        recordings[name[6:]] = ({split: (0, 40_000)}, samples)
    write_noise(tmp_path / "piano" / "beside.wav", 2)
    builder = prepare(bach, tmp_path, tmp_path / "piano")
    assert set(builder.left_out) == {"piano/beside.wav"}
    check_bach(builder, recordings)


def test_a_real_movement_becomes_clips(archives, tmp_path):
    member = "piano/train/WTC1-Prelude02-BWV847.wav"
    with tarfile.open(archives / "mancini_piano.tar.gz") as archive:
        content = archive.extractfile(member).read()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "movement.wav").write_bytes(content)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    builder = prepare(bach, tmp_path, tmp_path / "one")
    ranges = cut_by_time(len(samples))
    check_bach(builder, {"one/movement": (ranges, samples)})


def write_nsynth(folder, split, notes):
    """Writes an NSynth archive's folder of notes: name -> its entry."""
    top = folder / f"nsynth-{split}"
    for note in notes:
        write_noise(top / "audio" / f"{note}.wav")
    (top / "examples.json").write_text(json.dumps(notes))
    return top


def entry(instrument="flute_acoustic_000", pitch=60, **changes):
    family, source = instrument.rsplit("_", 2)[:2]
    return {
        "pitch": pitch,
        "velocity": 100,
        "instrument_str": instrument,
        "instrument_family_str": family,
        "instrument_source_str": source,
        "qualities": [0] * 10,
        **changes,
    }


def test_gansynth_notes_are_acoustic_and_in_range(tmp_path):
    # The numbers say otherwise, as they did to those who chose by them.
    notes = {
        "low": entry(pitch=23),
        "first": entry(pitch=24, instrument_source=1),
        "last": entry(pitch=84, instrument_source=1),
        "high": entry(pitch=85),
        "electronic": entry("bass_electronic_001", instrument_source=0),
        "synthetic": entry("vocal_synthetic_001", instrument_source=0),
    }
    source = write_nsynth(tmp_path, "train", notes)
    builder = prepare(nsynth_notes, tmp_path, source)
    assert ids(builder) == {"train": {"first", "last"}}
    assert builder.left_out == {}
    full = prepare(nsynth_notes, tmp_path, source, config="full")
    assert set().union(*ids(full).values()) == set(notes)


def test_notes_without_a_good_entry_are_left_out(tmp_path):
    notes = {
        "good": entry(),
        "family": entry("kazoo_acoustic_000"),
        "source": entry(instrument_source_str="plastic"),
        "pitch": entry(pitch="60"),
        "less": {"pitch": 60},
    }
    source = write_nsynth(tmp_path, "train", notes)
    write_noise(source / "audio" / "unknown.wav")
    builder = prepare(nsynth_notes, tmp_path, source)
    assert ids(builder) == {"train": {"good"}}
    assert {pathlib.Path(name).stem for name in builder.left_out} == {
        *notes,
        "unknown",
    } - {"good"}


def test_the_table_of_splits_is_followed(tmp_path):
    notes = {f"note{number}": entry() for number in range(4)}
    source = write_nsynth(tmp_path, "train", notes)
    table = tmp_path / "splits.csv"
    table.write_text("id,split\nnote0,valid\nnote1,train\nnote3,test\n")
    builder = prepare(nsynth_notes, tmp_path, source, table)
    assert ids(builder) == {
        "train": {"note1"},
        "validation": {"note0"},
        "test": {"note3"},
    }


@pytest.mark.parametrize(
    "text", ["", "path,split\na,b\n", "id,split\nnote,elsewhere\n", "id\nx\n"]
)
def test_another_table_is_refused(text, tmp_path):
    source = write_nsynth(tmp_path, "train", {"note": entry()})
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(errors.ZooError, match="columns id and split"):
        prepare(nsynth_notes, tmp_path, source, tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["", "[1]", '{"a": ', "[" * 100_000])
def test_a_damaged_list_of_notes_is_refused(text, tmp_path):
    source = write_nsynth(tmp_path, "train", {"note": entry()})
    (source / "examples.json").write_text(text)
    with pytest.raises(errors.ZooError, match="examples.json"):
        prepare(nsynth_notes, tmp_path, source)
