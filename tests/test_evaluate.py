"""The command on tiny models and real drums: rows, JSON, page, refusals."""

import contextlib
import io
import json
import pathlib
import random
import re
import shutil
import xml.etree.ElementTree

import numpy as np
import pytest
import soundfile
from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import evaluate
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.classifiers import network
from gansynth_zoo.datasets import drums_mini
from gansynth_zoo.reporting import sound_sets

SAMPLES, RATE, COUNT = 4096, 16000, 60
CLIPS = sorted(
    pathlib.Path(drums_mini.__file__).parent.glob("clips/train/*.flac")
)


def make_run(folder, name, num_samples=SAMPLES, conditioning="none"):
    """A run with a checkpoint of a generator that has learned nothing."""
    changes = {"dim": 2, "dataset": "drums_mini", "num_samples": num_samples}
    changes["conditioning"] = conditioning
    preset = config.replace(presets.get(name), changes)
    preset = assemble.fit_labels(preset, clip_sources.load_clips(preset))
    real = sound_sets.Real(preset, seed=0).train
    preset = assemble.fit_representation(preset, real.batches(64))
    run = runs.Run(folder)
    run.write_preset(preset)
    run.write_data({})
    gan = assemble.make_gan(preset)
    gan.step.assign(1)
    run.save(gan, keep=1)


def run(*arguments):
    """What the command prints."""
    values = flags.FlagValues()
    evaluate.define_flags(values)
    values(["", *map(str, arguments)])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert evaluate.main(values) == 0
    return printed.getvalue()


def read_report(folder):
    """The dictionary of a report; no number may be infinite or none."""

    def refuse(word):
        raise AssertionError(word)

    text = (folder / "report.json").read_text("utf-8")
    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where two runs, three folders of sounds and a classifier lie."""
    root = tmp_path_factory.mktemp("evaluate")
    make_run(root / "wavegan", "wavegan_drums_small")
    # It is asked for the kits.
    make_run(root / "specgan", "specgan_drums_small", conditioning="projection")
    for clip in CLIPS[::3]:  # of both kits
        sound, rate = audio_files.read(clip)
        kit = clip.name.partition("_")[0]
        audio_files.write(
            root / "copies" / kit / f"{clip.stem}.wav",
            # As it is trained on.
            sound / np.max(np.abs(sound)),
            rate,
        )
    (root / "copies" / "broken.wav").write_bytes(b"no sound")
    (root / "repeated").mkdir()
    for i in range(COUNT):
        shutil.copy(CLIPS[0], root / "repeated" / f"{i}.flac")
    labels = tuple(sorted({clip.name.partition("_")[0] for clip in CLIPS}))
    design = network.Design(labels, SAMPLES, dim=2)
    draws = np.random.default_rng(0)
    untrained = {
        name: draws.uniform(0.1, 1, variable.shape).astype(np.float32)
        for name, variable in network.Network(design, random.Random(0))
        .named_variables()
        .items()
    }
    accuracy = {"test": {"share": 0.25, "sounds": 40, "of": "drums"}}
    classifiers.Classifier(design, untrained, {"accuracy": accuracy}).save(
        root / "classifier"
    )
    return root


@pytest.fixture(scope="module")
def printed(root):
    return run(
        f"--source={root / 'wavegan'},{root / 'specgan'}",
        f"--generated={root / 'copies'},{root / 'repeated'}",
        f"--classifier={root / 'classifier'}",
        "--reference=drums_mini",
        f"--count={COUNT}",
        f"--out={root / 'report'}",
    )


@pytest.fixture(scope="module")
def report(root, printed):
    return read_report(root / "report")


@pytest.fixture(scope="module")
def page(root, printed):
    """The page, parsed; it is XML too."""
    text = (root / "report" / "index.html").read_text("utf-8")
    assert "http" not in text
    return xml.etree.ElementTree.fromstring(text)


def test_rows_are_real_sounds_models_folders_and_noise(report):
    assert {k: row["sounds"] for k, row in report["rows"].items()} == {
        "real, test": 40,
        "real, train": 120,
        "wavegan": COUNT,
        "specgan": COUNT,
        "copies": 40,
        "repeated": COUNT,
        "white noise": COUNT,
    }


def test_how_it_was_made_is_in_the_report(report, root):
    assert report["held_out"] == "test"
    assert (report["count"], report["seed"]) == (COUNT, 0)
    assert report["sound"]["sample_rate"] == RATE
    # Of 40 held-out sounds, 2 for a dimension and 5 for a bin.
    assert (report["dimensions"], report["bins"]) == (20, 8)
    assert report["sources"]["specgan"] == {
        "source": str(root / "specgan"),
        "preset": "specgan_drums_small",
        "step": 1,
        "checkpoint": "newest",
    }
    assert report["classifier"]["id"]
    assert "25.0% of 40 sounds" in report["classifier"]["description"]
    assert "tensorflow" in report["versions"]


def test_real_sounds_are_near_and_noise_is_far(report):
    rows = report["rows"]
    for name in ("real, train", "real, test"):
        mean, deviation = rows[name]["kernel_distance"]
        assert abs(mean) < 3 * deviation
        assert rows[name]["recall"] > 0.7
        assert rows[name]["coverage"] > 0.8
        assert rows[name]["diversity"] == pytest.approx(1, abs=0.15)
        assert rows[name]["ndb"] <= 0.25
    noise, real = rows["white noise"], rows["real, train"]
    assert noise["kernel_distance"][0] > 20 * real["kernel_distance"][1]
    assert noise["frechet_log_mel"] > 20 * real["frechet_log_mel"]
    assert noise["recall"] == 0
    assert noise["coverage"] < 0.1
    assert noise["level_db"] == pytest.approx(-10 * np.log10(3), abs=0.05)


def test_copies_are_found_out(report, root):
    rows = report["rows"]
    for column in ("D_train_relative", "nearest_relative"):
        assert rows["copies"][column] < 0.02
        assert rows["real, test"][column] == 1
    assert rows["real, train"]["nearest_relative"] == pytest.approx(1, abs=0.2)
    sounds = root / "report" / "sounds"
    number = list(report["rows"]).index("copies")
    for i in range(8):
        one, _ = soundfile.read(sounds / f"{number}_{i}.wav")
        real, _ = soundfile.read(sounds / f"{number}_{i}_nearest.wav")
        np.testing.assert_allclose(one, real, atol=3 / 32768)


def test_one_sound_repeated_has_no_diversity(report):
    repeated = report["rows"]["repeated"]
    assert repeated["diversity"] < 1e-3
    assert repeated["D_self"] < 1e-3
    assert repeated["recall"] < 0.1


def test_a_classifier_adds_its_columns_and_labels_their_accuracy(report):
    for name, row in report["rows"].items():
        mean, _ = row["inception_score"]
        assert 1 <= mean <= 2
        assert row["frechet_logits"] >= 0
        assert row["frechet_features"] >= 0
        labelled = name in ("real, test", "real, train", "copies", "specgan")
        assert ("accuracy" in row) == labelled
        assert ("frechet_per_class" in row) == labelled
    (real, _), (untrained, _) = (
        report["rows"][name]["frechet_per_class"]
        for name in ("real, test", "specgan")
    )
    assert 0 <= real < untrained


def test_only_spectrogram_models_have_a_consistency(report):
    with_it = {k for k, row in report["rows"].items() if "rho" in row}
    assert with_it == {"specgan"}
    found = report["rows"]["specgan"]
    assert found["spectral_convergence_real"] < 0
    assert 0.3 < found["rho_real"] < 0.9


def test_the_table_and_what_was_left_out_are_printed(printed, report):
    (head,) = re.findall("^ +real, test.*", printed, re.MULTILINE)
    assert re.split(" {2,}", head.strip()) == list(report["rows"])
    assert "log-mel kernel distance ↓" in printed
    assert "broken.wav" in printed
    assert "25.0% of 40 sounds" in printed


def test_nothing_but_the_report_is_left(root, printed):
    names = {path.name for path in (root / "report").iterdir()}
    pictures = {f"spectrograms_{i}.png" for i in range(7)}
    others = {"sounds", "map.png", "spectra.png", "index.html", "report.json"}
    assert names == pictures | others


def test_the_page_has_a_table_of_all_numbers(page, report):
    head, *lines = page.iter("tr")
    assert [cell.text for cell in head][1:] == list(report["rows"])
    measured = {k for row in report["rows"].values() for k in row}
    assert len(lines) == len(measured)
    for line in lines:
        assert line[0].get("scope") == "row"
        assert len(line) == len(head)
        assert all(cell.text for cell in line)
    assert len(list(page.iter("dt"))) == len(measured)


def test_the_page_can_be_played_and_read_aloud(page, root):
    assert page.get("lang") == "en"
    assert len(list(page.iter("h1"))) == 1
    assert all(image.get("alt") for image in page.iter("img"))
    players = list(page.iter("audio"))
    # Eight of each set, and of models and folders what is nearest to each.
    assert len(players) == 8 * 7 + 8 * 4
    assert len({player.get("src") for player in players}) == len(players)
    for player in players:
        assert player.get("aria-label")
        info = soundfile.info(root / "report" / player.get("src"))
        assert (info.frames, info.samplerate) == (SAMPLES, RATE)
    for image in page.iter("img"):
        content = (root / "report" / image.get("src")).read_bytes()
        assert content.startswith(b"\x89PNG")


def test_the_same_command_gives_the_same_report(root, tmp_path):
    reports = []
    for name in "ab":
        run(
            f"--source={root / 'wavegan'}",
            "--reference=drums_mini",
            "--count=20",
            "--seed=3",
            f"--out={tmp_path / name}",
        )
        reports.append((tmp_path / name / "report.json").read_bytes())
    assert reports[0] == reports[1]


def write_tones(folder, count, rate=RATE, seconds=0.3, scale=0.5):
    for i in range(count):
        time = np.arange(int(seconds * rate)) / rate
        tone = scale * np.sin(2 * np.pi * (200 + 50 * i) * time)
        audio_files.write(
            folder / f"{i}.wav", tone[:, np.newaxis].astype(np.float32), rate
        )


def test_few_silent_and_constant_sounds_are_finite_or_explained(tmp_path):
    write_tones(tmp_path / "real", 4)
    write_tones(tmp_path / "one", 1)
    audio_files.write(
        tmp_path / "mixed" / "silent.wav", np.zeros((3000, 1), np.float32), RATE
    )
    audio_files.write(
        tmp_path / "mixed" / "constant.wav",
        np.full((3000, 1), 0.5, np.float32),
        RATE,
    )
    printed = run(
        f"--generated={tmp_path / 'one'},{tmp_path / 'mixed'}",
        f"--reference={tmp_path / 'real'}",
        f"--out={tmp_path / 'report'}",
        "--count=2",
    )
    report = read_report(tmp_path / "report")
    assert report["rows"]["mixed"]["silent"] == 0.5
    assert report["rows"]["one"]["silent"] == 0
    assert "D_self" not in report["rows"]["one"]
    for name in ("one", "mixed"):
        assert any(f"{name}: Expected" in note for note in report["notes"])
    for note in report["notes"]:
        assert note in printed
    assert "nan" not in printed


def test_a_reference_without_variety_is_explained(tmp_path):
    write_tones(tmp_path / "real", 1)
    for i in range(1, 6):
        shutil.copy(tmp_path / "real" / "0.wav", tmp_path / "real" / f"{i}.wav")
    write_tones(tmp_path / "sounds", 6)
    run(
        f"--generated={tmp_path / 'sounds'}",
        f"--reference={tmp_path / 'real'}",
        f"--out={tmp_path / 'report'}",
        "--count=6",
    )
    report = read_report(tmp_path / "report")
    assert "diversity" not in report["rows"]["sounds"]
    assert any("real sounds that differ" in n for n in report["notes"])


def test_sounds_of_another_rate_are_resampled(tmp_path):
    write_tones(tmp_path, 1, rate=8000)
    preset = config.replace(
        presets.get("wavegan_drums"), {"num_samples": SAMPLES}
    )
    sounds = sound_sets.of_folder("tone", tmp_path, preset)
    (batch,) = sounds.batches()
    assert batch.shape == (1, SAMPLES, 1)
    spectrum = np.abs(np.fft.rfft(batch[0, :, 0]))
    loudest = np.argmax(spectrum) * RATE / SAMPLES
    assert loudest == pytest.approx(200, abs=RATE / SAMPLES)
    assert np.max(np.abs(batch)) == pytest.approx(0.5, abs=0.02)


def test_the_halves_of_a_folder_share_no_file(tmp_path):
    write_tones(tmp_path, 9)
    preset = config.replace(
        presets.get("wavegan_drums"),
        {"audio_dir": str(tmp_path), "num_samples": 1024, "window": "random"},
    )
    real = sound_sets.Real(preset, seed=0)

    def pitches(drawn):
        # Random windows of one file have one pitch.
        sounds = drawn.read(np.arange(len(drawn)))[..., 0]
        return set(np.argmax(np.abs(np.fft.rfft(sounds, 16384)), axis=1) // 20)

    assert len(real.train) > 5
    assert not pitches(real.train) & pitches(real.held_out)
    assert real.learned == [real.train, real.held_out]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["wavegan_sc09", "x/wavegan_sc09"], None),
        (["zoo/mine/1", "drums@2"], ["zoo/mine/1", "drums@2"]),
    ],
)
def test_rows_are_named_by_their_last_word(given, names):
    found = evaluate._row_names(given)
    assert list(found.values()) == (names or given)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "received neither"),
        (["--generated=x,x"], "received 'x' twice"),
        (["--generated=nowhere"], "nowhere"),
        (["--source=wavgan"], "Unknown module 'wavgan'"),
        (["--generated={copies}", "--classifier=ears"], "Unknown classifier"),
        (["--generated={copies}", "--reference=cats"], "Unknown data set"),
        (["--generated={copies}", "--reference={few}"], "4 sounds or more"),
        (["--source={wavegan},{long}"], "measure them apart"),
    ],
)
def test_what_does_not_go_together_is_refused(
    root, tmp_path, arguments, words, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if not (root / "long").exists():
        make_run(root / "long", "wavegan_drums_small", num_samples=1024)
        write_tones(root / "few", 3)
    filled = [
        argument.format(**{p.name: p for p in root.iterdir()})
        for argument in arguments
    ]
    with pytest.raises(errors.ZooError, match=words):
        run("--reference=drums_mini", *filled)
    assert list(tmp_path.iterdir()) == []


def test_a_set_without_held_out_sounds_is_refused(root, monkeypatch):
    monkeypatch.setattr(sound_sets, "_HELD_OUT", ("validation",))
    with pytest.raises(errors.ZooError, match="received 'drums_mini' with"):
        run(f"--generated={root / 'copies'}", "--reference=drums_mini")


def test_what_is_not_finite_is_refused(root, tmp_path, monkeypatch):
    def batches(self, count):
        yield np.full((count, SAMPLES, 1), np.nan, np.float32)

    monkeypatch.setattr(sound_sets.Drawn, "batches", batches)
    out = tmp_path / "report"
    out.mkdir()
    (out / "index.html").write_text("of a time before")
    with pytest.raises(errors.ZooError, match="from 'real, train'; leave"):
        run(
            f"--generated={root / 'copies'}",
            "--reference=drums_mini",
            f"--out={out}",
        )
    # What is there is no report that looks whole.
    assert list(out.iterdir()) == []


def test_too_few_sounds_for_the_classes_have_no_inception_score(root, tmp_path):
    write_tones(tmp_path / "few", 19)  # of two classes, in ten groups
    run(
        f"--generated={tmp_path / 'few'}",
        f"--classifier={root / 'classifier'}",
        "--reference=drums_mini",
        f"--out={tmp_path / 'report'}",
    )
    report = read_report(tmp_path / "report")
    assert "inception_score" not in report["rows"]["few"]
    assert "am_score" in report["rows"]["few"]
    assert "inception_score" in report["rows"]["real, test"]
    assert any("few: Expected 20 or more" in note for note in report["notes"])
