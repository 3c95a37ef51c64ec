"""The command lines as a user starts them: each in a process of its own."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from gansynth_zoo import assemble
from gansynth_zoo import runs

SMALL = [
    "--preset=wavegan_drums_small",
    "--dataset=drums_mini",
    "--num_samples=256",
    "--dim=4",
    "--batch_size=4",
    "--checkpoint_seconds=0",
    "--keep_checkpoints=100000",
]


def command(module, *arguments):
    return [sys.executable, "-m", f"gansynth_zoo{module}", *map(str, arguments)]


def start(module, *arguments, **kwargs):
    return subprocess.run(
        command(module, *arguments),
        capture_output=True,
        text=True,
        timeout=300,
        **kwargs,
    )


def check_refused(result, *words):
    """Exit status 1 and one sentence on stderr, no traceback."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def weights(folder):
    run = runs.Run(folder)
    gan = assemble.make_gan(run.read_preset())
    run.restore(gan)
    return gan.variables + gan.generator_optimizer.variables


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 60 steps that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    result = start(".train", *SMALL, f"--run_dir={folder}", "--steps=60")
    assert result.returncode == 0, result.stderr
    assert "Step 60 of 60" in result.stdout
    assert "python -m gansynth_zoo.export" in result.stdout
    return folder


def test_killed_and_resumed_is_bit_for_bit_the_undisturbed(trained, tmp_path):
    folder = tmp_path / "killed"
    run = runs.Run(folder)
    process = subprocess.Popen(
        command(".train", *SMALL, f"--run_dir={folder}", "--steps=60"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not run.steps():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < max(run.steps()) < 60
    result = start(".train", f"--run_dir={folder}")
    assert result.returncode == 0, result.stderr
    for one, other in zip(weights(trained), weights(folder), strict=True):
        np.testing.assert_array_equal(one, other)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(".train", *SMALL, f"--run_dir={folder}", "--steps=1000000"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not runs.Run(folder).steps():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"Go on with: python -m gansynth_zoo.train --run_dir={folder}" in out
    assert "Traceback" not in err
    assert max(runs.Run(folder).steps()) < 1000000


def test_a_second_training_in_one_folder_is_refused(trained):
    with runs.Run(trained).locked():
        result = start(".train", f"--run_dir={trained}", "--steps=70")
    check_refused(result, "Another training is writing to")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--presets=wavegan_sc09"], ["Did you mean: preset ?"]),
        (["--preset=wavegan_cats"], ["Unknown preset", "wavegan_sc09,"]),
        ([], ["Expected --preset, one of wavegan_sc09"]),
        (["--preset=wavegan_sc09", "--dim=0"], ["dim to be at least 1"]),
        (["--preset=wavegan_sc09", "--dim=few"], ["dim"]),
        (["wavegan_sc09"], ["flags only"]),
        (
            ["--preset=wavegan_sc09", "--dataset=cats"],
            ["Unknown data set 'cats'", "drums_mini"],
        ),
        (
            [*SMALL, "--num_samples=1000"],
            ["received 1000; the next longer is 1024"],
        ),
        (
            [*SMALL, "--loss=l2"],
            ["Expected loss to be one of wgan-gp, ", "received 'l2'"],
        ),
    ],
)
def test_wrong_flags(arguments, words, tmp_path):
    check_refused(start(".train", *arguments, cwd=tmp_path), *words)


def test_a_run_of_another_preset_is_left_alone(trained):
    before = runs.Run(trained).read_preset()
    check_refused(
        start(".train", f"--run_dir={trained}", "--preset=wavegan_birds"),
        "Expected --preset=wavegan_drums_small",
    )
    check_refused(
        start(".train", f"--run_dir={trained}", "--dim=8", "--seed=4"),
        "other values of dim, seed",
    )
    assert runs.Run(trained).read_preset() == before


def test_a_damaged_newest_checkpoint_is_told_and_passed_over(trained, tmp_path):
    folder = tmp_path / "copy"
    subprocess.run(["cp", "-r", trained, folder], check=True)
    newest, before = runs.Run(folder).steps()[:2]
    data = next((folder / "checkpoints" / f"{newest:08d}").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:-7])
    result = start(".train", f"--run_dir={folder}")
    assert result.returncode == 0
    assert f"going on from the one before, step {before}" in result.stdout
    for one, other in zip(weights(trained), weights(folder), strict=True):
        np.testing.assert_array_equal(one, other)


def test_generate_from_a_run_a_folder_and_a_name(trained, tmp_path):
    zoo = {**os.environ, "GANSYNTH_ZOO_DIR": str(tmp_path / "zoo")}
    result = start(".export", f"--run_dir={trained}", "--name=mine", env=zoo)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "zoo" / "mine" / "1"
    assert str(folder) in result.stdout
    sounds = []
    for number, source in enumerate([trained, folder, "mine"]):
        out = tmp_path / f"out{number}"
        result = start(
            ".generate",
            f"--source={source}",
            "--count=3",
            "--seed=5",
            f"--out={out}",
            env=zoo,
        )
        assert result.returncode == 0, result.stderr
        assert "Wrote 3 sounds of 256 samples at 16000 Hz" in result.stdout
        files = sorted(path.name for path in out.iterdir())
        names = ["000005.wav", "000006.wav", "000007.wav"]
        assert files == [*names, "spectrograms.png"]
        decoded = [soundfile.read(out / name) for name in names]
        assert {rate for _, rate in decoded} == {16000}
        sounds.append(np.stack([sound for sound, _ in decoded]))
    np.testing.assert_array_equal(sounds[0], sounds[1])
    np.testing.assert_array_equal(sounds[0], sounds[2])


def test_generate_walks_between_seeds(trained, tmp_path):
    for extra in (["--count=3", "--interpolate=2"], ["--count=3"]):
        out = tmp_path / str(len(extra))
        result = start(
            ".generate", f"--source={trained}", f"--out={out}", *extra
        )
        assert result.returncode == 0, result.stderr
    walk = [
        soundfile.read(tmp_path / "2" / f"walk_{i:06d}.wav")[0]
        for i in range(5)
    ]
    seeds = [
        soundfile.read(tmp_path / "1" / f"{i:06d}.wav")[0] for i in range(3)
    ]
    np.testing.assert_allclose(walk[::2], seeds, atol=2 / 32768)
    assert not np.array_equal(walk[1], walk[0])


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        (".generate", ["--source=wavgan"], ["Unknown module 'wavgan'"]),
        (".generate", ["--source=a/b"], ["no saved_model.pb is found"]),
        (".export", ["--run_dir=nowhere"], ["has no config.json"]),
    ],
)
def test_wrong_sources(module, arguments, words, tmp_path):
    check_refused(start(module, *arguments, cwd=tmp_path), *words)
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_presets_and_modules():
    result = start("")
    assert result.returncode == 0
    for word in ("wavegan_sc09 ", "drums_mini", "TensorFlow", "hub.load"):
        assert word in result.stdout
    lines = result.stdout.splitlines()
    (shipped,) = (line for line in lines if "Emanuel Rumpf" in line)
    assert shipped.split()[0] == "wavegan_drums_small" and "CC BY" in shipped


def test_a_module_of_others_is_listed_too(tmp_path, monkeypatch):
    (tmp_path / "theirs" / "1").mkdir(parents=True)
    (tmp_path / "theirs" / "1" / "saved_model.pb").touch()
    monkeypatch.setenv("GANSYNTH_ZOO_DIR", str(tmp_path))
    result = start("")
    assert result.returncode == 0
    (line,) = (x for x in result.stdout.splitlines() if "theirs  " in x)
    assert line.split() == ["theirs", "unknown"]


@pytest.mark.parametrize("module", [".train", ".generate", ".export"])
def test_help_teaches(module):
    result = start(module, "--help")
    assert f"python -m gansynth_zoo{module}" in result.stdout
    if module == ".train":
        assert "--batch_size" in result.stdout


def test_run_folders_are_not_left_by_a_refused_start(tmp_path):
    start(".train", "--preset=wavegan_cats", cwd=tmp_path)
    assert list(pathlib.Path(tmp_path).iterdir()) == []


def test_a_file_that_cannot_be_written_is_one_sentence(trained):
    check_refused(
        start(".generate", f"--source={trained}", "--out=/proc/nowhere"),
        "cannot be read or written",
        "/proc/nowhere",
    )
