"""Plays the start of Bach's Prelude in C major, BWV 846, on a model.

  python -m benchmarks.prelude --source=gansynth_nsynth_small --out=prelude

Writes prelude.mid to the folder and lets `gansynth_zoo.generate` play it.
"""

import pathlib
import subprocess
import sys

import mido
from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo.export import sources

# The pitches of bars 1 to 11, from the score. A bar is its five notes in the
# order 1 2 3 4 5 3 4 5, twice.
BARS = (
    (60, 64, 67, 72, 76),
    (60, 62, 69, 74, 77),
    (59, 62, 67, 74, 77),
    (60, 64, 67, 72, 76),
    (60, 64, 69, 76, 81),
    (60, 62, 66, 69, 74),
    (59, 62, 67, 74, 79),
    (59, 60, 64, 67, 72),
    (57, 60, 64, 67, 72),
    (50, 57, 62, 66, 72),
    (55, 59, 62, 67, 71),
)
_ORDER = (0, 1, 2, 3, 4, 2, 3, 4)
# The left hand holds its two notes for the rest of the half bar.
_SIXTEENTHS = (8, 7, 1, 1, 1, 1, 1, 1)
_VELOCITIES = (88, 72, 64, 68, 76, 60, 64, 72)
_BEATS_PER_MINUTE = 72


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_source(values)
    flags.DEFINE_string(
        "out", "prelude", "Folder to write to.", flag_values=values
    )


def main(values=flags.FLAGS):
    """Writes the MIDI file and plays it.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      Exit status of `gansynth_zoo.generate`.
    """
    score = pathlib.Path(values.out, "prelude.mid")
    write(score)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "gansynth_zoo.generate",
            f"--source={values.source}",
            f"--midi={score}",
            f"--out={values.out}",
        ]
    ).returncode


def write(path):
    """Writes the bars as a MIDI file; its folder is made if it is missing."""
    piece = mido.MidiFile(type=0)
    sixteenth = piece.ticks_per_beat // 4
    events = []
    for half, pitches in enumerate(bar for bar in BARS for _ in range(2)):
        for step, number in enumerate(_ORDER):
            start = (8 * half + step) * sixteenth
            end = start + _SIXTEENTHS[step] * sixteenth
            pitch = pitches[number]
            events.append((end, "note_off", pitch, 0))
            events.append((start, "note_on", pitch, _VELOCITIES[step]))
    track = piece.add_track()
    tempo = mido.bpm2tempo(_BEATS_PER_MINUTE)
    track.append(mido.MetaMessage("set_tempo", tempo=tempo))
    now = 0
    # At one time, "note_off" sorts before "note_on".
    for time, kind, pitch, velocity in sorted(events):
        track.append(
            mido.Message(kind, note=pitch, velocity=velocity, time=time - now)
        )
        now = time
    path.parent.mkdir(parents=True, exist_ok=True)
    piece.save(path)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
