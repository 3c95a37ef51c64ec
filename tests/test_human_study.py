"""A study from its sounds to its scores, with simulated listeners."""

import csv
import html.parser
import itertools
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import human_study
from gansynth_zoo.listening import sounds
from gansynth_zoo.listening import tasks

RATE = 8000


def sound_of(number, seconds=0.05, level=0.5):
    """A decaying tone, float32 `[samples, 1]`."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = level * np.sin(2 * np.pi * (200 + 37 * number) * time)
    return (tone * np.exp(-8 * time))[:, np.newaxis].astype(np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where two folders of ten digits lie, eight sounds each; one is loud."""
    root = tmp_path_factory.mktemp("sounds")
    for source, level in (("hushed", 0.02), ("brazen", 0.9)):
        for digit, name in enumerate(tasks.DIGITS):
            for i in range(8):
                audio_files.write(
                    root / source / name / f"{i}.wav",
                    sound_of(8 * digit + i, level=level),
                    RATE,
                )
    return root


@pytest.fixture
def folders(root, monkeypatch):
    """The two folders, by names that are the same each time."""
    monkeypatch.chdir(root)
    return "hushed", "brazen"


def run(define, main, *arguments):
    values = flags.FlagValues()
    define(values)
    values(["", *arguments])
    assert main(values) == 0


def make(out, sources, task, *arguments):
    run(
        human_study.define_make_flags,
        human_study.make,
        f"--source={','.join(map(str, sources))}",
        f"--task={task}",
        f"--out={out}",
        *arguments,
    )
    return json.loads((out / "trials.json").read_text())


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def score(study, *results):
    out = study / "out" / "scores.json"
    run(
        human_study.define_score_flags,
        human_study.score,
        f"--key={study / 'key.csv'}",
        f"--results={','.join(map(str, results))}",
        f"--out={out}",
    )
    return json.loads(out.read_text())


def key_of(folder):
    """Trial -> its rows of the key."""
    rows = read_csv(folder / "key.csv")
    return {
        name: list(some)
        for name, some in itertools.groupby(rows, lambda row: row["trial"])
    }


def play(study, folder, answer_of, listeners, careless=()):
    """Writes a CSV like that of the page; `answer_of` gets a trial's rows."""
    key = key_of(folder)
    path = folder / "answers.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["study", "listener", "session", "trial", "answer"])
        for listener in listeners:
            for number, session in enumerate(study["sessions"], 1):
                for trial in session:
                    rows = key[trial["trial"]]
                    allowed = rows[0]["allowed"].split("|")
                    if not rows[0]["allowed"]:
                        answer = answer_of(rows)
                    elif listener in careless:
                        options = [o[0] for o in study["options"]]
                        answer = next(o for o in options if o not in allowed)
                    else:
                        answer = allowed[0]
                    writer.writerow(
                        [
                            study["study"],
                            listener,
                            number,
                            trial["trial"],
                            answer,
                        ]
                    )
    return path


class Checker(html.parser.HTMLParser):
    """Notes what is loaded, and raises where tags do not match."""

    VOID = {"meta", "link", "input", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.loaded += [v for k, v in attrs if k in ("src", "href", "action")]

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise ValueError(f"</{tag}> at {self.getpos()}")


def test_the_folder_gives_nothing_away_and_loads_nothing(folders, tmp_path):
    study = make(tmp_path / "s", folders, "quality", "--count=6")
    page = (tmp_path / "s/index.html").read_text()
    checker = Checker()
    checker.feed(page)
    assert not checker.open and checker.loaded == ["data:,"]
    assert not re.search("https?:|//[a-z]", page)
    assert not re.search(r"fetch\(|XMLHttp|sendBeacon|WebSocket", page)
    assert "default-src 'none'" in page and "connect-src" not in page
    text = (tmp_path / "s/trials.json").read_text()
    embedded = re.search('id="study">(.*?)</script>', page, re.S)[1]
    assert json.loads(embedded) == study
    for secret in ("hushed", "brazen", "noise", '"allowed', "seven", "key.csv"):
        assert secret not in page and secret not in text
    named = {s for x in study["sessions"] for t in x for s in t["sounds"]}
    files = {f"sounds/{p.name}" for p in (tmp_path / "s/sounds").iterdir()}
    assert named == files
    assert all(re.fullmatch(r"sounds/[0-9a-f]{12}\.wav", f) for f in files)


def test_sounds_are_16_bit_and_equally_loud(folders, tmp_path):
    make(tmp_path / "s", folders, "quality", "--count=10")
    levels = []
    for path in (tmp_path / "s/sounds").iterdir():
        waveform, rate = soundfile.read(path, always_2d=True)
        assert soundfile.info(path).subtype == "PCM_16"
        assert np.abs(waveform).max() < 1
        levels.append(20 * np.log10(sounds.level(waveform, rate)))
    assert len(levels) == 22
    np.testing.assert_allclose(levels, sounds.LEVEL_DB, atol=0.02)


def test_trials_are_balanced_and_seeded(folders, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = ("--count=20", "--session_trials=10", f"--seed={seed}")
        study = make(tmp_path / name, folders, "digits", *arguments)
    for path in (tmp_path / "a").rglob("*.*"):
        same = tmp_path / "b" / path.relative_to(tmp_path / "a")
        if path.name != "README.txt":
            assert same.read_bytes() == path.read_bytes()
    one, other = (read_csv(tmp_path / n / "key.csv") for n in "ac")
    assert {r["trial"] for r in one}.isdisjoint(r["trial"] for r in other)
    key = key_of(tmp_path / "c")
    assert len(study["sessions"]) == 4
    for session in study["sessions"]:
        rows = [key[t["trial"]][0] for t in session]
        checks = [r for r in rows if r["allowed"]]
        assert len(session) == 11 and len(checks) == 1
        for folder in folders:
            assert sum(r["source"] == folder for r in rows) == 5
    for folder in folders:
        labels = [r["label"] for [r] in key.values() if r["source"] == folder]
        assert sorted(labels) == sorted("0123456789" * 2)


def test_sessions_have_one_length_and_no_trial_twice(folders, tmp_path):
    study = make(
        tmp_path / "s", folders, "ease", "--count=13", "--session_trials=4"
    )
    sessions = [[t["trial"] for t in s] for s in study["sessions"]]
    assert {len(s) for s in sessions} == {5}
    assert all(len(set(s)) == 5 for s in sessions)
    key = key_of(tmp_path / "s")
    asked = {t for s in sessions for t in s if not key[t][0]["allowed"]}
    assert len(asked) == 26


def test_digits_are_scored(folders, tmp_path):
    rng = np.random.default_rng(1)
    study = make(tmp_path / "s", folders, "digits", "--count=40")
    rates = {folders[0]: 0.6, folders[1]: 0.9}

    def answer_of(rows):
        right = rows[0]["label"]
        if rng.random() < rates[rows[0]["source"]]:
            return right
        return "none" if right == "3" else str((int(right) + 1) % 10)

    names = [f"r{i}" for i in range(8)]
    path = play(study, tmp_path / "s", answer_of, names, careless=["r3"])
    result = score(tmp_path / "s", path)
    assert result["excluded"] == ["r3"]
    assert result["kept"]["listeners"] == 7
    assert result["everyone"]["listeners"] == 8
    for source, rate in rates.items():
        found = result["kept"]["sources"][source]
        low, high = found["accuracy_interval"]
        assert low < rate < high and high - low < 0.13
        confusion = found["confusion"]
        assert list(confusion) == list("0123456789")
        assert confusion["4"]["4"] + confusion["4"]["5"] == 28
        assert confusion["3"]["none"] == 28 - confusion["3"]["3"]
        assert confusion["3"]["none"] == round(280 * (1 - found["told"]))
    assert 0.3 < result["kept"]["agreement"] < 0.9


def test_ratings_are_scored(folders, tmp_path):
    rng = np.random.default_rng(1)
    study = make(tmp_path / "s", folders, "quality", "--count=30")
    means = {folders[0]: 2.0, folders[1]: 4.0}

    def answer_of(rows):
        return str(int(means[rows[0]["source"]]) + rng.integers(-1, 2))

    names = [f"r{i}" for i in range(10)]
    path = play(study, tmp_path / "s", answer_of, names)
    result = score(tmp_path / "s", path)["kept"]
    for source, mean in means.items():
        found = result["sources"][source]
        low, high = found["mean_interval"]
        assert low < mean < high and high - low < 0.4
        assert sum(found["counts"].values()) == found["answers"] == 300
    # Between sources 1, within them 2/3, and what chance would give.
    assert result["agreement"] == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize("task", ["preference", "comparison"])
def test_preferences_are_scored(folders, tmp_path, task):
    rng = np.random.default_rng(1)
    study = make(tmp_path / "s", folders, task, "--count=40")
    better = folders[1]
    options = tasks.TASKS[task].options
    stood_first = []

    def answer_of(rows):
        stood_first.append(rows[0]["source"] == better)
        assert rows[0]["label"] == rows[1]["label"]
        if "0" in options and rng.random() < 0.2:
            return "0"
        sign = stood_first[-1] == (rng.random() < 0.75)
        wanted = "a" if sign else "b"
        return next(o for o in options if o.startswith(wanted))

    names = [f"r{i}" for i in range(5)]
    path = play(study, tmp_path / "s", answer_of, names)
    (found,) = score(tmp_path / "s", path)["kept"]["pairs"].values()
    assert np.mean(stood_first) == 0.5
    assert (found["first"], found["second"]) == (better, folders[0])
    low, high = found["share_interval"]
    assert low < 0.75 < high
    assert found["p_value"] < 1e-6
    assert found["mean_interval"][0] > 0
    wins, losses = found["first_preferred"], found["second_preferred"]
    assert wins + losses + found["ties"] == found["answers"] == 200
    assert (found["ties"] > 0) == (task == "comparison")


def test_diversity_is_asked_of_sets(folders, tmp_path):
    study = make(tmp_path / "s", folders, "diversity", "--count=3")
    key = key_of(tmp_path / "s")
    for trial in study["sessions"][0]:
        assert len(trial["sounds"]) == 6
        rows = key[trial["trial"]]
        different = len({row["file"] for row in rows})
        assert different == (1 if rows[0]["allowed"] else 6)
        assert len({row["source"] for row in rows}) == 1


def test_real_sounds_of_a_data_set_are_a_source(folders, tmp_path):
    make(
        tmp_path / "s", folders[:1], "preference", "--reference=drums_mini",
        "--count=10",
    )  # fmt: skip
    key = key_of(tmp_path / "s")
    assert {r["source"] for rows in key.values() for r in rows} == {
        folders[0], "drums_mini", "",
    }  # fmt: skip
    for rows in key.values():
        if rows[0]["allowed"]:
            slot = {r["source"]: r["slot"] for r in rows}["drums_mini"]
            assert rows[0]["allowed"] == slot
    lengths = {
        (soundfile.info(p).frames, soundfile.info(p).samplerate)
        for p in (tmp_path / "s/sounds").iterdir()
    }
    assert lengths == {(400, RATE)}


def test_broken_and_silent_files_are_named_and_passed_over(tmp_path, capsys):
    for i in range(4):
        audio_files.write(tmp_path / f"in/{i}.wav", sound_of(i), RATE)
    audio_files.write(tmp_path / "in/hush.wav", np.zeros(99), RATE)
    (tmp_path / "in/text.wav").write_text("no sound")
    make(tmp_path / "s", [tmp_path / "in"], "quality", "--count=4")
    out = capsys.readouterr().out
    # The order is random; what was not needed was not looked at.
    for name in re.findall(r"  (\w+\.wav): it is", out):
        assert name in ("hush.wav", "text.wav")
    with pytest.raises(errors.ZooError, match="received 4 that can be heard"):
        make(tmp_path / "t", [tmp_path / "in"], "quality", "--count=5")
    out = capsys.readouterr().out
    assert "hush.wav: it is silent" in out and "text.wav: it is no" in out
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("spelling", ["value", "option"])
def test_mechanical_turk_there_and_back(folders, tmp_path, spelling):
    url = "--url_prefix=https://example.org/x/"
    arguments = ("--count=5", "--session_trials=4", url)
    study = make(tmp_path / "s", folders, "quality", *arguments)
    layout = (tmp_path / "s/mturk_question.html").read_text()
    checker = Checker()
    checker.feed(layout)
    assert not checker.open
    batch = read_csv(tmp_path / "s/mturk_batch.csv")
    used = set(re.findall(r"\$\{(\w+)\}", layout))
    assert used <= set(batch[0])
    assert all(row[n].startswith("https://example.org/x/")
               for row in batch for n in used)  # fmt: skip
    assert [r[f"trial_{i}"] for r in batch for i in (1, 2, 3, 4, 5)] == [
        t["trial"] for s in study["sessions"] for t in s
    ]
    fields = dict.fromkeys(re.findall(r'name="(answer_\d)"', layout))
    assert list(fields) == [f"answer_{i}" for i in (1, 2, 3, 4, 5)]
    rows = []
    for hit, worker, status in (
        (0, "W1", "Approved"), (1, "W1", "Submitted"), (2, "W1", "Submitted"),
        (0, "W2", "Submitted"), (1, "W3", "Rejected"),
    ):  # fmt: skip
        row = {"WorkerId": worker, "AssignmentStatus": status}
        row |= {f"Input.{k}": v for k, v in batch[hit].items()}
        for field in fields:
            if spelling == "value":
                row[f"Answer.{field}"] = "1"
            else:
                row |= {f"Answer.{field}.{i}": "false" for i in "2345"}
                row[f"Answer.{field}.1"] = "true"
        rows.append(row)
    rows[3]["Answer.answer_2" + (".1" if spelling == "option" else "")] = ""
    path = tmp_path / "s/batch_results.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    result = score(tmp_path / "s", path)
    assert result["rejected"] == 1 and result["missing"] == {"W2": 1}
    # The last session repeats two trials of the first one.
    assert result["repeated"] == {"W1": 2}
    assert set(result["listeners"]) == {"W1", "W2"}
    for row in result["everyone"]["sources"].values():
        assert row["mean"] == 1 and row["mean_interval"] == [1, 1]


def test_make_refuses_what_does_not_fit(folders, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").touch()
    cats = tmp_path / "in/cats"
    audio_files.write(cats / "a.wav", sound_of(0), RATE)
    for out, sources, task, words in (
        ("full", folders, "quality", "choose another --out"),
        ("s", folders[:1], "preference", "two sources or more"),
        ("s", folders[:1] * 2, "quality", "each source once"),
        ("s", [cats.parent], "digits", "received 'cats'"),
        ("s", ["no_module"], "quality", "Unknown module 'no_module'"),
    ):
        with pytest.raises(errors.ZooError, match=words):
            make(tmp_path / out, sources, task, "--count=1")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "in"]


def test_the_readme_says_how_it_was_made(folders, tmp_path):
    make(tmp_path / "s", folders, "ease", "--count=2", "--seed=7")
    readme = (tmp_path / "s/README.txt").read_text()
    assert "{{" not in readme
    command = re.search("python -m gansynth_zoo.human_study make .*", readme)
    words = shlex.split(command[0])
    assert f"--source={folders[0]},{folders[1]}" in words
    assert "--seed=7" in words and "--task=ease" in words


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (["mak", "--source=a"], 1, "Error: Expected make or score as the"),
        (["score", "--help"], None, "--results"),
        (["make", "--source=nowhere"], 1, "Error: Unknown module 'nowhere'"),
    ],
)
def test_the_command_line(tmp_path, words, status, expected):
    result = subprocess.run(
        [sys.executable, "-m", "gansynth_zoo.human_study", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert expected in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    if status:
        assert result.returncode == status
