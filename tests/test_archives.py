"""Reading archives: every kind, and every way in which one can be bad."""

import hashlib
import http.server
import io
import os
import pathlib
import tarfile
import threading
import zipfile

import hypothesis
import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo.datasets import archives
from gansynth_zoo.datasets import drums
from gansynth_zoo.datasets import sc09
from gansynth_zoo.datasets import sources


def wav(seed=0, samples=400):
    """Bytes of a 16-bit WAV file of noise."""
    noise = np.random.default_rng(seed).integers(-9999, 9999, samples)
    file = io.BytesIO()
    soundfile.write(file, noise.astype(np.int16), 16000, format="WAV")
    return file.getvalue()


CLIPS = {
    "drums/train/a.wav": wav(0),
    "drums/train/kit/b.wav": wav(1),
    "drums/test/c.wav": wav(2),
}
# What archives have besides, and what is passed over.
OTHERS = {"drums/README.md": b"# Drums", "drums/train/._a.wav": b"macOS"}


def write_tar(path, members, mode="w"):
    """Writes a tar of name -> bytes, or name -> changes of a TarInfo."""
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
                content = b""
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_folder(path, members):
    for name, content in members.items():
        # A folder's own name is the first part of its members'.
        place = path / pathlib.Path(*pathlib.Path(name).parts[1:])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path


KINDS = {
    "tar": write_tar,
    "gz": lambda path, members: write_tar(path, members, "w:gz"),
    "bz2": lambda path, members: write_tar(path, members, "w:bz2"),
    "xz": lambda path, members: write_tar(path, members, "w:xz"),
    "zip": write_zip,
    "folder": write_folder,
}


def contents(source, names=None):
    wanted = source.members if names is None else names
    return {name: path.read_bytes() for name, path in source.read(wanted)}


def everything_in(folder, besides):
    return {
        path: path.lstat().st_size
        for path in folder.rglob("*")
        if besides not in (path, *path.parents)
    }


@pytest.fixture
def refused(tmp_path):
    """Function: path and a text -> the path is refused, with that text.

    Nothing is prepared of it, and nothing is written anywhere else.
    """

    def check(path, text, package=drums, **arguments):
        data_dir = tmp_path / "prepared"
        before = everything_in(tmp_path, data_dir)
        builder = package.Builder(
            data_dir=data_dir, archives=[path], **arguments
        )
        for call in (builder.bytes_needed, builder.download_and_prepare):
            with pytest.raises(errors.ZooError, match=text) as caught:
                call()
            said = str(caught.value)
            assert "\n" not in said and said.endswith(".")
        assert not builder.is_prepared()
        assert not list(data_dir.rglob("*.tfrecord*"))
        assert not list(data_dir.glob(f"{builder.name}/**/1.0.0*"))
        assert everything_in(tmp_path, data_dir) == before

    return check


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_the_same(kind, tmp_path):
    path = KINDS[kind](tmp_path / "drums", {**OTHERS, **CLIPS})
    source = sources.open_source(path)
    assert contents(source) == CLIPS
    assert contents(source, ["drums/test/c.wav"]) == {
        "drums/test/c.wav": CLIPS["drums/test/c.wav"]
    }
    sizes = {name: member.size for name, member in source.members.items()}
    assert sizes == {name: len(content) for name, content in CLIPS.items()}
    for member in source.members.values():
        assert member.seconds == pytest.approx(400 / 16000, abs=0.002)
    assert source.left_out == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_texts(kind, tmp_path):
    path = KINDS[kind](tmp_path / "drums", {**OTHERS, **CLIPS})
    source = sources.open_source(path, ["README.md", "train"])
    assert source.texts == {"drums/README.md": b"# Drums"}


def test_folders_in_an_archive_and_dots_in_names_change_nothing(tmp_path):
    folders = {".": {"type": tarfile.DIRTYPE}, "d": {"type": tarfile.DIRTYPE}}
    path = write_tar(tmp_path / "a", {**folders, "./d//train/./a.wav": wav()})
    assert contents(sources.open_source(path)) == {"d/train/a.wav": wav()}


def test_a_name_that_is_no_text_is_read(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("train/\udcff.wav")
        info.size = len(wav())
        archive.addfile(info, io.BytesIO(wav()))
    assert contents(sources.open_source(path)) == {"train/\ufffd.wav": wav()}


def test_the_second_of_two_members_of_a_name_is_left_out(tmp_path):
    path = tmp_path / "twice.tar"
    write_tar(path, {"train/a.wav": wav(0), "train/b.wav": wav(1)})
    write_tar(path, {"./train/a.wav": wav(2)}, "a")
    builder = drums.Builder(data_dir=tmp_path / "data", archives=[path])
    builder.download_and_prepare()
    assert "twice" in builder.left_out["train/a.wav"]
    assert builder.info.splits["train"].num_examples == 2
    assert contents(sources.open_source(path), ["train/a.wav"]) == {
        "train/a.wav": wav(0)
    }


@pytest.mark.parametrize("kind", ["tar", "gz", "bz2", "xz", "zip"])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_truncated_archive_is_refused(kind, part, tmp_path, refused):
    path = KINDS[kind](tmp_path / "a", CLIPS)
    content = path.read_bytes()
    # A tar ends with zeros, of which any number may be missing.
    end = content.rstrip(b"\0") if kind == "tar" else content
    path.write_bytes(content[: int(len(end) * part)])
    refused(path, "cut off or damaged|is none of them")


def test_a_tar_cut_between_two_members_is_refused(tmp_path, refused):
    path = write_tar(tmp_path / "a.tar", CLIPS)
    with tarfile.open(path) as archive:
        end = archive.getmembers()[1].offset
    path.write_bytes(path.read_bytes()[:end])
    refused(path, "cut off or damaged")


def test_a_damaged_header_in_a_tar_is_not_its_end(tmp_path, refused):
    path = write_tar(tmp_path / "a.tar", CLIPS)
    with tarfile.open(path) as archive:
        start = archive.getmembers()[1].offset
    content = bytearray(path.read_bytes())
    content[start + 3] ^= 1
    path.write_bytes(content)
    refused(path, "cut off or damaged")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    return write_tar(folder / "a", CLIPS, "w:gz").read_bytes()


@hypothesis.settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(st.integers(min_value=0), st.integers(1, 255))
def test_no_changed_byte_of_a_compressed_tar_changes_a_sound(
    packed, tmp_path, place, change
):
    content = bytearray(packed)
    content[place % len(content)] ^= change
    path = tmp_path / "changed.tar.gz"
    path.write_bytes(content)
    try:
        source = sources.open_source(path)
    except errors.ZooError:
        return
    assert contents(source) == CLIPS  # The byte said nothing of the content.


BAD_MEMBERS = {
    "../out.wav": (wav(), "leads out"),
    "train/../../out.wav": (wav(), "leads out"),
    "/tmp/gansynth-out.wav": (wav(), "leads out"),
    "train\\..\\..\\out.wav": (wav(), "leads out"),
    "C:\\out.wav": (wav(), "leads out"),
    "train/link.wav": (
        {"type": tarfile.SYMTYPE, "linkname": "../../out"},
        "a link",
    ),
    "train/inside.wav": (
        {"type": tarfile.SYMTYPE, "linkname": "a.wav"},
        "a link",
    ),
    "train/hard.wav": (
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        "a link",
    ),
    "train/pipe.wav": ({"type": tarfile.FIFOTYPE}, "a device or pipe"),
    "train/device.wav": (
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        "a device or pipe",
    ),
    "train/large.wav": ({"size": 3 << 30}, "a member of 3.0 GiB"),
    "train/name": ({"type": b"x", "size": 1 << 30}, "a header of"),
    "train/strange": ({"type": b"Q"}, "a device or pipe"),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_a_bad_member_makes_an_archive_refused(name, tmp_path, refused):
    content, text = BAD_MEMBERS[name]
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        good = tarfile.TarInfo("train/a.wav")
        good.size = len(wav())
        archive.addfile(good, io.BytesIO(wav()))
        info = tarfile.TarInfo(name)
        info.size = 0 if isinstance(content, dict) else len(content)
        if isinstance(content, dict):
            for key, value in content.items():
                setattr(info, key, value)
            content = b""
        archive.fileobj.write(info.tobuf())
        archive.fileobj.write(content.ljust(-(-len(content) // 512) * 512))
        archive.offset = archive.fileobj.tell()
    refused(path, text)
    assert not os.path.exists("/tmp/gansynth-out.wav")


@pytest.mark.parametrize("name", ["../out.wav", "/tmp/out.wav", "a/../b.wav"])
def test_a_zip_that_leads_out_is_refused(name, tmp_path, refused):
    path = write_zip(tmp_path / "a.zip", {**CLIPS, name: wav()})
    refused(path, "leads out")


def test_a_zip_with_a_link_is_refused(tmp_path, refused):
    link = zipfile.ZipInfo("train/link.wav")
    link.external_attr = 0o120777 << 16
    path = write_zip(tmp_path / "a.zip", {**CLIPS, link: "/etc/passwd"})
    refused(path, "a link")


def test_a_damaged_zip_is_refused(tmp_path, refused):
    path = write_zip(tmp_path / "a.zip", CLIPS)
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    refused(path, "cut off or damaged")


def test_an_archive_of_very_many_members_is_refused(
    tmp_path, refused, monkeypatch
):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1000)
    names = [f"train/{number}.wav" for number in range(1001)]
    path = write_tar(tmp_path / "a", dict.fromkeys(names, b""), "w:gz")
    refused(path, "more than 1,000 members")


def test_a_member_that_is_too_large_is_refused(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 500)
    for kind in ("gz", "zip"):
        path = KINDS[kind](tmp_path / kind, CLIPS)
        refused(path, "a member of 0.0 GiB")


def test_what_is_no_archive_is_refused(tmp_path, refused):
    for name, content in (
        ("empty", b""),
        ("text", b"no archive\n" * 99),
        ("a.wav", wav()),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        refused(path, "which is none of them")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "which is none of them")
    refused("/dev/zero", "which is none of them")
    refused(tmp_path / "missing", "No such file")


@pytest.mark.parametrize("kind", KINDS)
def test_without_recordings_nothing_is_prepared(kind, tmp_path, refused):
    (tmp_path / "a").mkdir()
    refused(KINDS[kind](tmp_path / "a" / "drums", OTHERS), "without any such")


def test_an_archive_without_members_is_refused(tmp_path, refused):
    for mode in ("w", "w:gz"):
        refused(write_tar(tmp_path / "a", {}, mode), "without any such")
    refused(write_zip(tmp_path / "b", {}), "without any such")


def test_without_a_source_the_user_is_told_what_to_get(tmp_path):
    for package, name in ((drums, "drums"), (sc09, "sc09/pack")):
        builder = package.Builder(data_dir=tmp_path)
        for call in (builder.bytes_needed, builder.download_and_prepare):
            with pytest.raises(errors.ZooError) as caught:
                call()
            assert builder.SOURCE in str(caught.value)
            assert (
                "python -m gansynth_zoo.datasets.build "
                f"--dataset={name} --archive=PATH" in str(caught.value)
            )
        assert not builder.is_prepared()


def test_an_archive_that_changed_meanwhile_is_noticed(tmp_path):
    path = write_folder(tmp_path / "drums", CLIPS)
    builder = drums.Builder(data_dir=tmp_path / "data", archives=[path])
    builder.bytes_needed()
    (path / "train" / "a.wav").unlink()
    builder.download_and_prepare()
    assert set(builder.left_out) == {"drums/train/a.wav"}


@pytest.fixture
def server(tmp_path):
    """(folder, address) of a web server."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def official(folder):
    """A tiny archive laid out as Google's."""
    names = {f"./{word}/0a1b2c3d_nohash_0.wav": wav() for word in ("one", "up")}
    lists = dict.fromkeys(
        ("./validation_list.txt", "./testing_list.txt"),
        b"two/0a1b2c3d_nohash_0.wav\n",
    )
    lists["./testing_list.txt"] = b"three/0a1b2c3d_nohash_0.wav\n"
    return write_tar(folder / "speech.tar.gz", {**names, **lists}, "w:gz")


@pytest.mark.parametrize("right", [True, False])
def test_a_download_is_checked(right, server, tmp_path, monkeypatch):
    from gansynth_zoo.datasets.sc09 import sc09_dataset_builder as module

    folder, address = server
    content = official(folder).read_bytes()
    url = f"{address}/speech.tar.gz"
    digest = hashlib.sha256(content).hexdigest()
    known = tfds.core.download.checksums.UrlInfo(
        size=len(content),
        checksum=digest if right else "0" * 64,
        filename="speech.tar.gz",
    )
    monkeypatch.setattr(module, "URL", url)
    monkeypatch.setattr(sc09.Builder, "url_infos", {url: known})
    builder = sc09.Builder(data_dir=tmp_path / "data", config="speech_commands")
    assert builder.bytes_needed() > len(content)
    if right:
        builder.download_and_prepare()
        assert builder.info.splits["train"].num_examples == 1
        return
    with pytest.raises(errors.ZooError, match="wrong checksum") as caught:
        builder.download_and_prepare()
    assert "\n" not in str(caught.value)
    assert not builder.is_prepared()


def test_a_failed_download_is_one_sentence(server, tmp_path, monkeypatch):
    from gansynth_zoo.datasets.sc09 import sc09_dataset_builder as module

    monkeypatch.setattr(module, "URL", f"{server[1]}/missing.tar.gz")
    builder = sc09.Builder(data_dir=tmp_path / "data", config="speech_commands")
    with pytest.raises(errors.ZooError, match="was not downloaded.*--archive"):
        builder.download_and_prepare()
    assert not builder.is_prepared()
