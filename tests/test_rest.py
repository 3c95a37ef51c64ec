"""The application of the local server: TF Serving's forms, and limits."""

import base64
import contextlib
import json
import threading
from concurrent import futures

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from gansynth_zoo.export import rest
from gansynth_zoo.export import rest_model

SUMS = "/v1/models/sums"


class Sums(tf.Module):
    """What a module of sounds is to the server, with results that are known."""

    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def scale(self, x):
        return {"y": self.factor * x}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64, "number"),
            tf.TensorSpec([None], tf.string, "text"),
        ]
    )
    def mixed(self, number, text):
        known = tf.reduce_all(text != "bad")
        check = tf.debugging.Assert(known, ["Expected no bad text, received"])
        with tf.control_dependencies([check]):
            return {
                "next": number + 1,
                "text": tf.strings.join(["<", text, ">"]),
                "text_bytes": tf.identity(text),
            }


def save_sums(folder, version, factor):
    module = Sums(tf.constant(factor))
    signatures = {"serving_default": module.scale, "mixed": module.mixed}
    tf.saved_model.save(module, str(folder), signatures)
    facts = {"name": "sums", "version": version}
    (folder / "metadata.json").write_text(json.dumps(facts))
    return rest_model.Model(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    zoo = tmp_path_factory.mktemp("zoo") / "sums"
    return [save_sums(zoo / "2", 2, 2.0), save_sums(zoo / "10", 10, 10.0)]


@pytest.fixture(scope="module")
def asking(serving):
    """Function: models, token, origins, limits -> as `serving` gives."""

    def serve(models, *arguments, **limits):
        limits = rest_model.Limits(**limits)
        return serving(rest.app(models, limits, *arguments))

    return serve


@pytest.fixture(scope="module")
def ask(models, asking):
    with asking(models, rows=3, body_bytes=1000) as ask:
        yield ask


def test_status_as_of_tf_serving(ask):
    def version(number):
        fine = {"error_code": "OK", "error_message": ""}
        return {"version": number, "state": "AVAILABLE", "status": fine}

    both = {"model_version_status": [version("10"), version("2")]}
    assert ask("GET", SUMS).json == both
    old = {"model_version_status": [version("2")]}
    assert ask("GET", f"{SUMS}/versions/2").json == old


def test_metadata_as_of_tf_serving(ask):
    def info(answer, *path):
        for key in path:
            answer = answer[key]
        sizes = [size["size"] for size in answer["tensor_shape"]["dim"]]
        return answer["dtype"], sizes

    for path, version in ((SUMS, "10"), (f"{SUMS}/versions/2", "2")):
        answer = ask("GET", f"{path}/metadata").json
        spec = {"name": "sums", "signature_name": "", "version": version}
        assert answer["model_spec"] == spec
        found = answer["metadata"]["signature_def"]["signature_def"]
        assert found.keys() == {"serving_default", "mixed"}
        mixed = found["mixed"]
        assert mixed["method_name"] == "tensorflow/serving/predict"
        assert info(mixed, "inputs", "number") == ("DT_INT64", ["-1"])
        assert info(mixed, "outputs", "text_bytes") == ("DT_STRING", ["-1"])
        x = info(found, "serving_default", "inputs", "x")
        assert x == ("DT_FLOAT", ["-1", "2"])


def b64(text):
    return {"b64": base64.b64encode(text.encode()).decode()}


TWO = {"number": [1, -(2**63)], "text": ["one", "zwölf"]}


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"inputs": [[1, 0.5]]}, {"outputs": [[10, 5]]}),
        (
            {"inputs": {"x": [[1, 2], [3, 4]]}},
            {"outputs": [[10, 20], [30, 40]]},
        ),
        (
            {"instances": [[1, 2], [3, 4]]},
            {"predictions": [[10, 20], [30, 40]]},
        ),
        ({"instances": [{"x": [1, 2]}]}, {"predictions": [[10, 20]]}),
        (
            {"signature_name": "mixed", "inputs": TWO},
            {
                "outputs": {
                    "next": [2, 1 - 2**63],
                    "text": ["<one>", "<zwölf>"],
                    "text_bytes": [b64("one"), b64("zwölf")],
                }
            },
        ),
        (
            {
                "signature_name": "mixed",
                "instances": [{"number": 7, "text": b64("one")}],
            },
            {
                "predictions": [
                    {"next": 8, "text": "<one>", "text_bytes": b64("one")}
                ]
            },
        ),
    ],
)
def test_both_forms_of_a_request(ask, request_, answer):
    found = ask("POST", f"{SUMS}:predict", request_)
    assert (found.status, found.json) == (200, answer)
    assert found.headers["content-type"] == "application/json"


def test_a_version_is_asked_for_or_the_newest(ask):
    request = {"instances": [[1, 1]]}
    for path, y in ((SUMS, 10), (f"{SUMS}/versions/2", 2)):
        found = ask("POST", f"{path}:predict", request).json
        assert found == {"predictions": [[y, y]]}


def mixed(number, text="a"):
    return {
        "signature_name": "mixed",
        "inputs": {"number": number, "text": [text]},
    }


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("", "none: Expecting value"),
        (b"\xff", "received what is none"),
        ("[" * 900, "Expected"),
        ("[1]", "an object in JSON, received [1]"),
        ({}, "either 'instances' or 'inputs', received []"),
        ({"inputs": 1, "instances": 1}, "received ['inputs', 'instances']"),
        ({"instances": []}, "a list of rows, received []"),
        ({"instances": [{"z": [1, 2]}]}, "the inputs x, received ['z']"),
        ({"inputs": {}}, "the inputs x, received []"),
        ({"inputs": [1, 2]}, "'x' of shape [rows, 2], received [2]"),
        ({"inputs": [[1]]}, "'x' of shape [rows, 2], received [1, 1]"),
        ({"inputs": [[1, 2], [3]]}, "'x' to be an array"),
        ({"inputs": [["1", "2"]]}, "'x' to be of float32"),
        ({"inputs": [[True, False]]}, "'x' to be of float32"),
        ({"inputs": [[10**400, 2]]}, "'x' to be of float32"),
        ('{"inputs": [[NaN, 1]]}', "NaN is no number"),
        ({"inputs": [[1e39, 1]]}, "'x' to be finite"),
        ('{"inputs": [[1e999, 1]]}', "'x' to be finite"),
        ({"inputs": [[3e38, 1]]}, "some whose y is no number"),
        ({"inputs": [[1, 2]] * 4}, "Expected 1 to 3 rows, received 4"),
        ({"inputs": np.zeros([0, 2]).tolist()}, "received [0]"),
        (mixed([]), "as many rows as each other, received [0, 1]"),
        (mixed([2**63]), "to be of int64, -9223372036854775808 to 92233"),
        (mixed([2**64]), "to be of int64"),
        (mixed([1.0]), "to be of int64"),
        (mixed([1], 5), "'text' to be of string"),
        (mixed([1], {"b64": 5}), "'text' to be of string"),
        (mixed([1], {"b64": "!"}), "received what is none"),
        (mixed([1], "bad"), "Expected no bad text"),
        (
            {"signature_name": "no", "inputs": 1},
            "out of serving_default, mixed",
        ),
        ({"signature_name": ["mixed"], "inputs": 1}, "received ['mixed']"),
        ({"signature_name": "mixed", "inputs": [1]}, "the inputs number, text"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(ask, request_, words):
    found = ask("POST", f"{SUMS}:predict", request_)
    assert found.status == 400
    assert words in found.error
    assert "\n" not in found.error


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/other", 404),
        ("GET", "/v1/models/other/metadata", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("POST", f"{SUMS}/versions/3:predict", 404),
        ("GET", f"{SUMS}/versions/x", 404),
        ("GET", "/docs", 404),
        ("GET", "/etc/passwd", 404),
        ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", f"{SUMS}/versions/2/metadata.json", 404),
        ("POST", SUMS, 405),
        ("DELETE", SUMS, 405),
    ],
)
def test_what_is_not_served(ask, method, path, status):
    found = ask(method, path)
    assert found.status == status
    assert found.error


def test_a_request_that_is_too_large(ask):
    found = ask("POST", f"{SUMS}:predict", b" " * 1001)
    assert found.status == 413
    assert "1,000 bytes at the most, received 1,001" in found.error
    assert ask("POST", f"{SUMS}:predict", b" " * 1000).status == 400


class Stuck:
    """A model that answers when it is let go."""

    name, version = "stuck", "1"

    def __init__(self):
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def predict(self, body, most_rows):
        self.begun.release()
        self.go.wait(60)
        return b"{}"

    def status(self):
        return {}


@contextlib.contextmanager
def stuck(asking, **limits):
    """A stuck model, its client and threads to ask from."""
    model = Stuck()
    with (
        asking([model], **limits) as ask,
        futures.ThreadPoolExecutor(4) as pool,
    ):
        try:
            yield (
                model,
                ask,
                lambda: pool.submit(ask, "POST", "/v1/models/stuck:predict"),
            )
        finally:
            model.go.set()


def test_a_full_queue_is_said_and_others_are_answered(asking):
    with stuck(asking, queue=1) as (model, ask, post):
        first = post()
        model.begun.acquire()
        # One of these waits, and the other finds no place.
        done, waiting = futures.wait(
            [post(), post()], return_when="FIRST_COMPLETED"
        )
        (full,) = [future.result() for future in done]
        assert full.status == 503
        assert full.headers["retry-after"] == "1"
        assert "wait" in full.error
        assert ask("GET", "/v1/models/stuck").status == 200
        model.go.set()
        for future in (first, *waiting):
            assert future.result().status == 200
        assert post().result().status == 200


def test_an_answer_that_takes_too_long(asking):
    with stuck(asking, queue=0, answer_seconds=0.05) as (model, ask, post):
        late = post().result()
        assert late.status == 503
        assert "within 0.05 s" in late.error
        # It still runs, and keeps its place.
        assert "Too many" in post().result().error
        model.go.set()


def test_a_token(models, asking):
    with asking(models, "sésame") as ask:
        for given in ("", "Bearer x", "é"):
            found = ask("GET", SUMS, Host="anywhere", Authorization=given)
            assert found.status == 401
            assert found.headers["www-authenticate"] == "Bearer"
        right = "Bearer sésame"
        found = ask("GET", SUMS, Host="anywhere", Authorization=right)
        assert found.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8501", 200),
        ("[::1]:8501", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_without_a_token_only_this_machine_is_answered(ask, host, status):
    assert ask("GET", SUMS, Host=host).status == status


@pytest.mark.parametrize(
    ("origin", "allowed", "status"),
    [
        ("http://page.example", (), 403),
        ("null", (), 403),
        ("http://here:1", (), 403),
        ("http://localhost:1", (), 200),
        ("http://page.example", ("http://page.example",), 200),
    ],
)
def test_pages_of_other_origins_are_refused(
    models, asking, origin, allowed, status
):
    request = {"instances": [[1, 1]]}
    with asking(models, "", allowed) as ask:
        headers = {"Origin": origin, "Host": "localhost:1"}
        found = ask("POST", f"{SUMS}:predict", request, **headers)
    assert found.status == status
    told = found.headers["access-control-allow-origin"]
    assert told == (origin if allowed else None)


def test_a_token_is_made_where_others_can_ask():
    assert rest.token_for("127.0.0.1") == rest.token_for("::1") == ""
    assert rest.token_for("localhost") == ""
    assert rest.token_for("192.168.0.7", "mine") == "mine"
    made = {rest.token_for(host) for host in ("0.0.0.0", "::", "a.example", "")}
    assert len(made) == 4 and min(map(len, made)) >= 32


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.integers(-(2**70), 2**70)
    | strategies.floats()
    | strategies.text(max_size=5)
    | strategies.just(b64("one")),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(
            strategies.sampled_from(["x", "number", "text", "b64", "z"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
REQUESTS = JSON | strategies.fixed_dictionaries(
    {},
    optional={
        "signature_name": strategies.sampled_from(["serving_default", "mixed"])
        | JSON,
        "inputs": JSON,
        "instances": strategies.lists(JSON, max_size=4) | JSON,
    },
)


@hypothesis.settings(max_examples=300, deadline=None, derandomize=True)
@hypothesis.given(REQUESTS)
@hypothesis.example({"inputs": {"x": "\ud800"}})
@hypothesis.example({"signature_name": "\ud800", "inputs": 1})
@hypothesis.example(mixed([1], "\ud800"))
def test_no_json_brings_it_down(ask, request_):
    found = ask("POST", f"{SUMS}:predict", json.dumps(request_))
    assert found.status in (200, 400)
    assert len(found.json) == 1


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(strategies.binary(max_size=200))
def test_no_bytes_bring_it_down(ask, body):
    found = ask("POST", f"{SUMS}:predict", body)
    assert found.status == 400
