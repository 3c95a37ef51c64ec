"""One sound of a folder: decoded, and looked at on the way."""

import dataclasses
import hashlib
import pathlib

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import errors

# The least that 16 bits can hold.
_SILENCE = 2.0**-15
# Integers of 32 bits, written as they are to a file of floats, are below it;
# what is above is damage, and in the end no longer a float.
_LOUDEST = 2.0**40
# A sound starts where it comes within 60 dB of its peak.
_ONSET_LEVEL = 1e-3
_BEFORE_ONSET_SECONDS = 0.005
# Channels that differ less, relative to the peak, are the same sound twice.
_APART = 0.01
_FULL_SCALE = {"PCM_S8": 127 / 128, "PCM_U8": 127 / 128}


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the files are to become.

    Attributes:
      sample_rate: in Hz.
      channels: of every waveform.
      trim_silence: whether silence before the onset is cut.
      keep_silent: whether what is silent is used like any other sound.
    """

    sample_rate: int
    channels: int = 1
    trim_silence: bool = False
    keep_silent: bool = False


@dataclasses.dataclass
class Report:
    """What was found in one file.

    Attributes:
      name: path relative to the folder.
      reason: why the file is left out; empty if it is used.
      note: what is wrong with a file that is used all the same.
      format: its format and sample type, names of libsndfile.
      sample_rate: in Hz, of the file; so are all that follow but the last two.
      channels: how many.
      seconds: its length.
      peak: largest magnitude; 1 is full scale.
      rms: root of the mean square.
      clipped: share of samples at full scale.
      wide: whether its channels differ.
      onset_seconds: silence before the sound, in what it became.
      content: the same for two files that became the same.
    """

    name: str
    reason: str = ""
    note: str = ""
    format: tuple = ("", "")
    sample_rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    peak: float = 0.0
    rms: float = 0.0
    clipped: float = 0.0
    wide: bool = False
    onset_seconds: float = 0.0
    content: str = ""

    @property
    def label(self):
        """Name of the sub-folder that the file lies in, None if in none."""
        parts = pathlib.PurePath(self.name).parts
        return parts[0] if len(parts) > 1 else None


def decode(path, name, wanted):
    """Decodes one file and looks at it on the way.

    Args:
      path: of the file.
      name: how the report calls it.
      wanted: a `Wanted`.

    Returns:
      Pair of a `Report` and the waveform, float32 `[samples, channels]`, or
      None if the file is left out.
    """
    report = Report(name)
    try:
        waveform = _waveform(path, report, wanted)
    except errors.ZooError as error:
        report.reason = str(error)
        return report, None
    except OSError as error:
        report.reason = f"it cannot be read: {error.strerror}"
        return report, None
    onset = _onset(waveform)
    report.onset_seconds = onset / wanted.sample_rate
    if wanted.trim_silence:
        before = round(_BEFORE_ONSET_SECONDS * wanted.sample_rate)
        waveform = waveform[max(0, onset - before) :]
    report.content = hashlib.blake2b(
        waveform.tobytes(), digest_size=16
    ).hexdigest()
    return report, waveform


def check_peak(peak):
    """Refuses values that no sound has.

    Args:
      peak: the largest magnitude; 1 is full scale.

    Raises:
      ZooError: if it is none of a sound; it gives the reason alone.
    """
    if not np.isfinite(peak):
        raise errors.ZooError("it holds values that are no numbers")
    if peak > _LOUDEST:
        raise errors.ZooError(f"it holds values up to {peak:.0e}")


def check_audible(waveform, peak, wanted):
    """Refuses a sound in which there is nothing to be heard.

    Args:
      waveform: float `[samples, channels]`, what the sound became.
      peak: the largest magnitude that it had before.
      wanted: the `Wanted` that it became.

    Raises:
      ZooError: if it is empty, or silent and not to be kept; it gives the
        reason alone.
    """
    if not len(waveform):
        raise errors.ZooError("it holds no samples")
    if wanted.keep_silent:
        return
    if peak <= _SILENCE:
        raise errors.ZooError("it is silent")
    if np.max(np.abs(waveform)) <= _SILENCE:
        raise errors.ZooError(
            "nothing is left of it once its channels are mixed, at "
            f"{wanted.sample_rate} Hz"
        )


def _waveform(path, report, wanted):
    """The waveform of a file that can be used; fills the report."""
    with audio_files.open_sound(path) as sound:
        report.format = (sound.format, sound.subtype)
        report.sample_rate = sound.samplerate
        report.channels = sound.channels
        waveform = audio_files.convert(
            _watched(sound, report),
            sound.samplerate,
            wanted.sample_rate,
            wanted.channels,
        )
        announced = sound.frames / sound.samplerate
    check_audible(waveform, report.peak, wanted)
    # The announced length of an MP3 file may be an estimate.
    early = report.seconds < 0.9 * announced
    if not report.note and (early or audio_files.is_cut_off(path)):
        report.note = f"it ends early, after {report.seconds:.2f} s"
    return waveform


def _watched(sound, report):
    """The blocks of a file, whose levels go to the report."""
    full_scale = _FULL_SCALE.get(sound.subtype, 32767 / 32768)
    count, clipped, energy = 0, 0, 0.0
    for block in _until_damage(sound, report):
        peak = float(max(block.max(), -block.min()))
        check_peak(peak)
        report.peak = max(report.peak, peak)
        if peak >= full_scale:
            clipped += np.count_nonzero(np.abs(block) >= full_scale)
        if sound.channels > 1:
            apart = float(np.ptp(block[:, 0] - block[:, 1]))
            report.wide |= apart > _APART * peak
        energy += float(np.einsum("sc,sc->", block, block, dtype=np.float64))
        count += block.size
        yield block
    report.seconds = count / sound.channels / sound.samplerate
    report.rms = (energy / max(count, 1)) ** 0.5
    report.clipped = clipped / max(count, 1)


def _until_damage(sound, report):
    """The blocks of a file: what comes before the damage, if it has any."""
    samples = 0
    try:
        for block in audio_files.blocks(sound):
            samples += len(block)
            yield block
    except errors.ZooError as error:
        if not samples:
            raise
        seconds = samples / sound.samplerate
        report.note = f"{error}; its first {seconds:.2f} s are used"


def _onset(waveform):
    """Number of the first sample that is no longer silence."""
    level = np.abs(waveform)
    first = np.argmax(level.ravel() >= _ONSET_LEVEL * level.max())
    return int(first) // waveform.shape[1]
