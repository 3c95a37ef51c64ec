import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds
from gansynth_zoo import inspect_audio
from gansynth_zoo.models import wavegan


def tone(seconds=0.4, sample_rate=16000, level=0.5, frequency=440.0):
    """A faded sine, float32 `[samples, 1]`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sine = level * np.sin(2 * np.pi * frequency * time)
    return (sine * np.hanning(len(time)))[:, np.newaxis].astype(np.float32)


def report(seconds=0.5, **values):
    return folder_sounds.Report(
        "a.wav",
        format=("WAV", "PCM_16"),
        **{"sample_rate": 44100, "channels": 1, "seconds": seconds, **values},
    )


def advised(reports):
    """The flags of the advice: name -> value."""
    lines = [line.flag for line in inspect_audio.advise(reports)]
    return dict(f"{flag}=".removeprefix("--").split("=")[:2] for flag in lines)


@pytest.fixture
def inspect(tmp_path, capsys):
    """Function: folder -> the lines that are printed."""

    def inspect(folder, out=tmp_path / "out/picture.png"):
        values = flags.FlagValues()
        inspect_audio.define_flags(values)
        values(["", f"--audio_dir={folder}", f"--out={out}"])
        assert inspect_audio.main(values) == 0
        return capsys.readouterr().out.splitlines()

    return inspect


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my sounds"
    audio_files.write(folder / "a.wav", tone(), 16000)
    samples, _ = soundfile.read(folder / "a.wav", dtype="int16")
    soundfile.write(folder / "a.flac", samples, 16000)
    audio_files.write(folder / "b.wav", tone(0.8, 44100, 0.25), 44100, "PCM_24")
    loud = np.repeat(np.clip(8 * tone(1.2, 8000), -1, 1), 2, axis=1)
    audio_files.write(folder / "c.wav", loud, 8000)
    late = np.concatenate([np.zeros((1600, 1)), tone()])
    audio_files.write(folder / "d.ogg", late, 16000, "VORBIS")
    (folder / "new\nline.wav").write_text("no sound")
    return folder


def test_the_table(inspect, folder, tmp_path):
    lines = inspect(folder)
    table = dict(re.split("  +", line, maxsplit=1) for line in lines[:9])
    assert table["sounds"] == "5, 3.30 s in all"
    assert table["length"] == "400 ms to 1.20 s, median 500 ms"
    assert table["format"].startswith("WAV 16 bit (2), ")
    assert "WAV 24 bit (1)" in table["format"]
    assert table["rate"] == "16000 Hz (3), 44100 Hz (1), 8000 Hz (1)"
    assert table["channels"] == "mono (4), stereo, both the same (1)"
    assert table["peak"] == "-12.0 dBFS to 0.0 dBFS, median -6.0 dBFS"
    assert table["clipping"].endswith("more than 0.1%: 1")
    assert re.search("silence: 1, the longest of 1.. ms", table["late"])
    assert (tmp_path / "out/picture.png").read_bytes()[:4] == b"\x89PNG"


def test_files_are_listed_in_a_line_each(inspect, folder):
    lines = inspect(folder)
    at = lines.index("left out: 1")
    assert lines[at + 1].startswith("  new\\nline.wav: it is no audio")
    at = lines.index("repeated: 1")
    assert lines[at + 1] == "  a.wav: the same sound as a.flac"


def test_all_that_is_left_out_is_listed(inspect, folder):
    for i in range(30):
        (folder / f"empty{i}.wav").touch()
    lines = inspect(folder)
    assert sum("an empty file" in line for line in lines) == 30


def test_a_folder_without_a_usable_file_lists_them_and_is_refused(
    inspect, tmp_path, capsys
):
    audio_files.write(tmp_path / "in/silent.wav", np.zeros(99), 16000)
    with pytest.raises(errors.ZooError, match="of which none can be used"):
        inspect(tmp_path / "in")
    assert "  silent.wav: it is silent" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_picture_that_cannot_be_written_is_one_sentence(inspect, folder):
    with pytest.raises(errors.ZooError, match="another file with --out"):
        inspect(folder, folder / "a.wav/picture.png")


@pytest.mark.parametrize(
    ("seconds", "window", "num_samples"),
    [
        ([0.1] * 9, "first", "4096"),
        ([0.3] * 8 + [0.5] * 2, "first", "8192"),
        ([1.0] * 9, "first", "16384"),
        ([1.5] * 9, "first", "32768"),
        ([3.0] * 9, "first", "32768"),
        ([0.1] * 9 + [600], "first", "4096"),
        ([5.0] * 9, "random", "16384"),
        ([600], "random", "16384"),
    ],
)
def test_window_and_length_suit_the_lengths(seconds, window, num_samples):
    flags = advised([report(length) for length in seconds])
    assert (flags["window"], flags["num_samples"]) == (window, num_samples)
    assert wavegan.strides_for(int(num_samples))


def test_the_rate_is_no_higher_than_the_files(tmp_path):
    assert advised([report()])["sample_rate"] == "16000"
    assert advised([report(sample_rate=8000)])["sample_rate"] == "8000"


def test_stereo_and_silence_are_advised_where_they_are():
    assert set(advised([report()])) == {"window", "num_samples", "sample_rate"}
    assert advised([report(channels=2, wide=True)])["channels"] == "2"
    assert "channels" not in advised([report(channels=2)])
    late = [report(onset_seconds=0.1)] + [report()] * 5
    assert "trim_silence" in advised(late)
    assert "trim_silence" not in advised([report(60, onset_seconds=0.1)])


def test_the_advised_command_trains(folder, tmp_path):
    def start(*words):
        result = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    out = start(
        "-m", "gansynth_zoo.inspect_audio", f"--audio_dir={folder.name}"
    )
    assert "inspect_audio.png" in os.listdir(tmp_path)
    pasted = out.partition("Train on it:\n")[2].replace("\\\n", " ")
    words = shlex.split(pasted.splitlines()[0])
    assert f"--audio_dir={folder.name}" in words
    quick = ["--num_samples=256", "--dim=1", "--batch_size=2", "--steps=1"]
    out = start(*words[1:], *quick)
    assert "Step 1 of 1" in out
    assert "  new\\nline.wav: it is no audio" in out
    assert "my sounds: 5 clips" in out
