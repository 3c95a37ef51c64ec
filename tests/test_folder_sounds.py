"""What is found in one file on its way into a folder's clips."""

import tracemalloc

import numpy as np
import pytest

from gansynth_zoo import audio_files
from gansynth_zoo import folder_sounds


def test_a_report_says_what_is_in_a_file(tmp_path):
    waveform = np.zeros((48000, 2), np.float32)
    waveform[24000:, 0] = 0.5
    waveform[24000:24480, 0] = 1.0
    audio_files.write(tmp_path / "a.wav", waveform, 48000, "PCM_24")
    report, _ = folder_sounds.decode(
        tmp_path / "a.wav", "x/a.wav", folder_sounds.Wanted(16000)
    )
    assert report.format == ("WAV", "PCM_24")
    assert (report.sample_rate, report.channels) == (48000, 2)
    assert (report.seconds, report.wide, report.label) == (1.0, True, "x")
    assert report.peak == pytest.approx(1.0, abs=1e-6)
    assert report.clipped == pytest.approx(480 / 96000)
    assert report.rms == pytest.approx(np.sqrt(np.mean(waveform**2)), rel=1e-4)
    assert report.onset_seconds == pytest.approx(0.5, abs=0.01)


def test_a_long_file_does_not_lie_in_memory_at_its_own_rate(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.ones((60 * 96000, 2)), 96000)
    tracemalloc.start()
    try:
        wanted = folder_sounds.Wanted(8000)
        _, waveform = folder_sounds.decode(tmp_path / "a.wav", "a", wanted)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(waveform) == 60 * 8000
    assert most < 5 * waveform.nbytes < 60 * 96000 * 2 * 4 / 4
