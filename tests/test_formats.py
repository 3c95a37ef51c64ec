"""Modules in other formats: what is written makes what the module makes."""

import dataclasses
import importlib.util
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo.export import formats
from gansynth_zoo.export import saved_model

MODELS = {
    "wavegan": "wavegan_drums_small",
    "tifgan": "tifgan_sc09_small",
    "gansynth": "gansynth_nsynth_small",
}
PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "tfjs": ("tensorflowjs",)}
# As shares of the root mean square of what is made.
LARGEST_ERRORS = {"tflite": 1e-2, "tflite_dynamic": 0.1, "onnx": 1e-4}


def need(name):
    """Skips a test of a format whose packages are not installed."""
    for package in PACKAGES.get(name, ()):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package}, of the extra {name}, is not installed")


@pytest.fixture(scope="module")
def modules(tiny, tmp_path_factory):
    """Function: model -> folder of a module of random weights."""
    root, made = tmp_path_factory.mktemp("zoo"), {}

    def make(model):
        if model not in made:
            run = runs.Run(root / "runs" / model)
            preset = tiny(MODELS[model])
            if model == "gansynth":
                preset = dataclasses.replace(
                    preset,
                    model=dataclasses.replace(
                        preset.model,
                        label_names=("60", "62"),
                        label_counts=(1, 1),
                    ),
                    representation=dataclasses.replace(
                        preset.representation, highest=2.0
                    ),
                )
            run.write_preset(preset)
            run.write_data({})
            gan = assemble.make_gan(run.read_preset())
            gan.step.assign(2)
            run.save(gan, keep=1)
            made[model] = saved_model.export(run, root / "zoo", model)
        return made[model]

    return make


def run_tflite(path, inputs):
    """Runs a file by the interpreter's older interface, tensor by tensor."""
    interpreter = tf.lite.Interpreter(str(path))
    for detail in interpreter.get_input_details():
        (name,) = [name for name in inputs if name in detail["name"]]
        interpreter.resize_tensor_input(detail["index"], inputs[name].shape)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        (name,) = [name for name in inputs if name in detail["name"]]
        interpreter.set_tensor(detail["index"], inputs[name])
    interpreter.invoke()
    (detail,) = interpreter.get_output_details()
    return interpreter.get_tensor(detail["index"])


def run_onnx(path, inputs):
    """Checks a file against the standard, and runs it as it is written."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    session = onnxruntime.InferenceSession(str(path), options)
    (output,) = session.run(None, inputs)
    return output


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter:UserWarning")
@pytest.mark.parametrize(
    "names", [("tflite", "tflite_dynamic"), ("onnx",)], ids=["tflite", "onnx"]
)
@pytest.mark.parametrize("model", MODELS)
def test_a_file_makes_what_the_module_makes(modules, model, names, tmp_path):
    need(names[0])
    told = []
    paths = formats.write(modules(model), names, tmp_path, told.append)
    module = hub.load(modules(model))
    # Other seeds, and other sizes of a batch, than the command checks.
    seeds = tf.range(100, 103, dtype=tf.int64)
    labels = {"labels": module.labels(seeds)} if model == "gansynth" else {}
    inputs = {"latents": module.latents(seeds), **labels}
    make = module if model == "wavegan" else module.features
    expected = make(*inputs.values()).numpy()
    inputs = {name: x.numpy() for name, x in inputs.items()}
    output = "waveform" if model == "wavegan" else "features"
    for name, path in zip(names, paths, strict=True):
        made = (run_onnx if name == "onnx" else run_tflite)(path, inputs)
        assert made.shape == expected.shape
        error = np.sqrt(np.mean((made - expected) ** 2) / np.mean(expected**2))
        assert error < LARGEST_ERRORS[name]
        wrote = f"Wrote {path}: {output}, signal-to-noise ratio"
        assert any(line.startswith(wrote) for line in told)
        assert ("features" in path.name) == (model != "wavegan")
        # A spectrogram model says why it makes no waveform.
        why = f"{name} of the waveform is left out"
        assert any(why in line for line in told) == (model != "wavegan")
    assert {p.name for p in tmp_path.iterdir()} == {
        *(path.name for path in paths),
        f"{model}.json",
    }


@pytest.mark.parametrize("model", MODELS)
def test_tfjs_has_the_graph_and_the_weights(modules, model, tmp_path):
    need("tfjs")
    (path,) = formats.write(modules(model), ["tfjs"], tmp_path, lambda _: None)
    described = json.loads((path / "model.json").read_text())
    assert described["format"] == "graph-model"
    inputs = described["signature"]["inputs"]
    names = {"latents", "labels"} if model == "gansynth" else {"latents"}
    assert set(inputs) == names
    for tensor in [
        *inputs.values(),
        *described["signature"]["outputs"].values(),
    ]:
        assert tensor["tensorShape"]["dim"][0]["size"] == "-1"
    listed = [p for g in described["weightsManifest"] for p in g["paths"]]
    assert {p.name for p in path.iterdir()} == {"model.json", *listed}


def test_the_files_are_small(modules, tmp_path):
    folder = modules("wavegan")
    half, quarter = formats.write(
        folder, ["tflite", "tflite_dynamic"], tmp_path, lambda _: None
    )
    gan_bytes = 4 * sum(
        v.shape.num_elements()
        for v in hub.load(folder).weights
        if v.dtype == tf.float32
    )
    assert half.stat().st_size < 0.5 * gan_bytes + 20_000
    assert quarter.stat().st_size < half.stat().st_size


def test_the_metadata_goes_beside(modules, tmp_path):
    formats.write(modules("wavegan"), ["tflite"], tmp_path, lambda _: None)
    facts = json.loads((tmp_path / "wavegan.json").read_text())
    assert facts["sample_rate"] == 16000
    assert facts["latent_prior"] == "uniform"


def break_converter(monkeypatch, spoil):
    """Lets the converter of "tflite" write what `spoil` makes of the sounds."""
    how = formats.FORMATS["tflite"]
    monkeypatch.setitem(
        formats.FORMATS,
        "tflite",
        how._replace(run=lambda *given: spoil(how.run(*given))),
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sounds: sounds + 0.1 * np.abs(sounds).max(),
        lambda sounds: 0.9 * sounds,
        lambda sounds: np.full_like(sounds, np.nan),
        lambda sounds: sounds[:, ::-1],
        lambda sounds: sounds[:, 1:],
    ],
)
def test_what_differs_is_refused_and_removed(
    modules, monkeypatch, tmp_path, spoil
):
    break_converter(monkeypatch, spoil)
    told = []
    with pytest.raises(errors.ZooError, match="can be written as tflite"):
        formats.write(modules("wavegan"), ["tflite"], tmp_path, told.append)
    assert not any(line.startswith("Wrote") for line in told)
    assert [p.name for p in tmp_path.iterdir()] == ["wavegan.json"]


def test_what_is_not_installed_is_named(modules, monkeypatch, tmp_path):
    def missing(*_):
        raise ImportError("No module named 'tf2onnx'")

    how = formats.FORMATS["onnx"]
    monkeypatch.setitem(formats.FORMATS, "onnx", how._replace(convert=missing))
    with pytest.raises(errors.ZooError, match=r"tf2onnx.*gansynth_zoo\[onnx\]"):
        formats.write(modules("wavegan"), ["onnx"], tmp_path, lambda _: None)


def test_unknown_formats_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(errors.ZooError, match="tflite, tflite_dynamic, onnx"):
        formats.write("nowhere", ["tflite", "mp3"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command(modules, tmp_path, capsys):
    values = flags.FlagValues()
    formats.define_flags(values)
    source = pathlib.Path(modules("wavegan"))
    out = tmp_path / "made"
    values(["formats", f"--source={source.parent}", f"--out={out}"])
    formats.main(values)
    assert f"Wrote {out / 'wavegan.tflite'}" in capsys.readouterr().out
    before = (out / "wavegan.tflite").read_bytes()
    # A second time, it takes the place of the first.
    formats.main(values)
    assert (out / "wavegan.tflite").read_bytes() == before
    assert len(list(out.iterdir())) == 2
