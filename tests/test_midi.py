import io

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo import midi

# A beat is 480 ticks, and lasts 0.5 s unless a tempo is set.
ON, OFF, CONTROL = "note_on", "note_off", "control_change"


def on(time, note, velocity=100, channel=0):
    return mido.Message(
        ON, note=note, velocity=velocity, channel=channel, time=time
    )


def off(time, note, channel=0):
    return mido.Message(OFF, note=note, channel=channel, time=time)


def pedal(time, value, channel=0):
    return mido.Message(
        CONTROL, control=64, value=value, channel=channel, time=time
    )


def tempo(time, microseconds):
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


def end(time):
    return mido.MetaMessage("end_of_track", time=time)


@pytest.fixture
def play(tmp_path):
    """Function: lists of messages, a track each -> the notes of their file."""

    def write_and_read(*tracks, **settings):
        path = tmp_path / "piece.mid"
        mido.MidiFile(
            tracks=[mido.MidiTrack(track) for track in tracks], **settings
        ).save(path)
        return midi.read(path)

    return write_and_read


def test_ticks_are_seconds_at_120_beats_a_minute(play):
    notes = play([on(240, 60, 90), off(480, 60), on(0, 62), off(120, 62)])
    assert notes == [(0.25, 0.75, 60, 90), (0.75, 0.875, 62, 100)]
    assert notes[0].pitch == 60


def test_the_tempo_may_change_within_a_note_and_in_another_track(play):
    notes = play(
        [tempo(0, 1_000_000), tempo(480, 250_000)],
        [on(240, 60), off(480, 60)],
    )
    assert notes == [(0.5, 1.125, 60, 100)]


def test_ticks_of_a_beat_are_those_of_the_file(play):
    notes = play([on(0, 60), off(96, 60)], ticks_per_beat=96)
    assert notes == [(0.0, 0.5, 60, 100)]


def test_tracks_and_channels_play_together_in_the_order_of_starts(play):
    notes = play(
        [on(480, 60, channel=1), off(480, 60, channel=1)],
        [on(0, 60, channel=2), off(1440, 60, channel=2)],
    )
    assert notes == [(0.0, 1.5, 60, 100), (0.5, 1.0, 60, 100)]


def test_velocity_0_lifts_the_key(play):
    assert play([on(0, 60), on(480, 60, velocity=0)]) == [(0, 0.5, 60, 100)]


def test_of_overlapping_keys_of_a_pitch_the_first_is_lifted_first(play):
    notes = play([on(0, 60, 10), on(480, 60, 20), off(480, 60), off(480, 60)])
    assert notes == [(0.0, 1.0, 60, 10), (0.5, 1.5, 60, 20)]


def test_a_key_that_is_lifted_twice_is_lifted_once(play):
    notes = play([off(0, 60), on(0, 60), off(480, 60), off(480, 60)])
    assert notes == [(0.0, 0.5, 60, 100)]


def test_a_note_that_is_never_ended_lasts_to_the_end_of_the_file(play):
    assert play([on(0, 60), on(480, 62), off(480, 62), end(480)]) == [
        (0.0, 1.5, 60, 100),
        (0.5, 1.0, 62, 100),
    ]


def test_the_pedal_holds_what_is_lifted_while_it_is_down(play):
    notes = play(
        [
            on(0, 60),
            on(0, 64),
            pedal(240, 64),
            off(240, 60),
            pedal(480, 63),
            off(480, 64),
        ]
    )
    assert notes == [(0.0, 1.0, 60, 100), (0.0, 1.5, 64, 100)]


def test_a_key_that_is_struck_again_ends_what_the_pedal_holds(play):
    notes = play(
        [pedal(0, 127), on(0, 60), off(240, 60), on(720, 60), off(240, 60)]
        + [end(480)]
    )
    assert notes == [(0.0, 1.0, 60, 100), (1.0, 1.75, 60, 100)]


def test_the_pedal_is_that_of_its_channel(play):
    notes = play([pedal(0, 127, 3), on(0, 60), off(480, 60), pedal(480, 0, 3)])
    assert notes == [(0.0, 0.5, 60, 100)]


def test_drums_are_left_out_and_it_is_said(play, capsys):
    drums = [on(0, 38, channel=9), off(480, 38, channel=9)]
    assert play([on(0, 60), off(480, 60)], drums) == [(0.0, 0.5, 60, 100)]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "are left out (notes of channel 10: 1)" in said
    with pytest.raises(errors.ZooError, match="which has none but drums;"):
        play(drums)


@pytest.mark.parametrize("tracks", [[], [[]], [[tempo(0, 10), end(480)]]])
def test_a_file_without_notes_is_refused(play, tracks):
    with pytest.raises(errors.ZooError, match="which has none; choose"):
        play(*tracks)


def test_a_note_after_years_is_refused(play):
    long = 2**28 - 1
    with pytest.raises(errors.ZooError, match="note starts after 78 hours"):
        play([on(long, 60), off(480, 60)])
    # A rest at the end does no harm.
    assert len(play([on(0, 60), off(480, 60), end(long)])) == 1


def contents():
    track = mido.MidiTrack([tempo(0, 400_000), on(0, 60), off(480, 60)])
    file = io.BytesIO()
    mido.MidiFile(tracks=[track], type=0).save(file=file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it ends too soon"),
        (b"RIFF\x00\x00\x00\x04WAVE", "Probably not a MIDI file"),
        (contents()[:-9], "it ends too soon"),
        (contents().replace(b"\x90<d", b"\xf4<d"), "undefined status byte"),
        (contents().replace(b"MTrk", b"MThd"), "no MTrk header"),
        (
            contents().replace(b"\x00\x00\x00\x01", b"\x00\x02\x00\x01", 1),
            "asynchronous",
        ),
        (contents().replace(b"\x01\xe0", b"\xe7\x28", 1), "film frames"),
        (contents().replace(b"\x01\xe0", b"\x00\x00", 1), "film frames"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path, data, reason):
    assert data != contents()
    path = tmp_path / "piece.mid"
    path.write_bytes(data)
    with pytest.raises(errors.ZooError, match=reason) as raised:
        midi.read(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(contents()) - 1), st.integers(1, 255))
def test_a_damaged_byte_gives_notes_or_a_sentence(
    tmp_path_factory, place, change
):
    data = bytearray(contents())
    data[place] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes(data)
    try:
        notes = midi.read(path)
    except errors.ZooError:
        return
    assert notes
    for note in notes:
        assert 0 <= note.start <= note.end
        assert 0 <= note.pitch <= 127
        assert 1 <= note.velocity <= 127


@pytest.mark.parametrize("name", ["missing.mid", "."])
def test_what_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(errors.ZooError, match="cannot be read: "):
        midi.read(tmp_path / name)


def notes_of(*pitches):
    return [midi.Note(i, i + 1, p, 64) for i, p in enumerate(pitches)]


def test_notes_that_are_known_stay_as_they_are(capsys):
    notes = notes_of(24, 50, 84)
    for out_of_range in midi.OUT_OF_RANGE:
        assert midi.fit(notes, range(24, 85), out_of_range) == notes
    assert capsys.readouterr().err == ""


def test_other_notes_are_moved_by_octaves_and_named(capsys):
    fitted = midi.fit(notes_of(60, 21, 21, 108, 23), range(24, 85), "transpose")
    assert fitted == notes_of(60, 33, 33, 84, 35)
    said = capsys.readouterr().err
    assert said.startswith("4 of 5 notes are moved by octaves")
    assert said.endswith(
        "A0 (21) to A1 (33), B0 (23) to B1 (35), C8 (108) to C6 (84).\n"
    )


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 127), min_size=1),
    st.sets(st.integers(0, 127), min_size=12),
)
def test_a_moved_note_is_known_and_the_nearest_octave(pitches, known):
    hypothetical = notes_of(*pitches)
    try:
        fitted = midi.fit(hypothetical, known, "transpose")
    except errors.ZooError:
        classes = {pitch % 12 for pitch in known}
        assert not {pitch % 12 for pitch in pitches} <= classes
        return
    for before, after in zip(hypothetical, fitted, strict=True):
        assert after.pitch in known
        assert after._replace(pitch=before.pitch) == before
        octaves = {before.pitch + 12 * k for k in range(-11, 12)} & known
        distance = np.abs(np.array(sorted(octaves)) - before.pitch).min()
        assert abs(after.pitch - before.pitch) == distance


@pytest.mark.parametrize(
    ("out_of_range", "pitches", "known", "knows", "named"),
    [
        (
            "refuse",
            (61, 60, 70, 61),
            range(62, 85),
            "23 pitches that the model knows, from D4 (62) to C6 (84)",
            "C4 (60), C#4 (61)",
        ),
        (
            "transpose",
            (73, 61, 64, 52),
            [62, 64, 84],
            "3 pitches that the model knows, from D4 (62) to C6 (84)",
            "C#4 (61), C#5 (73)",
        ),
    ],
)
def test_notes_that_cannot_be_played_are_named(
    out_of_range, pitches, known, knows, named
):
    with pytest.raises(errors.ZooError) as raised:
        midi.fit(notes_of(*pitches), known, out_of_range)
    assert f"the {knows}, received {named}; trans" in str(raised.value)
