import dataclasses
import json
import shlex

import pytest

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import presets
from gansynth_zoo.export import model_card
from gansynth_zoo.reporting import texts

SOURCE = {"preset": "wavegan_sc09", "step": 7, "checkpoint": "best"}


@pytest.fixture
def report():
    """As `gansynth_zoo.evaluate` writes it of two models."""
    return {
        "reference": "sc09",
        "held_out": "test",
        "sound": {"sample_rate": 16000, "num_samples": 16384},
        "count": 1000,
        "seed": 0,
        "sources": {
            "mine": {"source": "/home/someone/runs/mine", **SOURCE},
            "other": {"source": "runs/other", **SOURCE, "step": 8},
        },
        "classifier": {"description": "a classifier of digits, 96.2% right"},
        "dimensions": 32,
        "bins": 50,
        "rows": {
            "real, test": {"D_train": 3.5, "inception_score": [9.25, 0.1]},
            "real, train": {"D_train": 3.25, "inception_score": [9.5, 0.1]},
            "mine": {"D_train": 2.5, "inception_score": [4.75, 0.25]},
            "other": {"D_train": 0.5},
            "white noise": {"D_train": 9.0},
        },
        "notes": [],
        "versions": {"numpy": "2.0"},
    }


@pytest.fixture
def write(tmp_path):
    """Function: a report -> the path of its file."""

    def write(report):
        path = tmp_path / "report.json"
        path.write_text(json.dumps(report), encoding="utf-8")
        return path

    return write


def make_facts(preset, **changes):
    """The metadata of a module."""
    return {
        "name": "digits",
        "version": 3,
        "preset": preset.name,
        "model": preset.model.name,
        "sample_rate": preset.audio.sample_rate,
        "num_samples": preset.audio.num_samples,
        "channels": preset.audio.channels,
        "latent_size": preset.model.latent_size,
        "latent_prior": preset.model.latent_prior,
        "latent_truncation": None,
        "labels": [],
        "parameters": 19_000_000,
        "config": dataclasses.asdict(preset),
        "versions": {"tensorflow": "2.20"},
        "step": 7,
        "checkpoint": "best",
        "exported": "2026-01-02",
        "data": {
            "name": "sc09",
            "licence": "CC BY 4.0",
            "clips": 18_620,
            "labels": ["a", "b"],
        },
        "measures": None,
        "notes": "",
        "output": "waveform",
        **changes,
    }


def rows_of(card):
    """First cell -> the others, of all tables of a card."""
    lines = [line for line in card.splitlines() if line.startswith("|")]
    # A bar that is escaped is part of its cell.
    cells = [line.replace("\\|", "\0")[2:-2].split(" | ") for line in lines]
    return {row[0].replace("\0", "|"): row[1:] for row in cells}


def test_a_card_tells_the_facts():
    card = model_card.render(
        make_facts(
            presets.get("wavegan_sc09"),
            labels=["zero", "one"],
            latent_truncation=2.5,
        )
    )
    assert card.startswith("# digits, version 3\n\nWaveGAN of the paper")
    rows = rows_of(card)
    assert rows["licence"] == ["CC BY 4.0"]
    assert rows["clips"] == ["18620"]
    assert rows["labels"] == ["zero, one"]
    assert rows["sample rate"] == ["16000 Hz"]
    assert rows["length"] == ["16384 samples, 1.02 s"]
    assert rows["latents"] == ["100, uniform, truncated at 2.5"]
    assert rows["parameters"] == ["19,000,000"]
    assert rows["steps"] == ["7, best checkpoint"]
    assert rows["exported"] == ["2026-01-02, with tensorflow 2.20"]
    assert "## Intended use and limits" in card
    assert max(map(len, model_card._USE.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("wavegan_sc09", {}),
        ("wavegan_drums_small", {"dim": 4, "seed": 9, "trim_silence": True}),
        ("gansynth_nsynth", {"beta_1": 0.25, "dataset": "a b/c"}),
    ],
)
def test_the_command_makes_the_same_configuration(name, changes):
    preset = config.replace(presets.get(name), changes)
    card = model_card.render(make_facts(preset))
    (line,) = [x for x in card.splitlines() if "gansynth_zoo.train" in x]
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "gansynth_zoo.train"]
    given = dict(word.removeprefix("--").split("=", 1) for word in words[3:])
    assert given.pop("run_dir") == "RUN"
    usual = presets.get(given.pop("preset"))
    assert given == {key: str(value) for key, value in changes.items()}
    assert config.replace(usual, changes) == preset


def test_the_command_has_what_the_sounds_depend_on():
    changes = {"steps": 7, "keep_checkpoints": 9, "evaluate_every": 5}
    changes["latent_truncation"] = 0.5
    preset = config.replace(presets.get("wavegan_drums"), changes)
    card = model_card.render(make_facts(preset))
    (line,) = [x for x in card.splitlines() if "gansynth_zoo.train" in x]
    assert line.split()[4:] == [
        "--latent_truncation=0.5",
        "--steps=7",
        "--run_dir=RUN",
    ]


def test_folders_of_the_machine_are_nobodys_business():
    folders = {"audio_dir": "/home/someone/kicks", "data_dir": "/home/data"}
    preset = config.replace(presets.get("wavegan_drums"), folders)
    card = model_card.render(make_facts(preset))
    assert "--audio_dir=kicks " in card
    assert "/home" not in card


def test_a_preset_that_is_not_known_has_no_command():
    preset = dataclasses.replace(presets.get("wavegan_sc09"), name="old")
    card = model_card.render(make_facts(preset))
    assert "gansynth_zoo.train" not in card
    assert "gansynth_zoo.export --run_dir=RUN --checkpoint=best" in card


def test_measures_stand_beside_those_of_others(report, write):
    measures = model_card.read_measures(write(report), "wavegan_sc09", 7)
    preset = presets.get("wavegan_sc09")
    card = model_card.render(make_facts(preset, measures=measures))
    rows = rows_of(card)
    assert rows[""] == list(report["rows"])
    assert rows[texts.title("D_train")] == ["3.5", "3.25", "2.5", "0.5", "9"]
    assert rows[texts.title("inception_score")][2] == "4.75 ± 0.25"
    assert "a classifier of digits, 96.2% right" in card
    assert "someone" not in card and "runs/other" not in json.dumps(measures)


def test_a_card_has_the_notes_and_a_picture_where_there_is_sound():
    preset = presets.get("wavegan_sc09")
    card = model_card.render(make_facts(preset, notes="It *hisses*.\n"))
    assert card.endswith("## Notes\n\nIt *hisses*.\n")
    assert "](sounds.png)" in card
    card = model_card.render(make_facts(preset, output="features"))
    assert "## Notes" not in card and "sounds.png" not in card


@pytest.mark.parametrize(("name", "step"), [("wavegan_sc09", 9), ("x", 7)])
def test_a_report_of_another_model_is_refused(report, write, name, step):
    with pytest.raises(errors.ZooError, match="which has 0; measure it with"):
        model_card.read_measures(write(report), name, step)


def test_a_report_of_two_models_like_this_is_refused(report, write):
    report["sources"]["other"]["step"] = 7
    with pytest.raises(errors.ZooError, match="which has 2; measure"):
        model_card.read_measures(write(report), "wavegan_sc09", 7)


@pytest.mark.parametrize("found", [[], {}, {"sources": {"a": 1}}, 3])
def test_what_is_no_report_is_refused(write, found, tmp_path):
    with pytest.raises(errors.ZooError, match="which is none"):
        model_card.read_measures(write(found), "wavegan_sc09", 7)
    with pytest.raises(errors.ZooError, match="which is none"):
        model_card.read_measures(tmp_path / "missing", "wavegan_sc09", 7)
