"""Exported spectrogram models: they find their own phase, and return sound."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.export import saved_model

# Runs where nothing of the package can be imported.
LOAD_ALONE = """
import sys
sys.modules["gansynth_zoo"] = None
import numpy, tensorflow
module = tensorflow.saved_model.load(sys.argv[1])
latents = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], module(latents).numpy())
"""
MODELS = {
    "specgan_drums_small": {},
    "tifgan_sc09_small": {},
    "tifgan_sc09_mtf_small": {"phase_from": "derivatives"},
}


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    """The exported module of a run of two steps."""
    from gansynth_zoo import config
    from gansynth_zoo import presets

    settings = {
        "dataset": "drums_mini",
        "num_samples": 4096,
        "dim": 4,
        "batch_size": 4,
        "steps": 2,
        **MODELS[request.param],
    }
    run = runs.Run(tmp_path_factory.mktemp("run"))
    training.train(
        config.replace(presets.get(request.param), settings),
        run,
        report=lambda _: None,
    )
    return saved_model.export(run, tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def module(folder):
    return hub.load(folder)


def convergence_db(sound, other):
    a, b = (
        np.abs(scipy.signal.stft(x[:, 0], nperseg=512, noverlap=384)[2])
        for x in (sound, other)
    )
    return 20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(a) + 1e-9)


def test_it_plays_the_same_without_the_package(folder, module, tmp_path):
    latents = module.latents(tf.range(3, dtype=tf.int64)).numpy()
    np.save(tmp_path / "latents.npy", latents)
    sounds = tmp_path / "sounds.npy"
    arguments = [str(folder), str(tmp_path / "latents.npy"), str(sounds)]
    subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, *arguments],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    np.testing.assert_array_equal(np.load(sounds), module(latents))


def test_a_sound_does_not_depend_on_its_batch(module):
    latents = module.latents(tf.range(16, dtype=tf.int64))
    for count in (1, 2, 16):
        batch = latents[16 - count :]
        np.testing.assert_allclose(
            module.features(batch)[-1],
            module.features(latents[-1:])[0],
            atol=1e-5,
        )
        sound, alone = module(batch)[-1], module(latents[-1:])[0]
        assert convergence_db(alone.numpy(), sound.numpy()) < -36


def test_latents_of_tifgan_are_truncated(folder, module):
    latents = module.latents(tf.range(200, dtype=tf.int64)).numpy()
    truncation = hub.read_metadata(folder)["latent_truncation"]
    if truncation is None:
        assert np.abs(latents).max() <= 1.0  # uniform
    else:
        assert truncation == 2.5
        assert 2.0 < np.abs(latents).max() <= 2.5


def test_the_graph_holds_core_operations_alone(folder):
    saved = tf.saved_model.load(str(folder))
    graph = saved.signatures["serving_default"].graph.as_graph_def()
    operations = {node.op for node in graph.node} | {
        node.op for f in graph.library.function for node in f.node_def
    }
    assert "IRFFT" in operations
    assert not operations & {"PyFunc", "EagerPyFunc", "PyFuncStateless"}
    assert not any(name.startswith("IO>") for name in operations)
