"""A way of making sounds -> one long waveform, of notes or without end."""

import numpy as np
import tensorflow as tf

from gansynth_zoo import latents
from gansynth_zoo import progress

_ATTACK, _RELEASE = 0.01, 0.3
_PEAK = 0.5
# Sounds that lie in memory at once, however many notes there are.
_BATCH = 32


def path_over_time(draw, prior, seconds, seed=0):
    """Latents that change evenly over time.

    At `k·seconds` they are those of the seed `seed + k`, and in between they
    go as `latents.interpolate` does (gansynth_generate of Magenta, the program
    of Engel et al. 2019).

    Args:
      draw: function of seeds, int64 `[batch]`, to latents, float32
        `[batch, latent]`.
      prior: "uniform" or "normal".
      seconds: from one seed to the next, above 0.
      seed: number of the first.

    Returns:
      Function of times, float `[batch]` in seconds from 0 on, to latents,
      float32 `[batch, latent]`.
    """

    def latents_at(times):
        found = []
        for time in times:
            leg, passed = divmod(time, seconds)
            first = seed + int(leg)
            ends = draw(tf.constant([first, first + 1], tf.int64))
            found.append(
                latents.interpolate(prior, *ends, [passed / seconds])[0]
            )
        return tf.stack(found)

    return latents_at


def envelope(seconds, samples, sample_rate):
    """How loud a note is over time: linear attack and release.

    It rises for 10 ms and falls for 300 ms after the note's end, or earlier
    where the sound would end before it has fallen.

    Args:
      seconds: length of the note.
      samples: length of the sound.
      sample_rate: in Hz.

    Returns:
      Float32 `[n]` in [0, 1], where n is at most `samples`.
    """
    end = min((seconds + _RELEASE) * sample_rate, samples)
    sample = np.arange(np.ceil(end))
    rise = sample / (_ATTACK * sample_rate)
    fall = (end - sample) / (_RELEASE * sample_rate)
    return np.minimum(np.minimum(rise, fall), 1.0).astype(np.float32)


def render(notes, make, sample_rate, latents_at):
    """Makes the sound of each note and mixes them.

    A note's sound is that of its pitch and of the latents at its start,
    shaped by `envelope`, times its velocity / 127.

    Args:
      notes: list of `midi.Note`, at least one.
      make: function of latents, float32 `[batch, latent]`, and pitches, int64
        `[batch]`, to sounds, float32 `[batch, samples, channels]`, of the same
        length each time.
      sample_rate: in Hz.
      latents_at: function of times as `path_over_time` returns it.

    Returns:
      Float32 `[samples, channels]` whose largest absolute value is 0.5; it is
      silent where all sounds are.
    """
    mix, end = None, 0
    shown = progress.Progress(len(notes))
    for first in range(0, len(notes), _BATCH):
        batch = notes[first : first + _BATCH]
        sounds = np.asarray(
            make(
                latents_at([note.start for note in batch]),
                np.array([note.pitch for note in batch], np.int64),
            )
        )
        if mix is None:
            _, samples, channels = sounds.shape
            last = max(note.start for note in notes)
            mix = np.zeros(
                (round(last * sample_rate) + samples, channels), np.float32
            )
        for note, sound in zip(batch, sounds, strict=True):
            level = envelope(note.end - note.start, samples, sample_rate)
            level *= np.float32(note.velocity / 127)
            start = round(note.start * sample_rate)
            stop = start + len(level)
            mix[start:stop] += level[:, np.newaxis] * sound[: len(level)]
            end = max(end, stop)
        done = first + len(batch)
        shown.update(done, f"Played {done} of {len(notes)} notes")
    shown.close()
    mix = mix[:end]
    peak = max(mix.max(), -mix.min())
    if peak > 0:
        mix *= _PEAK / peak
    return mix


def chain(make, latents_at, sample_rate, length):
    """Makes a sound of any length of sounds that fade into each other.

    Every half of a sound the next one begins, whose latents are those of that
    time. Their gains add up to 1, so that the whole is never louder than its
    parts. What is in memory does not grow with the length.

    Args:
      make: function of latents, float32 `[batch, latent]`, to sounds, float32
        `[batch, samples, channels]`, of the same length each time.
      latents_at: function of times as `path_over_time` returns it.
      sample_rate: in Hz.
      length: samples in all.

    Yields:
      Float32 `[n, channels]`, `length` samples one after another.
    """
    done, fading = 0, None
    shown = progress.Progress(length)
    # The first batch is of one, which says how long a sound is.
    hop, count = 0, 1
    while done < length:
        times = (done + hop * np.arange(count)) / sample_rate
        sounds = np.asarray(make(latents_at(times)))
        hop, count = sounds.shape[1] // 2, _BATCH
        rise = np.sin(np.pi / 2 * (np.arange(hop) + 0.5) / hop) ** 2
        rise = rise[:, np.newaxis].astype(np.float32)
        for sound in sounds[: -(-(length - done) // hop)]:
            block = sound[:hop]
            if fading is not None:
                block = rise * block + rise[::-1] * fading
            fading = sound[hop : 2 * hop]
            yield block[: length - done]
            done += len(block)
        done = min(done, length)
        shown.update(done, f"Made {done / sample_rate:.0f} seconds")
    shown.close()
