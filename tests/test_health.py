import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import callbacks
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import health
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.evaluation import tone

RATE = 16000
SAMPLES = 4096
TIME = np.arange(SAMPLES) / RATE
HEALTHY_LOSS = {"discriminator_loss": np.full(10, 0.8)}


@pytest.fixture(scope="module")
def windows():
    """Real drums, by a preset of their length."""
    preset = config.replace(
        presets.get("wavegan_drums_small"),
        {"dataset": "drums_mini", "num_samples": SAMPLES},
    )
    clips = clip_sources.load_clips(preset)
    return pipeline.Windows(clips, preset.audio, preset.data)


@pytest.fixture(scope="module")
def drums(windows):
    """Sixteen of them, `[batch, samples, channels]`."""
    numbers = np.linspace(3, len(windows) - 3, 16).astype(int)
    return windows.read(numbers, np.zeros(16))


@pytest.fixture
def make(tiny, windows, tmp_path):
    """Function of a preset's name and changes: such a `Health`."""

    def make(name="wavegan_drums_small", **changes):
        said = []
        watch = health.Health(
            tiny(name, num_samples=SAMPLES, **changes),
            windows,
            tmp_path / "health.txt",
            tf.summary.create_noop_writer(),
            said.append,
        )
        watch.said = said
        return watch

    return make


@pytest.fixture
def watch(make):
    return make()


def tones(*frequencies, level=0.3):
    """Sixteen sounds that differ in phase, `[batch, samples, 1]`."""
    phases = np.linspace(0, 3, 16)[:, np.newaxis]
    sound = sum(np.sin(2 * np.pi * f * TIME + phases) for f in frequencies)
    return (level / len(frequencies) * sound)[..., np.newaxis]


def preview(watch, step, sounds, logs=HEALTHY_LOSS):
    """What is newly said of a preview."""
    before = len(watch.said)
    watch.on_train_batch_end(step, logs)
    watch.listen(step, np.asarray(sounds, np.float32))
    return watch.said[before:]


@pytest.mark.parametrize("frequency", [100.0, 440.0, 4000.0])
def test_a_tone_is_found_at_its_frequency(frequency):
    hz, share = tone.strongest(tones(frequency), RATE)
    assert hz == pytest.approx(frequency, abs=RATE / SAMPLES)
    assert share > 0.95
    assert tone.flatness(tones(frequency), RATE).max() < 0.01


def test_noise_is_flat_and_no_tone(rng):
    noise = rng.standard_normal([16, SAMPLES, 1])
    assert tone.flatness(noise, RATE).min() > 0.8
    assert tone.strongest(noise, RATE)[1] < 0.05


def test_a_chord_is_no_single_tone():
    chord = tones(262.0, 330.0, 392.0, 523.0)
    assert tone.strongest(chord, RATE)[1] == pytest.approx(0.25, abs=0.05)


def test_tones_of_different_pitch_are_no_common_tone():
    sounds = np.concatenate([tones(100.0 * i)[:1] for i in range(1, 17)])
    assert tone.strongest(sounds, RATE)[1] < 0.1


def test_an_offset_is_no_tone(rng):
    noise = 0.1 * rng.standard_normal([4, SAMPLES, 1])
    assert tone.strongest(noise + 0.5, RATE)[1] < 0.05


@pytest.mark.parametrize("samples", [64, 256])
def test_silence_and_short_sounds_can_be_measured(samples):
    measures = health.measure(np.zeros([2, samples, 2]), RATE)
    assert dataclasses.astuple(measures) == pytest.approx(
        (-120.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    )


def test_real_sounds_are_healthy(watch, drums):
    for step in range(200, 1000, 100):
        assert preview(watch, step, np.roll(drums, step, axis=1)) == []


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("wavegan_drums_small", 0.8),
        ("wavegan_drums_small", 1.39),
        ("wavegan_drums", -10.0),
        ("wavegan_drums", 0.5),
    ],
)
def test_losses_of_runs_that_go_well_are_healthy(make, drums, name, loss):
    watch = make(name)
    for step in (200, 300, 400):
        logs = {"discriminator_loss": loss * np.linspace(0.9, 1.1, 5)}
        assert preview(watch, step, drums, logs) == []


def check_only(said, start, *parts):
    assert len(said) == 1
    assert said[0].split(": ", 1)[1].startswith(start)
    for part in parts:
        assert part in said[0]


def test_silence(watch, drums):
    check_only(
        preview(watch, 200, drums * 1e-3),
        "The sounds are nearly silent, ",
        " dB below",
        "--generator_learning_rate=0.0001",
    )


def test_all_zeros_are_silence(watch, drums):
    check_only(preview(watch, 200, 0 * drums), "The sounds are nearly silent")


def test_a_single_tone(watch):
    # Sounds of one tone are alike too, but that was not seen to fall.
    check_only(
        preview(watch, 200, tones(1000.0)),
        "The sounds are one tone of 1000 Hz",
        "--generator_learning_rate=",
    )


def test_clipping(watch, drums):
    check_only(
        preview(watch, 200, np.clip(60 * drums, -1, 1)),
        "The sounds are clipped",
        "% of their samples",
    )


def test_collapse_after_diversity(watch, drums):
    same = drums[:1] * np.linspace(0.5, 1, 16)[:, np.newaxis, np.newaxis]
    assert preview(watch, 200, drums) == []
    check_only(
        preview(watch, 300, same),
        "The sounds are nearly all the same",
        " and was ",
        "--batch_size=8",
    )


def test_one_sound_for_all_latents_is_young_and_then_collapse(watch, drums):
    same = np.repeat(drums[:1], 16, axis=0)
    assert preview(watch, 200, same) == []
    assert preview(watch, health.STUCK_STEPS - 1, same) == []
    check_only(
        preview(watch, health.STUCK_STEPS, same),
        "The sounds are nearly all the same",
        f"after {health.STUCK_STEPS} steps",
    )


def test_a_discriminator_that_has_won(watch, drums):
    logs = {"discriminator_loss": np.full(10, 0.02)}
    check_only(
        preview(watch, 200, drums, logs),
        "The discriminator has won, its loss is 0.020",
        "--penalty_weight=1 ",
        "--discriminator_learning_rate=0.0002",
    )


@pytest.mark.parametrize(
    ("name", "loss"), [("wavegan_drums_small", 20.0), ("wavegan_drums", -500.0)]
)
def test_a_loss_that_runs_away(make, drums, name, loss):
    watch = make(name)
    assert preview(watch, 200, drums) == []
    said = preview(watch, 300, drums, {"discriminator_loss": [loss, loss]})
    check_only(
        said,
        f"The discriminator's loss runs away, it is {loss:.4g} after 0.8",
        "--penalty_weight=",
    )


def test_a_young_generator_is_not_judged(watch, drums):
    for step in range(0, health.GRACE_STEPS, 50):
        assert preview(watch, step, drums * 1e-3) == []


def test_what_goes_on_is_said_once_and_again_when_it_comes_back(watch, drums):
    quiet = drums * 1e-3
    said = [
        len(preview(watch, 200 + i, sounds))
        for i, sounds in enumerate(
            [quiet, quiet, drums, quiet, drums, drums, quiet]
        )
    ]
    # One healthy preview between is not yet an end.
    assert said == [1, 0, 0, 0, 0, 0, 1]


def test_the_file_has_the_steps_of_begin_and_end(watch, drums, tmp_path):
    for step, sounds in ((200, drums * 1e-3), (300, drums), (400, drums)):
        preview(watch, step, sounds)
    begin, end = (tmp_path / "health.txt").read_text().splitlines()
    assert begin.startswith("step 200: The sounds are nearly silent")
    assert end == "step 400: No more silence."
    assert set(health.NAMES) == {
        *("silence", "tone", "clipping", "collapse", "runaway", "won")
    }


class OneWindow:
    """Windows of which there is one."""

    def __init__(self, sound):
        self._sound = sound

    def __len__(self):
        return 1

    def read(self, numbers, fractions):
        return np.repeat(self._sound, len(numbers), axis=0)


def test_a_set_of_one_sound_has_no_collapse(tiny, drums, tmp_path):
    said = []
    watch = health.Health(
        tiny(num_samples=SAMPLES),
        OneWindow(drums[:1]),
        tmp_path / "health.txt",
        tf.summary.create_noop_writer(),
        said.append,
    )
    watch.listen(health.STUCK_STEPS, np.repeat(drums[:1], 16, axis=0))
    assert said == []


def test_sounds_that_are_not_finite_are_left_to_others(watch, drums):
    assert preview(watch, 200, np.full_like(drums, np.nan)) == []


def test_a_run_is_watched(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "GRACE_STEPS", 0)
    monkeypatch.setattr(health, "SILENCE_DB", 0.0)
    heard = []
    listen = health.Health.listen

    def spy(self, step, sounds):
        heard.append((step, sounds.shape))
        listen(self, step, sounds)

    monkeypatch.setattr(health.Health, "listen", spy)
    lines = []
    run = runs.Run(tmp_path)
    training.train(tiny(), run, report=lines.append)
    assert heard == [(2, (16, 256, 1))]
    said = [line for line in lines if line.startswith("Health at step 2: ")]
    assert any("silent" in line for line in said)
    assert "step 2: " in (tmp_path / "health.txt").read_text()
    events = b"".join(p.read_bytes() for p in run.summaries.iterdir())
    for name in (b"rms_db", b"flatness", b"diversity"):
        assert b"health/" + name in events


def test_a_line_above_the_live_one_takes_its_place():
    class Terminal:
        text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    terminal = Terminal()
    progress = callbacks.Progress(0, 10, terminal)
    progress.above(lambda line: terminal.write(line))("Health")
    assert terminal.text == "\r\x1b[KHealth"
