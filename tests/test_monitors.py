"""Measures beside training: what is written, what is kept, what goes on."""

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import clip_sources
from gansynth_zoo import errors
from gansynth_zoo import monitors
from gansynth_zoo import pipeline
from gansynth_zoo import runs
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.export import saved_model


@pytest.fixture
def distances(monkeypatch):
    """A list of the distances that are found next."""
    coming = []
    monkeypatch.setattr(
        kernel_distance, "kernel_distance", lambda *_: coming.pop(0)
    )
    return coming


@pytest.fixture
def few(monkeypatch):
    """Few sounds are measured."""
    monkeypatch.setattr(monitors, "_COUNT", 8)


class Watched:
    """Monitors of a tiny model that is never trained."""

    def __init__(self, preset, folder, first_step=0, every=10):
        self.run = runs.Run(folder)
        self.gan = assemble.make_gan(preset)
        self.lines = []
        clips = clip_sources.load_clips(preset)
        writer = tf.summary.create_file_writer(str(self.run.summaries))
        self._monitors = monitors.Monitors(
            self.run,
            pipeline.Windows(clips, preset.audio, preset.data),
            preset.audio.sample_rate,
            every,
            first_step,
            writer,
            self.lines.append,
        )
        self._monitors.set_model(self.gan)
        self._monitors.on_train_begin()

    def end_of(self, *steps):
        for step in steps:
            self.gan.step.assign(step)
            self._monitors.on_train_batch_end(step)


def test_tensorboard_gets_the_measures(tiny, tmp_path, few):
    watched = Watched(tiny("tifgan_sc09_small"), tmp_path)
    watched.end_of(10)
    watched._monitors._writer.close()
    events = b"".join(p.read_bytes() for p in tmp_path.glob("summaries/*"))
    for name in (b"kernel_distance", b"diversity", b"rho"):
        assert b"measures/" + name + b"/generated" in events
    assert b"measures/spectral_convergence/real" in events
    real, generated = watched.lines
    assert "Of real sounds: spectral convergence -" in real
    assert generated.startswith("Step 10: ")
    assert watched.run.steps(runs.BEST) == [10]


def test_the_best_by_distance_is_kept(tiny, tmp_path, few, distances):
    distances += [3.0, 4.0, 2.0, 2.5]
    watched = Watched(tiny(), tmp_path)
    kept = []
    for step in (10, 20, 30, 40):
        watched.end_of(step)
        kept += watched.run.steps(runs.BEST)
    assert kept == [10, 10, 30, 30]
    assert watched.run.best_measure() == 2.0


def test_it_is_measured_once_an_interval(tiny, tmp_path, few, distances):
    distances += [1.0] * 9
    watched = Watched(tiny(), tmp_path, first_step=7)
    # The trainer's calls are of many steps.
    watched.end_of(8, 9, 12, 19, 20, 47, 49)
    assert [line.partition(":")[0] for line in watched.lines] == [
        "Step 12",
        "Step 20",
        "Step 47",
    ]


def test_zero_measures_nothing(tiny, tmp_path):
    watched = Watched(tiny(), tmp_path, every=0)
    watched.end_of(10, 1000)
    assert not watched.lines


def test_a_resumed_run_knows_its_best(tiny, tmp_path, few, distances):
    distances += [1.0, 2.0, 0.5]
    Watched(tiny(), tmp_path).end_of(10)
    resumed = Watched(tiny(), tmp_path, first_step=10)
    resumed.end_of(20)
    assert resumed.run.steps(runs.BEST) == [10]
    resumed.end_of(30)
    assert resumed.run.steps(runs.BEST) == [30]


def test_sounds_like_the_real_ones_are_near(tiny, tmp_path, few):
    """A generator that copies is measured as such."""
    preset = tiny(num_samples=4096, dim=2)
    watched = Watched(preset, tmp_path)
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    numbers = np.linspace(0, len(windows) - 1, 8).astype(int)
    real = windows.read(numbers, np.full(8, 0.5))
    watched._monitors._look_at_real_sounds()
    before = watched._monitors._measure()["kernel_distance"]
    watched._monitors._to_waveform = lambda features: real
    found = watched._monitors._measure()
    assert found["diversity"] == pytest.approx(1)
    assert abs(found["kernel_distance"]) < before / 3


def test_one_sound_alone_does_not_stop_training(tiny, tmp_path, rng):
    sound = rng.uniform(-0.5, 0.5, (2000, 1)).astype(np.float32)
    audio_files.write(tmp_path / "sounds" / "one.wav", sound, 16000)
    preset = tiny(dataset="", audio_dir=str(tmp_path / "sounds"))
    watched = Watched(preset, tmp_path / "run")
    watched.end_of(10, 20, 30)
    (told,) = watched.lines
    assert told.startswith("Not measured any more: Expected 2 or more")
    assert watched.run.steps(runs.BEST) == []


def test_the_newest_does_not_pass_for_the_best(tiny, tmp_path):
    run = runs.Run(tmp_path)
    run.write_preset(tiny())
    gan = assemble.make_gan(tiny())
    gan.step.assign(1)
    run.save(gan, keep=1)
    with pytest.raises(errors.ZooError, match="--evaluate_every=N"):
        saved_model.module_of(run, checkpoint="best")


def test_the_best_checkpoint_is_exported_when_asked(
    tiny, tmp_path, few, distances
):
    distances += [1.0]
    watched = Watched(tiny(), tmp_path)
    watched.end_of(10)
    watched.run.write_preset(tiny())
    watched.run.write_data({})
    weight = watched.gan.average.weights[0]
    weight.assign(np.ones_like(weight))
    watched.gan.step.assign(25)
    watched.run.save(watched.gan, keep=1)
    best, newest = (
        saved_model.module_of(watched.run, checkpoint=name)
        for name in ("best", "newest")
    )
    assert (best.facts["step"], best.facts["checkpoint"]) == (10, "best")
    assert newest.facts["step"] == 25
    assert not np.allclose(best.generate(2, 0), newest.generate(2, 0))


def test_consistency_of_silence_is_finite(tiny):
    representation = assemble.make_representation(tiny("tifgan_sc09_small"))
    silence = tf.zeros([2, 256, 1])
    found = monitors.Consistency(representation)(
        [representation.to_features(silence)]
    )
    assert np.isfinite(list(found.values())).all()
