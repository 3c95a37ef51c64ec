"""Listing, reading and writing audio files."""

import contextlib
import os
import pathlib
import stat
import sys
import tempfile

import numpy as np
import soundfile
import soxr

from gansynth_zoo import errors

EXTENSIONS = (
    ".wav",
    ".flac",
    ".mp3",
    ".ogg",
    ".oga",
    ".opus",
    ".aif",
    ".aiff",
    ".aifc",
)

BACKENDS = ("soundfile", "tfio")

# Samples that are decoded at a time: enough that a call costs nothing, few
# enough that a long file never lies in memory at its own rate.
_BLOCK = 1 << 16
# What a header says of a length that was not known when it was written.
_UNKNOWN_SIZE = 0x7FFFF000
# Beyond these a header is damaged, and resampling would fill the memory.
_RATES = (1000, 1_000_000)
# What is asked for the blocks of a file before soundfile; see `use_backend`.
_other_decoder = None


class _Sound(soundfile.SoundFile):
    """A file that is read from its start to its end.

    soundfile seeks to where it is after every read, and the MP3 decoder then
    loses what it carries over to the next block.
    """

    def seekable(self):
        return False


def use_backend(name):
    """Chooses what decodes audio files from now on, in the whole process.

    Where tensorflow-io cannot be used, a sentence on stderr says so, and
    soundfile is.

    Args:
      name: "soundfile", or "tfio" for tensorflow-io, which decodes WAV, FLAC,
        MP3 and Ogg Vorbis; it leaves to soundfile what it cannot read.

    Raises:
      ZooError: if there is no such backend.
    """
    global _other_decoder
    if name not in BACKENDS:
        raise errors.ZooError(
            f"Expected an audio backend, one of {', '.join(BACKENDS)}, "
            f"received {name!r}."
        )
    _other_decoder = None
    if name == "tfio":
        # It takes TensorFlow, which is not needed otherwise.
        from gansynth_zoo import tfio_decoder

        reason = tfio_decoder.why_not()
        if reason is None:
            _other_decoder = tfio_decoder.blocks
            return
        print(
            f"Soundfile decodes instead of tensorflow-io, since {reason}; "
            "pip install 'gansynth_zoo[tfio]' brings versions that fit.",
            file=sys.stderr,
        )


def list_audio(folder):
    """Audio files below a folder, found by extension, in sorted order.

    Args:
      folder: path of a folder.

    Returns:
      List of `pathlib.Path`, each starting with `folder`.

    Raises:
      ZooError: if `folder` is not a folder that can be read.
    """
    return find_audio(folder)[0]


def find_audio(folder, extensions=EXTENSIONS):
    """Audio files below a folder, and what could not be looked into.

    Links to folders are followed, each real folder once, so links in a circle
    end; those to a folder around this one are not. What macOS writes beside a
    file, `._*`, is passed over.

    Args:
      folder: path of a folder.
      extensions: tuple of the extensions that count, in small letters.

    Returns:
      Pair of a sorted list of `pathlib.Path`, each starting with `folder`, and
      a dictionary: path of a folder that is left out -> why.

    Raises:
      ZooError: if `folder` is not a folder that can be read.
    """
    folder = pathlib.Path(folder)
    found, problems, seen = [], {}, set()
    # Links are looked into last: one that leads back is then left out, and
    # not the folder that it leads to.
    tops = [folder]
    start = os.path.realpath(folder)

    def note_unreadable(error):
        problems[pathlib.Path(error.filename)] = (
            f"the folder cannot be read: {error.strerror}"
        )

    while tops:
        top = tops.pop(0)
        target = os.path.realpath(top)
        around = pathlib.Path(target) in pathlib.Path(start).parents
        if target in seen or around:
            problems[top] = "a link to a folder that is read already"
            continue
        for path, subfolders, names in os.walk(top, onerror=note_unreadable):
            real = os.path.realpath(path)
            if real in seen:
                subfolders.clear()
                continue
            seen.add(real)
            inside = [pathlib.Path(path, name) for name in sorted(subfolders)]
            tops += [path for path in inside if path.is_symlink()]
            found += [
                pathlib.Path(path, name)
                for name in names
                if name.lower().endswith(extensions)
                and not name.startswith("._")
            ]
    if folder in problems:
        raise errors.ZooError(
            "Expected a folder of audio files, received "
            f"{str(folder)!r}: {problems[folder]}."
        )
    return sorted(found), problems


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
        with open_sound(path) as sound:
            waveform = convert(
                blocks(sound), sound.samplerate, sample_rate, channels
            )
            return waveform, sample_rate or sound.samplerate
    except errors.ZooError as error:
        raise errors.ZooError(
            f"{str(path)!r} cannot be used: {error}"
        ) from error


@contextlib.contextmanager
def open_sound(path):
    """Opens an audio file for `blocks`.

    Args:
      path: path of the file.

    Yields:
      `soundfile.SoundFile`.

    Raises:
      ZooError: if that cannot be done; it gives the reason alone.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            # A pipe would be waited for without end.
            raise errors.ZooError("not a plain file")
        if not status.st_size:
            raise errors.ZooError("an empty file")
        # The decoder does not say why a file cannot be opened.
        open(path, "rb").close()
    except OSError as error:
        raise errors.ZooError(f"it cannot be read: {error.strerror}") from error
    try:
        # As bytes, since a name need not be text.
        sound = _Sound(os.fsencode(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise errors.ZooError(_reason(error)) from error
    with sound:
        if not _RATES[0] <= sound.samplerate <= _RATES[1]:
            raise errors.ZooError(
                f"a sample rate of {sound.samplerate} Hz cannot be right"
            )
        yield sound


def blocks(sound):
    """Decodes a file piece by piece.

    Args:
      sound: what `open_sound` opened.

    Yields:
      Float32 `[samples, channels]`, where full scale is 1.

    Raises:
      ZooError: where the file is damaged; it gives the reason alone.
    """
    decoded = _other_decoder(sound, _BLOCK) if _other_decoder else None
    if decoded is not None:
        yield from decoded
        return
    left = sound.frames
    while left:
        try:
            # Beyond its samples, a file may hold tags that are none.
            block = sound.read(
                min(left, _BLOCK), dtype="float32", always_2d=True
            )
        except soundfile.LibsndfileError as error:
            raise errors.ZooError(_reason(error)) from error
        if not len(block):
            return
        left -= len(block)
        yield block


def convert(pieces, rate, sample_rate=None, channels=None):
    """Mixes and resamples the pieces of a waveform, and joins them.

    Args:
      pieces: iterable of float32 `[samples, channels]`.
      rate: their sample rate in Hz.
      sample_rate: the wanted one; None keeps it.
      channels: as in `read`.

    Returns:
      Float32 `[samples, channels]`.

    Raises:
      ZooError: as `mix`.
    """
    converted = [np.zeros((0, channels or 1), np.float32)]
    stream = None
    for piece in pieces:
        piece = mix(piece, channels)
        if sample_rate and rate != sample_rate:
            stream = stream or soxr.ResampleStream(
                rate, sample_rate, piece.shape[1]
            )
            piece = stream.resample_chunk(piece)
        converted.append(piece)
    if stream:
        nothing = np.zeros((0, converted[-1].shape[1]), np.float32)
        converted.append(stream.resample_chunk(nothing, last=True))
    return np.concatenate(converted[1:] or converted)


def mix(waveform, channels):
    """Brings `[samples, channels]` to a number of channels.

    Args:
      waveform: float `[samples, channels]`.
      channels: 1 averages all channels, 2 doubles a single one; None keeps
        those there are.

    Returns:
      Float `[samples, channels]`.

    Raises:
      ZooError: if there are other than `channels` channels, and neither side
        is one; it gives the reason alone.
    """
    have = waveform.shape[1]
    if channels is None or channels == have:
        return waveform
    if channels == 1:
        # Twenty times as fast as the mean along so short an axis.
        total = waveform[:, :1].copy()
        for other in range(1, have):
            total += waveform[:, other : other + 1]
        return total / waveform.dtype.type(have)
    if have == 1:
        return np.repeat(waveform, channels, axis=1)
    raise errors.ZooError(
        f"it has {have} channels, where 1 or {channels} are expected"
    )


def is_cut_off(path):
    """Whether the header of a WAV or AIFF file announces more than there is.

    The decoder reads what is there without a word. Other formats notice.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    order = {b"RIFF": "little", b"FORM": "big"}.get(start[:4])
    announced = int.from_bytes(start[4:], order) if order else 0
    # Eight bytes before it do not count; as many are let pass, since some
    # writers are a byte off.
    return os.path.getsize(path) < announced < _UNKNOWN_SIZE


def write(path, waveform, sample_rate, subtype="PCM_16"):
    """Writes one audio file, first under a temporary name.

    Args:
      path: name of the file; its extension chooses the format. The folder is
        made if it is missing.
      waveform: float `[samples, channels]` or `[samples]`; one that leaves
        [-1, 1] is made quieter until it does not.
      sample_rate: rate in Hz.
      subtype: sample format, a name of libsndfile; None is the usual one of
        the format.

    Raises:
      OSError: if the file cannot be written, as on a full disk.
    """
    channels = 1 if waveform.ndim == 1 else waveform.shape[1]
    loudest = np.max(np.abs(waveform), initial=1.0)
    with writing(path, sample_rate, channels, subtype) as write_block:
        write_block(waveform / loudest)


@contextlib.contextmanager
def writing(path, sample_rate, channels, subtype="PCM_16"):
    """Writes one audio file in blocks; it is there, whole, at the end.

    Args:
      path: as of `write`.
      sample_rate: rate in Hz.
      channels: of the file.
      subtype: as of `write`.

    Yields:
      Function that writes a block, float `[samples, channels]` or `[samples]`;
      what leaves [-1, 1] is clipped.

    Raises:
      OSError: if the file cannot be written, as on a full disk.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        with soundfile.SoundFile(
            temporary, "w", int(sample_rate), channels, subtype
        ) as file:
            yield lambda block: file.write(np.clip(block, -1.0, 1.0))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except soundfile.LibsndfileError as error:
        os.unlink(temporary)
        raise OSError(f"{str(path)!r} cannot be written: {error}") from error
    except BaseException:
        os.unlink(temporary)
        raise


def _reason(error):
    """Why a file cannot be decoded, as the decoder says it."""
    said = getattr(error, "error_string", None) or str(error)
    # The MP3 decoder is asked last, and says so of whatever it is given.
    if "not recognised" in said or "not a regular file" in said:
        return "it is no audio that is known, whatever its name says"
    said = said.removeprefix("Error : ").rstrip(". ")
    return f"it cannot be decoded: {said}"
