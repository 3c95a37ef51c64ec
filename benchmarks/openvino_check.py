r"""Reads an exported module with OpenVINO, and compares what it computes.

A second opinion on the files: OpenVINO reads the SavedModel itself, and needs
no TensorFlow. So it runs in an environment of its own:

  python benchmarks/openvino_check.py write --module=zoo/my_drums/1 --out=check
  python -m venv .openvino
  .openvino/bin/pip install openvino numpy
  .openvino/bin/python benchmarks/openvino_check.py compare \
      --model=zoo/my_drums/1 --reference=check/waveform.npz
  .openvino/bin/python benchmarks/openvino_check.py compare \
      --model=check/features --reference=check/features.npz

`write` keeps inputs and outputs as TensorFlow has them, and a SavedModel of the
features alone: OpenVINO (2026.4) cannot read the loops by which the sound of a
spectrogram finds its phase.
"""

import argparse
import pathlib
import sys

import numpy as np

_COUNT = 5
_MOST = 1e-5


def write(module, out):
    """Writes what TensorFlow makes of the first seeds.

    Args:
      module: folder of an exported module.
      out: folder to write to.
    """
    import tensorflow as tf

    out = pathlib.Path(out)
    loaded = tf.saved_model.load(str(module))
    seeds = tf.range(_COUNT, dtype=tf.int64)
    inputs = {"latents": loaded.latents(seeds)}
    served = loaded.signatures["serving_default"]
    specs = served.structured_input_signature[1]
    if "labels" in specs:
        inputs["labels"] = loaded.labels(seeds)
    drawing = tf.Module()
    drawing.module = loaded

    def draw(latents, labels=None):
        return {"features": loaded.features(latents, labels)}

    features = tf.function(draw).get_concrete_function(
        *(specs[name] for name in inputs)
    )
    tf.saved_model.save(
        drawing, str(out / "features"), {"serving_default": features}
    )
    for function in (served, features):
        ((name, found),) = function(**inputs).items()
        np.savez(out / f"{name}.npz", **inputs, **{name: found})
        peak = float(np.abs(found).max())
        print(f"Wrote {out / name}.npz, of values up to {peak:.2g}")


def compare(model, reference):
    """Largest difference to a reference, alone and in a batch.

    Args:
      model: folder of a SavedModel.
      reference: a file that `write` made.

    Returns:
      Dictionary of a batch's size to the largest absolute difference.
    """
    import openvino

    expected = dict(np.load(reference))
    core = openvino.Core()
    # Processors that can would compute in fewer bits.
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model), "CPU", precise)
    inputs = {
        name: expected.pop(name)
        for name in list(expected)
        if any(name in port.get_names() for port in compiled.inputs)
    }
    (found,) = expected.values()
    differences = {}
    for count in (1, _COUNT):
        given = {name: value[:count] for name, value in inputs.items()}
        output = compiled(given)[compiled.outputs[0]]
        differences[count] = float(np.abs(output - found[:count]).max())
    return differences


def main():
    """Writes or compares.

    Returns:
      The exit status: 1 if a difference is larger than 1e-5.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command, words in (
        ("write", ("module", "out")),
        ("compare", ("model", "reference")),
    ):
        command = commands.add_parser(command)
        for word in words:
            command.add_argument(f"--{word}", required=True)
    values = vars(parser.parse_args())
    if values.pop("command") == "write":
        return write(**values)
    differences = compare(**values)
    for count, difference in differences.items():
        print(f"Batch of {count}: largest difference {difference:.2g}")
    return int(max(differences.values()) > _MOST)


if __name__ == "__main__":
    sys.exit(main())
