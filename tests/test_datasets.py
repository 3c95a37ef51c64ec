"""Every builder under `gansynth_zoo.datasets`, by one harness.

Each is prepared from a few clips in `tests/data`, and from the archives where
these are at hand.
"""

import csv
import dataclasses
import importlib
import io
import pathlib
import pickle
import pkgutil
import subprocess
import sys
import tarfile
import tempfile
import wave

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from gansynth_zoo import datasets

DATA = pathlib.Path(__file__).parent / "data"
NOTE = {
    "label",
    "pitch",
    "velocity",
    "instrument",
    "instrument_family",
    "instrument_source",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """What is expected of a builder.

    Attributes:
      counts: examples per split, from the clips in `tests/data`.
      features: besides `audio` and `id`.
      sources: those clips; a function makes what is not among them.
      archives: names in the archives' folder, if the set has any.
      tables: the CSVs beside them.
    """

    counts: dict
    features: set
    sources: tuple = ()
    archives: tuple = ()
    tables: tuple = ()


def one_each(*splits):
    return dict.fromkeys(splits or ("train", "validation", "test"), 1)


def make_official(folder):
    """Lays the digits of `tests/data` out as Google does."""
    lists = {"valid": "validation_list.txt", "test": "testing_list.txt"}
    for path in sorted(DATA.glob("sc09/*/*.wav")):
        word, file = path.name.lower().split("_", 1)
        for name in (f"{word}/{file}", f"bed/{file}"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(path.read_bytes())
        if path.parent.name in lists:
            listed = folder / lists[path.parent.name]
            listed.write_text(f"bed/{file}\n{word}/{file}\n", "utf-8")
    noise = folder / "_background_noise_" / "pink_noise.wav"
    noise.parent.mkdir()
    soundfile.write(noise, np.full(32000, 0.1), 16000)
    return folder


def make_timit(folder):
    """Lays the digits out as TIMIT, in SPHERE files."""
    for split in ("TRAIN", "test"):
        (clip,) = DATA.glob(f"sc09/{split.lower()}/*.wav")
        speaker = folder / split / "DR1" / f"F{split[:4].upper()}0"
        speaker.mkdir(parents=True)
        samples, rate = soundfile.read(clip, dtype="int16")
        path = speaker / "SA1.WAV"
        soundfile.write(path, samples, rate, format="NIST", subtype="PCM_16")
        assert path.read_bytes().startswith(b"NIST_1A")
    return folder


NSYNTH = ("nsynth-train.jsonwav.tar.gz", "nsynth-valid.jsonwav.tar.gz")
NSYNTH_CLIPS = (DATA / "nsynth-train", DATA / "nsynth-valid")
# Name, or name/config. A new builder is a row here.
BUILDERS = {
    "drums_mini": Row({"train": 120, "test": 40}, {"label"}),
    "sc09/pack": Row(
        one_each(),
        {"label"},
        (DATA / "sc09",),
        ("sc09.tar.gz", "sc09_fsdd.tar.gz"),
        ("sc09.csv", "sc09_fsdd.csv"),
    ),
    "sc09/speech_commands": Row(one_each(), {"label"}, (make_official,)),
    "drums": Row(
        one_each(), set(), (DATA / "drums",), ("drums.tar.gz",), ("drums.csv",)
    ),
    "birds": Row(
        one_each("train"),
        {"label"},
        (DATA / "birds",),
        ("birds.tar.gz",),
        ("birds.csv",),
    ),
    "piano": Row(
        one_each(),
        set(),
        (DATA / "piano",),
        ("mancini_piano.tar.gz",),
        ("mancini_piano.csv",),
    ),
    # The other two clips are shorter than a second.
    "bach": Row({"train": 4}, set(), (DATA / "piano",)),
    "timit": Row(
        one_each("train", "test"), {"speaker", "dialect"}, (make_timit,)
    ),
    "nsynth_notes/gansynth": Row(
        {"train": 2, "validation": 1},
        NOTE,
        NSYNTH_CLIPS,
        NSYNTH,
        ("nsynth.csv",),
    ),
    "nsynth_notes/full": Row(
        {"train": 3, "validation": 2},
        NOTE,
        NSYNTH_CLIPS,
        NSYNTH,
        ("nsynth.csv",),
    ),
}
WITH_ARCHIVES = [key for key, row in BUILDERS.items() if row.archives]


def make_builder(key, sources, data_dir):
    name, _, config = key.partition("/")
    package = importlib.import_module(f"gansynth_zoo.datasets.{name}")
    return package.Builder(
        data_dir=data_dir, config=config or None, archives=sources
    )


def small_sources(key, folder):
    """Paths of the few clips that a set can be prepared from."""
    made = [
        source(folder) if callable(source) else source
        for source in BUILDERS[key].sources
    ]
    return [str(path) for path in made]


def read_examples(builder, split):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def read_all(builder):
    return {
        split: read_examples(builder, split) for split in builder.info.splits
    }


@pytest.fixture(scope="module", params=BUILDERS)
def key(request):
    return request.param


@pytest.fixture(scope="module")
def builder(key, tmp_path_factory):
    sources = small_sources(key, tmp_path_factory.mktemp("source"))
    builder = make_builder(key, sources, tmp_path_factory.mktemp("data"))
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def examples(builder):
    return read_all(builder)


def test_every_builder_has_a_row():
    packages = pkgutil.iter_modules(datasets.__path__)
    names = {key.partition("/")[0] for key in BUILDERS}
    assert {found.name for found in packages if found.ispkg} == names


def test_every_config_has_a_row(key, builder):
    name = key.partition("/")[0]
    configs = [f"{name}/{config}" for config in builder.builder_configs]
    assert set(configs or [name]) <= set(BUILDERS)


def test_builder_is_registered(key, builder, tmp_path):
    assert tfds.builder_cls(builder.name) is type(builder)
    made = tfds.builder(key, data_dir=tmp_path, archives=["a.tar"])
    assert made._archives == ("a.tar",)


def test_name_is_not_one_of_tfds(builder):
    # Its own list takes seconds to make.
    files = pathlib.Path(tfds.__file__).parent.rglob(f"{builder.name}.py*")
    folder = pathlib.Path(tfds.__file__).parent / "datasets" / builder.name
    assert not list(files) and not folder.exists()


def test_split_counts(key, builder, examples):
    counts = BUILDERS[key].counts
    assert {name: len(rows) for name, rows in examples.items()} == counts
    assert {
        name: split.num_examples for name, split in builder.info.splits.items()
    } == counts


def test_examples_hold_int16_audio_and_labels(key, builder, examples):
    expected = {"audio", "id"} | BUILDERS[key].features
    assert set(builder.info.features) == expected
    for example in sum(examples.values(), []):
        assert example["audio"].dtype == np.int16
        assert example["audio"].ndim == 1
        assert np.abs(example["audio"].astype(int)).max() > 0


def test_ids_are_unique_and_disjoint(examples):
    ids = [example["id"] for example in sum(examples.values(), [])]
    assert len(set(ids)) == len(ids)


def test_metadata_outlives_the_builder(key, builder):
    read_only = tfds.builder_from_directory(builder.data_path)
    again = make_builder(key, (), builder.data_dir_root)
    for info in (builder.info, read_only.info, again.info):
        assert info.metadata["sample_rate"] == builder.SAMPLE_RATE
        assert info.metadata["licence"]
        assert info.metadata["silent"] == []
        left_out = 2 if key == "bach" else 0
        assert len(info.metadata["left_out"]) == left_out


def test_metadata_files_are_found(builder):
    folder = pathlib.Path(builder.pkg_dir_path)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert builder.info.description == readme.strip()
    assert builder.info.citation.startswith("@")
    tags = tfds.core.dataset_metadata.valid_tags()
    assert builder.get_metadata().tags
    assert set(builder.get_metadata().tags) <= set(tags)
    assert builder.url_infos is not None  # From checksums.tsv.


def test_readme_says_how_to_prepare_the_set(builder):
    if builder.EMBEDDED:
        pytest.skip("it needs no preparing")
    readme = builder.info.description
    assert "python -m gansynth_zoo.datasets.build" in readme
    assert f"--dataset={builder.name}" in readme
    assert "Licence" in readme


def test_preparing_again_gives_the_same_order(key, builder, examples, tmp_path):
    sources = small_sources(key, tmp_path / "source")
    again = make_builder(key, sources, tmp_path / "data")
    again.download_and_prepare()
    ids = [example["id"] for example in read_examples(again, "train")]
    assert ids == [example["id"] for example in examples["train"]]


def test_room_is_estimated_on_the_safe_side(key, builder, tmp_path):
    sources = small_sources(key, tmp_path)
    needed = make_builder(key, sources, tmp_path / "data").bytes_needed()
    stored = sum(split.num_bytes for split in builder.info.splits.values())
    # What is temporary is as large, and a copy of a file comes to that. Of so
    # short a recording `bach` cuts fewer clips than of a long one.
    most = 18 if key == "bach" else 2.5
    assert 2 * stored <= needed <= most * stored + 2**17


def test_a_builder_made_again_by_tfds_knows_its_sources(key, tmp_path):
    sources = ("somewhere/a.tar", "elsewhere")
    builder = make_builder(key, sources, tmp_path)
    again = pickle.loads(pickle.dumps(builder))
    assert again._archives == builder._archives == sources
    assert again.builder_config_name == builder.builder_config_name


def test_progress_is_told(key, tmp_path):
    told = []
    sources = small_sources(key, tmp_path / "source")
    builder = make_builder(key, sources, tmp_path / "data")
    builder.watch = lambda *what: told.append(what)
    builder.download_and_prepare()
    done = [row[0] for row in told]
    assert done == sorted(done) and all(row[2] for row in told)
    assert {row[1] for row in told} == {done[-1]}


def test_a_prepared_set_is_read_without_the_package(tmp_path):
    builder = make_builder("sc09/pack", [DATA / "sc09"], tmp_path)
    builder.download_and_prepare()
    code = """
import sys
import tensorflow_datasets as tfds
def show():
    data = tfds.load("sc09", data_dir=sys.argv[1], split="train")
    (example,) = tfds.as_numpy(data)
    print(example["id"].decode(), example["label"])
show()
assert "gansynth_zoo" not in sys.modules
from gansynth_zoo.datasets import sc09
assert tfds.builder_cls("sc09") is sc09.Builder
show()
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["Seven_37e8db82_nohash_1 7"] * 2


def make_case(key):
    """The test case of TFDS itself, for one row."""
    name, _, config = key.partition("/")
    package = importlib.import_module(f"gansynth_zoo.datasets.{name}")

    class Case(tfds.testing.DatasetBuilderTestCase):
        DATASET_CLASS = package.Builder
        SPLITS = BUILDERS[key].counts
        BUILDER_CONFIG_NAMES_TO_TEST = [config] if config else None
        EXAMPLE_DIR = DATA

        def _make_builder(self, config=config or None):
            folder = pathlib.Path(tempfile.mkdtemp(dir=self.tmp_dir))
            return self.DATASET_CLASS(
                data_dir=self.tmp_dir,
                config=config,
                archives=small_sources(key, folder),
            )

        def test_registered(self):
            # The original lists all sets of TFDS, which takes seconds.
            assert tfds.builder_cls(self.builder.name) is self.DATASET_CLASS

    Case.__name__ = Case.__qualname__ = f"Test_{key.replace('/', '_')}"
    return Case


for _key in BUILDERS:
    globals()[f"Test_{_key}"] = make_case(_key)


@pytest.fixture(scope="module", params=WITH_ARCHIVES)
def from_archives(request, archives, tmp_path_factory):
    """(row, builder) prepared from the archives."""
    row = BUILDERS[request.param]
    sources = [archives / name for name in row.archives]
    builder = make_builder(
        request.param, sources, tmp_path_factory.mktemp("data")
    )
    builder.download_and_prepare()
    return row, builder


def read_tables(folder, names):
    """Rows of the CSVs by (split, name of the file without extension)."""
    rows = {}
    for name in names:
        with open(folder / name, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                split = row["split"].replace("valid", "validation")
                rows[split, pathlib.Path(row["path"]).stem] = row
    return rows


def read_wavs(paths):
    """Samples by name in the archive, read with the standard library."""
    wavs = {}
    for path in paths:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.endswith(".wav"):
                    data = io.BytesIO(archive.extractfile(member).read())
                    with wave.open(data) as file:
                        bytes_ = file.readframes(file.getnframes())
                    wavs[member.name] = np.frombuffer(bytes_, "<i2")
    return wavs


def test_archives_are_prepared_whole_and_exactly(from_archives, archives):
    row, builder = from_archives
    expected = read_tables(archives, row.tables)
    wavs = read_wavs(archives / name for name in row.archives)
    assert len(wavs) == len(expected)
    if builder.builder_config_name == "gansynth":
        expected = {
            place: known
            for place, known in expected.items()
            if "_acoustic_" in known["note_str"]
            and 24 <= int(known["pitch"]) <= 84
        }
    assert builder.left_out == {}
    features = builder.info.features
    for split, rows in read_all(builder).items():
        for example in rows:
            known = expected.pop((split, example["id"].decode()))
            assert np.array_equal(example["audio"], wavs[known["path"]])
            check_label(known, example, features)
    assert not expected


def check_label(known, example, features):
    """Checks the features of an example against its row in the CSV."""
    if "pitch" in known:
        instrument = known["note_str"].rsplit("-", 2)[0]
        family, source = instrument.rsplit("_", 2)[:2]
        assert example["label"].decode() == known["pitch"]
        assert example["pitch"] == int(known["pitch"])
        assert example["velocity"] == int(known["velocity"])
        assert example["instrument"].decode() == instrument
        for feature, text in (("family", family), ("source", source)):
            number = example[f"instrument_{feature}"]
            label = features[f"instrument_{feature}"]
            assert label.int2str(number) == text
    elif "species" in known:
        species = known["species"].replace("_", " ")
        assert example["label"].decode() == species
    elif "label" in known:
        assert features["label"].int2str(example["label"]) == known["label"]


def test_clips_in_the_repository_are_attributed():
    with open(DATA / "ATTRIBUTION.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    clips = [p.relative_to(DATA).as_posix() for p in DATA.rglob("*.wav")]
    assert sorted(row["file"] for row in rows) == sorted(clips)
    for row in rows:
        assert all(row.values())
        assert "NC" not in row["licence"] and "GPL" not in row["licence"]
    assert sum(path.stat().st_size for path in DATA.rglob("*.*")) < 300_000
