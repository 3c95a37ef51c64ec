"""What a listing says of one recording, before it is decoded."""

import typing

import soundfile

# What is expected of a file whose header says nothing credible: 32 kbit/s.
_BYTES_PER_SECOND = 4000
# Below these a header is damaged, or tells no length.
_LOWEST_RATE = 1000
_FEWEST_BYTES_PER_SECOND = 1


class Member(typing.NamedTuple):
    """A recording of a source.

    Attributes:
      size: in bytes.
      seconds: its length, as its header says.
    """

    size: int
    seconds: float


def member(file, size):
    """Looks at the header of a recording.

    Args:
      file: its path as text or bytes, or a file that is open for reading.
      size: how many bytes it has.

    Returns:
      `Member`.
    """
    seconds = size / _BYTES_PER_SECOND
    try:
        with soundfile.SoundFile(file) as sound:
            told = sound.frames / max(sound.samplerate, _LOWEST_RATE)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return Member(size, seconds)  # Decoding will say why.
    if told * _FEWEST_BYTES_PER_SECOND <= size:
        seconds = told
    return Member(size, seconds)
