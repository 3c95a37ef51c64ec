"""A stand-in for `tensorflow_model_server`, to be run as a process of its own.

  python serving_stand_in.py MODELS_CONFIG

It reads the official messages, runs the graphs in a session as the server
does, and can import nothing of gansynth_zoo. It serves gRPC and REST on
loopback until stdin ends. When all is loaded and warm it prints a line of JSON:
its ports, and how many warm-up requests each module answered.
"""

import base64
import http.server
import json
import pathlib
import sys
import threading
from concurrent import futures

sys.modules["gansynth_zoo"] = None

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

WARM_UP = "assets.extra/tf_serving_warmup_requests"
MOST_BYTES = 2**26


class Refused(Exception):
    """A request that cannot be answered: a gRPC status and a sentence."""


class Model:
    """The newest version of a module, as `config` of the server names it."""

    def __init__(self, config):
        self.name = config.name
        # The server takes all that stands here for versions.
        self.version = max(int(p.name) for p in _entries(config.base_path))
        folder = pathlib.Path(config.base_path, str(self.version))
        saved = saved_model_pb2.SavedModel.FromString(
            (folder / "saved_model.pb").read_bytes()
        )
        (meta_graph,) = saved.meta_graphs
        self.signatures = dict(meta_graph.signature_def)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder))
        self.warmed_up = 0
        for record in tf.data.TFRecordDataset(str(folder / WARM_UP)):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            assert log.predict_log.request.model_spec.name == self.name
            self.predict(log.predict_log.request)
            self.warmed_up += 1

    def signature(self, name):
        name = name or "serving_default"
        if name not in self.signatures:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"No {name}")
        return name, self.signatures[name]

    def run(self, signature, inputs):
        """Dictionary of arrays -> dictionary of arrays."""
        if set(inputs) != set(signature.inputs):
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Inputs are {sorted(signature.inputs)}, not {sorted(inputs)}",
            )
        feed = {signature.inputs[k].name: v for k, v in inputs.items()}
        fetch = {k: v.name for k, v in signature.outputs.items()}
        try:
            return self._session.run(fetch, feed)
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            text = str(error)
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, text) from error

    def predict(self, request):
        name, signature = self.signature(request.model_spec.signature_name)
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        response = predict_pb2.PredictResponse()
        response.model_spec.name = self.name
        response.model_spec.version.value = self.version
        response.model_spec.signature_name = name
        for key, value in self.run(signature, inputs).items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response

    def predict_rows(self, body):
        """The REST body of a request -> that of the response."""
        _, signature = self.signature(body.get("signature_name"))
        by_row = "instances" in body
        columns = (
            _columns(body["instances"], signature) if by_row else body["inputs"]
        )
        inputs = {
            key: np.array(
                [_from_json(value) for value in columns[key]],
                tf.as_dtype(signature.inputs[key].dtype).as_numpy_dtype,
            )
            for key in columns
        }
        found = {
            key: [_to_json(row, key) for row in value]
            for key, value in self.run(signature, inputs).items()
        }
        (single, *more) = found
        if not by_row:
            return {"outputs": found if more else found[single]}
        rows = [
            dict(zip(found, row, strict=True)) if more else row[0]
            for row in zip(*found.values(), strict=True)
        ]
        return {"predictions": rows}


def _entries(folder):
    return list(pathlib.Path(folder).iterdir())


def _columns(rows, signature):
    """Rows of a request -> input name -> values."""
    if not isinstance(rows[0], dict):
        (name,) = signature.inputs
        return {name: rows}
    return {key: [row[key] for row in rows] for key in rows[0]}


def _from_json(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode() if isinstance(value, str) else value


def _to_json(value, name):
    if isinstance(value, bytes) and name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode() if isinstance(value, bytes) else value.tolist()


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The gRPC side."""

    def __init__(self, models):
        self._models = models

    def Predict(self, request, context):  # noqa: N802
        return self._answer(request, context, lambda m: m.predict(request))

    def GetModelMetadata(self, request, context):  # noqa: N802
        def answer(model):
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = model.name
            response.model_spec.version.value = model.version
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in model.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.metadata["signature_def"].Pack(signatures)
            return response

        return self._answer(request, context, answer)

    def _answer(self, request, context, answer):
        name = request.model_spec.name
        if name not in self._models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"No {name}")
        try:
            return answer(self._models[name])
        except Refused as reason:
            context.abort(*reason.args)


class Handler(http.server.BaseHTTPRequestHandler):
    """The REST side: POST /v1/models/NAME:predict."""

    models = None

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.removeprefix("/v1/models/").removesuffix(":predict")
        if name not in self.models:
            return self._reply(404, {"error": f"No {name}"})
        try:
            return self._reply(200, self.models[name].predict_rows(body))
        except Refused as reason:
            return self._reply(400, {"error": reason.args[1]})

    def _reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main(path):
    text = pathlib.Path(path).read_text("utf-8")
    config = text_format.Parse(
        text, model_server_config_pb2.ModelServerConfig()
    )
    models = {row.name: Model(row) for row in config.model_config_list.config}
    Handler.models = models
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    options = [
        ("grpc.max_receive_message_length", MOST_BYTES),
        ("grpc.max_send_message_length", MOST_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Service(models), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ready = {
        "grpc": port,
        "rest": rest.server_port,
        "warmed_up": {m.name: m.warmed_up for m in models.values()},
    }
    print(json.dumps(ready), flush=True)
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main(sys.argv[1])
