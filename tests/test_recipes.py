"""The benchmarks that train: recipes beside each other, modules that ship."""

import json
import os
import pathlib
import sys
import tarfile
import time
from unittest import mock

import numpy as np
import pytest
import soundfile
from absl import flags

from gansynth_zoo import errors

# As in test_benchmarks.py.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import recipes
    from benchmarks import shipped_modules

TINY = "--preset=wavegan_drums_small --num_samples=256 --dim=2 --batch_size=4"


def parse(command, *given):
    values = flags.FlagValues()
    command.define_flags(values)
    values(["command", *given])
    return values


def test_processor_time_is_that_of_the_process():
    before, start = recipes._processor_seconds(os.getpid()), time.process_time()
    while time.process_time() < start + 1.2:
        pass
    # ps counts whole seconds.
    assert 1 <= recipes._processor_seconds(os.getpid()) - before <= 3


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("00:01:05", 65), ("1-02:00:01", 93601), ("0:07.50", 7.5), ("", 0)],
)
def test_what_ps_says_is_understood(monkeypatch, said, seconds):
    answer = mock.Mock(stdout=f"{said}\n")
    monkeypatch.setattr(recipes.subprocess, "run", lambda *_, **__: answer)
    assert recipes._processor_seconds(1) == seconds


def test_a_command_that_fails_is_said_in_one_sentence(tmp_path):
    given = ["--dataset=sc09", f"--archive={tmp_path / 'gone.tar.gz'}"]
    expected = "gansynth_zoo.datasets.build to end with status 0, received 1"
    with pytest.raises(errors.ZooError, match=expected):
        recipes.run_command("datasets.build", *given)


def test_a_recipe_is_trained_for_its_time_and_measured(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setitem(recipes.TRIALS, "tiny", TINY.split())
    values = parse(
        recipes,
        f"--out={tmp_path}",
        "--only=tiny",
        "--minutes=0.4",
        "--count=40",
    )
    # A small training that is stopped ends as it does for a user.
    with ON_PATH:
        assert recipes.main(values) == 0
    report = json.loads((tmp_path / "tiny/report/report.json").read_text())
    steps = report["sources"]["tiny"]["step"]
    assert steps > 1
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:2] == ["tiny", str(steps)]
    distance = report["rows"]["tiny"]["kernel_distance"][0]
    assert float(last[2]) == pytest.approx(distance, rel=0.01)
    # It is there, and is not trained again.
    monkeypatch.setattr(recipes, "train", None)
    assert recipes.main(values) == 0


def test_a_training_that_fails_is_told(tmp_path):
    with pytest.raises(errors.ZooError, match="received status 1"):
        recipes.train(["--preset=nothing"], tmp_path / "run", 1)


@pytest.mark.parametrize("command", [recipes, shipped_modules])
def test_unknown_rows_are_told(command, tmp_path):
    given = ["--archives=x"] if command is shipped_modules else []
    values = parse(command, *given, "--only=nothing", f"--out={tmp_path}")
    with (
        mock.patch.dict(os.environ),
        pytest.raises(errors.ZooError, match="received 'nothing'"),
    ):
        command.main(values)


def test_only_sounds_of_free_licences_are_unpacked(tmp_path):
    rows = {"a": "CC0", "b": "GPL-2+", "c": "CC BY-SA 3.0", "d": "CC0"}
    table = ["path,licence"]
    with tarfile.open(tmp_path / "kit.tar.gz", "w:gz") as archive:
        for name, licence in rows.items():
            path = tmp_path / f"{name}.wav"
            soundfile.write(path, np.full(100, 0.5), 16000)
            archive.add(path, f"drums/train/{name}.wav")
            table.append(f"drums/train/{name}.wav,{licence}")
    (tmp_path / "kit.csv").write_text("\n".join(table))
    out = shipped_modules._free_sounds(
        tmp_path / "kit.tar.gz", tmp_path / "out"
    )
    assert [p.name for p in sorted(out.rglob("*.wav"))] == ["a.wav", "d.wav"]
