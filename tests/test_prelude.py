import pathlib
import subprocess
import sys
from unittest import mock

import pytest
from absl import flags

from gansynth_zoo import midi

# The benchmarks are not installed, and the checkout is not on the path: it
# would let `datasets` be imported under a second name.
with mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
):
    from benchmarks import prelude


def test_the_prelude_is_that_of_the_score(tmp_path):
    prelude.write(tmp_path / "new" / "prelude.mid")
    notes = midi.read(tmp_path / "new" / "prelude.mid")
    sixteenth = 60 / 72 / 4
    assert len(notes) == 16 * len(prelude.BARS) >= 16 * 8
    starts = [note.start / sixteenth for note in notes]
    assert starts == pytest.approx(range(len(notes)))
    half_bar = [60, 64, 67, 72, 76, 67, 72, 76]
    assert [note.pitch for note in notes[:16]] == 2 * half_bar
    # The ninth bar: A, C, E, G, C.
    assert [note.pitch for note in notes[128:133]] == [57, 60, 64, 67, 72]
    lengths = [(note.end - note.start) / sixteenth for note in notes[-8:]]
    assert lengths == pytest.approx([8, 7, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("status", [0, 1])
def test_the_command_lets_generate_play_it(tmp_path, monkeypatch, status):
    called = []

    def run(command):
        called.append(command)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", run)
    values = flags.FlagValues()
    prelude.define_flags(values)
    values(["", "--source=runs/notes", f"--out={tmp_path}"])
    assert prelude.main(values) == status
    ((*_, module, source, score, out),) = called
    assert module == "gansynth_zoo.generate"
    assert source == "--source=runs/notes"
    assert len(midi.read(score.removeprefix("--midi="))) == 176
    assert out == f"--out={tmp_path}"
