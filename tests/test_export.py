import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tensorflow_hub

from gansynth_zoo import assemble
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.export import module as modules
from gansynth_zoo.export import saved_model

# Runs where nothing of the package can be imported.
LOAD_ALONE = """
import sys
sys.modules["gansynth_zoo"] = None
import numpy, tensorflow_hub
module = tensorflow_hub.load(sys.argv[1])
latents = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], module(latents).numpy())
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from gansynth_zoo import config

    preset = config.replace(
        presets.get("wavegan_drums_small"),
        {
            "dataset": "drums_mini",
            "num_samples": 1024,
            "dim": 4,
            "batch_size": 4,
            "steps": 2,
        },
    )
    run = runs.Run(tmp_path_factory.mktemp("run"))
    training.train(preset, run, report=lambda _: None)
    return run


# As `gansynth_zoo.evaluate` writes it.
REPORT = {
    "reference": "drums_mini",
    "held_out": "test",
    "sound": {"sample_rate": 16000, "num_samples": 1024},
    "count": 100,
    "seed": 0,
    "sources": {
        "drums": {
            "source": "/home/someone/runs/drums",
            "preset": "wavegan_drums_small",
            "step": 2,
            "checkpoint": "newest",
        }
    },
    "classifier": None,
    "dimensions": 4,
    "bins": 5,
    "rows": {"real, test": {"recall": 1.0}, "drums": {"recall": 0.125}},
    "notes": [],
    "versions": {"numpy": "2.0"},
}


@pytest.fixture(scope="module")
def zoo(run, tmp_path_factory):
    """A zoo folder with two versions of one module, the second measured."""
    zoo = tmp_path_factory.mktemp("zoo")
    saved_model.export(run, zoo, "tiny_drums")
    report = tmp_path_factory.mktemp("report") / "report.json"
    report.write_text(json.dumps(REPORT))
    said = {"licence": "CC BY 3.0 (somebody)", "notes": "It is tiny."}
    saved_model.export(run, zoo, "tiny_drums", measures=report, **said)
    return zoo


@pytest.fixture
def module(zoo):
    return hub.load(zoo / "tiny_drums" / "2")


@pytest.fixture
def latents(rng):
    return rng.uniform(-1, 1, (5, 100)).astype(np.float32)


def test_layout_is_what_tf_serving_reads(zoo):
    assert [path.name for path in zoo.iterdir()] == ["tiny_drums"]
    versions = sorted(path.name for path in (zoo / "tiny_drums").iterdir())
    assert versions == ["1", "2"]
    files = {path.name for path in (zoo / "tiny_drums" / "1").iterdir()}
    # TensorFlow leaves out `assets` where there are none, or makes it.
    assert files - {"assets"} == {
        "README.md",
        "assets.extra",
        "fingerprint.pb",
        "metadata.json",
        "saved_model.pb",
        "sounds.png",
        "variables",
    }


def test_the_measures_travel_with_the_module(zoo):
    measures = hub.read_metadata(zoo / "tiny_drums" / "2")["measures"]
    assert measures["rows"] == REPORT["rows"]
    card = (zoo / "tiny_drums" / "2" / "README.md").read_text("utf-8")
    assert "# tiny_drums, version 2\n" in card
    assert "| licence | CC BY 3.0 (somebody) |" in card
    assert "## Notes\n\nIt is tiny." in card
    assert "| recall ↑ | 1 | 0.125 |" in card
    assert "someone" not in card
    card = (zoo / "tiny_drums" / "1" / "README.md").read_text("utf-8")
    assert "None came with the export" in card
    assert "| licence | CC BY 3.0 (Rumpf), public domain" in card


def test_the_picture_is_one_of_eight_sounds(zoo):
    path = zoo / "tiny_drums" / "1" / "sounds.png"
    pixels = tf.io.decode_png(path.read_bytes(), channels=3).numpy()
    columns = np.array_split(pixels[40:-40].astype(int), 8, axis=1)
    # Dark and bright in each: none is missing, no two are the same.
    assert all(np.ptp(column) > 200 for column in columns)
    assert len({column.tobytes() for column in columns}) == 8


def test_a_loaded_module_equals_the_run(run, module, latents):
    ours = saved_model.module_of(run)
    np.testing.assert_array_equal(module(latents), ours(latents))
    np.testing.assert_array_equal(module.generate(3, 7), ours.generate(3, 7))


def test_a_module_loads_without_the_package(zoo, module, latents, tmp_path):
    np.save(tmp_path / "latents.npy", latents)
    subprocess.run(
        [
            sys.executable,
            "-c",
            LOAD_ALONE,
            str(zoo / "tiny_drums" / "2"),
            str(tmp_path / "latents.npy"),
            str(tmp_path / "sounds.npy"),
        ],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    sounds = np.load(tmp_path / "sounds.npy")
    np.testing.assert_array_equal(sounds, module(latents))


def test_sounds_are_numbered_by_their_seed(module):
    whole = module.generate(4, 10)
    assert whole.shape == (4, 1024, 1)
    np.testing.assert_allclose(module.generate(1, 12)[0], whole[2], atol=1e-5)
    served = module.signatures["generate"](seed=tf.constant([12], tf.int64))
    np.testing.assert_allclose(served["waveform"][0], whole[2], atol=1e-5)


def test_sounds_lie_on_the_way_between_seeds(module):
    position = np.array([0.0, 0.25, 1.0, 7.0], np.float32)
    sounds = module.interpolate([10], [12], position)
    ends = module.latents([10, 12]).numpy()
    inside = np.minimum(position, 1)[:, np.newaxis]
    expected = module((1 - inside) * ends[0] + inside * ends[1])
    np.testing.assert_allclose(sounds, expected, atol=1e-5)
    np.testing.assert_allclose(sounds[0], module.generate(1, 10)[0], atol=1e-5)
    served = module.signatures["interpolate"](
        start=tf.constant([3, 10], tf.int64),
        end=tf.constant([4, 12], tf.int64),
        position=tf.constant([0.9, 0.25]),
    )
    np.testing.assert_allclose(served["waveform"][1], sounds[1], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 64])
def test_a_row_is_the_same_in_any_batch(module, rng, count):
    latents = rng.uniform(-1, 1, (count, 100)).astype(np.float32)
    served = module.signatures["serving_default"](latents=latents)["waveform"]
    alone = module(latents[-1:])
    np.testing.assert_allclose(served[-1], alone[0], atol=1e-5)


def test_wav_bytes_decode_to_the_sound(module, tmp_path):
    seed = tf.constant([3, 5], tf.int64)
    wavs = module.signatures["generate_wav"](seed=seed)["wav_bytes"]
    sounds = module.signatures["generate"](seed=seed)["waveform"]
    for wav, sound in zip(wavs.numpy(), sounds.numpy(), strict=True):
        (tmp_path / "sound.wav").write_bytes(wav)
        decoded, rate = soundfile.read(tmp_path / "sound.wav", always_2d=True)
        assert rate == 16000
        np.testing.assert_allclose(decoded, sound, atol=1.1 / 32768)


def test_a_wav_is_quieter_rather_than_clipped(monkeypatch):
    # The generator ends with tanh: what is too loud is made up.
    loud = tf.constant([[[2.0], [-1.0], [0.5]]])
    monkeypatch.setattr(modules.GeneratorModule, "_of_seeds", lambda *_: loud)
    ours = modules.GeneratorModule.__new__(modules.GeneratorModule)
    ours._metadata = json.dumps({"sample_rate": 8000})
    wav = ours.serve_wav(tf.constant([0], tf.int64))["wav_bytes"][0]
    decoded, _ = tf.audio.decode_wav(wav)
    np.testing.assert_allclose(decoded[:, 0], [1, -0.5, 0.25], atol=1e-4)


def test_every_served_tensor_has_a_batch_dimension(module):
    for signature in module.signatures.values():
        inputs = list(signature.structured_input_signature[1].values())
        outputs = list(signature.structured_outputs.values())
        assert all(spec.shape[0] is None for spec in inputs + outputs)


def operations_of(folder):
    """Names of the operations in the graphs of a module."""
    saved = tf.saved_model.load(str(folder))
    return {
        node.op
        for signature in saved.signatures.values()
        for function in signature.graph.as_graph_def().library.function
        for node in function.node_def
    }


def test_the_graph_holds_core_operations_alone(zoo):
    operations = operations_of(zoo / "tiny_drums" / "1")
    assert operations
    assert not operations & {"PyFunc", "EagerPyFunc", "PyFuncStateless"}
    assert not any(op.startswith("IO>") for op in operations)


def test_metadata_travel_inside_and_beside_the_module(zoo, module):
    inside = json.loads(module.metadata().numpy())
    assert inside == hub.read_metadata(zoo / "tiny_drums" / "2")
    assert (inside["name"], inside["version"]) == ("tiny_drums", 2)
    assert inside["sample_rate"] == 16000
    assert (inside["latent_size"], inside["latent_prior"]) == (100, "uniform")
    assert inside["preset"] == "wavegan_drums_small"
    assert inside["step"] == 2
    assert "CC BY 3.0" in inside["data"]["licence"]
    assert inside["versions"]["tensorflow"] == tf.__version__


def test_a_run_without_checkpoint_is_refused(tmp_path, tiny):
    run = runs.Run(tmp_path)
    run.write_preset(tiny())
    with pytest.raises(errors.ZooError, match="has none; go on with"):
        saved_model.export(run, tmp_path / "zoo")
    assert not list((tmp_path / "zoo").glob("*"))


def test_a_name_that_is_no_name_is_refused(run, tmp_path):
    with pytest.raises(errors.ZooError, match="'../up'"):
        saved_model.export(run, tmp_path, "../up")


@pytest.fixture(scope="module")
def normed(tmp_path_factory):
    """A run with batch norm and the other options, in stereo."""
    from gansynth_zoo import config

    preset = dataclasses.replace(
        presets.get("wavegan_drums"), recipe=presets.get_recipe("lsgan")
    )
    preset = config.replace(
        preset,
        {
            "dataset": "drums_mini",
            "num_samples": 256,
            "channels": 2,
            "dim": 2,
            "batch_size": 4,
            "n_critic": 1,
            "steps": 2,
            "upsample": "nearest",
            "batch_norm": True,
            "post_filter_length": 31,
        },
    )
    run = runs.Run(tmp_path_factory.mktemp("normed"))
    training.train(preset, run, report=lambda _: None)
    return run


def test_batch_norm_goes_by_its_averages_in_a_module(normed, tmp_path, rng):
    folder = saved_model.export(normed, tmp_path, "normed")
    module = hub.load(folder)
    latents = rng.uniform(-1, 1, (64, 100)).astype(np.float32)
    sounds = module(latents)
    assert sounds.shape == (64, 256, 2)
    np.testing.assert_allclose(module(latents[7:8])[0], sounds[7], atol=1e-5)
    gan = assemble.make_gan(normed.read_preset())
    normed.restore(gan)
    labels = np.zeros(64, np.int32)
    ours = gan.average(latents, labels, training=False)
    np.testing.assert_allclose(sounds, ours, atol=1e-5)
    # What is exported is neither the generator nor the batch's statistics.
    for other in (
        gan.generator(latents, labels),
        gan.average(latents, labels, training=True),
    ):
        assert not np.allclose(sounds, other, atol=1e-4)
    operations = operations_of(folder)
    assert operations & {"Conv2D"} and operations & {"Conv2DBackpropInput"}
    assert not operations & {"PyFunc", "EagerPyFunc", "PyFuncStateless"}


@pytest.fixture
def as_zoo(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(zoo))
    monkeypatch.setattr(hub, "SHIPPED", tmp_path / "none")
    return zoo


@pytest.mark.parametrize(
    ("handle", "version"), [("tiny_drums", 2), ("tiny_drums@1", 1)]
)
def test_hub_loads_by_name(as_zoo, latents, handle, version):
    loaded = tensorflow_hub.load(handle)
    assert json.loads(loaded.metadata().numpy())["version"] == version
    np.testing.assert_array_equal(loaded(latents), hub.load(handle)(latents))
    folder = as_zoo / "tiny_drums" / str(version)
    assert tensorflow_hub.resolve(handle) == str(folder)


def test_hub_loads_by_path(zoo, latents):
    newest = hub.load(zoo / "tiny_drums" / "2")(latents)
    unversioned = hub.load(zoo / "tiny_drums")(latents)
    np.testing.assert_array_equal(newest, unversioned)
    by_hub = tensorflow_hub.load(str(zoo / "tiny_drums" / "2"))(latents)
    np.testing.assert_array_equal(newest, by_hub)


def test_the_small_module_takes_the_place_of_a_missing_one(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(tmp_path))
    saved_model.export(run)
    folder = hub.find("wavegan_drums")
    assert folder == tmp_path / "wavegan_drums_small" / "1"
    assert "wavegan_drums_small takes its place" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("wavegan_piano", "not exported yet; make it with"),
        ("wavgan", "Unknown module 'wavgan': found are tiny_drums"),
        ("tiny_drums@7", "no version 7; found are 1, 2"),
        ("no/such/folder", "no saved_model.pb is found"),
    ],
)
def test_a_module_that_is_not_there_says_what_to_do(as_zoo, handle, words):
    with pytest.raises(errors.ZooError, match=words):
        hub.find(handle)


def test_hub_itself_gives_our_words_for_an_unknown_name(as_zoo):
    with pytest.raises(errors.ZooError, match="Unknown module 'wavgan'"):
        tensorflow_hub.load("wavgan")


def test_registering_twice_is_registering_once():
    from tensorflow_hub import registry

    before = len(registry.resolver._impls)
    hub.register()
    assert len(registry.resolver._impls) == before


def test_the_cache_folder_may_be_moved(monkeypatch, tmp_path):
    from gansynth_zoo import storage

    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path))
    assert storage.zoo_folder() == tmp_path / "modules"
    monkeypatch.delenv("GANSYNTH_ZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert storage.cache_folder() == tmp_path / "gansynth_zoo"
    assert os.fspath(storage.cache_folder())
