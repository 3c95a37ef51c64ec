"""A module as TF Serving's REST API shows it: JSON in, JSON out.

Source of the forms and of the status codes: TensorFlow Serving, "RESTful API"
(tensorflow.org/tfx/serving/api_rest). Nothing here knows of a network.
"""

import base64
import dataclasses
import json
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from gansynth_zoo import hub
from gansynth_zoo import settings


class Refused(Exception):
    """A request that gets no answer, and the sentence that says why.

    Attributes:
      status: of HTTP.
    """

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Limits(settings.Checked):
    """What a server takes upon itself."""

    rows: int = settings.setting(64, "Most sounds of a request.", minimum=1)
    body_bytes: int = settings.setting(
        2**24, "Most bytes of a request.", minimum=1
    )
    body_seconds: float = settings.setting(
        10.0, "Seconds in which a request has to arrive.", minimum=0.01
    )
    queue: int = settings.setting(
        32, "Most requests that wait while one is answered.", minimum=0
    )
    answer_seconds: float = settings.setting(
        60.0, "Seconds in which a request is answered.", minimum=0.01
    )
    connections: int = settings.setting(
        256, "Most connections at a time.", minimum=1
    )


class Model:
    """An exported module, loaded.

    Attributes:
      name: by which it is asked for.
      version: str.
      facts: its metadata, `hub.read_metadata`.
      module: what `hub.load` gave.

    Args:
      folder: of the module, with its version.

    Raises:
      OSError: if the folder cannot be read.
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.facts = hub.read_metadata(folder)
        self.name = self.facts["name"]
        self.version = str(self.facts["version"])
        self.module = hub.load(folder)
        self._signatures = dict(self.module.signatures)
        saved = saved_model_pb2.SavedModel.FromString(
            (folder / "saved_model.pb").read_bytes()
        )
        described = saved.meta_graphs[0].signature_def
        self._described = {
            name: json_format.MessageToDict(
                described[name], preserving_proto_field_name=True
            )
            for name in self._signatures
        }

    def status(self):
        """What the server says of a model's version, as a dictionary."""
        return {
            "version": self.version,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }

    def metadata(self):
        """What signatures take and give, as a dictionary."""
        return {
            "model_spec": {
                "name": self.name,
                "signature_name": "",
                "version": self.version,
            },
            "metadata": {"signature_def": {"signature_def": self._described}},
        }

    def predict(self, body, most_rows):
        """Answers a request.

        Args:
          body: bytes of JSON: "instances" or "inputs", and "signature_name"
            unless it is "serving_default".
          most_rows: sounds that a request may ask for.

        Returns:
          Bytes of JSON, with "predictions" or "outputs".

        Raises:
          Refused: if the request is wrong; status 400.
        """
        request = parse(body)
        signature = self._signature(request.get("signature_name"))
        specs = signature.structured_input_signature[1]
        by_row = "instances" in request
        if by_row == ("inputs" in request):
            raise _wrong("either 'instances' or 'inputs'", sorted(request))
        if by_row:
            columns = _columns(request["instances"], specs)
        else:
            columns = _named(request["inputs"], specs)
        arrays = {
            name: as_array(columns[name], spec, name)
            for name, spec in specs.items()
        }
        _check_rows({len(array) for array in arrays.values()}, most_rows)
        outputs = _run(signature, arrays)
        if not by_row:
            columns = {name: _list(rows) for name, rows in outputs.items()}
            return _written("outputs", _unnamed(columns))
        rows = zip(*outputs.values(), strict=True)
        rows = [dict(zip(outputs, row, strict=True)) for row in rows]
        return _written("predictions", _list(map(_unnamed, rows)))

    def _signature(self, name):
        name = "serving_default" if name is None else name
        if not isinstance(name, str) or name not in self._signatures:
            known = ", ".join(self._signatures)
            raise _wrong(f"a signature_name out of {known}", name)
        return self._signatures[name]


def decode_bytes(value):
    """Hook for `json.loads`: {"b64": text} -> bytes."""
    if value.keys() == {"b64"} and isinstance(value["b64"], str):
        return base64.b64decode(value["b64"], validate=True)
    return value


def encode(array, as_bytes):
    """An array as nested lists for JSON.

    Args:
      array: NumPy array.
      as_bytes: whether strings are written as {"b64": text}, as TF Serving does
        where an output's name ends in "_bytes", or as text.

    Returns:
      List.
    """
    if array.dtype != object:
        return array.tolist()
    strings = np.empty(array.shape, object)
    for place, value in np.ndenumerate(array):
        if as_bytes:
            strings[place] = {"b64": base64.b64encode(value).decode("ascii")}
        else:
            strings[place] = tf.compat.as_bytes(value).decode(errors="replace")
    return strings.tolist()


def _rows(array, as_bytes):
    """The rows of an array, each as JSON."""
    if array.dtype != np.float32:
        return [json.dumps(row) for row in encode(array, as_bytes)]
    # All digits that it has, at a fifth of the time of the library, which
    # writes those of double precision.
    form = _form(array.shape[1:])
    return [form % tuple(row.ravel().tolist()) for row in array]


def _form(shape):
    """What numbers of a shape are written by, nested lists."""
    if not shape:
        return "%.9g"
    return _list([_form(shape[1:])] * shape[0])


def _list(texts):
    return f"[{', '.join(texts)}]"


def as_array(value, spec, name):
    """A value of JSON as an array of a signature's type and shape.

    Args:
      value: nested lists of numbers, str or bytes.
      spec: `tf.TensorSpec`.
      name: of the input.

    Returns:
      NumPy array.

    Raises:
      Refused: if it is of another type or shape, or not finite.
    """
    wanted = np.dtype(spec.dtype.as_numpy_dtype)
    try:
        # An array of str or bytes would cut off zeros at their ends.
        array = np.array(value, object if wanted.kind == "O" else None)
    except ValueError as error:
        raise _wrong(f"input {name!r} to be an array", "other lists") from error
    if not spec.shape.is_compatible_with(array.shape):
        shape = ", ".join(str(size or "rows") for size in spec.shape)
        raise _wrong(f"input {name!r} of shape [{shape}]", list(array.shape))
    if array.size and not _fits(array, wanted):
        kind = spec.dtype.name
        if wanted.kind == "i":
            kind += ", {0.min} to {0.max}".format(np.iinfo(wanted))
        raise _wrong(f"input {name!r} to be of {kind}", "other values")
    with np.errstate(over="ignore"):
        array = array.astype(wanted)
    if wanted.kind == "f" and not np.isfinite(array).all():
        raise _wrong(f"input {name!r} to be finite", "other numbers")
    return array


def _fits(array, wanted):
    """Whether an array of values of JSON may become one of another type."""
    if wanted.kind == "O":
        return all(map(_is_text, array.flat))
    if array.dtype.kind == "f":
        return wanted.kind == "f"
    if array.dtype.kind not in "iu":
        return False  # Also whole numbers that no type holds.
    if wanted.kind == "f":
        return True
    limits = np.iinfo(wanted)
    return limits.min <= array.min() and array.max() <= limits.max


def _is_text(leaf):
    if isinstance(leaf, str):
        # JSON can spell halves of characters, which are no text.
        return not any("\ud800" <= c <= "\udfff" for c in leaf)
    return isinstance(leaf, bytes)


def parse(body):
    """The object in JSON that a request's body is.

    Args:
      body: bytes; {"b64": text} stands for bytes in it.

    Returns:
      Dictionary.

    Raises:
      Refused: if it is none; status 400.
    """
    try:
        request = json.loads(
            body, object_hook=decode_bytes, parse_constant=_no_number
        )
    except RecursionError as error:
        raise _wrong("JSON", "one list in too many others") from error
    except ValueError as error:
        raise Refused(
            400, f"Expected JSON, received what is none: {error}."
        ) from error
    if not isinstance(request, dict):
        raise _wrong("an object in JSON", request)
    return request


def _no_number(text):
    raise ValueError(f"{text} is no number")


def _columns(rows, specs):
    """Rows, each a value or an object of values by name -> column by name."""
    if not isinstance(rows, list) or not rows:
        raise _wrong("'instances' to be a list of rows", rows)
    if len(specs) == 1 and not isinstance(rows[0], dict):
        return {name: rows for name in specs}
    rows = [_named(row, specs) for row in rows]
    return {name: [row[name] for row in rows] for name in specs}


def _named(value, specs):
    """An object of values by name, or the only input's value -> by name."""
    if len(specs) == 1 and not isinstance(value, dict):
        return {name: value for name in specs}
    if not isinstance(value, dict) or value.keys() != specs.keys():
        received = sorted(value) if isinstance(value, dict) else value
        raise _wrong(f"the inputs {', '.join(sorted(specs))}", received)
    return value


def _check_rows(counts, most):
    if len(counts) > 1:
        raise _wrong("inputs of as many rows as each other", sorted(counts))
    if not 1 <= max(counts) <= most:
        raise _wrong(f"1 to {most} rows", max(counts))


def _run(signature, arrays):
    """Output name -> its rows, each as JSON."""
    try:
        outputs = signature(
            **{name: tf.constant(array) for name, array in arrays.items()}
        )
    except tf.errors.OpError as error:
        # Between the words lie the names of the graph's nodes.
        lines = [x for x in error.message.splitlines() if "[[" not in x]
        said = lines[-1] if lines else "The model cannot take it."
        raise Refused(400, said.removeprefix("assertion failed: ")) from error
    outputs = {name: tensor.numpy() for name, tensor in outputs.items()}
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _wrong(
                "inputs near those that the model learned from",
                f"some whose {name} is no number",
            )
    return {n: _rows(x, n.endswith("_bytes")) for n, x in outputs.items()}


def _unnamed(texts):
    """The only value, or an object of all of them, in JSON."""
    if len(texts) == 1:
        return next(iter(texts.values()))
    members = (f"{json.dumps(name)}: {text}" for name, text in texts.items())
    return f"{{{', '.join(members)}}}"


def _written(key, text):
    return f'{{"{key}": {text}}}'.encode("ascii")


def _wrong(expected, received):
    received = received if isinstance(received, str) else repr(received)
    if len(received) > 100:
        received = f"{received[:100]}..."
    return Refused(400, f"Expected {expected}, received {received}.")
