import itertools
import pathlib
import sys
import tarfile
from unittest import mock

import numpy as np
import pytest
import scipy.signal
import soundfile

# As in test_benchmarks.py.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import asked


def test_shares_and_chance():
    listener = asked.Pitch(16000)
    questions = ["60", "60", "72", "50"]
    answers = [60.4, 72.1, None, 50.6]
    shares = asked.verdicts(listener, questions, answers)
    assert shares[:-1] == [25.0, 25.0, 25.0, 25.0]
    # Chance is the mean over all orders of the questions.
    orders = list(itertools.permutations(questions))
    right = [
        sum(map(lambda q, a: listener.judge(q, a) == "right", order, answers))
        for order in orders
    ]
    np.testing.assert_allclose(shares[-1], 100 * np.mean(right) / 4)


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        (60.49, "right"),
        (59.51, "right"),
        (60.51, "other"),
        (72.3, "octave off"),
        (35.8, "octave off"),
        (66.0, "other"),
        (None, "no pitch"),
    ],
)
def test_a_pitch_is_right_within_half_a_semitone(heard, kind):
    assert asked.Pitch(16000).judge("60", heard) == kind


def test_the_pitch_of_a_tone():
    time = np.arange(8000) / 16000
    tone = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 6))
    listener = asked.Pitch(16000)
    assert abs(listener.hear(tone) - 57) < 0.2
    assert listener.hear(np.zeros(8000)) is None


@pytest.mark.parametrize("sample_rate", [16000, 8000])
def test_spoken_digits_are_heard(archives, sample_rate):
    listener = asked.Digits(sample_rate)
    assert listener.hear(np.zeros(sample_rate)) is None
    asked_for, heard = [], []
    with tarfile.open(archives / "sc09.tar.gz") as archive:
        for member in itertools.islice(
            (m for m in archive if m.name.endswith(".wav")), 0, 200, 10
        ):
            sound, rate = soundfile.read(archive.extractfile(member))
            assert rate == 16000
            word = pathlib.PurePath(member.name).name.split("_")[0].lower()
            asked_for.append(word)
            sound = scipy.signal.resample_poly(sound, sample_rate, rate)
            heard.append(listener.hear(sound))
    right, *_, chance = asked.verdicts(listener, asked_for, heard)
    assert right > 60
    assert chance < 30
