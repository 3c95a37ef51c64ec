import os

import numpy as np
import pytest
import soundfile

from gansynth_zoo import audio_files
from gansynth_zoo import errors

# Extension, subtype and the largest error that it may make.
FORMATS = [
    (".wav", "PCM_U8", 1 / 128),
    (".wav", "PCM_16", 1 / 32768),
    (".wav", "PCM_24", 1 / 2**23),
    (".wav", "PCM_32", 1e-7),
    (".wav", "FLOAT", 0),
    (".flac", "PCM_16", 1 / 32768),
    (".flac", "PCM_24", 1 / 2**23),
    (".aiff", "PCM_16", 1 / 32768),
    (".aiff", "PCM_24", 1 / 2**23),
    (".ogg", "VORBIS", 0.05),
    (".mp3", "MPEG_LAYER_III", 0.05),
]


def tone(seconds=0.5, sample_rate=44100, channels=1):
    """A sum of sines below 3 kHz, faded, another level in each channel."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sines = sum(np.sin(2 * np.pi * f * time) for f in (220, 997, 2700))
    mono = 0.25 * sines * np.hanning(len(time))
    levels = 1 - 0.4 * np.arange(channels)
    return (mono[:, np.newaxis] * levels).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("extension", "subtype", "error"), FORMATS)
def test_what_is_written_is_read(tmp_path, extension, subtype, error, channels):
    path = tmp_path / f"new/sound{extension}"
    waveform = tone(channels=channels)
    audio_files.write(path, waveform, 44100, subtype)
    again, rate = audio_files.read(path)
    assert (rate, again.shape, again.dtype) == (44100, waveform.shape, "f4")
    np.testing.assert_allclose(again, waveform, atol=error)
    assert not audio_files.is_cut_off(path)


@pytest.mark.parametrize(
    ("extension", "form", "subtype"),
    [
        (".opus", "OGG", "OPUS"),
        (".oga", "OGG", "VORBIS"),
        (".aif", "AIFF", "PCM_16"),
        (".aifc", "AIFF", "FLOAT"),
        (".WAV", "WAVEX", "PCM_16"),
        (".wav", "FLAC", "PCM_16"),
    ],
)
def test_what_others_write_is_listed_and_read(
    tmp_path, extension, form, subtype
):
    path = tmp_path / f"sound{extension}"
    soundfile.write(path, tone(0.5, 48000), 48000, subtype, format=form)
    assert audio_files.list_audio(tmp_path) == [path]
    again, rate = audio_files.read(path)
    assert (rate, len(again)) == (48000, 24000)


def test_what_is_too_loud_is_written_quieter(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), 8000)
    again, _ = audio_files.read(tmp_path / "a.wav")
    np.testing.assert_allclose(again[:, 0], [1, -1, 0.25], atol=1 / 32768)


def test_writing_blocks_clips_and_does_not_wrap(tmp_path):
    with audio_files.writing(tmp_path / "a.wav", 8000, 1) as write_block:
        write_block(np.array([2.0, -2.0, 0.5]))
    again, _ = audio_files.read(tmp_path / "a.wav")
    np.testing.assert_allclose(again[:, 0], [1, -1, 0.5], atol=1 / 32768)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    audio_files.write(path, tone(), 8000)
    before = path.read_bytes()

    def fail(file, _):
        file.seek(0)
        raise OSError("no more room")

    monkeypatch.setattr(soundfile.SoundFile, "write", fail)
    with pytest.raises(OSError, match="no more room"):
        audio_files.write(path, tone(), 8000)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]


def test_mixing():
    waveform = np.array([[0.5, -0.25, 0.125], [1, 1, 1]], np.float32)
    mono = audio_files.mix(waveform, 1)
    np.testing.assert_allclose(mono, [[0.125], [1]])
    np.testing.assert_array_equal(audio_files.mix(mono, 2)[:, 1:], mono)
    assert audio_files.mix(waveform, None) is waveform
    with pytest.raises(errors.ZooError, match="3 channels, where 1 or 2"):
        audio_files.mix(waveform, 2)


def test_resampling_in_pieces_is_resampling_at_once(tmp_path, monkeypatch):
    audio_files.write(tmp_path / "a.wav", tone(channels=2), 44100)
    whole, rate = audio_files.read(tmp_path / "a.wav", 16000, 1)
    monkeypatch.setattr(audio_files, "_BLOCK", 999)
    pieces, _ = audio_files.read(tmp_path / "a.wav", 16000, 1)
    assert (rate, whole.shape) == (16000, (8000, 1))
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_an_mp3_file_in_pieces_is_that_at_once(tmp_path, monkeypatch):
    time = np.arange(66150) / 44100
    strokes = 0.5 * np.sin(880 * np.pi * time) * np.exp(-6 * (time % 0.5))
    audio_files.write(tmp_path / "a.mp3", strokes, 44100, None)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    monkeypatch.setattr(audio_files, "_BLOCK", 5000)
    pieces, _ = audio_files.read(tmp_path / "a.mp3")
    np.testing.assert_allclose(pieces[:, 0], whole, atol=1e-6)


def test_a_file_without_samples_is_read_as_such(tmp_path):
    audio_files.write(tmp_path / "a.wav", np.zeros((0, 1)), 44100)
    again, _ = audio_files.read(tmp_path / "a.wav", 16000, 2)
    assert again.shape == (0, 2)


def test_a_wrong_file_is_named_with_the_reason(tmp_path):
    path = tmp_path / "list.wav"
    path.write_text("bread, butter and so on\n" * 9)
    with pytest.raises(errors.ZooError, match="list.wav.*no audio"):
        audio_files.read(path)


@pytest.mark.parametrize("extension", [".wav", ".aiff"])
def test_a_cut_off_file_is_known_by_its_header(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    audio_files.write(path, tone(), 44100)
    path.write_bytes(path.read_bytes()[:-100])
    assert audio_files.is_cut_off(path)


def test_a_stream_that_never_knew_its_length_is_not_cut_off(tmp_path):
    path = tmp_path / "a.wav"
    audio_files.write(path, tone(), 44100)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert not audio_files.is_cut_off(path)
    assert len(audio_files.read(path)[0]) == 22050


def test_listing_is_recursive_sorted_and_by_extension(tmp_path):
    for name in ("b/x.FLAC", "a/deep/y.mp3", "z.wav", "._z.wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [
        str(p.relative_to(tmp_path)) for p in audio_files.list_audio(tmp_path)
    ]
    assert found == ["a/deep/y.mp3", "b/x.FLAC", "z.wav"]


def test_links_are_followed_once(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "real").mkdir(parents=True)
    outside.mkdir()
    (inside / "real/a.wav").touch()
    (outside / "b.wav").touch()
    (inside / "another").symlink_to(inside / "real")
    (inside / "away").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    (inside / "up").symlink_to("..")
    paths, problems = audio_files.find_audio(inside)
    assert paths == [inside / "away/b.wav", inside / "real/a.wav"]
    links = {inside / "another", inside / "up", inside / "away/back"}
    assert set(problems) == links


@pytest.mark.parametrize("name", ["nowhere", "file.wav"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "file.wav").touch()
    with pytest.raises(errors.ZooError, match=f"folder of audio.*{name}"):
        audio_files.list_audio(tmp_path / name)
