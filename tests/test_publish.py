"""A mirror written, and a real module loaded from it."""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest
import tensorflow_hub

from gansynth_zoo import assemble
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import manifest
from gansynth_zoo import runs
from gansynth_zoo import storage
from gansynth_zoo.export import publish
from gansynth_zoo.export import saved_model


def make_module(folder, version=1, graph=b"graph", **more):
    """What looks like a module."""
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    (folder / "saved_model.pb").write_bytes(graph)
    facts = {"name": "tiny", "version": version, "data": {"licence": "CC0"}}
    (folder / "metadata.json").write_text(json.dumps({**facts, **more}))
    return folder


@pytest.fixture
def module(tmp_path):
    return make_module(tmp_path / "made")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def versions(folder):
    rows = json.loads((folder / "manifest.json").read_text())["modules"]
    return [(row["name"], row["version"]) for row in rows]


def test_the_manifest_describes_the_archive(module, tmp_path):
    out = tmp_path / "mirror"
    publish.publish(module, out, "CC BY 4.0,\nask first")
    assert names(out) == [".lock", "manifest.json", "tiny-1.tar.gz"]
    archive = (out / "tiny-1.tar.gz").read_bytes()
    metadata = (module / "metadata.json").stat().st_size
    assert json.loads((out / "manifest.json").read_text()) == {
        "format": 1,
        "modules": [
            {
                "name": "tiny",
                "version": 1,
                "file": "tiny-1.tar.gz",
                "sha256": hashlib.sha256(archive).hexdigest(),
                "size": len(archive),
                "unpacked_size": 10 + metadata,
                "licence": "CC BY 4.0, ask first",
            }
        ],
    }
    with tarfile.open(out / "tiny-1.tar.gz") as read:
        assert read.getnames() == [
            "metadata.json",
            "saved_model.pb",
            "variables",
            "variables/variables.index",
        ]
        assert read.extractfile("saved_model.pb").read() == b"graph"


def test_an_archive_is_of_the_same_bytes_whenever_it_is_made(
    module, tmp_path, monkeypatch
):
    publish.publish(module, tmp_path / "one")
    os.utime(module / "saved_model.pb", (1, 1))
    (module / "saved_model.pb").chmod(0o600)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    publish.publish(module, tmp_path / "other")
    assert (tmp_path / "one" / "tiny-1.tar.gz").read_bytes() == (
        tmp_path / "other" / "tiny-1.tar.gz"
    ).read_bytes()


def test_publishing_again_adds_versions(module, tmp_path):
    out = tmp_path / "mirror"
    publish.publish(make_module(tmp_path / "ten", 10), out)
    publish.publish(make_module(tmp_path / "two", 2), out)
    publish.publish(module, out)
    publish.publish(module, out)
    assert versions(out) == [("tiny", 1), ("tiny", 2), ("tiny", 10)]


def test_a_version_does_not_change(module, tmp_path):
    out = tmp_path / "mirror"
    publish.publish(module, out)
    before = {name: (out / name).read_bytes() for name in names(out)}
    other = make_module(tmp_path / "other", graph=b"GRAPH")
    with pytest.raises(errors.ZooError, match="tiny@1, which was published"):
        publish.publish(other, out)
    assert {name: (out / name).read_bytes() for name in names(out)} == before


def test_what_is_not_published_to_the_end_is_not_listed(
    module, tmp_path, monkeypatch
):
    out = tmp_path / "mirror"
    publish.publish(make_module(tmp_path / "two", 2), out)

    def full(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "write_text", full)
        with pytest.raises(OSError, match="disk full"):
            publish.publish(module, out)
    assert versions(out) == [("tiny", 2)]
    publish.publish(module, out)
    assert versions(out) == [("tiny", 1), ("tiny", 2)]


def test_a_damaged_manifest_is_not_written_over(module, tmp_path):
    out = tmp_path / "mirror"
    out.mkdir()
    (out / manifest.FILE).write_text('{"format": 1, "mod')
    with pytest.raises(errors.ZooError, match="manifest.json, which is none"):
        publish.publish(module, out)
    assert (out / manifest.FILE).read_text() == '{"format": 1, "mod'


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"data": None}, "give --licence"),
        ({"data": {"licence": "unknown"}}, "give --licence"),
        ({"name": "../up"}, "of name '../up'"),
        ({"name": 3}, "of name 3"),
        ({"version": "1"}, "of version '1'"),
        ({"data": {"licence": "x" * 1001}}, "of licence 'x"),
    ],
)
def test_what_cannot_be_listed_is_refused(tmp_path, facts, words):
    module = make_module(tmp_path / "made", **facts)
    with pytest.raises(errors.ZooError, match=words):
        publish.publish(module, tmp_path / "mirror")
    left = tmp_path / "mirror"
    assert not left.exists() or names(left) == [".lock"]


def add_link(module):
    (module / "link").symlink_to("/etc/passwd")


def add_folder_link(module):
    (module / "link").symlink_to("/etc", target_is_directory=True)


def add_strange_name(module):
    (module / "a b").write_text("")


def add_long_name(module):
    (module / ("n" * 101)).write_text("")


def add_too_many(module):
    for number in range(1000):
        (module / f"f{number}").write_text("")


def remove_graph(module):
    (module / "saved_model.pb").unlink()


def remove_metadata(module):
    (module / "metadata.json").unlink()


def damage_metadata(module):
    (module / "metadata.json").write_text("[")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add_link, "'link', which is no plain file"),
        (add_folder_link, "'link', which is no plain file"),
        (add_strange_name, "'a b', and names are"),
        (add_long_name, "of 100 bytes at most"),
        (add_too_many, "over 1,000 files"),
        (remove_graph, "no saved_model.pb"),
        (remove_metadata, "export it again"),
        (damage_metadata, "export it again"),
    ],
)
def test_what_would_not_be_fetched_is_not_published(
    module, tmp_path, change, words
):
    change(module)
    with pytest.raises(errors.ZooError, match=words):
        publish.publish(module, tmp_path / "mirror")
    left = tmp_path / "mirror"
    assert not left.exists() or names(left) == [".lock"]


@contextlib.contextmanager
def serving(folder):
    """The web server that comes with Python, on loopback."""
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=folder
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_published_module_is_loaded_by_name(tiny, tmp_path, monkeypatch, rng):
    run = runs.Run(tmp_path / "run")
    gan = assemble.make_gan(tiny())
    gan.step.assign(1)
    run.write_preset(tiny())
    run.write_data({"licence": "CC0"})
    run.save(gan, keep=1)
    folder = saved_model.export(run, tmp_path / "zoo", "tiny_drums")
    mirror = tmp_path / "mirror"
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.export.publish",
            f"--module={folder}",
            f"--out={mirror}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "Published tiny_drums@1" in result.stdout
    assert f"GANSYNTH_ZOO_URL={mirror.as_uri()}" in result.stdout
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    with serving(mirror) as url:
        monkeypatch.setenv("GANSYNTH_ZOO_URL", url)
        module = tensorflow_hub.load("tiny_drums")
        # Without this package, tensorflow-hub unpacks the archive itself.
        monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
        archive = f"{url}/tiny_drums-1.tar.gz?tf-hub-format=compressed"
        unpacked = tensorflow_hub.load(archive)
    assert hub.find("tiny_drums@1").is_relative_to(tmp_path / "cache")
    latents = rng.uniform(-1, 1, (3, 100)).astype(np.float32)
    expected = hub.load(folder)(latents)
    np.testing.assert_array_equal(module(latents), expected)
    np.testing.assert_array_equal(unpacked(latents), expected)
