"""The map: where sounds lie, that it is made once, and that it can be left."""

import types

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import latents as priors
from gansynth_zoo.exploring import descriptors
from gansynth_zoo.exploring import directions
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import jobs
from gansynth_zoo.exploring import layout
from gansynth_zoo.exploring import sound_map

RATE, SIZE = 8000, 6
BRIGHTER = np.array([2, -1, 0, 1, 0, 0]) / np.sqrt(6)


class TwoTones(tf.Module):
    """Makes a low and a high tone, whose shares one direction rules."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.weights = [tf.Variable(tf.eye(SIZE))]

    def latents(self, seeds):
        return priors.from_seeds("normal", SIZE, seeds)

    def __call__(self, latents):
        self.calls += 1
        time = tf.range(2048, dtype=tf.float32) / RATE
        low, high = (tf.sin(2 * np.pi * hz * time) for hz in (200.0, 2000.0))
        share = tf.sigmoid(latents @ tf.constant(BRIGHTER[:, None], tf.float32))
        decay = tf.exp(-time * tf.exp(latents[:, 4:5] + 2.0))
        sound = ((1 - share) * low + share * high) * decay
        return 0.5 * sound[..., tf.newaxis]


@pytest.fixture
def tones():
    facts = {
        "labels": [],
        "latent_size": SIZE,
        "latent_prior": "normal",
        "latent_truncation": None,
        "sample_rate": RATE,
        "preset": "tones",
    }
    return instruments.Instrument(TwoTones(), facts)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path))
    return tmp_path / "explorer"


def made(instrument, count, known_by="x"):
    found = sound_map.SoundMap(instrument, count, known_by)
    assert found.job.wait(60)
    assert found.job.state == "done", found.job.error
    return found


def test_places_are_the_principal_components(rng):
    features = rng.standard_normal((300, 30)) * np.linspace(5, 1, 30)
    centred = features - features.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:2].T
    expected /= np.abs(expected).max()
    # The signs are those of what goes with each axis.
    right, up = expected[:, 0] + 3, -expected[:, 1]
    up[5] = np.nan
    found = layout.Layout(features, right, up)(features)
    np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=1e-3)
    np.testing.assert_allclose(found[:, 1], -expected[:, 1], atol=1e-3)
    assert np.abs(found).max() == pytest.approx(1.0)


def test_sounds_that_are_all_the_same_have_places():
    features = np.ones((5, 8))
    none = np.full(5, np.nan)
    np.testing.assert_array_equal(
        layout.Layout(features, none, none)(features), np.zeros((5, 2))
    )


def test_the_map_has_all_sounds_and_what_they_are_like(tones):
    found = made(tones, 200).as_json()
    assert found["done"] == found["of"] == 200
    assert found["final"] and found["seconds_left"] == 0
    points = found["points"]
    assert [point["seed"] for point in points] == list(range(200))
    sounds = tones.sounds(*tones.of_seeds(range(200)))
    peaks = np.abs(sounds).max(axis=(1, 2))
    np.testing.assert_allclose(
        [point["peak"] for point in points], peaks, atol=1e-4
    )
    x, y, centroid = (
        np.array([point[name] for point in points])
        for name in ("x", "y", "centroid")
    )
    assert max(np.abs(x).max(), np.abs(y).max()) == pytest.approx(1.0)
    # To the right it is brighter.
    assert directions.rank_correlation(x, centroid) > 0


def test_a_direction_of_the_map_holds_for_other_seeds(tones):
    (found,) = [
        one for one in made(tones, 400).directions if one.id == "brightness"
    ]
    assert found.vector @ BRIGHTER > 0.97
    assert found.correlation > 0.9
    points, _ = tones.of_seeds(range(1000, 1010))
    agreed = []
    for point in points:
        places = np.linspace(*found.range, 9)
        steps = places - point @ found.vector
        moved = point + steps[:, None] * found.vector
        sounds = tones.sounds(moved.astype("f4"), np.zeros(9, int))
        bright = descriptors.measure(sounds, RATE)["brightness"]
        agreed.append(directions.rank_correlation(places, bright))
    assert np.min(agreed) > 0.9


def test_a_map_is_made_once(tones, cache):
    first = made(tones, 150)
    calls = tones.module.calls
    again = made(tones, 150)
    assert tones.module.calls == calls
    assert again.as_json() == first.as_json()
    assert len(again.directions) == len(first.directions)
    # Another module, another count, and a file that is damaged.
    made(tones, 150, "y")
    made(tones, 149)
    assert tones.module.calls == 3 * calls
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    made(tones, 150)
    assert tones.module.calls == 4 * calls
    assert not list(cache.glob(".partial-*"))


def test_a_map_that_cannot_be_kept_is_shown(tones, cache):
    cache.write_text("where the folder would be")
    assert len(made(tones, 40).as_json()["points"]) == 40


def test_points_are_shown_while_the_map_is_made(tones):
    shown = []

    class Watching(TwoTones):
        def __call__(self, latents):
            shown.append(len(sound_map_.as_json()["points"]))
            return super().__call__(latents)

    tones.module = Watching()
    # The first sounds are made before the constructor ends.
    sound_map_ = types.SimpleNamespace(as_json=lambda: {"points": []})
    sound_map_ = sound_map.SoundMap(tones, 320, "watched")
    assert sound_map_.job.wait(60)
    assert shown[-1] == 288
    assert shown == sorted(shown)


def test_a_job_can_be_cancelled_and_may_fail():
    def endless(job):
        while True:
            job.tell(1, 4)

    job = jobs.Job(endless)
    assert not job.wait(0.05)
    assert job.state == "running" and not job.is_cancelled
    assert job.seconds_left > 0
    job.cancel()
    assert job.wait(10) and job.state == "cancelled"

    def wrong(job):
        raise RuntimeError("no memory")

    job = jobs.Job(wrong)
    assert job.wait(10) and job.state == "failed"
    assert "no memory" in job.error
    assert job.seconds_left is None


@pytest.mark.parametrize(
    ("prior", "truncation", "edge"),
    [("uniform", None, 1.0), ("uniform", 0.5, 0.5), ("normal", 2.5, 2.5)],
)
def test_latents_stay_where_the_prior_has_any(tones, prior, truncation, edge):
    facts = {"latent_prior": prior, "latent_truncation": truncation}
    instrument = instruments.Instrument(tones.module, {**tones.facts, **facts})
    inside = instrument.keep_inside(tf.constant([-9.0, 0.1, 9.0]))
    np.testing.assert_allclose(inside, [-edge, 0.1, edge])
