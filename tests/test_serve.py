"""The local server as a user starts it, asked by the client and by others."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
from concurrent import futures
from unittest import mock

import numpy as np
import pytest
import soundfile
from absl import flags

from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo.export import client as clients
from gansynth_zoo.export import saved_model
from gansynth_zoo.export import serve

# As in test_benchmarks.py.
CHECKOUT = str(pathlib.Path(__file__).parents[1])
with mock.patch.object(sys, "path", [CHECKOUT, *sys.path]):
    from benchmarks import serving_load


@pytest.fixture(scope="module")
def tones(pitched, tmp_path_factory):
    """The folder of an exported module whose labels are 60, 62 and 64."""
    return saved_model.export(pitched, tmp_path_factory.mktemp("zoo"), "tones")


@pytest.fixture(scope="module")
def started(tones):
    """Process and port of a server that a user started, and then ends."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.export.serve",
            f"--source={tones}",
            "--port=0",
            "--body_seconds=0.5",
            "--body_bytes=100000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    assert first.startswith("Serving version 1 on http://127.0.0.1:"), first
    assert "in production, take TF Serving" in process.stdout.readline()
    yield process, int(first.rpartition("/v1")[0].rpartition(":")[2])
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said


@pytest.fixture
def served(started):
    """The server's address."""
    return "127.0.0.1", started[1]


def test_the_client_writes_the_sounds_of_the_module(served, tones, tmp_path):
    url = "http://{}:{}".format(*served)
    values = flags.FlagValues()
    clients.define_flags(values)
    values(
        [
            "client",
            f"--url={url}",
            "--model=tones",
            "--labels=64,60",
            "--count=9",
            "--seed=3",
            f"--out={tmp_path}",
        ]
    )
    clients.main(values)
    module = hub.load(tones)
    assert len(list(tmp_path.iterdir())) == 18
    for label in ("64", "60"):
        sounds = module.generate(9, 3, [label]).numpy()
        for seed, sound in enumerate(sounds, 3):
            file = tmp_path / f"{label}_{seed:06d}.wav"
            decoded, rate = soundfile.read(file, always_2d=True)
            assert rate == 16000
            np.testing.assert_allclose(decoded, sound, atol=1.1 / 32768)


def test_requests_at_the_same_time(served, tones):
    client = clients.connect("http://{}:{}".format(*served), "tones")
    module = hub.load(tones)
    expected = module.generate(24, 0, ["62"]).numpy()

    def ask(seed):
        inputs = {"seed": [seed, seed + 1], "label": ["62", "62"]}
        return client.predict("generate", inputs)["waveform"]

    with futures.ThreadPoolExecutor(12) as pool:
        for seed, sounds in enumerate(pool.map(ask, range(23))):
            assert sounds.dtype == np.float32
            np.testing.assert_allclose(
                sounds, expected[seed : seed + 2], atol=1e-5
            )


def test_a_label_that_is_unknown_is_named(served):
    client = clients.connect("http://{}:{}".format(*served), "tones")
    with pytest.raises(errors.ZooError, match="labels out of 60, 62, 64, rec"):
        client.predict("generate", {"seed": [1], "label": ["61"]})


def is_well(served):
    """Whether the server answers somebody else."""
    client = clients.connect("http://{}:{}".format(*served), "tones")
    return "generate" in client.metadata()


def head(length):
    return (
        "POST /v1/models/tones:predict HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def test_a_slow_client_is_not_waited_for(served):
    with socket.create_connection(served, timeout=30) as slow:
        slow.sendall(head(100))
        # Others are answered meanwhile.
        assert is_well(served)
        slow.sendall(b"{")
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"within 0.5 s" in answer


def test_a_huge_request_is_refused_and_its_sender_hears_why(served):
    size = 50_000_000
    with socket.create_connection(served, timeout=30) as huge:
        huge.sendall(head(size))
        for _ in range(size // 10**6):
            huge.sendall(b" " * 10**6)
        assert huge.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert is_well(served)


def test_a_client_that_leaves_is_no_harm(served):
    for sent in (b"POST /v1", head(100), head(100) + b"{"):
        with socket.create_connection(served, timeout=30) as leaving:
            leaving.sendall(sent)
    assert is_well(served)


def test_load_is_measured(started, monkeypatch, capsys):
    process, port = started
    there = process, f"http://127.0.0.1:{port}", "tones"
    monkeypatch.setattr(
        serving_load, "_server", lambda _: contextlib.nullcontext(there)
    )
    values = flags.FlagValues()
    serving_load.define_flags(values)
    values(["load", "--source=tones", "--requests=4", "--memory_requests=4"])
    assert serving_load.main(values) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["1", "8", "32"]
    # A process with TensorFlow.
    assert all(float(line.split()[-1]) > 100 for line in lines[6:])
    assert len(lines) == 11


def refusal(*arguments):
    values = flags.FlagValues()
    serve.define_flags(values)
    values(["serve", "--source=nowhere/module", *arguments])
    with pytest.raises(errors.ZooError) as error:
        serve.main(values)
    return str(error.value)


@pytest.fixture
def handlers(monkeypatch):
    """Signals are left as they are."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def test_a_port_that_is_taken_is_said(handlers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"received 127.0.0.1 and port {port}" in refusal(
            f"--port={port}"
        )


def test_a_module_or_a_limit_that_is_wrong(handlers):
    assert "no saved_model.pb is found" in refusal("--port=0")
    assert "rows to be at least 1, received 0" in refusal("--rows=0")


def test_without_its_packages_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'gansynth_zoo[serve]'" in refusal()
