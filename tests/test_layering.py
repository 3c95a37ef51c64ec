"""The shape of the code: who imports whom, and how large things may grow."""

import ast
import pathlib

import pytest

import gansynth_zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = {
    "gansynth_zoo": "gansynth_zoo",
    "gansynth_zoo.datasets": "datasets",
    "gansynth_zoo.export": "export",
}
COMMANDS = 8
# A module imports only what stands on a lower level.
LEVELS = {
    "": 0,
    "config": 0,
    "errors": 0,
    "storage": 0,
    "dsp": 1,
    "losses": 1,
    "latents": 1,
    "layers": 1,
    "audio_files": 1,
    "clips": 1,
    "pictures": 1,
    "datasets": 2,
    "draws": 2,
    "evaluation": 2,
    "models": 2,
    "representations": 2,
    "audio_gan": 3,
    "presets": 4,
    "assemble": 4,
    "callbacks": 5,
    "hub": 5,
    "pipeline": 5,
    "runs": 5,
    "training": 6,
    "command_line": 6,
    "flags": 6,
    "export": 7,
    "train": COMMANDS,
    "generate": COMMANDS,
    "quickstart": COMMANDS,
    "__main__": COMMANDS,
}
ONLY = {
    "dsp": {"dsp"},
    "losses": set(),
    "datasets": {"audio_files", "errors", "datasets"},
}


def sources():
    """(import name, path) of every source file."""
    for name, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield ".".join([name, *parts]), path


SOURCES = dict(sources())


def part_of(module):
    """The level's name: second word of a module's name."""
    return (module.split(".") + [""])[1]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in SOURCES else node.module


@pytest.mark.parametrize("module", [m for m in SOURCES if m != "gansynth_zoo"])
def test_imports_go_one_way(module):
    part = part_of(module)
    inside = [
        part_of(name)
        for name in imports_of(SOURCES[module])
        if name.split(".")[0] == "gansynth_zoo"
    ]
    for other in inside:
        if other != part:
            assert LEVELS[other] < LEVELS[part], f"{module} imports {other}"
            assert other in ONLY.get(part, LEVELS)
    if "export" in inside:
        assert LEVELS[part] == COMMANDS or part == "export"


@pytest.mark.parametrize("module", ["gansynth_zoo.losses", "gansynth_zoo.dsp"])
def test_signal_code_needs_tensorflow_and_numpy_alone(module):
    allowed = {"tensorflow", "numpy", "gansynth_zoo", "dataclasses"}
    allowed |= {"collections", "math"}
    for name, path in SOURCES.items():
        if name.startswith(module):
            assert {n.split(".")[0] for n in imports_of(path)} <= allowed


def test_configuration_needs_no_tensorflow():
    for module in ("config", "errors", "presets", "storage"):
        names = imports_of(SOURCES[f"gansynth_zoo.{module}"])
        assert not {n.split(".")[0] for n in names} & {"tensorflow", "keras"}


@pytest.mark.parametrize("module", SOURCES)
def test_files_and_functions_can_be_read_in_one_sitting(module):
    path = SOURCES[module]
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 450
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


def test_the_checkout_answers_for_its_top_level_folders():
    from gansynth_zoo import datasets
    from gansynth_zoo import export

    assert datasets.__name__ == "gansynth_zoo.datasets"
    assert export.__name__ == "gansynth_zoo.export"
    assert gansynth_zoo.__version__
