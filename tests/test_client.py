"""The client, asked of servers that the test writes: gRPC and REST."""

import base64
import contextlib
import http.server
import io
import json
import socket
import sys
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from absl import flags
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from gansynth_zoo import errors
from gansynth_zoo.export import client as clients

# 16 sounds of it are more than the 4 MiB that gRPC takes unless told.
LENGTH = 70000


def sounds_of(seeds):
    """Float32 `[batch, samples, channels]`, each as loud as its seed."""
    return np.repeat(np.float32(seeds)[:, None, None] / 100, LENGTH, axis=1)


def wavs_of(seeds, labels):
    """WAVs of 8 samples; the number of letters of the label is the first."""
    for seed, label in zip(seeds, labels, strict=True):
        file = io.BytesIO()
        sound = np.full(8, seed, np.int16)
        sound[0] = len(label)
        soundfile.write(file, sound, 16000, format="WAV")
        yield file.getvalue()


def signatures():
    """Signature definitions as an exported module has them."""
    made = get_model_metadata_pb2.SignatureDefMap()
    number, text, sound = tf.int64, tf.string, tf.float32
    for name, inputs, outputs in (
        ("generate", {"seed": number}, {"waveform": sound}),
        ("generate_wav", {"seed": number, "label": text}, {"wav_bytes": text}),
    ):
        signature = made.signature_def[name]
        signature.method_name = "tensorflow/serving/predict"
        for tensors, types in (
            (signature.inputs, inputs),
            (signature.outputs, outputs),
        ):
            for key, dtype in types.items():
                tensors[key].dtype = dtype.as_datatype_enum
                shape = [-1, LENGTH, 1] if dtype == sound else [-1]
                tensors[key].tensor_shape.CopyFrom(
                    tf.TensorShape([None, *shape[1:]]).as_proto()
                )
    # TF Serving lists it too.
    made.signature_def["__saved_model_init_op"].outputs["op"].CopyFrom(
        meta_graph_pb2.TensorInfo(name="NoOp")
    )
    return made


class StandIn(prediction_service_pb2_grpc.PredictionServiceServicer):
    """A few lines of TF Serving."""

    def GetModelMetadata(self, request, context):  # noqa: N802
        assert list(request.metadata_field) == ["signature_def"]
        if request.model_spec.name != "tones":
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable\x1b[2J missing.")
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.metadata["signature_def"].Pack(signatures())
        return answer

    def Predict(self, request, context):  # noqa: N802
        seeds = tf.make_ndarray(request.inputs["seed"])
        if seeds[0] == 400:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Bad seed.")
        if seeds[0] == 408:
            time.sleep(1)
        if seeds[0] == 500:
            context.abort(grpc.StatusCode.INTERNAL, "Oh.")
        answer = predict_pb2.PredictResponse()
        if request.model_spec.signature_name == "generate":
            made = tf.make_tensor_proto(sounds_of(seeds))
            answer.outputs["waveform"].CopyFrom(made)
        else:
            labels = tf.make_ndarray(request.inputs["label"])
            wavs = list(wavs_of(seeds, labels))
            answer.outputs["wav_bytes"].CopyFrom(tf.make_tensor_proto(wavs))
        return answer


@pytest.fixture(scope="module")
def by_grpc():
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    add(StandIn(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.stop(None).wait()


def write(*arguments):
    """What the command line does."""
    values = flags.FlagValues()
    clients.define_flags(values)
    values(["client", *arguments])
    clients.main(values)


def test_wavs_by_grpc(by_grpc, tmp_path, capsys):
    write(
        f"--url={by_grpc}",
        "--model=tones",
        "--count=17",
        "--seed=5",
        "--labels=a,bcd",
        f"--out={tmp_path}",
    )
    assert "Wrote 34 sounds" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 34
    for name, letters, seed in (("a_000005", 1, 5), ("bcd_000021", 3, 21)):
        sound, rate = soundfile.read(tmp_path / f"{name}.wav", dtype="int16")
        assert rate == 16000
        np.testing.assert_array_equal(sound, [letters, *[seed] * 7])


def test_large_waveforms_by_grpc(by_grpc, tmp_path):
    write(
        f"--url={by_grpc}",
        "--model=tones",
        "--signature=generate",
        "--sample_rate=8000",
        f"--out={tmp_path}",
    )
    sound, rate = soundfile.read(tmp_path / "000015.wav")
    assert rate == 8000
    np.testing.assert_allclose(sound, np.full(LENGTH, 0.15), atol=1e-4)


def test_metadata_by_grpc(by_grpc):
    found = clients.connect(by_grpc, "tones").metadata()
    assert found.keys() == {"generate", "generate_wav"}
    sound = clients.Tensor(np.dtype("float32"), (-1, LENGTH, 1))
    assert found["generate"].outputs == {"waveform": sound}
    text = clients.Tensor(np.dtype(object), (-1,))
    assert found["generate_wav"].inputs["label"] == text


@pytest.mark.parametrize(
    ("model", "signature", "inputs", "words"),
    [
        (
            "other",
            "generate",
            {"seed": [1]},
            r"FOUND \(Servable \[2J missi",
        ),
        ("tones", "sing", {}, "Expected a signature out of generate, generate"),
        ("tones", "generate", {}, "the inputs seed, received"),
        ("tones", "generate", {"seed": [0.5]}, "'seed' as an array of int64"),
        ("tones", "generate", {"seed": ["a"]}, "'seed' as an array of int64"),
        ("tones", "generate", {"seed": [2**70]}, "'seed' as an array of int64"),
        ("tones", "generate", {"seed": [400]}, "INVALID_ARGUMENT .Bad seed.;"),
        ("tones", "generate", {"seed": [408]}, "DEADLINE_EXCEEDED .*--timeout"),
        ("tones", "generate", {"seed": [500]}, "INTERNAL .Oh.; see what its"),
    ],
)
def test_errors_by_grpc(by_grpc, model, signature, inputs, words):
    client = clients.connect(by_grpc, model, timeout=0.5)
    with pytest.raises(errors.ZooError, match=words) as error:
        client.predict(signature, inputs)
    assert str(error.value).isprintable()


def test_an_answer_that_is_too_large(by_grpc, canned, monkeypatch):
    monkeypatch.setattr(clients, "_MOST_BYTES", 5000)
    client = clients.connect(by_grpc, "tones")
    with pytest.raises(errors.ZooError, match="EXHAUSTED .*fewer sounds"):
        client.predict("generate", {"seed": [1]})
    canned.answer = 200, b" " * 5001
    client = clients.connect(canned.url, "tones")
    with pytest.raises(errors.ZooError, match="5,000 bytes.*fewer sounds"):
        client.predict("generate_wav", {"seed": [1]})


@pytest.fixture
def nobody():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return port


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_that_is_not_there(nobody, scheme):
    client = clients.connect(f"{scheme}://127.0.0.1:{nobody}", "tones", 2)
    with pytest.raises(errors.ZooError, match="see that the server runs"):
        client.metadata()


METADATA = {
    "metadata": {
        "signature_def": {
            "signature_def": {
                "generate_wav": {
                    "inputs": {
                        "seed": {
                            "dtype": "DT_INT64",
                            "tensor_shape": {"dim": [{"size": "-1"}]},
                        }
                    },
                    "outputs": {"wav_bytes": {"dtype": "DT_STRING"}},
                    "method_name": "tensorflow/serving/predict",
                },
                "__saved_model_init_op": {
                    "outputs": {"op": {"dtype": "DT_INVALID"}},
                    "method_name": "",
                },
            }
        }
    }
}


class Canned(http.server.BaseHTTPRequestHandler):
    """Answers a prediction with what the server's `answer` says."""

    def do_GET(self):  # noqa: N802
        self._send(200, json.dumps(METADATA).encode())

    def do_POST(self):  # noqa: N802
        length = int(self.headers["Content-Length"])
        self.server.received = json.loads(self.rfile.read(length))
        self.server.token = self.headers["Authorization"]
        self._send(*self.server.answer)

    def _send(self, status, content, pause=0, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(content)))
        self.send_header("Location", "/v1/models/tones/metadata")
        self.end_headers()
        with contextlib.suppress(OSError):
            for byte in content if pause else [content]:
                self.wfile.write(bytes([byte]) if pause else byte)
                time.sleep(pause)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def canned():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canned) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield server
        server.shutdown()
        thread.join()


def test_wavs_by_rest(canned, tmp_path):
    wavs = list(wavs_of([7, 8], ["", ""]))
    coded = [{"b64": base64.b64encode(wav).decode()} for wav in wavs]
    canned.answer = 200, json.dumps({"outputs": coded}).encode()
    write(
        f"--url={canned.url}/",
        "--model=tones",
        "--token=secret",
        "--count=2",
        "--seed=7",
        f"--out={tmp_path}",
    )
    assert canned.received == {
        "signature_name": "generate_wav",
        "inputs": {"seed": [7, 8]},
    }
    assert canned.token == "Bearer secret"
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == dict(zip(["000007.wav", "000008.wav"], wavs, strict=True))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, b'{"error": "No \\u001b[2J."}'), r"400 \(No  \[2J\); ask for"),
        ((401, b'{"error": "No."}'), "401 .No.; give the token"),
        ((404, b"<html>"), "404 .it says no more.; see which models"),
        ((413, b'{"error": ["No"]}'), "413 .*fewer sounds at once"),
        ((503, b'{"error": "Full."}'), "503 .Full.; see that the server runs"),
        ((500, b'{"error": "Oh."}'), "500 .Oh.; see what its log says"),
        ((302, b""), "received 302"),
        ((200, b"<html>"), "received another .without outputs"),
        ((200, b"[1]"), "received another .without outputs"),
        ((200, b'{"predictions": []}'), "received another .without outputs"),
        ((200, b'{"outputs": []}', 0.1), "within 0.4 s.*--timeout"),
        ((200, b'{"outputs": [', 0, 99), "received another .without outputs"),
        ((200, b'{"outputs": [{"b64": "UklGRg=="}]}'), "bytes of a WAV"),
    ],
)
def test_errors_by_rest(canned, tmp_path, answer, words):
    canned.answer = answer
    with pytest.raises(errors.ZooError, match=words) as error:
        write(
            f"--url={canned.url}",
            "--model=tones",
            "--count=1",
            "--timeout=0.4",
            f"--out={tmp_path}",
        )
    assert str(error.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url=localhost:8501"], "--url as grpc://HOST:PORT or http://HOST"),
        (["--url=ftp://a"], "--url as grpc://HOST:PORT"),
        (["--signature=generate"], "--sample_rate beside --signature=generate"),
        (["--labels=one"], "no --labels for tones, which has none"),
    ],
)
def test_wrong_flags(canned, arguments, words):
    with pytest.raises(errors.ZooError, match=words):
        write("--model=tones", f"--url={canned.url}", *arguments)


def test_without_grpc_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(errors.ZooError, match=r"gansynth_zoo\[serving\]"):
        clients.connect("grpc://127.0.0.1:1", "tones")
