"""What all tests share: a cache of their own, tiny presets, real sounds."""

import contextlib
import functools
import http.client
import json
import os
import pathlib
import socket
import threading

# Before TensorFlow is imported, and for the processes that tests start.
os.environ.pop("GANSYNTH_ZOO_DIR", None)
os.environ.pop("GANSYNTH_ZOO_URL", None)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import audio_files
from gansynth_zoo import config
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import training

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

TINY = {
    "dataset": "drums_mini",
    "num_samples": 256,
    "dim": 4,
    "batch_size": 4,
    "n_critic": 1,
    "steps": 2,
}
# Of a representation, what makes its pictures small.
TINY_PICTURES = {
    "log_spectrogram": {"fft_length": 32, "hop": 8},
    "stft_features": {"fft_length": 64, "hop": 16},
    "instantaneous_frequency": {"fft_length": 32, "hop": 8},
}
# Of a model, what makes its networks small, and has them grow soon.
TINY_NETWORKS = {
    "gansynth": {
        "blocks": 3,
        "max_dim": 8,
        "group_size": 2,
        "stable_examples": 4,
        "transition_examples": 8,
    }
}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache folder of these tests alone, and of processes they start."""
    os.environ["GANSYNTH_ZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny():
    """Function: preset name and changes -> the preset, small enough to run."""

    def make(name="wavegan_drums_small", **changes):
        preset = presets.get(name)
        picture = TINY_PICTURES.get(preset.representation.name, {})
        networks = TINY_NETWORKS.get(preset.model.name, {})
        return config.replace(
            preset, {**TINY, **picture, **networks, **changes}
        )

    return make


@pytest.fixture(scope="session")
def sgd():
    """Function: preset and learning rate -> trained by plain descent."""

    def make(preset, rate=1e-3):
        changes = {
            "optimizer": "sgd",
            "discriminator_learning_rate": rate,
            "generator_learning_rate": rate,
        }
        return config.replace(preset, changes)

    return make


@pytest.fixture(scope="session")
def two_devices():
    # One for all tests: TensorFlow numbers the collectives of each strategy
    # from the start, and takes those of a second one for those of the first.
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def pitched(tiny, tmp_path_factory):
    """A run of two steps on tones, whose folders are named by pitches.

    One sound lies beside the folders and has no label.
    """
    folder = tmp_path_factory.mktemp("pitched")
    time = np.arange(512) / 16000
    for name in ("60/a", "60/b", "62/a", "64/a", "64/b", "64/c", "beside"):
        pitch = int(name[:2]) if name[:2].isdecimal() else 50
        tone = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        path = folder / "sounds" / f"{name}.wav"
        audio_files.write(path, tone[:, np.newaxis].astype("f4"), 16000)
    run = runs.Run(folder / "run")
    training.train(
        tiny(
            "wavegan_sc09_labels_small",
            dataset="",
            audio_dir=str(folder / "sounds"),
        ),
        run,
        report=lambda _: None,
    )
    return run


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def archives():
    """Folder of the audio archives."""
    named = os.environ.get("GANSYNTH_ZOO_ARCHIVES")
    if not named:
        pytest.skip("GANSYNTH_ZOO_ARCHIVES does not name the archives' folder")
    folder = pathlib.Path(named)
    assert folder.is_dir(), f"GANSYNTH_ZOO_ARCHIVES={named} is not a folder"
    return folder


class Answer:
    """What a server answers: status, headers and content."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.content = response.read()

    @property
    def json(self):
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.content, parse_constant=pytest.fail)

    @property
    def error(self):
        assert list(self.json) == ["error"]
        return self.json["error"]


def ask_at(address, method, path, body=None, **headers):
    if body is not None and not isinstance(body, str | bytes):
        body = json.dumps(body)
    connection = http.client.HTTPConnection(*address, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())


@pytest.fixture(scope="session")
def serving():
    """Context of an application that is served; gives a function that asks."""
    # The environment of tensorflow-io is without it.
    import uvicorn

    @contextlib.contextmanager
    def serve(app):
        config = uvicorn.Config(app, http="h11", log_level="error")
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            try:
                yield functools.partial(ask_at, listening.getsockname())
            finally:
                server.should_exit = True
                thread.join()

    return serve
