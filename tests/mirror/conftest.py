"""A mirror over loopback, and a machine that has nothing of it yet."""

import collections
import contextlib
import http.server
import json
import pathlib
import re
import threading

import numpy as np
import pytest

from gansynth_zoo import hub
from gansynth_zoo.export import publish


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


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without modules, whose network is loopback alone."""
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANSYNTH_ZOO_URL", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(hub, "SHIPPED", tmp_path / "none")


@pytest.fixture
def server(monkeypatch):
    """A web server that is the mirror; `files` has path -> bytes.

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
    monkeypatch.setenv("GANSYNTH_ZOO_URL", server.url)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def make_module():
    """Function: folder, name, version, bytes -> what looks like a module."""

    def make(folder, name="tiny", version=1, size=300_000):
        variables = folder / "variables" / "variables.data-00000-of-00001"
        variables.parent.mkdir(parents=True)
        content = np.random.default_rng([version, size]).bytes(size)
        variables.write_bytes(content)
        (folder / "saved_model.pb").write_bytes(b"graph")
        facts = {"name": name, "version": version, "data": {"licence": "CC0"}}
        (folder / "metadata.json").write_text(json.dumps(facts))
        return folder

    return make


@pytest.fixture
def module(make_module, tmp_path):
    return make_module(tmp_path / "made")


@pytest.fixture(scope="session")
def contents():
    """Function: folder -> name -> bytes of all files below it."""

    def read(folder):
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in pathlib.Path(folder).rglob("*")
            if path.is_file()
        }

    return read


@pytest.fixture
def left_behind(tmp_path):
    """Function: names of all that the cache holds but the lock."""

    def names():
        cached = (tmp_path / "cache" / "mirrors").glob("*/**/*")
        return sorted(path.name for path in cached if path.name != ".lock")

    return names


@pytest.fixture
def offer(server, contents, tmp_path):
    """Function: publishes a module on the server, beside those before."""

    def publish_on_server(folder):
        publish.publish(folder, tmp_path / "mirror")
        published = contents(tmp_path / "mirror")
        server.files = {f"/{name}": c for name, c in published.items()}

    return publish_on_server


@pytest.fixture
def served(server, module, offer):
    """The server, with `module` on it."""
    offer(module)
    return server
