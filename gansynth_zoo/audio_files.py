"""Listing, reading and writing audio files."""

import os
import pathlib
import tempfile

import numpy as np
import soundfile
import soxr

from gansynth_zoo import errors

EXTENSIONS = (".wav", ".flac", ".mp3", ".ogg", ".aif", ".aiff", ".aifc")


def list_audio(folder):
    """Audio files below a folder, found by extension, in sorted order.

    Links to folders are followed, each real folder once, so links in a circle
    end.

    Args:
      folder: path of a folder.

    Returns:
      List of `pathlib.Path`, each starting with `folder`.

    Raises:
      ZooError: if `folder` is not a folder that can be read.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise errors.ZooError(
            f"Expected a folder of audio files, received {str(folder)!r}, "
            "which is not a folder."
        )
    seen = set()
    found = []
    for path, subfolders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        found += [
            pathlib.Path(path, name)
            for name in names
            if name.lower().endswith(EXTENSIONS) and not name.startswith("._")
        ]
    return sorted(found)


def read(path, sample_rate=None, channels=None):
    """Decodes one audio file.

    Args:
      path: WAV, FLAC, MP3, OGG or AIFF file.
      sample_rate: rate in Hz to resample to; None keeps that of the file.
      channels: 1 averages all channels, 2 doubles a single one; None keeps
        those of the file.

    Returns:
      Pair of the waveform, float32 `[samples, channels]` where full scale is
      1, and its sample rate in Hz.

    Raises:
      ZooError: if the file cannot be decoded, or has neither `channels`
        channels nor one, nor is to be mixed to one.
    """
    try:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", None) or error
        raise errors.ZooError(
            f"{str(path)!r} cannot be decoded as audio: {reason}"
        ) from error
    waveform = mix(waveform, channels, path)
    if sample_rate is not None and rate != sample_rate:
        waveform = soxr.resample(waveform, rate, sample_rate)
        rate = sample_rate
    return waveform, rate


def mix(waveform, channels, path):
    """Brings `[samples, channels]` to the wanted number of channels."""
    have = waveform.shape[1]
    if channels is None or channels == have:
        return waveform
    if channels == 1:
        return waveform.mean(axis=1, keepdims=True)
    if have == 1:
        return np.repeat(waveform, channels, axis=1)
    raise errors.ZooError(
        f"Expected a file of 1 or {channels} channels, received "
        f"{str(path)!r} with {have}."
    )


def write(path, waveform, sample_rate, subtype="PCM_16"):
    """Writes one audio file, first under a temporary name.

    Args:
      path: name of the file; its extension chooses the format. The folder is
        made if it is missing.
      waveform: float `[samples, channels]` or `[samples]`; what leaves
        [-1, 1] is clipped.
      sample_rate: rate in Hz.
      subtype: sample format, a name of libsndfile.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        soundfile.write(
            temporary,
            np.clip(waveform, -1.0, 1.0),
            int(sample_rate),
            subtype=subtype,
        )
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
