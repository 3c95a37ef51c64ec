"""The search for the latents of a sound, and the command that does it."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import find
from gansynth_zoo import latents as priors
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import spectral_distance
from gansynth_zoo.exploring import target

RATE, SIZE = 8000, 8


class Tones(tf.Module):
    """Tones that decay, the levels of which are the latents."""

    def latents(self, seeds):
        return priors.from_seeds("uniform", SIZE, seeds)

    def __call__(self, latents):
        time = tf.range(2048, dtype=tf.float32) / RATE
        hz = 150.0 * 1.6 ** tf.range(SIZE, dtype=tf.float32)
        tones = tf.sin(2 * np.pi * hz[:, tf.newaxis] * time)
        sound = tf.exp(2 * latents) @ (tones * tf.exp(-5 * time))
        return 0.02 * sound[..., tf.newaxis]


@pytest.fixture(scope="session")
def facts(tiny):
    preset = tiny(num_samples=2048, sample_rate=RATE)
    return {
        "config": dataclasses.asdict(preset),
        "labels": [],
        "latent_size": SIZE,
        "latent_prior": "uniform",
        "latent_truncation": None,
        "sample_rate": RATE,
        "num_samples": 2048,
        "channels": 1,
        "preset": "tones",
    }


@pytest.fixture
def tones(facts):
    return instruments.Instrument(Tones(), facts)


def test_the_distance_is_zero_for_the_sound_itself_at_any_level(tones):
    latents, labels = tones.of_seeds([3, 4])
    sounds = tones.sounds(latents, labels)
    distance = spectral_distance.SpectralDistance(tones, 0.3 * sounds[0])
    same, other = distance(latents, labels).numpy()
    assert same < 1e-3 and other > 0.1


def test_the_distance_counts_levels_of_a_band(tones):
    # Twice the noise beside a loud tone: its bands are 0.69 nepers higher.
    time = np.arange(2048) / RATE
    noise = np.random.default_rng(1).standard_normal(2048)
    loud = 3.0 * np.sin(2 * np.pi * 500 * time)
    one, two = (
        (loud + share * noise)[:, np.newaxis].astype("f4")
        for share in (0.05, 0.1)
    )
    tones.module = lambda latents: tf.constant(one[np.newaxis])
    distance = spectral_distance.SpectralDistance(tones, two)
    (found,) = distance(np.zeros([1, SIZE]), [0]).numpy()
    assert 0.35 < found < np.log(2)


@pytest.mark.parametrize("seed", [1000, 1003])
def test_a_sound_that_the_generator_made_is_found(tones, seed):
    sought, labels = tones.of_seeds([seed])
    (waveform,) = tones.sounds(sought, labels)
    *_, found = target.search(tones, waveform, steps=120)
    assert found.loss < 0.5 * found.start_loss
    assert np.abs(found.latents - sought[0]).max() < 0.2
    # What is told is the sound's own distance.
    distance = spectral_distance.SpectralDistance(tones, waveform)
    own = distance(found.latents[np.newaxis], [0]).numpy()[0]
    assert own == pytest.approx(found.loss, rel=1e-3, abs=1e-5)


def test_the_search_tells_how_far_it_is_and_never_gets_worse(tones):
    latents, labels = tones.of_seeds([2000])
    (waveform,) = tones.sounds(latents, labels)
    found = list(target.search(tones, waveform, steps=10))
    assert [one.step for one in found] == list(range(1, len(found) + 1))
    assert {one.of for one in found} == {len(found)}
    losses = [one.loss for one in found]
    assert losses == sorted(losses, reverse=True)
    assert all(np.abs(one.latents).max() <= 1 for one in found)
    assert 0 <= found[-1].seed < 256


class Networks:
    """A module of networks that were not trained, before it is exported."""

    def __init__(self, gan, labelled):
        self._gan, self._labelled = gan, labelled

    def __call__(self, latents, labels=None):
        return self._gan.generate(latents, self._numbers(latents, labels))

    def features(self, latents, labels=None):
        return self._gan(latents, self._numbers(latents, labels))

    def latents(self, seeds):
        return self._gan.seeded(seeds)[0]

    def labels(self, seeds):
        return self._gan.seeded(seeds)[1]

    def _numbers(self, latents, labels):
        return tf.zeros(len(latents), tf.int32) if labels is None else labels


@pytest.mark.parametrize(
    "preset",
    [
        "wavegan_drums_small",
        "specgan_drums_small",
        "tifgan_sc09_small",
        "gansynth_nsynth_small",
    ],
)
def test_every_model_can_be_searched(tiny, rng, preset):
    preset = tiny(preset, num_samples=1024)
    if preset.model.name == "gansynth":
        labels = {"label_names": ("60", "62"), "label_counts": (1, 1)}
        preset = dataclasses.replace(
            preset, model=dataclasses.replace(preset.model, **labels)
        )
    noise = rng.uniform(-1, 1, (8, 1024, 1)).astype("f4")
    preset = assemble.fit_representation(preset, [noise])
    gan = assemble.make_gan(preset)
    names = list(preset.model.label_names)
    instrument = instruments.Instrument(
        Networks(gan, names),
        {
            "config": dataclasses.asdict(preset),
            "labels": names,
            "latent_prior": preset.model.latent_prior,
            "latent_truncation": gan.latent_truncation,
        },
    )
    latents, labels = instrument.of_seeds([1000])
    (waveform,) = instrument.sounds(latents, labels)
    *_, found = target.search(instrument, waveform, steps=20)
    # Their sounds do not look as what they were made of, before training.
    assert found.loss < 0.99 * found.start_loss


def write(path, seconds, rate=RATE, hz=400.0):
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.25 * np.sin(2 * np.pi * hz * time)
    audio_files.write(path, sound, rate)
    return path


def test_a_target_is_read_as_training_sounds_are(facts, tmp_path):
    short = target.read(write(tmp_path / "a.wav", 0.1, 16000), "a", facts)
    assert short.shape == (2048, 1)
    assert np.abs(short).max() == pytest.approx(1.0)
    assert not short[800:].any() and short[700:800].any()
    long = target.read(write(tmp_path / "b.wav", 9), "b", facts)
    assert long.shape == (2048, 1)


def test_a_target_that_cannot_be_used(facts, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    silent = tmp_path / "silent.wav"
    audio_files.write(silent, np.zeros(100), RATE)
    for path, words in (
        (text, "no audio"),
        (silent, "silent"),
        (tmp_path / "missing.wav", "No such file"),
    ):
        with pytest.raises(errors.ZooError, match=words):
            target.read(path, "it", facts)
    long = write(tmp_path / "long.wav", 3)
    with pytest.raises(errors.ZooError, match="2 s of sound at the most"):
        target.read(long, "it", facts, most_seconds=2)


def run_find(monkeypatch, tones, *arguments):
    monkeypatch.setattr(
        find.sources, "open_source", lambda *_: (tones.module, tones.facts)
    )
    values = flags.FlagValues()
    find.define_flags(values)
    values(["find", "--source=tones", *map(str, arguments)])
    return find.main(values)


def test_the_command_writes_what_it_found(tones, tmp_path, monkeypatch, capsys):
    sought = write(tmp_path / "mine.wav", 0.3)
    out = tmp_path / "out"
    arguments = [f"--target={sought}", "--steps=30", f"--out={out}"]
    assert run_find(monkeypatch, tones, *arguments) == 0
    said = capsys.readouterr().out
    assert "The distance shrank from" in said
    about = json.loads((out / "find.json").read_text())
    assert about["loss"] == about["losses"][-1] < about["start_loss"]
    assert about["target"] == str(sought)
    best, rate = soundfile.read(out / "best.wav", always_2d=True)
    assert rate == RATE
    made = tones.sounds(np.array([about["latents"]]), [0])[0]
    np.testing.assert_allclose(best, made, atol=1 / 32000)
    compared, _ = soundfile.read(out / "target.wav")
    assert len(compared) == 2048


def test_ctrl_c_keeps_the_best(tones, tmp_path, monkeypatch):
    searched = target.search

    def interrupted(*arguments):
        for found in searched(*arguments):
            yield found
            if found.step == 12:
                raise KeyboardInterrupt

    monkeypatch.setattr(find.targets, "search", interrupted)
    sought = write(tmp_path / "mine.wav", 0.3)
    out = tmp_path / "out"
    ended = run_find(monkeypatch, tones, f"--target={sought}", f"--out={out}")
    assert ended == 130
    assert len(json.loads((out / "find.json").read_text())["losses"]) == 12
    assert (out / "best.wav").is_file()
