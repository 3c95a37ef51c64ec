"""tensorflow-io as the decoder. What it has to give is what soundfile gives."""

import os
import pathlib
import sys

import numpy as np
import pytest
import soundfile

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds

CLIPS = pathlib.Path(__file__).parents[1] / "datasets/drums_mini/clips"
WANTED = folder_sounds.Wanted(16000)
# Format and sample type of files that tensorflow-io decodes.
DECODED = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_24"),
    ("FLAC", "PCM_S8"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]
# Of files that it does not know.
LEFT = [
    ("AIFF", "PCM_16"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("RF64", "PCM_16"),
    ("OGG", "OPUS"),
]
# Of files that are damaged, each in all of the ways that it can be.
DAMAGED = [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")]
# tensorflow-io alone would decode some without end, and end the process at
# others; the bytes before 44 are the header of a WAV file or a FLAC file.
DAMAGES = {
    "tags at the end": lambda wav: wav + b"TAG" + bytes(125),
    "half a file": lambda wav: wav[: len(wav) // 2],
    "a start": lambda wav: wav[:60],
    "a gap": lambda wav: wav[:200] + wav[300:],
    "zeros": lambda wav: wav[:30000] + bytes(5000) + wav[35000:],
    "an odd chunk": lambda wav: wav[:36] + b"LIST\1\0\0\0x\0" + wav[36:],
    "a chunk that goes back": lambda wav: (
        wav[:36] + b"LIST\xf8\xff\xff\xff" + wav[44:]
    ),
    "an unknown length": lambda wav: wav[:40] + b"\xff" * 4 + wav[44:],
    "samples of no bytes": lambda wav: wav[:32] + bytes(2) + wav[34:],
    "samples of many bytes": lambda wav: wav[:32] + b"\xff\xff" + wav[34:],
    "no samples": lambda flac: flac[:22] + bytes(4) + flac[26:],
    "many samples": lambda flac: flac[:22] + b"\xff" * 4 + flac[26:],
}
# It can be imported, with a warning, and then does not work.
UNFIT = """
import warnings

warnings.warn("unable to load the operations")


class audio:
    @staticmethod
    def decode_wav(content, dtype):
        raise NotImplementedError("undefined symbol")
"""


@pytest.fixture
def use():
    """Function that chooses the backend; afterwards it is soundfile again."""
    yield audio_files.use_backend
    audio_files.use_backend("soundfile")


@pytest.fixture
def tfio(use, capsys):
    """Nothing, where tensorflow-io can decode; elsewhere the test is skipped.

    Unless GANSYNTH_ZOO_TFIO says that it has to.
    """
    use("tfio")
    said = capsys.readouterr().err
    if said and "GANSYNTH_ZOO_TFIO" not in os.environ:
        pytest.skip(said)
    assert not said
    use("soundfile")


def write(path, form, subtype, channels=1):
    """Decaying tones and noise of 48 kHz, more than a block of them."""
    time = np.arange(70000) / 48000
    tones = np.sin(880 * np.pi * time) * np.exp(-9 * (time % 0.5))
    noise = np.random.default_rng(0).normal(0, 0.02, (len(time), channels))
    waveform = tones[:, np.newaxis] * (0.8 - 0.4 * np.arange(channels)) + noise
    soundfile.write(path, waveform, 48000, subtype, format=form)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("form", "subtype"), DECODED)
def test_tensorflow_io_decodes_the_same(
    tmp_path, use, tfio, monkeypatch, form, subtype, channels
):
    path = tmp_path / "sound.wav"
    write(path, form, subtype, channels)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    use("tfio")
    monkeypatch.setattr(audio_files._Sound, "read", None)
    found, rate = audio_files.read(path)
    assert (rate, found.shape, found.dtype) == (48000, expected.shape, "f4")
    lossy = subtype in ("VORBIS", "MPEG_LAYER_III")
    np.testing.assert_allclose(found, expected, atol=1e-3 if lossy else 1e-6)


@pytest.mark.parametrize(("form", "subtype"), LEFT)
def test_what_it_does_not_know_is_left_to_soundfile(
    tmp_path, use, tfio, form, subtype
):
    path = tmp_path / "sound.wav"
    write(path, form, subtype, 2)
    expected, _ = soundfile.read(path, dtype="float32")
    use("tfio")
    np.testing.assert_array_equal(audio_files.read(path)[0], expected)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(("form", "subtype"), DAMAGED)
def test_a_damaged_file_is_reported_by_soundfile(
    tmp_path, use, tfio, form, subtype, how
):
    path = tmp_path / "sound.wav"
    write(path, form, subtype)
    path.write_bytes(DAMAGES[how](path.read_bytes()))
    expected, waveform = folder_sounds.decode(path, "a", WANTED)
    use("tfio")
    report, found = folder_sounds.decode(path, "a", WANTED)
    assert report.reason == expected.reason
    if form != "MP3":
        assert report.note == expected.note
        assert report.content == expected.content
    assert (found is None) == (waveform is None)


def test_a_longer_file_than_fits_is_left_to_soundfile(
    tmp_path, use, tfio, monkeypatch
):
    from gansynth_zoo import tfio_decoder

    write(tmp_path / "a.wav", "WAV", "PCM_16")
    with soundfile.SoundFile(tmp_path / "a.wav") as sound:
        assert next(tfio_decoder.blocks(sound, 99)).shape == (99, 1)
        monkeypatch.setattr(tfio_decoder, "_MOST_VALUES", 69999)
        assert tfio_decoder.blocks(sound, 99) is None


def test_a_folder_is_decoded_on_threads(tmp_path, use, tfio):
    for number, (form, subtype) in enumerate(DECODED + LEFT):
        write(tmp_path / f"{number:02}.wav", form, subtype)
    (tmp_path / "text.wav").write_text("bread, butter and so on\n" * 9)
    found = {}
    for backend in audio_files.BACKENDS:
        use(backend)
        listing = audio_folder.scan(tmp_path)
        with audio_folder.decoding(listing, WANTED) as sounds:
            found[backend] = list(sounds)
    for (expected, waveform), (report, other) in zip(
        *found.values(), strict=True
    ):
        assert report.reason == expected.reason
        if waveform is not None:
            np.testing.assert_allclose(other, waveform, atol=1e-3)


def test_recordings_are_decoded_bit_by_bit(use, tfio):
    paths = audio_files.list_audio(CLIPS)[::8]
    assert len(paths) == 20
    expected = [audio_files.read(path)[0] for path in paths]
    use("tfio")
    for path, waveform in zip(paths, expected, strict=True):
        np.testing.assert_array_equal(audio_files.read(path)[0], waveform)


def test_where_it_is_not_installed_a_sentence_says_so(
    tmp_path, use, monkeypatch, capsys
):
    write(tmp_path / "a.wav", "WAV", "PCM_16")
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    use("tfio")
    out, said = capsys.readouterr()
    assert not out and said.count("\n") == 1
    assert "not installed" in said and "gansynth_zoo[tfio]" in said
    assert len(audio_files.read(tmp_path / "a.wav")[0]) == 70000


def test_where_it_does_not_work_a_sentence_says_so(
    tmp_path, use, monkeypatch, capsys
):
    (tmp_path / "tensorflow_io.py").write_text(UNFIT)
    write(tmp_path / "a.wav", "WAV", "PCM_16")
    monkeypatch.delitem(sys.modules, "tensorflow_io", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    use("tfio")
    sys.modules.pop("tensorflow_io")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "work with TensorFlow 2" in said
    assert len(audio_files.read(tmp_path / "a.wav")[0]) == 70000


def test_an_unknown_backend_is_refused(use):
    with pytest.raises(errors.ZooError, match="soundfile, tfio.*'ffmpeg'"):
        use("ffmpeg")
