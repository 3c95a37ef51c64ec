"""The explorer's server, asked as its page asks, and as it must not be."""

import functools
import io
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile

import numpy as np
import pytest
import soundfile

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo.exploring import explorer as explorers
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import nearest
from gansynth_zoo.exploring import remote
from gansynth_zoo.exploring import routes
from gansynth_zoo.exploring import sound_map
from gansynth_zoo.exploring import target
from gansynth_zoo.export import rest
from gansynth_zoo.export import rest_model
from gansynth_zoo.export import saved_model

COUNT = 48
LATENTS = [0.1] * 100


@pytest.fixture(scope="module")
def folder(pitched, tmp_path_factory):
    """An exported module whose labels are 60, 62 and 64."""
    return saved_model.export(pitched, tmp_path_factory.mktemp("zoo"), "tones")


@pytest.fixture(scope="module")
def model(folder):
    return rest_model.Model(folder)


@pytest.fixture(scope="module")
def explorer(model, folder, pitched):
    instrument = instruments.Instrument(model.module, model.facts)
    made = explorers.Explorer(
        instrument,
        sound_map.SoundMap(instrument, COUNT, sound_map.checksum(folder)),
        nearest.TrainingSounds(
            model.facts, str(pathlib.Path(pitched.path).parent / "sounds")
        ),
    )
    assert made.training.job.wait(60) and not made.training.job.error
    assert made.sound_map.job.wait(60) and not made.sound_map.job.error
    yield made
    made.close()


@pytest.fixture(scope="module")
def asking(serving):
    """Function: model, explorer, token, limits -> as `serving` gives."""

    def serve(model, explorer, token="", **limits):
        limits = rest_model.Limits(**limits)
        app = rest.app([model], limits, token)
        routes.add(app, explorer, limits)
        return serving(app)

    return serve


@pytest.fixture(scope="module")
def ask(model, explorer, asking):
    with asking(model, explorer, rows=8, body_bytes=400_000) as ask:
        yield ask


def wave(seconds, rate=16000):
    sound = np.sin(np.arange(round(seconds * rate)) / 5)
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV")
    return file.getvalue()


def test_about(ask):
    about = ask("GET", "/explore/about").json
    assert about["name"] == "tones" and about["version"] == 1
    assert about["labels"] == ["60", "62", "64"] and about["pitched"]
    assert about["num_samples"] == 256 and about["channels"] == 1
    assert about["latent_size"] == 100 and about["latent_prior"] == "uniform"
    assert about["predict"] == "/v1/models/tones:predict"
    assert about["reference"] == "sounds"
    assert about["limits"]["rows"] == 8


def test_seeds_become_sounds(ask, model):
    asked = ask("GET", "/explore/latents?seeds=3,70,5").json
    request = {"signature_name": "serving_default", "inputs": asked}
    made = ask("POST", "/v1/models/tones:predict", request).json["outputs"]
    expected = [model.module.generate(1, seed)[0] for seed in (3, 70, 5)]
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_the_map_and_the_directions(ask):
    found = ask("GET", "/explore/map").json
    assert found["final"] and len(found["points"]) == COUNT
    assert found["points"][7].keys() == {
        "seed",
        "x",
        "y",
        "label",
        "centroid",
        "peak",
    }
    assert {point["label"] for point in found["points"]} == {0, 1, 2}
    directions = ask("GET", "/explore/directions").json["directions"]
    principal = [one for one in directions if one["kind"] == "principal"]
    assert len(principal) == 5
    for one in directions:
        assert len(one["vector"]) == 100 and one["range"][0] < 0


def test_the_nearest_training_sounds(ask, explorer):
    # One of them as it is, quieter.
    real = explorer.training.sound(4)
    (number, distance), *_ = explorer.training.nearest(0.5 * real)[0]
    assert distance == pytest.approx(0, abs=1e-3)
    # There are copies of it.
    np.testing.assert_array_equal(explorer.training.sound(number), real)
    sound = {"latents": LATENTS, "label": 1}
    found = ask("POST", "/explore/nearest", sound).json
    assert len(found["sounds"]) == 5 and found["typical"] > 0
    distances = [one["distance"] for one in found["sounds"]]
    assert distances == sorted(distances)
    heard = ask("GET", found["sounds"][0]["url"])
    assert heard.headers["content-type"] == "audio/wav"
    decoded, rate = soundfile.read(io.BytesIO(heard.content), always_2d=True)
    assert rate == 16000
    np.testing.assert_allclose(
        decoded,
        explorer.training.sound(found["sounds"][0]["index"]),
        atol=1 / 32000,
    )


def wait_for_end(ask, job):
    while (found := ask("GET", f"/explore/find/{job}").json)["state"] == (
        "running"
    ):
        time.sleep(0.02)
    return found


def test_a_target_is_searched(ask, monkeypatch):
    brief = functools.partial(target.search, steps=3)
    monkeypatch.setattr(explorers.target, "search", brief)
    job = ask("POST", "/explore/find", wave(0.05)).json["job"]
    assert ask("GET", "/explore/find/other").status == 404
    found = wait_for_end(ask, job)
    assert found["state"] == "done" and found["step"] == found["of"]
    assert 0 < found["loss"] <= found["start_loss"]
    assert len(found["latents"]) == 100 and found["label"] in (0, 1, 2)


def test_a_search_is_cancelled_and_one_runs_at_a_time(ask):
    job = ask("POST", "/explore/find", wave(0.05)).json["job"]
    refused = ask("POST", "/explore/find", wave(0.05))
    assert refused.status == 409 and "Another search" in refused.error
    assert ask("DELETE", f"/explore/find/{job}").status == 200
    # The next one waits until that has ended.
    other = ask("POST", "/explore/find", wave(0.05)).json["job"]
    assert ask("GET", f"/explore/find/{job}").status == 404
    ask("DELETE", f"/explore/find/{other}")
    assert wait_for_end(ask, other)["state"] == "cancelled"


def picks(count):
    names = ["a/../b", "a/../b", "ü" * 99, ""]
    return [
        {"latents": LATENTS, "label": i % 3, "name": names[i % 4]}
        for i in range(count)
    ]


def test_picks_become_waves(ask, model):
    asked = {"sounds": picks(4), "kind": "wav", "rate": 48000}
    answer = ask("POST", "/explore/pack", asked)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = [pathlib.PurePath(name).name for name in archive.namelist()]
        files = {name: archive.read(f"tones_picks/{name}") for name in names}
    assert sorted(files) == [
        "001_a-b.wav",
        "002_a-b.wav",
        "003_sound.wav",
        "004_sound.wav",
        "picks.json",
    ]
    file = soundfile.SoundFile(io.BytesIO(files["002_a-b.wav"]))
    assert (file.samplerate, file.subtype) == (48000, "PCM_24")
    # Every third sample of the model's 16 kHz.
    sound = model.module([LATENTS], [1]).numpy()[0]
    np.testing.assert_allclose(
        file.read(always_2d=True)[30:-30:3], sound[10:-10], atol=0.02
    )
    kept = json.loads(files["picks.json"])["picks"][2]
    assert kept["label"] == 2
    np.testing.assert_allclose(kept["latents"], LATENTS)


def test_picks_become_an_instrument_of_all_pitches(ask):
    asked = {"sounds": picks(2), "kind": "sampler"}
    answer = ask("POST", "/explore/pack", asked)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = sorted(archive.namelist())
        text = archive.read("tones_picks/tones_000001.sfz").decode()
    assert len([name for name in names if name.endswith(".wav")]) == 6
    assert text.count("<region>") == 3
    assert "pitch_keycenter=62" in text


def sound(**changes):
    return {"latents": LATENTS, "label": 0, **changes}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/explore/latents", None, 400, "seeds=1,2,3"),
        ("GET", "/explore/latents?seeds=1,-2", None, 400, "seeds=1,2,3"),
        ("GET", "/explore/latents?seeds=" + "1," * 8 + "1", None, 400, "8 see"),
        ("POST", "/explore/nearest", {}, 400, "its latents"),
        ("POST", "/explore/nearest", [], 400, "object in JSON"),
        ("POST", "/explore/nearest", b"{", 400, "Expected JSON"),
        ("POST", "/explore/nearest", sound(latents=[1]), 400, "shape [100]"),
        ("POST", "/explore/nearest", sound(label=3), 400, "label, received 3"),
        ("POST", "/explore/nearest", sound(label="b"), 400, "'label' to be"),
        ("GET", "/explore/training/100.wav", None, 404, "received 100"),
        ("GET", "/explore/training/-1.wav", None, 404, "number of a sound"),
        ("GET", "/explore/training/..%2f..%2fa.wav", None, 404, ""),
        ("POST", "/explore/find", b"no audio", 400, "no audio"),
        ("POST", "/explore/find", b"", 400, "an empty file"),
        ("POST", "/explore/find", wave(61, 1000), 400, "60 s of sound"),
        ("POST", "/explore/find", b" " * 400_001, 413, "400,000 bytes"),
        ("GET", "/explore/find/..%2fabout", None, 404, ""),
        ("POST", "/explore/pack", {"sounds": []}, 400, "the kind wav or"),
        (
            "POST",
            "/explore/pack",
            {"sounds": [], "kind": "wav"},
            400,
            "1 to 128 sounds, received 0",
        ),
        (
            "POST",
            "/explore/pack",
            {"sounds": picks(43), "kind": "sampler"},
            400,
            "received 43, each at 3 pitches",
        ),
        (
            "POST",
            "/explore/pack",
            {"sounds": [1] * 129, "kind": "wav"},
            400,
            "",
        ),
        (
            "POST",
            "/explore/pack",
            {"sounds": picks(1), "kind": "wav", "rate": 1},
            400,
            "44100 or 48000",
        ),
        ("GET", "/page/../explorer.py", None, 404, ""),
        ("GET", "/page/..%2fexplorer.py", None, 404, ""),
        ("GET", "/page//etc/passwd", None, 404, ""),
        ("GET", "/page/", None, 404, ""),
        ("POST", "/explore/map", None, 405, ""),
    ],
)
def test_what_is_refused_and_why(ask, method, path, body, status, words):
    found = ask(method, path, body)
    assert found.status == status
    assert words in found.error


def test_the_page_and_its_files(ask):
    page = ask("GET", "/")
    assert page.status == 200 and b"<html" in page.content
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    script = ask("GET", "/page/explorer.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    style = ask("GET", "/page/explorer.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"


def test_the_page_needs_no_token_and_its_data_do(model, explorer, asking):
    with asking(model, explorer, "secret") as ask:
        for path in ("/", "/page/explorer.js"):
            assert ask("GET", path, Host="anywhere").status == 200
        for method, path in (
            ("GET", "/explore/about"),
            ("GET", "/explore/map"),
            ("GET", "/explore/training/0.wav"),
            ("POST", "/explore/find"),
            ("DELETE", "/explore/find/x"),
            ("POST", "/explore/pack"),
        ):
            assert ask(method, path, Host="anywhere").status == 401
        told = {"Authorization": "Bearer secret", "Host": "anywhere"}
        assert ask("GET", "/explore/about", **told).status == 200


def test_other_pages_and_hosts_get_no_data(ask):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil"}):
        assert ask("GET", "/explore/map", **headers).status == 403
        assert ask("POST", "/explore/find", b"", **headers).status == 403


def test_without_training_sounds_it_is_said(model, explorer, asking):
    alone = explorers.Explorer(explorer.instrument, explorer.sound_map)
    with asking(model, alone) as ask:
        assert ask("GET", "/explore/about").json["reference"] is None
        refused = ask("POST", "/explore/nearest", sound())
        assert refused.status == 404 and "--reference" in refused.error


def test_training_sounds_that_cannot_be_read_are_said(model, explorer, asking):
    training = nearest.TrainingSounds(model.facts, "cats")
    assert training.job.wait(60)
    alone = explorers.Explorer(explorer.instrument, None, training)
    with asking(model, alone) as ask:
        refused = ask("POST", "/explore/nearest", sound())
        assert refused.status == 404 and "'cats'" in refused.error


def test_another_server_makes_the_sounds(model, explorer, asking):
    request = {"inputs": {"latents": [LATENTS], "labels": [1]}}
    path = "/v1/models/tones:predict"
    with asking(model, explorer) as there:
        url = "http://{}:{}".format(*there.args[0])
        with asking(remote.Remote(model, url), explorer) as here:
            made = here("POST", path, request)
            assert made.status == 200
            assert made.json == there("POST", path, request).json
            wrong = here("POST", path, {"inputs": 1})
            assert wrong.status == 400 and "the inputs labels" in wrong.error
    with asking(remote.Remote(model, url), explorer) as here:
        gone = here("POST", path, request)
        assert gone.status == 503 and "is it running" in gone.error


def test_a_model_of_spectrograms_is_refused(model):
    with pytest.raises(errors.ZooError, match="makes spectrograms"):
        instruments.Instrument(
            model.module, {**model.facts, "output": "features"}
        )


def test_the_command_serves_until_it_is_told_to_end(folder, tmp_path):
    audio_files.write(tmp_path / "beside.wav", np.ones(9), 16000)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.explore",
            f"--source={folder}",
            "--port=0",
            "--count=3000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    first = process.stdout.readline()
    assert first.startswith("Explore tones on http://127.0.0.1:"), first
    url = first.split()[-1]
    with urllib.request.urlopen(url, timeout=60) as page:
        assert page.status == 200
    with urllib.request.urlopen(f"{url}explore/map", timeout=60) as answer:
        assert json.load(answer)["of"] == 3000
    # While the map is being made.
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
