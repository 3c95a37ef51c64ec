r"""Converts an exported module to TFLite, ONNX and TensorFlow.js.

  python -m gansynth_zoo.export.formats --source=wavegan_drums \
      --formats=tflite,tflite_dynamic --out=converted

What is written makes the waveform of latents, and of labels where the model has
any, in batches of any size. Where a format lacks what the way from the features
to the waveform takes, it makes the features, and its name says so. Each file is
run here, and kept if what it makes is near to what the module makes.

TFLite takes TensorFlow alone, "onnx" the extra of that name, and "tfjs" the
extra `tfjs` in an environment of its own, since it needs an older TensorFlow,
which reads the modules of a newer one.
"""

import contextlib
import json
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import storage
from gansynth_zoo.export import sources

# Sounds that a file is checked on. One of them is made alone, the others
# together, so that a batch of a fixed size is noticed.
_CHECKED = 5
# The operators of ONNX that are asked for: those of version 1.12.
_ONNX_OPSET = 17


class Format(NamedTuple):
    """What a module can be written as.

    Attributes:
      suffix: of the file, or of the folder.
      convert: function of a concrete function with one output, the module it
        comes from and a path that it writes.
      run: function of that path, and of inputs, name -> array, that returns
        the output.
      least_snr: signal-to-noise ratio in dB that its output has at least;
        80 is an error of 1e-4.
      lacks: operations that it is known to lack, whose converter would say so
        at great length.
    """

    suffix: str
    convert: Callable
    run: Callable
    least_snr: float
    lacks: frozenset = frozenset()


@contextlib.contextmanager
def _saved(function, module):
    """A folder with a SavedModel of one signature, the function, alone."""
    alone = tf.Module()
    # What the function's variables belong to.
    alone.made_of = module
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(
            alone,
            folder,
            {"serving_default": function},
            # What is converted is not trained, and not all can be saved.
            tf.saved_model.SaveOptions(experimental_custom_gradients=False),
        )
        yield folder


def _convert_tflite(function, module, path, supported_types=()):
    with _saved(function, module) as folder:
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = list(supported_types)
        path.write_bytes(converter.convert())


def _convert_tflite_float16(function, module, path):
    _convert_tflite(function, module, path, [tf.float16])


def _run_tflite(path, inputs):
    with warnings.catch_warnings():
        # Its successor, ai-edge-litert, would be one more thing to install.
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter")
        interpreter = tf.lite.Interpreter(str(path))
    (output,) = interpreter.get_signature_runner()(**inputs).values()
    return output


def _convert_onnx(function, module, path):
    import tf2onnx

    names, specs = zip(*_specs(function).items(), strict=True)
    tf2onnx.convert.from_function(
        tf.function(
            lambda *inputs: function(**dict(zip(names, inputs, strict=True)))
        ),
        list(specs),
        opset=_ONNX_OPSET,
        output_path=str(path),
    )


def _run_onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(None, inputs)
    return output


def _convert_tfjs(function, module, path):
    from tensorflowjs.converters import tf_saved_model_conversion_v2

    with _saved(function, module) as folder:
        tf_saved_model_conversion_v2.convert_tf_saved_model(folder, str(path))


def _run_tfjs(path, inputs):
    """Runs the files of TensorFlow.js: their graph and weights, on TensorFlow.

    What is not seen this way is whether TensorFlow.js has each operation; the
    converter refuses those that it has not.
    """
    from google.protobuf import json_format
    from tensorflowjs import read_weights

    model = json.loads((path / "model.json").read_text("utf-8"))
    graph = json_format.ParseDict(
        model["modelTopology"], tf.compat.v1.GraphDef()
    )
    groups = read_weights.read_weights(model["weightsManifest"], str(path))
    weights = {w["name"]: w["data"] for group in groups for w in group}
    for node in graph.node:
        if node.op == "Const":
            node.attr["value"].tensor.CopyFrom(
                tf.make_tensor_proto(weights[node.name])
            )
    (output,) = model["signature"]["outputs"].values()
    names = {n: i["name"] for n, i in model["signature"]["inputs"].items()}
    imported = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(graph, name=""), []
    )
    run = imported.prune([names[n] for n in inputs], output["name"])
    return run(*map(tf.constant, inputs.values())).numpy()


# Where these are, a spectrogram becomes a waveform.
_INVERSE_STFT = frozenset(["IRFFT", "Complex"])
FORMATS = {
    "tflite": Format(
        ".tflite", _convert_tflite_float16, _run_tflite, 40, _INVERSE_STFT
    ),
    "tflite_dynamic": Format(
        "_dynamic.tflite", _convert_tflite, _run_tflite, 20, _INVERSE_STFT
    ),
    "onnx": Format(".onnx", _convert_onnx, _run_onnx, 80, _INVERSE_STFT),
    "tfjs": Format("_tfjs", _convert_tfjs, _run_tfjs, 80),
}


class _Unfit(Exception):
    """Why a format cannot be had."""


def check(names):
    """Raises a `ZooError` if a format is not known."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise errors.ZooError(
            f"Expected formats out of {', '.join(FORMATS)}, received "
            f"{', '.join(unknown)}."
        )


def write(folder, names, out, report=print):
    """Writes a module in other formats.

    Beside them goes `<name>.json`, the module's metadata: sample rate, size and
    prior of the latents, labels.

    Args:
      folder: of an exported module.
      names: of the formats, keys of `FORMATS`.
      out: folder to write to; made if it is missing. What it has of the same
        name is replaced.
      report: function that is told, in a line each, what was written and how
        near it is, and where features take the place of the waveform.

    Returns:
      List of `pathlib.Path`, one a format.

    Raises:
      ZooError: if a format is not known, its packages are not installed, or
        what it makes is not what the module makes.
    """
    check(names)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    module, facts = hub.load(folder), hub.read_metadata(folder)
    storage.write_text(
        out / f"{facts['name']}.json", json.dumps(facts, indent=2) + "\n"
    )
    return [_write(module, facts, name, out, report) for name in names]


def _write(module, facts, name, out, report):
    """Writes one format; returns its path."""
    outputs = [facts["output"]]
    if facts["config"]["representation"]["name"] != "waveform":
        outputs = list(dict.fromkeys([*outputs, "features"]))
    for output in outputs:
        extra = "" if output == "waveform" else f"_{output}"
        target = out / f"{facts['name']}{extra}{FORMATS[name].suffix}"
        try:
            told = _write_checked(module, facts, output, FORMATS[name], target)
        except ImportError as error:
            extra = "tfjs" if name == "tfjs" else "onnx"
            raise errors.ZooError(
                f"Expected the packages of the format {name} ({error}); "
                f"install them with pip install 'gansynth_zoo[{extra}]'"
                f"{', in an environment of its own' * (name == 'tfjs')}."
            ) from error
        except _Unfit as reason:
            why = str(reason)
            report(f"{name} of the {output} is left out: {why}.")
        else:
            report(f"Wrote {target}: {output}, {told}.")
            return target
    raise errors.ZooError(
        f"Expected a module that can be written as {name}, received "
        f"{facts['name']}, of which {why}; choose other formats."
    )


def _write_checked(module, facts, output, how, target):
    """Writes one output of a module; returns how near it is, in words."""
    function = _function(module, facts, output)
    lacked = sorted(how.lacks & _operations(function))
    if lacked:
        raise _Unfit(f"the format has no {' and no '.join(lacked)}")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = pathlib.Path(folder, target.name)
        try:
            how.convert(function, module, made)
            snr, largest = _compare(function, module, facts, how, made)
        except ImportError:
            raise
        # Converters raise what their parts raise.
        except Exception as error:
            said = " ".join(str(error).split())
            raise _Unfit(f"its converter says {said[:200]!r}") from error
        told = (
            f"signal-to-noise ratio {snr:.1f} dB, largest error {largest:.1g}"
        )
        # NaN is not near to anything.
        if not snr >= how.least_snr:
            raise _Unfit(
                f"what it makes has a {told}, where {how.least_snr} dB are "
                "asked for"
            )
        if target.is_dir():
            shutil.rmtree(target)
        made.replace(target)
    return told


def _function(module, facts, output):
    """The concrete function that is converted: latents, labels -> output."""
    make = module if output == "waveform" else module.features
    size = facts["latent_size"]
    inputs = [tf.TensorSpec([None, size], tf.float32, "latents")]
    if facts["labels"]:
        inputs.append(tf.TensorSpec([None], tf.int32, "labels"))

    def convert(latents, labels=None):
        return {output: make(latents, labels)}

    return tf.function(convert).get_concrete_function(*inputs)


def _specs(function):
    """Inputs of a concrete function: name -> `tf.TensorSpec`."""
    specs, _ = function.structured_input_signature
    return {spec.name: spec for spec in specs if spec is not None}


def _operations(function):
    """Types of the operations of a concrete function and all that it calls."""
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(f.node_def for f in graph.library.function)]
    return {node.op for body in bodies for node in body}


def _compare(function, module, facts, how, path):
    """Runs what was written.

    Returns:
      Signal-to-noise ratio in dB, and the largest error as a share of the
      largest absolute value.
    """
    seeds = tf.range(_CHECKED, dtype=tf.int64)
    inputs = dict(
        zip(
            _specs(function),
            hub.inputs_of(module, facts["labels"], seeds),
            strict=True,
        )
    )
    (expected,) = function(**inputs).values()
    expected = expected.numpy().astype(np.float64)
    rows = slice(None, 1), slice(1, None)
    made = np.concatenate(
        [
            how.run(path, {n: x.numpy()[part] for n, x in inputs.items()})
            for part in rows
        ]
    )
    error = made - expected
    power, noise = np.sum(expected**2), np.sum(error**2)
    snr = 10.0 * np.log10(max(power, 1e-12) / max(noise, 1e-12))
    return snr, np.abs(error).max() / max(np.abs(expected).max(), 1e-12)


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_module(values)
    flags.DEFINE_list(
        "formats",
        ["tflite"],
        f"What to write: any of {', '.join(FORMATS)}.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "out", "converted", "Folder to write to.", flag_values=values
    )


def main(values=flags.FLAGS):
    """Writes each format and says how near it is.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    write(hub.find(values.source), values.formats, values.out)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
