"""Waveforms made ready for a sampler: trimmed, looped, at one loudness."""

import struct

import numpy as np

# What lies so far below the peak of a sound is silence before or after it.
_SILENCE_DB = -60.0
# Seconds, so that what was cut does not click.
_FADE_IN, _FADE_OUT = 0.001, 0.01
_PEAK_DB = -1.0
# Seconds of one measurement of the loudness, and from one to the next.
_FRAME, _HOP = 0.4, 0.1
# The two filters of ITU-R BS.1770-5, annex 1, tables 1 and 2, at 48 kHz.
_K_RATE = 48000
_K_FILTERS = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (1.0, -1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
# Shares of a sound in which its loop may start and end.
_LOOP_STARTS, _LOOP_ENDS = (0.2, 0.5), (0.6, 0.9)
# Seconds before and after the seam of a loop that are compared, the ends of
# loops that are tried, and how alike the two sides are at the least.
_SEAM, _TRIED, _ALIKE = 0.01, 200, 0.8


def trim(sound, rate):
    """Cuts off the silence before and after a sound, and fades its ends.

    Args:
      sound: float `[samples, channels]`, not silent.
      rate: its sample rate in Hz.

    Returns:
      Float `[samples, channels]`.
    """
    level = np.abs(sound).max(axis=1)
    heard = np.flatnonzero(level > level.max() * 10 ** (_SILENCE_DB / 20))
    before = round(_FADE_IN * rate)
    sound = sound[max(0, heard[0] - before) : heard[-1] + 1].copy()
    for seconds, end in ((_FADE_IN, sound), (_FADE_OUT, sound[::-1])):
        size = min(round(seconds * rate), len(sound) // 2)
        rise = np.sin(np.pi / 2 * np.arange(size) / max(1, size)) ** 2
        end[:size] *= rise[:, np.newaxis]
    return sound


def loudness(sound, rate):
    """Loudness of the loudest 0.4 seconds, as ITU-R BS.1770 weighs them.

    It is the greatest momentary loudness of ITU-R BS.1771; a shorter sound
    counts as if silence followed it. So a short hit has to be higher than a
    note to be as loud, as it is to the ear.

    Args:
      sound: float `[samples, channels]`.
      rate: its sample rate in Hz.

    Returns:
      Float in LUFS; a sine of 997 Hz at full scale on one channel has -3.01.
    """
    size, hop = round(_FRAME * rate), round(_HOP * rate)
    frames = max(1, -(-(len(sound) - size) // hop) + 1)
    padded = np.zeros(((frames - 1) * hop + size, sound.shape[1]))
    padded[: len(sound)] = sound
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=0)
    # Twice as long, so that the filters' decay does not come round.
    spectrum = np.fft.rfft(frames[::hop], 2 * size)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * size, _K_RATE / rate))
    for above, below in _K_FILTERS:
        spectrum *= np.polyval(above[::-1], turn) / np.polyval(
            below[::-1], turn
        )
    power = np.abs(spectrum) ** 2
    # The bins between stand for their mirror images as well.
    power[..., 1:-1] *= 2
    momentary = power.sum(axis=(1, 2)) / (2 * size * size)
    return -0.691 + 10 * np.log10(max(momentary.max(), 1e-12))


def match(sounds, rate):
    """Brings sounds to one loudness, the greatest without a peak over -1 dB.

    Args:
      sounds: list of float `[samples, channels]`, none of them silent.
      rate: their sample rate in Hz.

    Returns:
      List of float `[samples, channels]`.
    """
    measured = [loudness(sound, rate) for sound in sounds]
    peaks = [20 * np.log10(np.abs(sound).max()) for sound in sounds]
    reached = min(
        loud - peak + _PEAK_DB
        for loud, peak in zip(measured, peaks, strict=True)
    )
    return [
        sound * 10 ** ((reached - loud) / 20)
        for sound, loud in zip(sounds, measured, strict=True)
    ]


def loop(sound, rate):
    """Finds where a note can be repeated, and makes the seam smooth.

    Starts and ends are rising zero crossings, of which those are taken whose
    surroundings differ least. Before the end, the sound then fades into what
    lies before the start, so that the step over the seam is one of its own.

    Args:
      sound: float `[samples, channels]`.
      rate: its sample rate in Hz.

    Returns:
      Pair of the sound, float `[samples, channels]`, and its loop: numbers of
      its first and last sample, or None where no two places are alike.
    """
    mono = sound.mean(axis=1)
    starts, stops = (
        _rising(mono, *(round(share * len(mono)) for share in shares))
        for shares in (_LOOP_STARTS, _LOOP_ENDS)
    )
    stops = stops[:: max(1, len(stops) // _TRIED)]
    around = np.arange(-round(_SEAM * rate), round(_SEAM * rate))
    if not len(starts) or not len(stops) or starts[0] + around[0] < 0:
        return sound, None
    if stops[-1] + around[-1] >= len(mono):
        return sound, None
    first, second = (
        mono[places[:, None] + around] for places in (starts, stops)
    )
    product = first @ second.T
    energies = np.sum(first**2, axis=1)[:, None], np.sum(second**2, axis=1)
    # 1 where both are the same, less where the shape or the level differs.
    alike = 2 * product / np.maximum(energies[0] + energies[1], 1e-12)
    start, stop = np.unravel_index(np.argmax(alike), alike.shape)
    if alike[start, stop] < _ALIKE:
        return sound, None
    start, stop = int(starts[start]), int(stops[stop])
    size = min(round(_SEAM * rate), start)
    fade = (np.arange(1, size + 1) / size)[:, np.newaxis]
    sound = sound.copy()
    sound[stop - size : stop] += fade * (
        sound[start - size : start] - sound[stop - size : stop]
    )
    return sound, (start, stop - 1)


def _rising(mono, first, last):
    """Samples in a range that are the first ones above zero."""
    part = mono[first:last]
    return first + 1 + np.flatnonzero((part[:-1] < 0) & (part[1:] >= 0))


def add_sampler_chunk(path, rate, pitch, looped):
    """Writes a WAV file's pitch and loop into it, as its chunk `smpl`.

    Args:
      path: of a WAV file without that chunk.
      rate: its sample rate in Hz.
      pitch: MIDI pitch that it has.
      looped: numbers of the first and last sample of its loop, or None.
    """
    loops = [struct.pack("<6I", 0, 0, *looped, 0, 0)] if looped else []
    period = round(1e9 / rate)
    fields = struct.pack("<9I", 0, 0, period, pitch, 0, 0, 0, len(loops), 0)
    chunk = fields + b"".join(loops)
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        # Each chunk starts at an even place.
        file.write(b"\0" * (size % 2))
        file.write(b"smpl" + struct.pack("<I", len(chunk)) + chunk)
        size = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
