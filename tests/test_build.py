"""Preparing data sets: by the command line, killed, damaged, on a full disk."""

import contextlib
import io
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds
from absl import flags

from gansynth_zoo import errors
from gansynth_zoo import prepared_sets
from gansynth_zoo import storage
from gansynth_zoo.datasets import build
from gansynth_zoo.datasets.drums import drums_dataset_builder

NAME = "drums/1.0.0"


def wav(samples):
    content = io.BytesIO()
    soundfile.write(content, samples, 16000, format="WAV", subtype="PCM_16")
    return content.getvalue()


def write_archive(path, files):
    """A gzip-compressed tar of name -> bytes."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_drums(folder, count=6, samples=16000):
    """An archive of noise: the last of every six is test, one is valid."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["valid", "test"]
    files = {
        f"drums/{splits[i % 6]}/Kit_{i}.wav": wav(rng.uniform(-1, 1, samples))
        for i in range(count)
    }
    return write_archive(folder / "drums.tar.gz", files)


def run(*arguments):
    """Runs the command in this process, with flags of its own."""
    values = flags.FlagValues()
    build.define_flags(values)
    values(["", *map(str, arguments)])
    return build.main(values)


def command(*arguments):
    module = "gansynth_zoo.datasets.build"
    return [sys.executable, "-m", module, *map(str, arguments)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder of prepared sets with `drums`, not to be changed."""
    folder = tmp_path_factory.mktemp("prepared")
    prepared_sets.prepare("drums", folder, [write_drums(folder)])
    return folder


@pytest.fixture
def copy(prepared, tmp_path):
    """A copy of it, to be changed."""
    return pathlib.Path(shutil.copytree(prepared, tmp_path / "copy"))


def contents(folder):
    """Bytes of each file, but of what tells when it was written."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != "dataset_info.json"
    }


def test_a_set_is_prepared_and_what_is_in_it_is_said(tmp_path, capsys):
    rng = np.random.default_rng(0)
    hour = np.zeros(16000 * 60, np.int16)
    hour[0] = 2
    archive = write_archive(
        tmp_path / "a.tar.gz",
        {
            "drums/train/a.wav": wav(rng.uniform(-1, 1, 16000)),
            "drums/train/long.wav": wav(hour),
            "drums/train/zeros.wav": wav(np.zeros(16000)),
            "drums/train/broken.wav": b"RIFF, or so it says",
            "drums/test/b.wav": wav(rng.uniform(-1, 1, 16000)),
        },
    )
    arguments = [
        "--dataset=drums",
        f"--archive={archive}",
        f"--data_dir={tmp_path / 'data'}",
    ]
    assert run(*arguments) == 0
    out = capsys.readouterr().out
    folder = tmp_path / "data" / NAME
    assert out.splitlines()[:3] == [
        f"{NAME} is in {folder}:",
        "  train            3 clips, about 1:02",
        "  test             1 clips, about 0:01",
    ]
    assert "Left out: 1\n  drums/train/broken.wav: " in out
    assert "Silent: 1; " in out
    data = tmp_path / "data"
    assert out.endswith(f"with --dataset=drums --data_dir={data}.\n")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run(*arguments) == 0
    again = capsys.readouterr().out
    assert again.startswith("It was prepared before, and is left alone")
    assert out in again
    assert before == {p: p.stat().st_mtime_ns for p in folder.iterdir()}


def test_a_long_list_of_files_is_cut(tmp_path, capsys):
    files = {f"drums/train/{i:02}.wav": b"RIFF" for i in range(23)}
    files["drums/train/a.wav"] = wav(np.ones(9))
    archive = write_archive(tmp_path / "a.tar.gz", files)
    run("--dataset=drums", f"--archive={archive}", f"--data_dir={tmp_path}")
    out = capsys.readouterr().out
    assert "Left out: 23\n" in out
    assert out.count(".wav: ") == 20
    assert "  and 3 more\n" in out


def test_progress_goes_on_from_task_to_task(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(build.progress.time, "monotonic", lambda: now[0])
    with build._shown() as watch:
        for total in (100, 400):
            watch(0, total, f"task {total}")
            now[0] += 20
            watch(total / 4, total, f"task {total}")
    out = capsys.readouterr().out
    assert out == "task 100, 1:00 left\ntask 400, 1:00 left\n"


def remove(name):
    return lambda folder: next(folder.glob(name)).unlink()


def cut(name, size):
    def damage(folder):
        file = next(folder.glob(name))
        file.write_bytes(file.read_bytes()[:size])

    return damage


def lengthen(folder):
    with open(next(folder.glob("*train.tfrecord*")), "ab") as file:
        file.write(bytes(16))


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        empty,
        remove("dataset_info.json"),
        remove("features.json"),
        remove("metadata.json"),
        remove("*train.tfrecord*"),
        remove("*test.tfrecord*"),
        cut("dataset_info.json", 100),
        cut("dataset_info.json", 0),
        cut("features.json", 100),
        cut("metadata.json", 10),
        cut("metadata.json", 0),
        cut("*test.tfrecord*", -1),
        cut("*train.tfrecord*", 0),
        lengthen,
    ],
)
def test_a_half_made_set_is_not_used_and_made_anew(prepared, copy, damage):
    folder = copy / NAME
    whole = contents(folder)
    damage(folder)
    assert prepared_sets.open_whole(folder) is None
    with pytest.raises(errors.ZooError, match="is not prepared"):
        prepared_sets.find("drums", copy)
    archive = f"--archive={copy / 'drums.tar.gz'}"
    assert run("--dataset=drums", archive, f"--data_dir={copy}") == 0
    assert contents(folder) == whole


def test_what_a_killed_preparation_left_is_removed(copy):
    top = (copy / NAME).parent
    shutil.rmtree(top / "1.0.0")
    for name in ("incomplete.ABCDEF_1.0.0", "incomplete.ABCDEF_11.0.0"):
        (top / name).mkdir()
        (top / name / "bucket.tmp").touch()
    (top / "11.0.0").mkdir()
    archive = f"--archive={copy / 'drums.tar.gz'}"
    run("--dataset=drums", archive, f"--data_dir={copy}")
    assert {path.name for path in top.iterdir()} == {
        ".lock",
        "1.0.0",
        "11.0.0",
        "incomplete.ABCDEF_11.0.0",
    }


def test_killed_in_the_middle_and_started_again(tmp_path):
    archive = write_drums(tmp_path, 600)
    arguments = [
        "--dataset=drums",
        f"--archive={archive}",
        f"--data_dir={tmp_path}",
    ]
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(tmp_path.glob("drums/incomplete.*/*")):
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(tmp_path.glob("drums/incomplete.*"))
    assert not (tmp_path / NAME).exists()
    result = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert f"{NAME} is in {tmp_path / NAME}" in result.stdout
    names = {path.name for path in (tmp_path / "drums").iterdir()}
    assert names == {".lock", "1.0.0"}
    found = prepared_sets.open_whole(tmp_path / NAME)
    counts = {k: v.num_examples for k, v in found.info.splits.items()}
    assert counts == {"train": 400, "validation": 100, "test": 100}


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_too_small_a_disk_is_told_before(tmp_path):
    archive = write_drums(tmp_path)
    disk = tmp_path / "disk"
    with small_disk(disk, "256k"):
        with pytest.raises(
            errors.ZooError, match=r"Expected .* of room .*, received .* KiB"
        ):
            prepared_sets.prepare("drums", disk, [archive])
        names = {path.name for path in (disk / "drums").iterdir()}
        assert names == {".lock"}


def test_a_disk_that_gets_full_is_one_sentence(tmp_path, monkeypatch):
    archive = write_drums(tmp_path)
    disk = tmp_path / "disk"
    monkeypatch.setattr(
        drums_dataset_builder.Builder, "bytes_needed", lambda self: 0
    )
    with small_disk(disk, "128k"):
        with pytest.raises(errors.ZooError, match="No space left .* kept"):
            prepared_sets.prepare("drums", disk, [archive])
        names = {path.name for path in (disk / "drums").iterdir()}
        assert names == {".lock"}


def test_an_error_of_our_own_is_no_sentence_about_the_disk(
    tmp_path, monkeypatch
):
    def broken(self, dl_manager):
        raise RuntimeError("a mistake")

    builder_class = drums_dataset_builder.Builder
    monkeypatch.setattr(builder_class, "_split_generators", broken)
    with pytest.raises(RuntimeError, match="a mistake"):
        prepared_sets.prepare("drums", tmp_path, [write_drums(tmp_path)])
    assert not (tmp_path / NAME).exists()


def test_a_second_process_waits_and_finds_it_prepared(
    copy, tmp_path, capsys, monkeypatch
):
    folder = copy / NAME
    shutil.move(folder, tmp_path / "aside")
    done = []

    def prepare():
        done.append(prepared_sets.prepare("drums", copy))

    with storage.locked(folder.parent / ".lock", pytest.fail):
        thread = threading.Thread(target=prepare)
        thread.start()
        out = ""
        while "waiting" not in out:
            assert thread.is_alive()
            out += capsys.readouterr().out
            time.sleep(0.01)
        shutil.move(tmp_path / "aside", folder)
    thread.join(timeout=60)
    assert "Another process prepares drums; waiting for it." in out
    ((builder, made),) = done
    assert not made
    assert builder.info.splits["train"].num_examples == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset=cats"], "Unknown data set 'cats': known are .*drums_mini"),
        (["--dataset=sc09/no"], "one of pack, .*, received 'no'"),
        (["--dataset=drums/no"], "which has none, received 'no'"),
        (["--dataset=drums_mini", "--archive=a"], "leave --archive out"),
        (["--dataset=drums"], "needs the archive .* --archive=PATH"),
        (["--dataset=drums", "--archive=/nowhere"], "/nowhere"),
    ],
)
def test_wrong_flags(tmp_path, arguments, words):
    with pytest.raises(errors.ZooError, match=words) as caught:
        run(*arguments, f"--data_dir={tmp_path}")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*/*/dataset_info.json"))
    assert not list(tmp_path.glob("*/incomplete*"))


def test_a_set_that_comes_with_the_package_is_prepared(tmp_path, capsys):
    assert run("--dataset=drums_mini", f"--data_dir={tmp_path}") == 0
    assert "drums_mini/2.0.0 is in" in capsys.readouterr().out
    assert prepared_sets.find("drums_mini", tmp_path)


def test_the_default_folder_is_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path))
    archive = write_drums(tmp_path)
    assert run("--dataset=drums", f"--archive={archive}") == 0
    assert (tmp_path / "datasets" / NAME / "dataset_info.json").is_file()


def test_what_is_prepared_is_what_tfds_loads(prepared):
    dataset = tfds.load("drums", data_dir=prepared, split="test")
    (example,) = tfds.as_numpy(dataset)
    assert example["audio"].shape == (16000,)


def test_the_command_line_refuses_with_one_sentence(tmp_path):
    result = subprocess.run(
        command("--dataset=cats"),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: Unknown data set")
    assert list(tmp_path.iterdir()) == []
