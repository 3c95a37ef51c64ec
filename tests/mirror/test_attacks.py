"""What a mirror must not be able to do."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import manifest

ARCHIVE = "/tiny-1.tar.gz"


def row_of(archive, **changes):
    row = {
        "name": "tiny",
        "version": 1,
        "file": ARCHIVE[1:],
        "sha256": hashlib.sha256(archive).hexdigest(),
        "size": len(archive),
        "unpacked_size": 1000,
        "licence": "CC0",
    }
    return {**row, **changes}


def attack(server, archive, **changes):
    text = json.dumps({"format": 1, "modules": [row_of(archive, **changes)]})
    server.files = {"/manifest.json": text.encode(), ARCHIVE: archive}


def tar_of(*members, **options):
    """A compressed tar of (name, bytes) pairs or of headers."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", **options) as archive:
        for member in members:
            header, content = member, b""
            if isinstance(member, tuple):
                header, content = tarfile.TarInfo(member[0]), member[1]
                header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return stream.getvalue()


def special(kind, name="saved_model.pb", target="/etc/passwd"):
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


GRAPH = ("saved_model.pb", b"x" * 1000)


def test_the_attacks_are_made_of_what_would_load(server, contents):
    attack(server, tar_of(GRAPH))
    assert contents(hub.find("tiny")) == dict([GRAPH])


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([GRAPH, ("../out", b"")], "holds '../out'"),
        ([GRAPH, ("a/../../out", b"")], "holds 'a/../../out'"),
        ([GRAPH, ("/tmp/out", b"")], "holds '/tmp/out'"),
        ([GRAPH, ("C:\\out", b"")], "holds 'C:"),
        ([GRAPH, ("a\nb", b"")], r"holds 'a\\nb'"),
        ([GRAPH, ("n" * 101, b"")], "no plain file|of 100 bytes"),
        ([GRAPH, GRAPH], "unpacks to more"),
        ([GRAPH, ("twice", b""), ("twice", b"")], "is damaged"),
        ([GRAPH, ("saved_model.pb/a", b"")], "is damaged"),
        ([GRAPH, special(tarfile.SYMTYPE, "a")], "no plain file"),
        ([GRAPH, special(tarfile.LNKTYPE, "a")], "no plain file"),
        ([GRAPH, special(tarfile.CHRTYPE, "a")], "no plain file"),
        ([GRAPH, special(tarfile.FIFOTYPE, "a")], "no plain file"),
        ([GRAPH, special(tarfile.DIRTYPE, "../a")], "holds '../a'"),
        ([GRAPH, special(tarfile.DIRTYPE)], "is damaged"),
        ([special(tarfile.DIRTYPE), GRAPH], "is damaged|no module"),
        ([special(tarfile.SYMTYPE)], "no plain file"),
        ([GRAPH, *[(f"f{n}", b"") for n in range(1001)]], "over 1,000 files"),
        (
            [special(tarfile.DIRTYPE, f"d{n}") for n in range(1001)],
            "over 1,000",
        ),
        ([("other", b"x" * 1000)], "no module of 1,000 bytes"),
        ([("saved_model.pb", b"x" * 999)], "no module of 1,000 bytes"),
        ([], "no module of 1,000 bytes"),
    ],
)
def test_a_hostile_archive_is_refused(
    server, left_behind, tmp_path, members, words
):
    attack(server, tar_of(*members))
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind() == []
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def bomb():
    return tar_of(("saved_model.pb", bytes(50_000_000)))


def long_name():
    """A header of 50 MB that a reader of tars would hold in memory."""
    return tar_of(GRAPH, ("n" * 50_000_000, b""), format=tarfile.PAX_FORMAT)


@pytest.mark.parametrize("make", [bomb, long_name])
def test_a_bomb_is_stopped_before_it_goes_off(
    server, left_behind, monkeypatch, make
):
    read = []
    inner = gzip.GzipFile.read

    def counted(self, size=-1):
        piece = inner(self, size)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    attack(server, make())
    with pytest.raises(errors.ZooError, match="more than 1,000|no plain file"):
        hub.find("tiny")
    assert sum(read) < 10_000
    assert left_behind() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda archive: b"not gzip",
        lambda archive: archive[:60],
        lambda archive: gzip.compress(b"not a tar" * 200),
        lambda archive: gzip.compress(gzip.decompress(archive)[:800]),
    ],
)
def test_a_damaged_archive_is_refused(server, left_behind, change):
    attack(server, change(tar_of(GRAPH)))
    with pytest.raises(errors.ZooError, match="is damaged|no module of"):
        hub.find("tiny")
    assert left_behind() == []


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, "has another checksum"),
        ({"size": 10}, "10"),
    ],
)
def test_another_file_than_the_manifest_lists_is_refused(
    server, left_behind, tells_length, changes, words
):
    server.tells_length = tells_length
    attack(server, tar_of(GRAPH), **changes)
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind() == []


def test_a_truncated_archive_is_refused(served, left_behind):
    served.files[ARCHIVE] = served.files[ARCHIVE][:-1000]
    with pytest.raises(errors.ZooError, match="bytes, not of"):
        hub.find("tiny")
    assert left_behind() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../x"},
        {"name": ".."},
        {"name": ""},
        {"name": ["tiny"]},
        {"version": 0},
        {"version": "1"},
        {"version": True},
        {"version": 2**63},
        {"version": "../1"},
        {"file": "../tiny-1.tar.gz"},
        {"file": "/etc/passwd"},
        {"file": "https://elsewhere/tiny-1.tar.gz"},
        {"file": "a\\b"},
        {"file": "x?y"},
        {"sha256": "0" * 63},
        {"sha256": None},
        {"size": 0},
        {"size": 10**20},
        {"unpacked_size": -1},
        {"unpacked_size": 1e3},
        {"licence": "\x1b[2J"},
        {"licence": "x" * 2000},
    ],
)
def test_a_hostile_manifest_is_refused(server, left_behind, changes):
    attack(server, tar_of(GRAPH), **changes)
    field = next(iter(changes))
    with pytest.raises(errors.ZooError, match=f"has {field} .* in row 1"):
        hub.find("tiny")
    assert server.asked == ["/manifest.json"]
    assert left_behind() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Log in</html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 1, "modules": 3}',
        b'{"format": 1, "modules": [{"name": "tiny"}]}',
        b'{"format": 2, "modules": []}',
        b"[" * 100_000,
        b"9" * 100_000,
        json.dumps({"format": 1, "modules": [row_of(b"a")] * 2}).encode(),
    ],
)
def test_what_is_no_manifest_is_refused(served, left_behind, content):
    served.files["/manifest.json"] = content
    with pytest.raises(errors.ZooError, match="Expected a manifest"):
        hub.find("tiny")
    assert left_behind() == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_huge_manifest_is_not_read(served, left_behind, tells_length):
    served.tells_length = tells_length
    served.files["/manifest.json"] = b" " * (manifest.MOST_BYTES + 1)
    with pytest.raises(errors.ZooError, match="larger than 4,194,304"):
        hub.find("tiny")
    assert left_behind() == []
