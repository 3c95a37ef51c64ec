r"""Asks a server for sounds and writes them as WAVs.

  python -m gansynth_zoo.export.client --url=grpc://127.0.0.1:8500 \
      --model=my_drums --count=16 --out=sounds
  python -m gansynth_zoo.export.client --url=http://127.0.0.1:8501 \
      --model=my_digits --labels=seven,three --out=digits

The server is TF Serving, by gRPC or REST, or python -m
gansynth_zoo.export.serve, by REST. In Python:

  client.connect(url, model).predict("generate", {"seed": [1, 2]})["waveform"]
"""

import http.client
import io
import json
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

import numpy as np
import soundfile
import tensorflow as tf
from absl import flags
from tensorflow.core.framework import types_pb2

from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo.export import rest_model

# Bytes of an answer at the most. gRPC's own limit is 4 MiB, one of which is
# 64 sounds of a second.
_MOST_BYTES = 2**28
# Sounds of a request.
_ROWS = 16
_REMEDIES = {
    400: "ask for what its metadata and this sentence say",
    401: "give the token that it printed with --token",
    404: "see which models it serves",
    413: "ask for fewer sounds at once",
    503: "see that the server runs and has time, and that host and port are "
    "right (TF Serving's are 8500 for gRPC and 8501 for REST)",
    504: "ask for fewer sounds at once, or wait longer with --timeout",
}
# gRPC's statuses as those of HTTP.
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 413,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class Tensor(NamedTuple):
    """What a signature takes or gives.

    Attributes:
      dtype: of NumPy; object for str and bytes.
      shape: tuple of ints; -1 where any size will do.
    """

    dtype: np.dtype
    shape: tuple


class Signature(NamedTuple):
    """One of the functions that are served.

    Attributes:
      inputs: name -> `Tensor`.
      outputs: name -> `Tensor`.
    """

    inputs: dict
    outputs: dict


def connect(url, model, timeout=60.0, token=""):
    """A client of one model.

    Args:
      url: grpc://host:port, http://host:port or https://host:port.
      model: its name on the server.
      timeout: seconds in which an answer has to be there.
      token: bearer token of a REST server, if it asks for one.

    Returns:
      A `Client`.

    Raises:
      ZooError: if the URL is another one, or gRPC's packages are missing.
    """
    scheme, _, address = url.partition("://")
    if scheme not in ("grpc", "http", "https") or not address:
        raise errors.ZooError(
            "Expected --url as grpc://HOST:PORT or http://HOST:PORT, received "
            f"{url!r}."
        )
    if scheme == "grpc":
        return Client(_Grpc(address.rstrip("/"), model, timeout))
    return Client(_Rest(url.rstrip("/"), model, timeout, token))


class Client:
    """Asks for predictions.

    Args:
      transport: how the server is asked.
    """

    def __init__(self, transport):
        self._transport = transport
        self._signatures = None

    def metadata(self):
        """Name -> `Signature`; the server is asked once.

        Raises:
          ZooError: if it gives none.
        """
        if self._signatures is None:
            described = self._transport.describe()
            # TF Serving also lists the function that readies the model.
            self._signatures = {
                name: Signature(
                    _tensors(parts["inputs"]), _tensors(parts["outputs"])
                )
                for name, parts in described.items()
                if parts.get("method_name") == "tensorflow/serving/predict"
            }
        return self._signatures

    def signature(self, name):
        """The `Signature` of a name.

        Raises:
          ZooError: if there is none.
        """
        known = self.metadata()
        if name not in known:
            raise errors.ZooError(
                "Expected a signature out of "
                f"{', '.join(sorted(known))}, received {name!r}."
            )
        return known[name]

    def predict(self, signature, inputs):
        """Calls a signature.

        Args:
          signature: its name.
          inputs: name -> array, or what NumPy makes one of.

        Returns:
          Name -> NumPy array; strings are arrays of bytes or str.

        Raises:
          ZooError: if the signature is unknown or takes other inputs, or if
            the server gives no answer.
        """
        specs, outputs = self.signature(signature)
        if inputs.keys() != specs.keys():
            raise errors.ZooError(
                f"Expected for {signature} the inputs "
                f"{', '.join(sorted(specs))}, received {', '.join(inputs)}."
            )
        arrays = {
            name: _cast(inputs[name], specs[name], name) for name in specs
        }
        return self._transport.predict(signature, arrays, outputs)


class _Grpc:
    """TF Serving's PredictionService."""

    def __init__(self, address, model, timeout):
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise errors.ZooError(
                f"gRPC needs more packages ({error}); pip install "
                "'gansynth_zoo[serving]' brings them, and http:// needs none."
            ) from error
        self._url, self._model = f"grpc://{address}", model
        self._timeout, self._error = timeout, grpc.RpcError
        channel = grpc.insecure_channel(
            address,
            [
                ("grpc.max_receive_message_length", _MOST_BYTES),
                ("grpc.max_send_message_length", _MOST_BYTES),
            ],
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def describe(self):
        from google.protobuf import json_format
        from tensorflow_serving.apis import get_model_metadata_pb2 as messages

        request = messages.GetModelMetadataRequest()
        request.model_spec.name = self._model
        request.metadata_field.append("signature_def")
        answer = self._ask(self._stub.GetModelMetadata, request)
        found = messages.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        found = json_format.MessageToDict(
            found, preserving_proto_field_name=True
        )
        return found.get("signature_def", {})

    def predict(self, signature, arrays, outputs):
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, array in arrays.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        answer = self._ask(self._stub.Predict, request)
        return {n: tf.make_ndarray(x) for n, x in answer.outputs.items()}

    def _ask(self, method, request):
        try:
            return method(request, timeout=self._timeout)
        except self._error as error:
            code = error.code().name
            status = _STATUSES.get(code)
            raise _failed(self._url, status, code, error.details()) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to nowhere: the token is for one server."""

    def redirect_request(self, *_):
        return None


class _Rest:
    """TF Serving's REST API."""

    def __init__(self, url, model, timeout, token):
        self._url, self._timeout = url, timeout
        self._path = f"{url}/v1/models/{urllib.parse.quote(model, safe='')}"
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects)

    def describe(self):
        # It lies in a message of this name, in a field of this name.
        keys = ["metadata", "signature_def", "signature_def"]
        return self._ask("/metadata", keys)

    def predict(self, signature, arrays, outputs):
        inputs = {n: rest_model.encode(x, False) for n, x in arrays.items()}
        request = {"signature_name": signature, "inputs": inputs}
        body = json.dumps(request).encode("ascii")
        found = self._ask(":predict", ["outputs"], body)
        if len(outputs) == 1:
            found = {name: found for name in outputs}
        return {n: np.array(found[n], x.dtype) for n, x in outputs.items()}

    def _ask(self, path, keys, body=None):
        """What lies under these keys of an answer."""
        request = urllib.request.Request(self._path + path, body, self._headers)
        end = time.monotonic() + self._timeout
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                content = self._read(response, end)
        except urllib.error.HTTPError as error:
            with error:
                said = _words(error.read(_MOST_BYTES))
            raise _failed(self._url, error.code, error.code, said) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            status = 504 if isinstance(reason, TimeoutError) else 503
            raise _failed(self._url, status, "none", str(reason)) from error
        try:
            found = json.loads(content, object_hook=rest_model.decode_bytes)
            for key in keys:
                found = found[key]
            return found
        except (ValueError, LookupError, TypeError) as error:
            raise _failed(
                self._url, 503, "another", f"without {', '.join(keys)}"
            ) from error

    def _read(self, response, end):
        content = bytearray()
        while piece := response.read1(2**16):
            content += piece
            if len(content) > _MOST_BYTES:
                most = f"than {_MOST_BYTES:,} bytes"
                raise _failed(self._url, 413, "more", most)
            if time.monotonic() > end:
                raise TimeoutError(f"a part within {self._timeout:g} s")
        return content


def _tensors(described):
    """`TensorInfo`s in JSON -> name -> `Tensor`."""
    found = {}
    for name, info in described.items():
        number = types_pb2.DataType.Value(info["dtype"])
        sizes = info.get("tensor_shape", {}).get("dim", [])
        shape = tuple(int(size.get("size", 0)) for size in sizes)
        found[name] = Tensor(
            np.dtype(tf.as_dtype(number).as_numpy_dtype), shape
        )
    return found


def _cast(value, spec, name):
    try:
        # A whole number may become any other, and never half of one a whole.
        return np.asarray(value).astype(spec.dtype, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise errors.ZooError(
            f"Expected input {name!r} as an array of {spec.dtype}, received "
            f"what cannot become one ({error})."
        ) from error


def _words(content):
    """What a server says of an error."""
    try:
        return str(json.loads(content)["error"])
    except (ValueError, LookupError, TypeError):
        return "it says no more"


def _failed(url, status, received, said):
    # A terminal obeys what a server says.
    said = "".join(c if c.isprintable() else " " for c in said or "")[:300]
    remedy = _REMEDIES.get(status, "see what its log says")
    return errors.ZooError(
        f"Expected an answer of {url}, received {received} "
        f"({said.rstrip('. ')}); {remedy}."
    )


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    for name, default, text in (
        ("url", None, "grpc://HOST:PORT or http://HOST:PORT of the server."),
        ("model", None, "Name of the model on the server."),
        ("token", "", "Token of a server that asks for one."),
        ("out", "sounds", "Folder to write to."),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    flags.mark_flags_as_required(["url", "model"], values)
    flags.DEFINE_enum(
        "signature",
        "generate_wav",
        ["generate_wav", "generate"],
        "What is asked: WAVs, or float32 waveforms, which are far larger.",
        flag_values=values,
    )
    for name, default, least, text in (
        ("count", 16, 1, "How many sounds."),
        ("seed", 0, 0, "Number of the first sound."),
        ("sample_rate", None, 1, "In Hz, of what --signature=generate gives."),
    ):
        flags.DEFINE_integer(name, default, text, least, flag_values=values)
    flags.DEFINE_list(
        "labels",
        [],
        "Names of labels, each of which --count sounds are made of; without, "
        "each sound has the label of its seed.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "timeout", 60.0, "Seconds to wait for an answer.", flag_values=values
    )
    flags.register_validator(
        "timeout", lambda x: x > 0, "must be above 0", values
    )


def main(values=flags.FLAGS):
    """Writes one WAV a sound.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    if values.signature == "generate" and not values.sample_rate:
        raise errors.ZooError(
            "Expected --sample_rate beside --signature=generate, received "
            "none; take generate_wav, whose WAVs tell it."
        )
    client = connect(values.url, values.model, values.timeout, values.token)
    labelled = "label" in client.signature(values.signature).inputs
    if values.labels and not labelled:
        raise errors.ZooError(
            f"Expected no --labels for {values.model}, which has none, "
            f"received {', '.join(values.labels)}."
        )
    out = pathlib.Path(values.out)
    seeds = range(values.seed, values.seed + values.count)
    wanted = [
        (label, seed) for label in values.labels or [""] for seed in seeds
    ]
    for start in range(0, len(wanted), _ROWS):
        labels, numbers = zip(*wanted[start : start + _ROWS], strict=True)
        inputs = {"seed": numbers, **({"label": labels} if labelled else {})}
        (sounds,) = client.predict(values.signature, inputs).values()
        for label, seed, sound in zip(labels, numbers, sounds, strict=True):
            name = f"{label}_{seed:06d}" if label else f"{seed:06d}"
            _write(out / f"{name}.wav", sound, values.sample_rate)
    print(f"Wrote {len(wanted)} sounds of {values.url} to {out}.")


def _write(path, sound, sample_rate):
    """Writes a sound: the bytes of a WAV, or `[samples, channels]`."""
    if not isinstance(sound, bytes):
        audio_files.write(path, sound, sample_rate)
        return
    try:
        soundfile.info(io.BytesIO(sound))
    except soundfile.LibsndfileError as error:
        raise errors.ZooError(
            f"Expected the bytes of a WAV for {path.name}, received "
            f"{len(sound):,} that are none; see what the server's model gives."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_bytes(sound)
    partial.replace(path)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
