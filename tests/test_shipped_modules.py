"""The modules that come with the package: there, small, and worth hearing."""

import json
import pathlib
import sys
import zlib
from unittest import mock

import numpy as np
import pytest
import tensorflow_hub

from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import hub
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import settings
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.evaluation import log_mel

# As in test_benchmarks.py.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import shipped_modules

NAMES = sorted(path.name for path in hub.SHIPPED.iterdir())
MEBIBYTE = 2**20


@pytest.fixture(params=NAMES)
def folder(request):
    (version,) = (hub.SHIPPED / request.param).iterdir()
    return version


def size_of(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_they_are_those_that_are_made_and_may_be_shipped():
    made = shipped_modules.MODULES
    assert NAMES == sorted(name for name in made if made[name].ships)
    assert not made["wavegan_birds_small"].ships
    files = (path for path in hub.SHIPPED.rglob("*") if path.is_file())
    in_wheel = sum(len(zlib.compress(path.read_bytes(), 6)) for path in files)
    assert in_wheel < 30 * MEBIBYTE


def test_each_is_small_and_sounds_by_its_name(folder):
    assert size_of(folder) < 8 * MEBIBYTE
    module = tensorflow_hub.load(folder.parent.name)
    facts = hub.read_metadata(folder)
    assert json.loads(module.metadata().numpy()) == facts
    sounds = module.generate(4, 0).numpy()
    assert sounds.shape == (4, facts["num_samples"], facts["channels"])
    # Spectrograms that a generator made may be too loud; a file is not.
    assert np.isfinite(sounds).all() and np.abs(sounds).max() < 10
    level = 20 * np.log10(np.sqrt(np.mean(sounds**2, axis=(1, 2))))
    assert (level > -50).all()
    assert np.ptp(sounds, axis=0).max() > 0.1


def test_each_is_made_as_the_table_says(folder):
    facts = hub.read_metadata(folder)
    made = shipped_modules.MODULES[folder.parent.name]
    given = dict(flag.removeprefix("--").split("=") for flag in made.train)
    preset = presets.get(given.pop("preset"))
    given = {k: type(_setting(preset, k))(v) for k, v in given.items()}
    expected = config.replace(preset, {**given, "dataset": made.dataset})
    found = config.from_json(json.dumps(facts["config"]))
    for name, value in given.items():
        assert _setting(found, name) == value
    assert found.recipe == expected.recipe
    assert found.data == expected.data
    for field in settings.of(expected.train):
        if not field.metadata["resumable"]:
            name = field.name
            assert getattr(found.train, name) == getattr(expected.train, name)
    assert found.train.steps == expected.train.steps == facts["step"]
    assert hub.licence_of(facts) == made.licence


def test_the_recipe_of_the_paper_is_left_as_it_is():
    given = ["--preset=wavegan_drums_small", "--n_critic=2", "--steps=9"]
    assert shipped_modules._by_the_paper(given, "wgan-gp") == [
        "--preset=wavegan_drums_small",
        "--steps=9",
        "--recipe=wgan-gp",
    ]
    for made in shipped_modules.MODULES.values():
        flags = shipped_modules._by_the_paper(made.train, made.papers)
        assert not any(flag.startswith("--penalty_weight") for flag in flags)


def _setting(preset, name):
    found = [s for s in config.sections(preset).values() if hasattr(s, name)]
    return getattr(found[0], name)


def test_each_has_a_card(folder):
    card = (folder / "README.md").read_text("utf-8")
    assert (folder / "sounds.png").read_bytes().startswith(b"\x89PNG")
    for row in ("kernel distance", "coverage", "diversity", "D\\| train"):
        assert row in card
    for word in ("papers", "untrained", "white noise", "licence", "## Notes"):
        assert word in card
    assert hub.licence_of(hub.read_metadata(folder)) != "unknown"


def test_the_drums_are_like_drums(rng):
    # It was trained on the same two kits.
    preset = config.replace(
        presets.get("wavegan_drums_small"), {"dataset": "drums_mini"}
    )
    windows = pipeline.Windows(
        clip_sources.load_clips(preset, "train"), preset.audio, preset.data
    )
    count = len(windows)
    module = hub.load("wavegan_drums_small")
    sounds = {
        "real": windows.read(np.arange(count), np.zeros(count)),
        "ours": module.generate(64, 0).numpy(),
        "noise": rng.uniform(-1, 1, [64, preset.audio.num_samples, 1]),
    }
    rate = preset.audio.sample_rate
    points = {k: log_mel.features(v, rate) for k, v in sounds.items()}
    ours, noise = (
        kernel_distance.kernel_distance(points["real"], points[name])
        for name in ("ours", "noise")
    )
    assert ours < noise / 20
    spread = {k: diversity.mean_pairwise_distance(v) for k, v in points.items()}
    assert 0.6 < spread["ours"] / spread["real"] < 1.4
