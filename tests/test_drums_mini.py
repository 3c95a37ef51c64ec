"""`drums_mini`, the set that comes with the package."""

import csv
import io
import pathlib
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import drums_mini
from gansynth_zoo.datasets.drums_mini import embed

DRUMS = pathlib.Path(embed.__file__).parent
CLIPS = sorted(DRUMS.glob("clips/*/*.flac"))


def read_attribution(folder):
    with open(folder / "ATTRIBUTION.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_drums_mini_equals_its_clips(tmp_path):
    builder = drums_mini.Builder(data_dir=tmp_path)
    builder.download_and_prepare()
    kits = builder.info.features["label"]
    stored = {
        example["id"].decode(): (split, example)
        for split in builder.info.splits
        for example in tfds.as_numpy(builder.as_dataset(split=split))
    }
    assert set(stored) == {path.stem for path in CLIPS}
    for path in CLIPS:
        split, example = stored[path.stem]
        samples, sample_rate = soundfile.read(path, dtype="int16")
        assert sample_rate == builder.SAMPLE_RATE
        assert split == path.parent.name
        assert np.array_equal(example["audio"], samples)
        assert path.stem.startswith(kits.int2str(example["label"]) + "_")


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
    assert list(tmp_path.glob("drums_mini/2.0.0/*.tfrecord*"))


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


def test_embedding_again_gives_the_same_clips(archives, tmp_path):
    embed.embed(archives / "drums.tar.gz", archives / "drums.csv", tmp_path)
    assert read_attribution(tmp_path) == read_attribution(DRUMS)
    for path in CLIPS:
        again = tmp_path / path.relative_to(DRUMS)
        samples, _ = soundfile.read(path, dtype="int16")
        assert np.array_equal(soundfile.read(again, dtype="int16")[0], samples)
