"""Asking for labels and playing MIDI files, as a user does."""

import subprocess
import sys

import mido
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import rendering
from gansynth_zoo import runs
from gansynth_zoo.export import saved_model

PNG = b"\x89PNG\r\n\x1a\n"


def generate(*arguments):
    command = [sys.executable, "-m", "gansynth_zoo.generate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def made(pitched):
    """The module of the run, in memory."""
    return saved_model.module_of(pitched)


@pytest.fixture
def unlabelled(tiny, tmp_path):
    """Folder of a run whose sounds have no labels."""
    run = runs.Run(tmp_path / "unlabelled")
    run.write_preset(tiny())
    run.write_data({})
    gan = assemble.make_gan(tiny())
    gan.step.assign(1)
    run.save(gan, keep=1)
    return run.path


@pytest.fixture
def piece(tmp_path):
    """A MIDI file: D, after a second C, after another D an octave up."""
    track = mido.MidiTrack()
    for time, pitch, velocity in ((0, 62, 127), (480, 60, 64), (480, 74, 32)):
        on = {"note": pitch, "velocity": velocity, "time": time}
        track.append(mido.Message("note_on", **on))
        track.append(mido.Message("note_off", note=pitch, time=480))
    mido.MidiFile(tracks=[track]).save(tmp_path / "piece.mid")
    return tmp_path / "piece.mid"


def check_refused(result, *words):
    """Exit status 1 and one sentence on stderr, no traceback."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_labels_name_the_files_and_are_what_they_hold(pitched, made, tmp_path):
    result = generate(
        f"--source={pitched.path}",
        "--labels=64,60",
        "--count=2",
        "--seed=5",
        f"--out={tmp_path}",
    )
    assert result.returncode == 0, result.stderr
    names = {path.name for path in tmp_path.iterdir()}
    labelled = [(label, seed) for label in ("64", "60") for seed in (5, 6)]
    wavs = {f"{label}_{seed:06d}.wav" for label, seed in labelled}
    assert names == {*wavs, "spectrograms.png"}
    for label, seed in labelled:
        path = tmp_path / f"{label}_{seed:06d}.wav"
        sound, _ = soundfile.read(path, always_2d=True)
        expected = made.generate(1, seed, tf.constant([label]))[0]
        np.testing.assert_allclose(sound, expected, atol=1.1 / 32768)


def test_labels_that_are_not_known_are_refused(pitched, unlabelled, tmp_path):
    for source, words in (
        (pitched.path, "Expected labels out of 60, 62, 64 for this model"),
        (unlabelled, "Expected no labels for this model"),
    ):
        result = generate(
            f"--source={source}",
            "--labels=61,60",
            f"--out={tmp_path / 'out'}",
        )
        check_refused(result, words, "received 61")
        assert not (tmp_path / "out").exists()


def test_a_midi_file_becomes_one_sound(pitched, made, piece, tmp_path):
    out = tmp_path / "out"
    result = generate(
        f"--source={pitched.path}", f"--midi={piece}", f"--out={out}"
    )
    assert result.returncode == 0, result.stderr
    assert "D5 (74) to D4 (62)" in result.stderr
    assert {path.name for path in out.iterdir()} == {
        "piece.wav",
        "spectrograms.png",
    }
    assert (out / "spectrograms.png").read_bytes().startswith(PNG)
    sound, rate = soundfile.read(out / "piece.wav")
    assert rate == 16000
    assert np.abs(sound).max() == pytest.approx(0.5, abs=1e-3)
    # A note for each second, as long as what the model makes.
    notes = [np.arange(256) + second * 16000 for second in range(3)]
    assert len(sound) == notes[-1][-1] + 1
    heard = [np.abs(sound[note]).max() for note in notes]
    assert min(heard) > 0.001
    rest = np.delete(sound, np.concatenate(notes))
    assert not rest.any()
    # The first note has the latents of seed 0 and the label of its pitch.
    zero = made.latents(tf.zeros([1], tf.int64))
    fade = rendering.envelope(1.0, 256, 16000)
    closeness = [
        np.corrcoef(made(zero, [label])[0, :, 0] * fade, sound[notes[0]])[0, 1]
        for label in range(3)
    ]
    assert np.argmax(closeness) == 1
    assert closeness[1] > 0.9999


def test_midi_needs_a_model_of_pitches(unlabelled, piece, tmp_path):
    result = generate(
        f"--source={unlabelled}", f"--midi={piece}", f"--out={tmp_path / 'out'}"
    )
    check_refused(
        result,
        "labels are MIDI pitches beside --midi, received wavegan_drums_small",
        "labels are none",
    )
    assert not (tmp_path / "out").exists()
