"""What TF Serving asks of exported modules, over its own protocols.

The server is `serving_stand_in.py`, a process that knows nothing of the
package: the real one comes as a container, and no test may need that.
"""

import base64
import dataclasses
import io
import json
import logging
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from absl import flags
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from gansynth_zoo import assemble
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo.evaluation import consistency
from gansynth_zoo.export import saved_model
from gansynth_zoo.export import serving_files
from gansynth_zoo.export import warm_up

STAND_IN = pathlib.Path(__file__).with_name("serving_stand_in.py")
# Module -> its preset and its labels.
MODULES = {
    "waves": ("wavegan_drums_small", ()),
    "pictures": ("specgan_sc09_labels_small", ("a", "b", "c")),
    "gabor": ("tifgan_sc09_small", ()),
    "notes": ("gansynth_nsynth_small", ("60", "62")),
}
LABELLED = [name for name, (_, labels) in MODULES.items() if labels]
BATCHES = [1, 2, 3, 5, 8, 16, 33, 64]
SAMPLES = 1024


def write_run(folder, preset, labels, rng):
    """A run with a checkpoint of random weights."""
    model = dataclasses.replace(
        preset.model, label_names=labels, label_counts=(1,) * len(labels)
    )
    preset = dataclasses.replace(preset, model=model)
    noise = rng.uniform(-1, 1, (8, SAMPLES, 1)).astype(np.float32)
    preset = assemble.fit_representation(preset, [noise])
    run = runs.Run(folder)
    gan = assemble.make_gan(preset)
    gan.step.assign(1)
    run.write_preset(preset)
    run.write_data({"name": "noise", "licence": "CC0"})
    run.save(gan, keep=1)
    return run


@pytest.fixture(scope="module")
def zoo(tiny, tmp_path_factory):
    """A folder with a module of each kind, and the server's files."""
    zoo = tmp_path_factory.mktemp("zoo")
    for name, (preset, labels) in MODULES.items():
        run = write_run(
            tmp_path_factory.mktemp("run"),
            tiny(preset, num_samples=SAMPLES),
            labels,
            np.random.default_rng(0),
        )
        saved_model.export(run, zoo, name)
    values = flags.FlagValues()
    serving_files.define_flags(values)
    values(["serving_files", f"--zoo_dir={zoo}", f"--base_path={zoo}/"])
    serving_files.main(values)
    return zoo


@pytest.fixture(scope="module")
def modules(zoo):
    """The modules as Python loads them."""
    return {name: hub.load(zoo / name) for name in MODULES}


@dataclasses.dataclass
class Client:
    """Asks the server as any client does."""

    ready: dict

    def __post_init__(self):
        channel = grpc.insecure_channel(
            f"127.0.0.1:{self.ready['grpc']}",
            options=[("grpc.max_receive_message_length", 2**26)],
        )
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.url = f"http://127.0.0.1:{self.ready['rest']}/v1/models"

    def begin(self, name, signature, **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = signature
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        return self.stub.Predict.future(request, timeout=60)

    def predict(self, name, signature, **inputs):
        """The only output of a signature."""
        return output(self.begin(name, signature, **inputs))

    def post(self, name, body):
        request = urllib.request.Request(
            f"{self.url}/{name}:predict", json.dumps(body).encode()
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as reply:
            return json.load(reply)


def output(future):
    (value,) = future.result().outputs.values()
    return tf.make_ndarray(value)


@pytest.fixture(scope="module")
def client(zoo):
    command = [sys.executable, str(STAND_IN), str(zoo / serving_files.MODELS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        # Leaving the block ends its stdin, and with it the process.
        yield Client(json.loads(process.stdout.readline()))
    assert process.returncode == 0


def seeds(*numbers):
    return np.array(numbers, np.int64)


def label_of(name, *labels):
    """The input `label` of signatures that have one."""
    return {"label": list(labels)} if name in LABELLED else {}


def test_the_servers_file_names_all_modules(zoo):
    text = (zoo / serving_files.MODELS).read_text("utf-8")
    served = text_format.Parse(
        text, model_server_config_pb2.ModelServerConfig()
    )
    rows = served.model_config_list.config
    assert {row.name: row.base_path for row in rows} == {
        name: f"{zoo}/{name}" for name in MODULES
    }
    assert {row.model_platform for row in rows} == {"tensorflow"}


def test_the_servers_files_are_no_modules(zoo, monkeypatch):
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(zoo))
    assert {n for n, f in hub.modules().items() if f.parent.parent == zoo} == {
        *MODULES
    }
    assert {path.name for path in zoo.iterdir()} - {*MODULES} == {
        serving_files.MODELS,
        serving_files.BATCHING,
    }


def test_a_folder_without_modules_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(errors.ZooError, match="which has none"):
        serving_files.write(tmp_path, "/models")


def test_a_server_warms_up(client):
    # Each signature once, and the default one also with a batch.
    assert client.ready["warmed_up"] == dict.fromkeys(MODULES, 5)


def test_a_warm_up_request_is_that_of_the_official_messages(rng):
    inputs = {
        "latents": tf.constant(rng.normal(size=(3, 100)), tf.float32),
        "label": tf.constant(["", "zwölf", "x" * 200]),
        "seed": tf.constant([2**40, -1, 0], tf.int64),
    }
    content = warm_up.prediction_log("my_drums", "generate", inputs)
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "my_drums"
    request.model_spec.signature_name = "generate"
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
    assert prediction_log_pb2.PredictionLog.FromString(content) == log


@pytest.mark.parametrize("name", MODULES)
def test_metadata_tell_the_signatures(client, name):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = name
    request.metadata_field.append("signature_def")
    response = client.stub.GetModelMetadata(request, timeout=60)
    assert response.model_spec.version.value == 1
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    label = {"label"} if name in LABELLED else set()
    served = {
        k: v
        for k, v in found.signature_def.items()
        if k != "__saved_model_init_op"
    }
    assert {k: set(v.inputs) for k, v in served.items()} == {
        "serving_default": {"latents"} | ({"labels"} if label else set()),
        "generate": {"seed"} | label,
        "generate_wav": {"seed"} | label,
        "interpolate": {"start", "end", "position"} | label,
    }
    for signature in served.values():
        for tensor in [*signature.inputs.values(), *signature.outputs.values()]:
            assert tensor.tensor_shape.dim[0].size == -1


def test_a_row_is_the_same_in_any_batch_of_waves(client, modules):
    latents = modules["waves"].latents(np.arange(64)).numpy()
    begun = {
        count: client.begin(
            "waves", "serving_default", latents=latents[64 - count :]
        )
        for count in BATCHES
    }
    whole = modules["waves"](latents).numpy()
    for count, future in begun.items():
        found = output(future)
        assert found.shape == (count, SAMPLES, 1)
        np.testing.assert_allclose(found, whole[64 - count :], atol=1e-5)


@pytest.mark.parametrize("name", ["pictures", "gabor", "notes"])
def test_a_row_is_as_good_in_any_batch_of_pictures(client, modules, name):
    module = modules[name]
    metadata = json.loads(module.metadata().numpy())
    preset = config.from_json(json.dumps(metadata["config"]))
    representation = assemble.make_representation(preset)
    latents = module.latents(np.arange(9)).numpy()
    labels = [np.arange(9) % 2] if name in LABELLED else []
    features = module.features(latents, *labels)
    alone = module.features(latents[8:], *(x[8:] for x in labels))
    np.testing.assert_allclose(features[8:], alone, atol=1e-5)
    magnitude = np.exp(representation.log_magnitude(alone))

    def convergence(count):
        rows = {"latents": latents[-count:]}
        if labels:
            rows["labels"] = labels[0][-count:].astype(np.int32)
        found = client.predict(name, "serving_default", **rows)[-1:, :, 0]
        return consistency.spectral_convergence(
            representation.stft, magnitude, found
        )

    for count in (2, 9):
        np.testing.assert_allclose(convergence(count), convergence(1), atol=0.1)


@pytest.mark.parametrize("name", MODULES)
def test_sounds_on_the_way_from_seed_to_seed(client, modules, name):
    """Against the formulas of both ways, by NumPy."""
    module = modules[name]
    first, last = module.latents(seeds(3, 8)).numpy().astype(np.float64)
    t = np.array([0.0, 0.25, 1.0, 2.0])[:, np.newaxis]
    inside = np.clip(t, 0, 1)
    points = (1 - inside) * first + inside * last
    if json.loads(module.metadata().numpy())["latent_prior"] == "normal":
        cosine = first @ last / np.linalg.norm(first) / np.linalg.norm(last)
        angle = np.arccos(cosine)
        weights = np.sin((1 - inside) * angle), np.sin(inside * angle)
        points = (weights[0] * first + weights[1] * last) / np.sin(angle)
    label = label_of(name, *MODULES[name][1][-1:] * 4)
    sounds = client.predict(
        name,
        "interpolate",
        start=seeds(3, 3, 3, 3),
        end=seeds(8, 8, 8, 8),
        position=t[:, 0].astype(np.float32),
        **label,
    )
    numbers = {"labels": np.full(4, 99, np.int32)} if label else {}
    expected = client.predict(
        name,
        "serving_default",
        latents=points.astype(np.float32),
        **numbers,
    )
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(sounds[..., 0])),
        np.abs(np.fft.rfft(expected[..., 0])),
        atol=2e-2 * np.abs(np.fft.rfft(expected[..., 0])).max(),
    )
    np.testing.assert_array_equal(sounds[2], sounds[3])


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_served_by_name(client, modules, name):
    names = MODULES[name][1][:2]
    number = seeds(5, 5)
    sounds = client.predict(name, "generate", seed=number, label=names)
    latents = modules[name].latents(number).numpy()
    by_number = client.predict(
        name,
        "serving_default",
        latents=latents,
        labels=np.array([0, 1], np.int32),
    )
    np.testing.assert_array_equal(sounds, by_number)
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-4
    with pytest.raises(grpc.RpcError, match="Expected labels out of") as raised:
        client.predict(name, "generate", seed=number, label=[names[0], "?"])
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("name", LABELLED)
def test_labels_of_numpy_are_taken_as_they_are(modules, name):
    module = modules[name]
    latents = module.latents([1, 2])
    wide = np.array([1, 2**40])
    narrow = wide.clip(0, len(MODULES[name][1]) - 1).astype(np.int32)
    for make in (
        lambda labels: module(latents, labels),
        lambda labels: module.features(latents, labels),
        lambda labels: module.generate(2, 0, labels),
        lambda labels: module.interpolate([1], [3], [0.5, 0.1], labels),
    ):
        np.testing.assert_array_equal(make(wide), make(narrow))


@pytest.mark.parametrize("name", MODULES)
def test_rest_and_grpc_give_the_same(client, name):
    label = label_of(name, "", "")
    sounds = client.predict(name, "generate", seed=seeds(1, 2), **label)
    columns = {"seed": [1, 2], **label}
    rows = [{k: v[i] for k, v in columns.items()} for i in range(2)]
    body = {"signature_name": "generate", "instances": rows}
    found = client.post(name, body)["predictions"]
    np.testing.assert_allclose(found, sounds, atol=1e-6)
    body = {"signature_name": "generate", "inputs": columns}
    np.testing.assert_allclose(
        client.post(name, body)["outputs"], sounds, atol=1e-6
    )


@pytest.mark.parametrize("name", MODULES)
def test_wav_files_come_over_both_ways(client, name):
    label = label_of(name, "")
    (sound,) = client.predict(name, "generate", seed=seeds(7), **label)
    (by_grpc,) = client.predict(name, "generate_wav", seed=seeds(7), **label)
    row = {"seed": 7, **{k: v[0] for k, v in label.items()}}
    (found,) = client.post(
        name, {"signature_name": "generate_wav", "instances": [row]}
    )["predictions"]
    assert base64.b64decode(found["b64"]) == by_grpc
    decoded, rate = soundfile.read(io.BytesIO(by_grpc), always_2d=True)
    assert rate == 16000
    # Quieter rather than clipped.
    expected = sound / max(1, np.abs(sound).max())
    np.testing.assert_allclose(decoded, expected, atol=1.1 / 32768)


def test_what_is_not_served_is_an_error_of_the_protocol(client):
    with pytest.raises(grpc.RpcError, match="No nothing") as raised:
        client.predict("nothing", "generate", seed=seeds(1))
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(urllib.error.HTTPError, match="400"):
        client.post("waves", {"signature_name": "sing", "instances": [1]})


def test_a_module_that_grew_loads_without_a_warning(zoo, caplog):
    caplog.set_level(logging.WARNING)
    tf.saved_model.load(str(hub.find(zoo / "notes")))
    assert not caplog.records
