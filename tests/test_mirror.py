"""Modules fetched from a mirror: over loopback, and from a folder."""

import collections
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

from gansynth_zoo import download
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import manifest
from gansynth_zoo import mirror
from gansynth_zoo import module_archives
from gansynth_zoo import progress
from gansynth_zoo.export import publish

# Runs where neither TensorFlow nor anything else is imported.
FETCH = """
import importlib.util, sys, types
package = types.ModuleType("gansynth_zoo")
package.__path__ = [sys.argv[1]]
sys.modules["gansynth_zoo"] = package
from gansynth_zoo import mirror
from gansynth_zoo import module_archives
from gansynth_zoo import progress
remote = mirror.configured()
print(remote.fetch(remote.offered("tiny")[1]))
assert not {"tensorflow", "numpy"} & sys.modules.keys()
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what its server holds, as badly as its server says."""

    def do_GET(self):
        server = self.server
        server.before(self.path)
        server.asked.append(self.path)
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        if self.path not in server.files:
            self.send_error(404)
            return
        content = server.files[self.path]
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if asked and server.ranges == "refused":
            self.send_error(416)
            return
        if asked and server.ranges:
            start = int(asked[1])
            told = start + (server.ranges == "wrong")
            self.send_response(206)
            self.send_header(
                "Content-Range",
                f"bytes {told}-{len(content) - 1}/{len(content)}",
            )
        else:
            self.send_response(206 if server.ranges == "unasked" else 200)
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = None
        if server.cuts[self.path]:
            end = start + server.cuts[self.path].pop()
        server.sent[self.path] += len(content[start:end])
        # Who has seen enough hangs up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A web server; `files` is what it holds, path -> bytes.

    `ranges` is True, False, "wrong", "refused" or "unasked"; `cuts` has for a
    path the bytes after which the server stops, the last of them first.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.redirects = {}, {}
    server.ranges = server.tells_length = True
    server.cuts, server.asked = collections.defaultdict(list), []
    server.sent = collections.Counter()
    server.before = lambda path: None
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without modules, whose network is loopback alone."""
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANSYNTH_ZOO_URL", raising=False)
    monkeypatch.setenv("no_proxy", "*")


def make_module(folder, name="tiny", version=1, size=300_000, **more):
    """What looks like a module."""
    folder.mkdir(parents=True)
    (folder / "variables").mkdir()
    content = np.random.default_rng([version, size]).bytes(size)
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(
        content
    )
    (folder / "saved_model.pb").write_bytes(b"graph")
    facts = {"name": name, "version": version, "data": {"licence": "CC0"}}
    (folder / "metadata.json").write_text(json.dumps({**facts, **more}))
    return folder


def contents(folder):
    """Name -> bytes of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file()
    }


def left_behind(tmp_path):
    """Names of all that the cache holds but the lock."""
    cached = (tmp_path / "cache" / "mirrors").glob("*/**/*")
    return sorted(path.name for path in cached if path.name != ".lock")


@pytest.fixture
def module(tmp_path):
    return make_module(tmp_path / "made")


def serve(server, folder, monkeypatch):
    """Lets the server hold a mirror's folder, and the user name it."""
    server.files = {f"/{name}": c for name, c in contents(folder).items()}
    monkeypatch.setenv("GANSYNTH_ZOO_URL", server.url)


@pytest.fixture
def served(server, module, tmp_path, monkeypatch):
    """The server, with `module` on it."""
    publish.publish(module, tmp_path / "mirror")
    serve(server, tmp_path / "mirror", monkeypatch)
    return server


ARCHIVE = "/tiny-1.tar.gz"


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_module_is_fetched_whole(
    served, module, tmp_path, capsys, ranges, tells_length
):
    served.ranges, served.tells_length = ranges, tells_length
    folder = hub.find("tiny")
    assert tmp_path / "cache" in folder.parents
    assert contents(folder) == contents(module)
    assert "Fetched tiny@1, 0.3 MB" in capsys.readouterr().err
    assert hub.find("tiny") == hub.find("tiny@1") == folder
    assert served.asked.count(ARCHIVE) == 1


def test_a_long_download_says_how_far_it_is(served, monkeypatch, capsys):
    monkeypatch.setattr(progress.Line, "due", lambda self: True)
    hub.find("tiny")
    told = capsys.readouterr()
    assert "Fetching tiny@1, 0.3 MB of 0.3 MB, 0:00 left" in told.err
    assert told.out == ""


def test_a_folder_is_a_mirror_too(module, tmp_path, monkeypatch):
    publish.publish(module, tmp_path / "a mirror")
    url = (tmp_path / "a mirror").as_uri()
    monkeypatch.setenv("GANSYNTH_ZOO_URL", url + "/")
    assert contents(hub.find("tiny")) == contents(module)


def test_the_own_folder_comes_first(served, tmp_path, monkeypatch):
    own = make_module(tmp_path / "zoo" / "tiny" / "1", size=10)
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(tmp_path / "zoo"))
    assert hub.find("tiny") == own
    assert served.asked == []


def test_the_newest_version_of_a_mirror_is_taken(served, tmp_path, monkeypatch):
    first = hub.find("tiny")
    newer = make_module(tmp_path / "newer", version=10)
    publish.publish(newer, tmp_path / "mirror")
    serve(served, tmp_path / "mirror", monkeypatch)
    assert contents(hub.find("tiny")) == contents(newer)
    assert hub.find("tiny@1") == first
    with pytest.raises(errors.ZooError, match="no version 3; found are 1, 10"):
        hub.find("tiny@3")


def test_the_small_module_of_a_mirror_takes_the_place_of_a_missing_one(
    served, tmp_path, monkeypatch, capsys
):
    small = make_module(tmp_path / "small", "wavegan_sc09_small")
    publish.publish(small, tmp_path / "mirror")
    serve(served, tmp_path / "mirror", monkeypatch)
    assert contents(hub.find("wavegan_sc09")) == contents(small)
    assert "wavegan_sc09_small takes its place" in capsys.readouterr().err
    with pytest.raises(errors.ZooError, match="found are tiny, wavegan_sc09_s"):
        hub.find("wavgan")


def test_what_is_pinned_and_cached_needs_no_network(served):
    folder = hub.find("tiny@1")
    served.asked.clear()
    assert hub.find("tiny@1") == folder
    assert served.asked == []


def test_offline_what_is_cached_is_used(served, capsys):
    folder = hub.find("tiny")
    served.files.clear()
    capsys.readouterr()
    assert hub.find("tiny") == folder
    told = capsys.readouterr().err
    assert "cannot be read" in told and "answered with 404" in told
    assert len(told.splitlines()) == 1
    with pytest.raises(errors.ZooError, match="other is not on this machine"):
        hub.find("other")


def test_two_mirrors_are_kept_apart(served, tmp_path, monkeypatch):
    first = hub.find("tiny")
    other = make_module(tmp_path / "other", size=77)
    publish.publish(other, tmp_path / "others")
    monkeypatch.setenv("GANSYNTH_ZOO_URL", (tmp_path / "others").as_uri())
    assert contents(hub.find("tiny@1")) == contents(other) != contents(first)


def test_a_download_that_is_cut_off_goes_on(served, module):
    served.cuts[ARCHIVE] = [100_000, 70_000]
    assert contents(hub.find("tiny")) == contents(module)
    # Not a byte is sent twice.
    assert served.sent[ARCHIVE] == len(served.files[ARCHIVE])
    assert served.asked.count(ARCHIVE) == 3


def test_a_manifest_that_is_cut_off_is_no_manifest(served, capsys):
    folder = hub.find("tiny")
    served.cuts["/manifest.json"] = [50]
    assert hub.find("tiny") == folder
    assert "manifest.json was cut off at 50 bytes" in capsys.readouterr().err


def test_a_later_process_goes_on_with_a_download(
    served, module, tmp_path, monkeypatch
):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    served.cuts[ARCHIVE] = [120_000]
    with pytest.raises(errors.ZooError, match="goes on where it stopped"):
        hub.find("tiny")
    digest = hashlib.sha256(served.files[ARCHIVE]).hexdigest()
    assert left_behind(tmp_path) == [f".download-{digest}"]
    assert contents(hub.find("tiny")) == contents(module)
    assert served.sent[ARCHIVE] == len(served.files[ARCHIVE])


@pytest.mark.parametrize("ranges", [False, "wrong", "refused"])
def test_without_ranges_a_download_starts_anew(served, module, ranges):
    served.ranges = ranges
    served.cuts[ARCHIVE] = [120_000]
    assert contents(hub.find("tiny")) == contents(module)
    assert served.sent[ARCHIVE] >= 120_000 + len(served.files[ARCHIVE])


@pytest.mark.parametrize("size", [5, 10**6])
def test_a_damaged_part_of_a_download_is_fetched_anew(
    served, module, tmp_path, size
):
    remote = mirror.configured()
    remote.folder.mkdir(parents=True)
    digest = hashlib.sha256(served.files[ARCHIVE]).hexdigest()
    (remote.folder / f".download-{digest}").write_bytes(b"x" * size)
    assert contents(hub.find("tiny")) == contents(module)
    assert not list(remote.folder.glob(".download-*"))


def test_what_a_killed_process_left_is_removed(served, tmp_path):
    remote = mirror.configured()
    (remote.folder / ".partial-killed" / "variables").mkdir(parents=True)
    folder = hub.find("tiny")
    names = {path.name for path in remote.folder.iterdir()}
    assert names == {"tiny", ".lock"}
    assert remote.folder in folder.parents


def test_processes_at_once_fetch_once(served, module, tmp_path):
    count = 3
    all_know = threading.Barrier(count)

    def before(path):
        if path == "/manifest.json":
            all_know.wait(timeout=60)

    served.before = before
    package = pathlib.Path(mirror.__file__).parent
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FETCH, package],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    results = [process.communicate(timeout=60) for process in processes]
    assert [p.returncode for p in processes] == [0] * count, results
    folders = {out.strip() for out, _ in results}
    assert len(folders) == 1
    assert contents(folders.pop()) == contents(module)
    assert served.asked.count(ARCHIVE) == 1


def test_a_server_that_says_nothing_is_given_up(served, monkeypatch):
    ended = threading.Event()
    served.before = lambda path: ended.wait(60)
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    try:
        with pytest.raises(errors.ZooError, match="timed out"):
            hub.find("tiny")
    finally:
        ended.set()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "not allowed"),
        ("ftp://127.0.0.1:1/a", "leads to"),
    ],
)
def test_a_redirect_is_followed_but_only_to_the_web(
    served, module, tmp_path, url, words
):
    served.files["/elsewhere"] = served.files.pop(ARCHIVE)
    served.redirects[ARCHIVE] = url
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind(tmp_path) == []
    served.redirects[ARCHIVE] = f"{served.url}/elsewhere"
    assert contents(hub.find("tiny")) == contents(module)


def test_a_redirect_never_leads_from_https_to_less():
    handler = download._Redirects()
    request = urllib.request.Request("https://zoo/a")
    for url in ("http://zoo/a", "ftp://zoo/a", "file:///a"):
        answer = io.BytesIO()
        with pytest.raises(urllib.error.URLError, match="leads to"):
            handler.redirect_request(request, answer, 302, "", {}, url)
        assert answer.closed
    followed = handler.redirect_request(
        request, io.BytesIO(), 302, "", {}, "https://bucket/a"
    )
    assert followed.full_url == "https://bucket/a"


def test_a_part_that_nobody_asked_for_is_not_taken(served):
    served.ranges = "unasked"
    with pytest.raises(errors.ZooError, match="answered with a part of it"):
        hub.find("tiny")


def test_an_interrupted_unpacking_keeps_the_download(
    served, module, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module_archives, "unpack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            hub.find("tiny")
    assert contents(hub.find("tiny")) == contents(module)
    assert served.asked.count(ARCHIVE) == 1


def test_too_small_a_disk_is_told_before(served, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(errors.ZooError, match="0.6 MB of room .* 0.5 MB"):
        hub.find("tiny")
    assert ARCHIVE not in served.asked


def test_a_cache_that_cannot_be_written_is_named(served, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mirrors").write_text("a file")
    with pytest.raises(errors.ZooError, match="name another folder with"):
        hub.find("tiny")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/zoo",
        "/a/folder",
        "http://",
        "http://[",
        "file://",
        "https://host/zoo?token=1",
        "https://me:secret@host/zoo",
        "https://:secret@host/zoo",
    ],
)
def test_what_is_no_url_of_a_folder_is_refused(monkeypatch, url):
    monkeypatch.setenv("GANSYNTH_ZOO_URL", url)
    with pytest.raises(errors.ZooError, match="Expected GANSYNTH_ZOO_URL") as e:
        hub.find("tiny")
    assert "secret" not in str(e.value)


def test_the_mirror_lists_what_it_offers(served, capsys):
    title, line = hub.mirror_lines()
    assert served.url in title
    assert line.split() == ["tiny@1", "0.3", "MB,", "CC0"]
    hub.find("tiny")
    assert list(hub.mirror_lines())[1].split() == ["tiny@1", "cached,", "CC0"]
    served.files["/manifest.json"] = b"<html>"
    assert "Expected a manifest" in list(hub.mirror_lines())[1]


def test_without_a_mirror_there_is_nothing_to_list():
    assert list(hub.mirror_lines()) == []


# What a mirror must not be able to do.


def row_of(archive, **changes):
    row = {
        "name": "tiny",
        "version": 1,
        "file": "tiny-1.tar.gz",
        "sha256": hashlib.sha256(archive).hexdigest(),
        "size": len(archive),
        "unpacked_size": 1000,
        "licence": "CC0",
    }
    return {**row, **changes}


def attack(server, monkeypatch, archive, **changes):
    text = json.dumps({"format": 1, "modules": [row_of(archive, **changes)]})
    server.files = {"/manifest.json": text.encode(), ARCHIVE: archive}
    monkeypatch.setenv("GANSYNTH_ZOO_URL", server.url)


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


def test_the_attacks_are_made_of_what_would_load(server, monkeypatch):
    attack(server, monkeypatch, tar_of(GRAPH))
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
    server, tmp_path, monkeypatch, members, words
):
    attack(server, monkeypatch, tar_of(*members))
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def bomb():
    return tar_of(("saved_model.pb", bytes(50_000_000)))


def long_name():
    """A header of 50 MB that a reader of tars would hold in memory."""
    return tar_of(GRAPH, ("n" * 50_000_000, b""), format=tarfile.PAX_FORMAT)


@pytest.mark.parametrize("make", [bomb, long_name])
def test_a_bomb_is_stopped_before_it_goes_off(
    server, tmp_path, monkeypatch, make
):
    read = []
    inner = gzip.GzipFile.read

    def counted(self, size=-1):
        piece = inner(self, size)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    attack(server, monkeypatch, make())
    with pytest.raises(errors.ZooError, match="more than 1,000|no plain file"):
        hub.find("tiny")
    assert sum(read) < 10_000
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda archive: b"not gzip",
        lambda archive: archive[:60],
        lambda archive: gzip.compress(b"not a tar" * 200),
        lambda archive: gzip.compress(gzip.decompress(archive)[:800]),
    ],
)
def test_a_damaged_archive_is_refused(server, tmp_path, monkeypatch, change):
    attack(server, monkeypatch, change(tar_of(GRAPH)))
    with pytest.raises(errors.ZooError, match="is damaged|no module of"):
        hub.find("tiny")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, "has another checksum"),
        ({"size": 10}, "10"),
    ],
)
def test_another_file_than_the_manifest_lists_is_refused(
    server, tmp_path, monkeypatch, tells_length, changes, words
):
    server.tells_length = tells_length
    attack(server, monkeypatch, tar_of(GRAPH), **changes)
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind(tmp_path) == []


def test_a_truncated_archive_is_refused(served, tmp_path):
    served.files[ARCHIVE] = served.files[ARCHIVE][:-1000]
    with pytest.raises(errors.ZooError, match="bytes, not of"):
        hub.find("tiny")
    assert left_behind(tmp_path) == []


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
def test_a_hostile_manifest_is_refused(server, tmp_path, monkeypatch, changes):
    attack(server, monkeypatch, tar_of(GRAPH), **changes)
    field = next(iter(changes))
    with pytest.raises(errors.ZooError, match=f"has {field} .* in row 1"):
        hub.find("tiny")
    assert server.asked == ["/manifest.json"]
    assert left_behind(tmp_path) == []


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
def test_what_is_no_manifest_is_refused(served, tmp_path, content):
    served.files["/manifest.json"] = content
    with pytest.raises(errors.ZooError, match="Expected a manifest"):
        hub.find("tiny")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_huge_manifest_is_not_read(served, tmp_path, tells_length):
    served.tells_length = tells_length
    served.files["/manifest.json"] = b" " * (manifest.MOST_BYTES + 1)
    with pytest.raises(errors.ZooError, match="larger than 4,194,304"):
        hub.find("tiny")
    assert left_behind(tmp_path) == []
