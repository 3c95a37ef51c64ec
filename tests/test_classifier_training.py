"""Training a classifier, in Python and on the command line."""

import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import classifier_examples
from gansynth_zoo import errors
from gansynth_zoo import train_classifier
from gansynth_zoo.classifiers import augmentation
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.classifiers import network
from gansynth_zoo.classifiers import training

RATE = 16000
TINY = network.Design(("low", "high"), num_samples=2048, dim=2)


def tones(frequencies, rng, samples=2048):
    """Float32 `[batch, samples]`: a tone each, of another phase."""
    time = np.arange(samples) / RATE
    phases = rng.uniform(0, 2 * np.pi, (len(frequencies), 1))
    angles = 2 * np.pi * np.outer(frequencies, time) + phases
    return (0.5 * np.sin(angles)).astype(np.float32)


def two_classes(count, seed):
    """Low and high tones, as `training.train` wants them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count, np.int32)
    frequencies = np.where(labels, 3000, 300) * rng.uniform(0.8, 1.25, count)
    waveforms = tones(frequencies, rng)
    return types.SimpleNamespace(
        labels=labels, read=lambda places: waveforms[places]
    )


@pytest.fixture
def folder(tmp_path, rng):
    """Folder with a sub-folder for each of two labels, and a file in none."""
    for label, frequency in (("low", 300.0), ("high", 3000.0)):
        for i, waveform in enumerate(tones([frequency] * 10, rng)):
            audio_files.write(
                tmp_path / "sounds" / label / f"{i}.wav", waveform, RATE
            )
    noise = rng.uniform(-0.5, 0.5, 2048)
    audio_files.write(tmp_path / "sounds" / "neither.wav", noise, RATE)
    (tmp_path / "sounds" / "low" / "broken.wav").write_bytes(b"RIFF")
    return tmp_path / "sounds"


def run(out, *arguments):
    values = flags.FlagValues()
    train_classifier.define_flags(values)
    values(["", f"--out={out}", *arguments])
    return train_classifier.main(values)


def test_two_classes_are_learned():
    weights = training.train(
        two_classes(128, 0), two_classes(32, 1), TINY, steps=120
    )
    made = classifiers.Classifier(TINY, weights, {})
    unseen = two_classes(200, 2)
    scores = made.scores(unseen.read(np.arange(200))[..., np.newaxis], RATE)
    counts = training.confusion(scores, unseen.labels)
    assert counts.sum() == 200
    assert np.trace(counts) > 190


def test_the_same_seed_gives_the_same_weights():
    one, other = (
        training.train(
            two_classes(40, 0), two_classes(8, 1), TINY, steps=3, seed=5
        )
        for _ in range(2)
    )
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_every_epoch_has_every_sound_once():
    order = training._batches(100, 25, 64, 3).ravel()
    for epoch in order.reshape(16, 100):
        assert sorted(epoch) == list(range(100))


def test_confusion_and_the_worst_by_hand():
    scores = np.eye(3)[[0, 0, 1, 2, 1, 1]]
    counts = training.confusion(scores, np.array([0, 0, 0, 1, 1, 2]))
    np.testing.assert_array_equal(counts, [[2, 1, 0], [0, 1, 1], [0, 1, 0]])
    assert train_classifier.worst(counts, ("a", "b", "c")) == [
        "c: 0 of 1 right, taken for b (1)",
        "b: 1 of 2 right, taken for c (1)",
        "a: 2 of 3 right, taken for b (1)",
    ]
    assert train_classifier.worst(np.eye(3, dtype=int), ("a", "b", "c")) == []


def test_augmented_sounds_stay_within_what_is_said(rng):
    waveforms = tones([440.0] * 50, rng, samples=4096)
    changed = augmentation.augment(waveforms, tf.constant([0, 1])).numpy()
    peaks = 20 * np.log10(np.abs(changed).max(axis=1))
    # The noise, 10 dB below at the loudest, comes on top.
    assert peaks.max() < 6 and peaks.min() > -21
    spectra = np.abs(np.fft.rfft(changed * np.hanning(4096), 1 << 16))
    frequencies = spectra.argmax(axis=1) * RATE / (1 << 16)
    speeds = np.log2(frequencies / 440)
    assert np.abs(speeds).max() < 0.21 and np.ptp(speeds) > 0.3
    again = augmentation.augment(waveforms, tf.constant([0, 1]))
    np.testing.assert_array_equal(changed, again)


def test_an_impulse_is_moved_by_a_tenth_at_most():
    waveforms = np.zeros((200, 4000), np.float32)
    waveforms[:, 2000] = 1.0
    played = augmentation.augment(waveforms, tf.constant([0, 2])).numpy()
    # Played `speed` times as fast, and then `shift` later.
    places = np.abs(played).argmax(axis=1)
    least = 2000 * 2**-0.2 - 400
    most = 2000 * 2**0.2 + 400
    assert places.min() >= least - 1 and places.max() <= most + 1
    assert np.ptp(places) > 600


def test_half_of_the_sounds_lose_high_frequencies(rng):
    waveforms = rng.uniform(-1, 1, (200, 2048)).astype(np.float32)
    changed = augmentation.augment(waveforms, tf.constant([0, 4]))
    power = np.abs(np.fft.rfft(changed)) ** 2
    above = power[:, 960:].sum(axis=1) / power.sum(axis=1)
    # White noise has 1/16 of its energy there.
    assert 0.3 < np.mean(above < 1 / 50) < 0.65
    below = power[:, :256].sum(axis=1) / power.sum(axis=1)
    assert below.min() > 1 / 16


def test_silence_stays_silent():
    waveforms = np.zeros((2, 100), np.float32)
    changed = augmentation.augment(waveforms, tf.constant([0, 3]))
    np.testing.assert_array_equal(changed, waveforms)


def test_parts_that_are_missing_are_held_out(folder):
    sounds = classifier_examples.Sounds.of(2048, audio_dir=str(folder))
    labels, parts = classifier_examples.load(sounds)
    assert labels == ("high", "low")
    read = {}
    for name, size in (("train", 16), ("validation", 2), ("test", 2)):
        assert np.bincount(parts[name].labels).tolist() == [size // 2] * 2
        read[name] = parts[name].read(np.arange(size))
        assert "held out" in parts[name].source or name == "train"
    together = np.concatenate(list(read.values()))
    assert len(np.unique(together, axis=0)) == 20
    # A label's number is that of its sounds: high ones cross zero more often.
    crossings = (np.diff(np.sign(read["train"])) != 0).sum(axis=1)
    np.testing.assert_array_equal(crossings < 200, parts["train"].labels == 1)


def test_splits_of_a_set_are_kept(tmp_path):
    sounds = classifier_examples.Sounds.of(
        2048, dataset="drums_mini", data_dir=str(tmp_path)
    )
    labels, parts = classifier_examples.load(sounds)
    assert len(labels) > 1
    assert parts["test"].source.endswith(", test")
    assert parts["validation"].source.endswith("held out of train")


def test_trained_on_a_folder_from_end_to_end(folder, tmp_path, capsys):
    out = tmp_path / "made"
    status = run(
        out,
        f"--audio_dir={folder}",
        "--dim=2",
        "--num_samples=2048",
        "--steps=100",
        "--description=Two tones.",
    )
    assert status == 0
    said = capsys.readouterr().out
    assert "broken.wav" in said and "1 sounds have no label" in said
    made = classifiers.load(out)
    assert made.id in said
    assert made.about["description"] == "Two tones."
    accuracy = made.about["accuracy"]
    assert {name: row["sounds"] for name, row in accuracy.items()} == {
        "train": 16,
        "validation": 2,
        "test": 2,
    }
    assert accuracy["train"]["share"] > 0.9
    high = tones([2800.0], np.random.default_rng(5))[..., np.newaxis]
    assert made.labels[made.scores(high, RATE).argmax()] == "high"


@pytest.mark.parametrize(
    ("remove", "word"),
    [
        (("low/*", "high/*"), "which has none; put the files"),
        (("low/*",), "two or more labels"),
        (("low/[2-9].wav",), "received 2 of 'low'"),
    ],
)
def test_sounds_that_teach_nothing_are_refused(folder, tmp_path, remove, word):
    for pattern in remove:
        for file in folder.glob(pattern):
            file.unlink()
    with pytest.raises(errors.ZooError, match=word):
        run(tmp_path / "made", f"--audio_dir={folder}", "--num_samples=2048")
    assert not (tmp_path / "made").exists()


def test_a_folder_in_use_is_refused_before_anything_else(folder):
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.train_classifier",
            "--dataset=none",
            f"--out={folder}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "new or empty" in result.stderr
