"""Every builder under `gansynth_zoo.datasets`, then `drums_mini` itself."""

import csv
import importlib
import io
import os
import pathlib
import pkgutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from gansynth_zoo import datasets
from gansynth_zoo import errors
from gansynth_zoo.datasets import prepared_audio
from gansynth_zoo.datasets.drums_mini import embed

# Name -> examples per split and labels. A new builder is a row here.
BUILDERS = {
    "drums_mini": ({"train": 120, "test": 40}, {"kit"}),
}
DRUMS = pathlib.Path(embed.__file__).parent
CLIPS = sorted(DRUMS.glob("clips/*/*.flac"))


def read_examples(builder, split):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def read_attribution(folder):
    with open(folder / "ATTRIBUTION.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=BUILDERS)
def builder(request, tmp_path_factory):
    package = importlib.import_module(f"gansynth_zoo.datasets.{request.param}")
    builder = package.Builder(data_dir=tmp_path_factory.mktemp("data"))
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def examples(builder):
    return {
        split: read_examples(builder, split) for split in builder.info.splits
    }


def test_every_builder_has_a_row():
    packages = pkgutil.iter_modules(datasets.__path__)
    assert {found.name for found in packages if found.ispkg} == set(BUILDERS)


def test_builder_is_registered(builder):
    assert tfds.builder_cls(builder.name) is type(builder)


def test_split_counts(builder, examples):
    counts, _ = BUILDERS[builder.name]
    assert {name: len(rows) for name, rows in examples.items()} == counts
    assert {
        name: split.num_examples for name, split in builder.info.splits.items()
    } == counts


def test_examples_hold_int16_audio_and_labels(builder, examples):
    _, labels = BUILDERS[builder.name]
    assert set(builder.info.features) == {"audio", "id"} | labels
    for example in sum(examples.values(), []):
        assert example["audio"].dtype == np.int16
        assert example["audio"].ndim == 1
        assert np.abs(example["audio"].astype(int)).max() > 0


def test_ids_are_unique_and_disjoint(examples):
    ids = [example["id"] for example in sum(examples.values(), [])]
    assert len(set(ids)) == len(ids)


def test_sample_rate_outlives_the_builder(builder):
    read_only = tfds.builder_from_directory(builder.data_path)
    for info in (builder.info, read_only.info):
        assert info.metadata["sample_rate"] == builder.SAMPLE_RATE


def test_metadata_files_are_found(builder):
    folder = pathlib.Path(builder.pkg_dir_path)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert builder.info.description == readme.strip()
    assert builder.info.citation.startswith("@")
    tags = tfds.core.dataset_metadata.valid_tags()
    assert builder.get_metadata().tags
    assert set(builder.get_metadata().tags) <= set(tags)
    assert builder.url_infos is not None  # From checksums.tsv.


def test_preparing_again_gives_the_same_order(builder, examples, tmp_path):
    again = type(builder)(data_dir=tmp_path)
    again.download_and_prepare()
    ids = [example["id"] for example in read_examples(again, "train")]
    assert ids == [example["id"] for example in examples["train"]]


def test_conversion_to_int16_is_exact():
    every = np.arange(-32768, 32768).astype(np.int16)
    scaled = every.astype(np.float32) / np.float32(32768)
    assert np.array_equal(prepared_audio.to_int16(scaled), every)


def test_conversion_to_int16_clips():
    waveform = np.array([-2.0, 1.0, 2.0], np.float32)
    assert prepared_audio.to_int16(waveform).tolist() == [-32768, 32767, 32767]


@pytest.mark.parametrize("builder", ["drums_mini"], indirect=True)
def test_drums_mini_equals_its_clips(builder, examples):
    kits = builder.info.features["kit"]
    stored = {
        example["id"].decode(): (split, example)
        for split, rows in examples.items()
        for example in rows
    }
    assert set(stored) == {path.stem for path in CLIPS}
    for path in CLIPS:
        split, example = stored[path.stem]
        samples, sample_rate = soundfile.read(path, dtype="int16")
        assert sample_rate == builder.SAMPLE_RATE
        assert split == path.parent.name
        assert np.array_equal(example["audio"], samples)
        assert path.stem.startswith(kits.int2str(example["kit"]) + "_")


def test_drums_mini_is_prepared_without_optional_packages(tmp_path):
    # In a process of its own, as TFDS keeps what it has once imported.
    code = """
import sys
names = "apache_beam dill mlcroissant pydub scipy".split()
if sys.version_info >= (3, 11):  # Before, it is required: see setup.py.
    names.append("importlib_resources")
sys.modules.update(dict.fromkeys(names))
from gansynth_zoo.datasets import drums_mini
drums_mini.Builder(data_dir=sys.argv[1]).download_and_prepare()
"""
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        capture_output=True,
    )
    assert list(tmp_path.glob("drums_mini/1.0.0/*.tfrecord*"))


def test_drums_mini_clips_are_small_16_bit_files():
    assert sum(path.stat().st_size for path in CLIPS) <= 4 * 2**20
    assert {soundfile.info(path).subtype for path in CLIPS} == {"PCM_16"}


def test_drums_mini_attribution_covers_every_clip():
    rows = read_attribution(DRUMS)
    files = [row["file"] for row in rows]
    clips = [path.relative_to(DRUMS).as_posix() for path in CLIPS]
    assert sorted(files) == sorted(clips)
    assert {row["licence"] for row in rows} <= {
        "CC0",
        "CC BY 3.0",
        "Public domain",
    }
    for row in rows:
        assert all(row.values())
        assert row["file"].split("/")[1] == row["split"]


def test_drums_mini_holds_out_every_fourth_clip_of_both_kits():
    by_name = sorted(CLIPS, key=lambda path: path.name)
    held_out = [path for path in by_name if path.parent.name == "test"]
    assert held_out == by_name[:: embed.TEST_EVERY]
    kits = [path.stem.split("_")[0] for path in held_out]
    assert (kits.count("LM2"), kits.count("Rumpf")) == (8, 32)


def write_archive(folder, licences):
    """Makes an archive of one clip per licence, and its CSV."""
    archive, table = folder / "a.tar.gz", folder / "a.csv"
    with (
        tarfile.open(archive, "w:gz") as members,
        open(table, "w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file)
        rows.writerow("path kit split truncated source licence".split())
        for index, licence in enumerate(licences):
            name = f"drums/train/Kit_{index}.wav"
            wav = io.BytesIO()
            samples = np.full(64, index - 32768, np.int16)
            soundfile.write(wav, samples, 16000, format="WAV")
            member = tarfile.TarInfo(name)
            member.size = len(wav.getvalue())
            members.addfile(member, io.BytesIO(wav.getvalue()))
            rows.writerow([name, "Kit", "train", "1", "somewhere", licence])
    return archive, table


def test_embed_leaves_out_other_licences(tmp_path):
    licences = ["CC0", "CC BY-SA 3.0 (Jim Harney)", "GPL-2+ (A)", "CC0"]
    archive, table = write_archive(tmp_path, licences)
    assert embed.embed(archive, table, tmp_path / "out") == 2
    files = [row["file"] for row in read_attribution(tmp_path / "out")]
    assert files == ["clips/test/Kit_0.flac", "clips/train/Kit_3.flac"]
    samples, _ = soundfile.read(tmp_path / "out" / files[1], dtype="int16")
    assert np.array_equal(samples, np.full(64, 3 - 32768))


def test_embed_refuses_an_archive_of_another_table(tmp_path):
    (tmp_path / "other").mkdir()
    archive, _ = write_archive(tmp_path, ["CC0"])
    _, table = write_archive(tmp_path / "other", ["CC0", "CC0"])
    with pytest.raises(errors.ZooError, match="belong together"):
        embed.embed(archive, table, tmp_path / "out")


def test_embed_refuses_a_table_without_its_columns(tmp_path):
    archive, table = write_archive(tmp_path, ["CC0"])
    table.write_text("path,kit\na,b\n", encoding="utf-8")
    with pytest.raises(errors.ZooError, match="cannot be read as the CSV"):
        embed.embed(archive, table, tmp_path / "out")


def test_embed_refuses_a_folder_with_other_clips(tmp_path):
    archive, table = write_archive(tmp_path, ["CC0"])
    (tmp_path / "clips" / "test").mkdir(parents=True)
    (tmp_path / "clips" / "test" / "mine.flac").touch()
    with pytest.raises(errors.ZooError, match="mine.flac"):
        embed.embed(archive, table, tmp_path)


def test_embedding_again_gives_the_same_clips(tmp_path):
    if "GANSYNTH_ZOO_ARCHIVES" not in os.environ:
        pytest.skip("GANSYNTH_ZOO_ARCHIVES does not name the archives' folder")
    archives = pathlib.Path(os.environ["GANSYNTH_ZOO_ARCHIVES"])
    embed.embed(archives / "drums.tar.gz", archives / "drums.csv", tmp_path)
    assert read_attribution(tmp_path) == read_attribution(DRUMS)
    for path in CLIPS:
        again = tmp_path / path.relative_to(DRUMS)
        samples, _ = soundfile.read(path, dtype="int16")
        assert np.array_equal(soundfile.read(again, dtype="int16")[0], samples)
