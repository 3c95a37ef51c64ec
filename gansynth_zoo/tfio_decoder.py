"""Decoding with tensorflow-io.

libsndfile reads the header, tensorflow-io the samples, and both have to agree
on what a file holds. tensorflow-io 0.37 trusts a header blindly: damage makes
it loop without end, write beyond its memory or end the process. So a file that
is damaged, long, or of a kind that tensorflow-io does not know, is left to
soundfile, which gives the reason where it cannot be decoded.
"""

import io
import os
import pathlib
import warnings

import numpy as np
import soundfile
import tensorflow as tf

# Not its `AudioIOTensor`: two of them, on two threads, are one and the same.
_OPERATIONS = {
    "WAV": "decode_wav",
    "WAVEX": "decode_wav",
    "FLAC": "decode_flac",
    "OGG": "decode_vorbis",
    "MP3": "decode_mp3",
}
# Sample type -> the type to ask tensorflow-io for, its zero and full scale.
_SCALES = {
    "PCM_S8": (tf.uint8, 128.0, 2.0**7),
    "PCM_U8": (tf.uint8, 128.0, 2.0**7),
    "PCM_16": (tf.int16, 0.0, 2.0**15),
    "PCM_24": (tf.int32, 0.0, 2.0**31),
    "PCM_32": (tf.float32, 0.0, 2.0**31),
    "FLOAT": (tf.float32, 0.0, 1.0),
    "VORBIS": (None, 0.0, 1.0),
    "MPEG_LAYER_III": (None, 0.0, 1.0),
}
# tensorflow-io keeps the sizes of a WAV file in 32 bits, one for the sign.
_LARGEST_WAV = 2**31 - 1
_MOST_CHUNKS = 64
# A file is decoded at once, so that soundfile takes over where that fails; a
# longer one, of 12 minutes in stereo at 44.1 kHz, would fill the memory.
_MOST_VALUES = 1 << 26
_BLOCK = 1 << 16


def why_not():
    """Why tensorflow-io cannot be used here; None if it can.

    Beside a TensorFlow that it was not built for, it can still be imported:
    only a decode tells.

    Returns:
      A reason, the end of a sentence, or None.
    """
    wav = io.BytesIO()
    samples = np.array([[1], [-2]], np.int16)
    soundfile.write(wav, samples, 8000, format="WAV")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import tensorflow_io as tfio

            decoded = tfio.audio.decode_wav(wav.getvalue(), dtype=tf.int16)
        except ModuleNotFoundError:
            return "it is not installed"
        except Exception:  # What does not fit fails in one way or another.
            return f"it does not work with TensorFlow {tf.__version__}"
    if not np.array_equal(decoded, samples):
        return "it decodes wrongly"
    return None


def blocks(sound, length):
    """Decodes a file with tensorflow-io.

    Args:
      sound: `soundfile.SoundFile`, of which nothing was read.
      length: of a block, in samples of each channel.

    Returns:
      Iterator of float32 `[samples, channels]`, where full scale is 1; None
      if soundfile has to decode this file.
    """
    samples = _decode(sound)
    if samples is None:
        return None
    _, zero, full_scale = _SCALES[sound.subtype]
    return (
        (samples[i : i + length].astype(np.float32) - zero) / full_scale
        for i in range(0, len(samples), length)
    )


def _decode(sound):
    """All samples of a file, as they are stored; None if soundfile has to."""
    import tensorflow_io as tfio

    if not _is_safe(sound):
        return None
    operation = getattr(tfio.audio, _OPERATIONS[sound.format])
    dtype, *_ = _SCALES[sound.subtype]
    typed = {"dtype": dtype} if dtype else {}
    # It is an error if the file is of another type or shape.
    shape = tf.constant([sound.frames, sound.channels], tf.int64)
    content = pathlib.Path(os.fsdecode(sound.name)).read_bytes()
    try:
        samples = operation(content, shape=shape, **typed).numpy()
    except tf.errors.OpError:
        return None
    # tensorflow-io takes any 32 bits for those of a float.
    return samples.view(np.int32) if sound.subtype == "PCM_32" else samples


def _is_safe(sound):
    """Whether tensorflow-io may be given a file."""
    if sound.format not in _OPERATIONS or sound.subtype not in _SCALES:
        return False
    if sound.frames * sound.channels > _MOST_VALUES:
        return False
    if sound.format == "FLAC":
        return _is_whole_flac(sound.name)
    return "WAV" not in sound.format or _is_orderly_wav(sound.name)


def _is_orderly_wav(path):
    """Whether the chunks of a WAV file follow each other without a gap.

    Looks for each where tensorflow-io does, which knows no padding of odd
    sizes, takes a size for negative and believes in any size of a sample.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        end = int.from_bytes(file.read(8)[4:], "little") + 8
        at, marks, layout = 12, [], b""
        while at < end and len(marks) < _MOST_CHUNKS:
            file.seek(at)
            head = file.read(24)
            marks.append(head[:4])
            if marks[-1] == b"fmt ":
                layout = head
            at += 8 + int.from_bytes(head[4:8], "little")
    if not at == end <= min(size, _LARGEST_WAV):
        return False
    if marks.count(b"fmt ") != 1 or marks.count(b"data") != 1:
        return False
    channels, align, bits = (
        int.from_bytes(layout[i : i + 2], "little") for i in (10, 20, 22)
    )
    return 8 * align == channels * bits > 0


def _is_whole_flac(path):
    """Whether a FLAC file can be decoded to its end.

    Where it is damaged, tensorflow-io may search for the rest without end.
    """
    count = 0
    try:
        with soundfile.SoundFile(path) as sound:
            while block := len(sound.read(_BLOCK, dtype="int16")):
                count += block
            return count == sound.frames
    except soundfile.LibsndfileError:
        return False
