"""What is installed, and that it works from wherever it is started."""

import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMPORTS = """
import importlib.util, pathlib, sys
import gansynth_zoo
from gansynth_zoo import datasets, export, presets
from gansynth_zoo.classifiers import classifier
from gansynth_zoo.datasets import drums_mini
from gansynth_zoo.export import saved_model
clips = pathlib.Path(drums_mini.Builder.pkg_dir_path, "clips")
assert len(list(clips.glob("*/*.flac"))) == 160
folder = pathlib.Path(gansynth_zoo.__file__).parent
names = {path.stem for path in folder.glob("flagfiles/*.flags")}
assert names == set(presets.PRESETS)
assert set(classifier.shipped()) == {"digits_small"}
assert classifier.load("digits_small").labels
shipped = {path.parent.name for path in folder.glob("modules/*/1")}
assert {"wavegan_drums_small", "gansynth_nsynth_small"} <= shipped
for path in folder.glob("modules/*/1"):
    assert (path / "variables" / "variables.index").is_file(), path
    assert (path / "assets.extra" / "tf_serving_warmup_requests").is_file()
assert (folder / "listening" / "page.html").is_file()
assert (folder / "exploring" / "page" / "index.html").is_file()
if sys.argv[1] == "elsewhere":
    for name in ("datasets", "export", "tests", "benchmarks"):
        assert importlib.util.find_spec(name) is None, name
print(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of the wheel and the source archive, built from a clean copy."""
    folder = tmp_path_factory.mktemp("built")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            copy = folder / "copy" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--no-isolation"]
    result = subprocess.run(
        [*build, f"--outdir={folder}", folder / "copy"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Folder into which the wheel was installed, without dependencies."""
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, "--no-index", f"--target={target}", wheel],
        check=True,
        capture_output=True,
    )
    return target


def test_the_wheel_has_one_top_level_package(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"gansynth_zoo"}
    assert sum(name.endswith(".flac") for name in names) == 160
    for name in ("README.md", "ATTRIBUTION.csv", "checksums.tsv"):
        assert f"gansynth_zoo/datasets/drums_mini/{name}" in names


def test_the_source_archive_keeps_the_folders_of_the_checkout(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for name in (
        "setup.py",
        "LICENSE",
        "datasets/drums_mini/ATTRIBUTION.csv",
        "export/__main__.py",
        "gansynth_zoo/flagfiles/wavegan_sc09.flags",
    ):
        assert name in names


def test_a_wheel_can_be_built_from_the_source_archive(built, tmp_path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
    subprocess.run(
        [*build, f"--outdir={tmp_path / 'wheel'}", unpacked],
        check=True,
        capture_output=True,
    )
    (again,) = (tmp_path / "wheel").glob("*.whl")
    (first,) = built.glob("*.whl")
    names = [sorted(zipfile.ZipFile(w).namelist()) for w in (again, first)]
    assert names[0] == names[1]


@pytest.mark.parametrize("where", ["elsewhere", "checkout"])
def test_an_installed_package_imports_from_any_folder(
    installed, built, tmp_path, where, monkeypatch
):
    # From within a checkout the checkout's own package comes first.
    folder = built / "copy" if where == "checkout" else tmp_path
    monkeypatch.setenv("PYTHONPATH", str(installed))
    result = subprocess.run(
        [sys.executable, "-c", IMPORTS, where],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    parent = folder if where == "checkout" else installed
    assert result.stdout.strip() == str(parent / "gansynth_zoo")
