"""Reading the notes of a MIDI file."""

import collections
import io
import pathlib
import sys
from typing import NamedTuple

import mido

from gansynth_zoo import errors

# What is done with a note whose pitch the model does not know.
OUT_OF_RANGE = ("transpose", "refuse")

# Channel 10, counted from 0: its numbers mean drums, not pitches (General
# MIDI 1).
_DRUMS = 9
_SUSTAIN_PEDAL = 64
_NAMES = "C C# D D# E F F# G G# A A# B".split()
# A note that starts later has a damaged time, and its piece would fill the
# memory.
_LATEST = 6 * 3600


class Note(NamedTuple):
    """A note, `start` to `end` in seconds, middle C being pitch 60.

    The velocity, 1 to 127, says how hard it is struck.
    """

    start: float
    end: float
    pitch: int
    velocity: int


def read(path):
    """The notes of a MIDI file, those of all tracks and channels together.

    Changes of tempo count, and so does the sustain pedal: a note sounds on
    until the pedal is lifted or its key struck again. Where keys of one pitch
    overlap in a channel, the one that was struck first is lifted first. A note
    that is never ended lasts to the end of the file. Instruments, volumes and
    bends of the pitch are not used. Drums are left out, and a sentence on
    stderr says so.

    Args:
      path: Standard MIDI File of type 0 or 1.

    Returns:
      List of `Note`, at least one, in the order of their starts.

    Raises:
      ZooError: if the file cannot be read, is damaged or has no notes.
    """
    keyboards, drums = collections.defaultdict(_Keyboard), 0
    now = 0.0
    for message in _messages(path):
        now += message.time
        if message.type not in ("note_on", "note_off", "control_change"):
            continue
        keyboard = keyboards[message.channel]
        if message.type == "control_change":
            if message.control == _SUSTAIN_PEDAL:
                keyboard.move_pedal(now, message.value >= 64)
        elif message.type == "note_off" or not message.velocity:
            keyboard.lift(now, message.note)
        elif message.channel == _DRUMS:
            drums += 1
        else:
            keyboard.strike(now, message.note, message.velocity)
    for keyboard in keyboards.values():
        keyboard.leave(now)
    notes = sorted(note for key in keyboards.values() for note in key.notes)
    if drums:
        print(
            f"The drums of {str(path)!r} are left out (notes of channel 10: "
            f"{drums}).",
            file=sys.stderr,
        )
    if not notes:
        raise errors.ZooError(
            f"Expected a MIDI file with notes, received {str(path)!r}, which "
            f"has none{' but drums' * bool(drums)}; choose another."
        )
    if notes[-1].start > _LATEST:
        raise errors.ZooError(
            f"Expected a MIDI file of {_LATEST // 3600} hours at most, "
            f"received {str(path)!r}, where a note starts after "
            f"{notes[-1].start / 3600:.0f} hours; cut the piece or mend the "
            "file."
        )
    return notes


def _messages(path):
    """The messages of a file, their times in seconds since the one before."""
    try:
        file = io.BytesIO(pathlib.Path(path).read_bytes())
    except OSError as error:
        raise errors.ZooError(
            f"Expected a MIDI file, but {str(path)!r} cannot be read: "
            f"{error.strerror}."
        ) from error
    try:
        piece = mido.MidiFile(file=file)
        if piece.ticks_per_beat <= 0:
            raise ValueError("its time is that of film frames, not of beats")
        return list(piece)
    # At damaged bytes mido raises what its parts raise, of a dozen classes.
    except Exception as error:
        reason = str(error) or "it ends too soon"
        raise errors.ZooError(
            f"Expected a MIDI file, received {str(path)!r}, which cannot be "
            f"decoded ({reason}); export it once more as type 0 or 1."
        ) from error


class _Keyboard:
    """The keys of a channel and its sustain pedal; collects the notes."""

    def __init__(self):
        self.notes = []
        # Pitch -> the notes whose keys are down, and those which the pedal
        # alone holds, without their ends.
        self._down = collections.defaultdict(collections.deque)
        self._held = collections.defaultdict(collections.deque)
        self._pedal = False

    def strike(self, now, pitch, velocity):
        self._end(self._held[pitch], now)
        self._down[pitch].append(Note(now, now, pitch, velocity))

    def lift(self, now, pitch):
        if not self._down[pitch]:
            return
        note = self._down[pitch].popleft()
        self._held[pitch].append(note)
        if not self._pedal:
            self._end(self._held[pitch], now)

    def move_pedal(self, now, is_down):
        self._pedal = is_down
        if not is_down:
            for notes in self._held.values():
                self._end(notes, now)

    def leave(self, now):
        for notes in [*self._down.values(), *self._held.values()]:
            self._end(notes, now)

    def _end(self, notes, now):
        self.notes += [note._replace(end=now) for note in notes]
        notes.clear()


def fit(notes, pitches, out_of_range):
    """Brings notes to the pitches that a model knows.

    Args:
      notes: list of `Note`.
      pitches: collection of the known pitches.
      out_of_range: "transpose" moves each other note by as few octaves as can
        be, and a sentence on stderr names those; "refuse" moves none.

    Returns:
      List of `Note` as long as `notes`.

    Raises:
      ZooError: if a note is to be refused, or there is no octave for it.
    """
    counts = collections.Counter(
        note.pitch for note in notes if note.pitch not in pitches
    )
    if not counts:
        return notes
    octaves = {
        pitch: [known for known in pitches if (known - pitch) % 12 == 0]
        for pitch in counts
    }
    refused = sorted(
        pitch
        for pitch in counts
        if out_of_range == "refuse" or not octaves[pitch]
    )
    if refused:
        raise errors.ZooError(
            f"Expected notes of the {len(pitches)} pitches that the model "
            f"knows, from {_name(min(pitches))} to {_name(max(pitches))}, "
            f"received {', '.join(map(_name, refused))}; transpose the piece, "
            "choose a model that knows them, or give --out_of_range=transpose, "
            "which moves a note to another octave if one is known."
        )
    moves = {
        pitch: min(near, key=lambda known: abs(known - pitch))
        for pitch, near in octaves.items()
    }
    named = ", ".join(
        f"{_name(pitch)} to {_name(moves[pitch])}" for pitch in sorted(moves)
    )
    print(
        f"{counts.total()} of {len(notes)} notes are moved by octaves, since "
        f"the model does not know their pitches: {named}.",
        file=sys.stderr,
    )
    return [
        note._replace(pitch=moves.get(note.pitch, note.pitch)) for note in notes
    ]


def _name(pitch):
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1} ({pitch})"
