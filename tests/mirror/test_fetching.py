"""Modules fetched from a mirror: over loopback, and from a folder."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from gansynth_zoo import download
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import mirror
from gansynth_zoo import module_archives
from gansynth_zoo import progress
from gansynth_zoo.export import publish

ARCHIVE = "/tiny-1.tar.gz"
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


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_module_is_fetched_whole(
    served, module, contents, tmp_path, capsys, ranges, tells_length
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


def test_a_folder_is_a_mirror_too(module, contents, tmp_path, monkeypatch):
    publish.publish(module, tmp_path / "a mirror")
    url = (tmp_path / "a mirror").as_uri()
    monkeypatch.setenv("GANSYNTH_ZOO_URL", url + "/")
    assert contents(hub.find("tiny")) == contents(module)


def test_the_own_folder_comes_first(served, make_module, tmp_path, monkeypatch):
    own = make_module(tmp_path / "zoo" / "tiny" / "1", size=10)
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(tmp_path / "zoo"))
    assert hub.find("tiny") == own
    assert served.asked == []


def test_the_newest_version_of_a_mirror_is_taken(
    served, make_module, offer, contents, tmp_path
):
    first = hub.find("tiny")
    newer = make_module(tmp_path / "newer", version=10)
    offer(newer)
    assert contents(hub.find("tiny")) == contents(newer)
    assert hub.find("tiny@1") == first
    with pytest.raises(errors.ZooError, match="no version 3; found are 1, 10"):
        hub.find("tiny@3")


def test_the_small_module_of_a_mirror_takes_the_place_of_a_missing_one(
    served, make_module, offer, contents, tmp_path, capsys
):
    small = make_module(tmp_path / "small", "wavegan_sc09_small")
    offer(small)
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


def test_two_mirrors_are_kept_apart(
    served, make_module, contents, tmp_path, monkeypatch
):
    first = hub.find("tiny")
    other = make_module(tmp_path / "other", size=77)
    publish.publish(other, tmp_path / "others")
    monkeypatch.setenv("GANSYNTH_ZOO_URL", (tmp_path / "others").as_uri())
    assert contents(hub.find("tiny@1")) == contents(other) != contents(first)


def test_a_download_that_is_cut_off_goes_on(served, module, contents):
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
    served, module, contents, left_behind, monkeypatch
):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    served.cuts[ARCHIVE] = [120_000]
    with pytest.raises(errors.ZooError, match="goes on where it stopped"):
        hub.find("tiny")
    digest = hashlib.sha256(served.files[ARCHIVE]).hexdigest()
    assert left_behind() == [f".download-{digest}"]
    assert contents(hub.find("tiny")) == contents(module)
    assert served.sent[ARCHIVE] == len(served.files[ARCHIVE])


@pytest.mark.parametrize("ranges", [False, "wrong", "refused"])
def test_without_ranges_a_download_starts_anew(
    served, module, contents, ranges
):
    served.ranges = ranges
    served.cuts[ARCHIVE] = [120_000]
    assert contents(hub.find("tiny")) == contents(module)
    assert served.sent[ARCHIVE] >= 120_000 + len(served.files[ARCHIVE])


@pytest.mark.parametrize("size", [5, 10**6])
def test_a_damaged_part_of_a_download_is_fetched_anew(
    served, module, contents, size
):
    remote = mirror.configured()
    remote.folder.mkdir(parents=True)
    digest = hashlib.sha256(served.files[ARCHIVE]).hexdigest()
    (remote.folder / f".download-{digest}").write_bytes(b"x" * size)
    assert contents(hub.find("tiny")) == contents(module)
    assert not list(remote.folder.glob(".download-*"))


def test_what_a_killed_process_left_is_removed(served):
    remote = mirror.configured()
    (remote.folder / ".partial-killed" / "variables").mkdir(parents=True)
    folder = hub.find("tiny")
    names = {path.name for path in remote.folder.iterdir()}
    assert names == {"tiny", ".lock"}
    assert remote.folder in folder.parents


def test_processes_at_once_fetch_once(served, module, contents):
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
    served, module, contents, left_behind, url, words
):
    served.files["/elsewhere"] = served.files.pop(ARCHIVE)
    served.redirects[ARCHIVE] = url
    with pytest.raises(errors.ZooError, match=words):
        hub.find("tiny")
    assert left_behind() == []
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
    served, module, contents, monkeypatch
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


def test_the_mirror_lists_what_it_offers(served):
    title, line = hub.mirror_lines()
    assert served.url in title
    assert line.split() == ["tiny@1", "0.3", "MB,", "CC0"]
    hub.find("tiny")
    assert list(hub.mirror_lines())[1].split() == ["tiny@1", "cached,", "CC0"]
    served.files["/manifest.json"] = b"<html>"
    assert "Expected a manifest" in list(hub.mirror_lines())[1]


def test_without_a_mirror_there_is_nothing_to_list():
    assert list(hub.mirror_lines()) == []
