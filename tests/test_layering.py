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
COMMANDS = 11
# A module imports only what stands on a lower level.
LEVELS = {
    "": 0,
    "errors": 1,
    "settings": 2,
    "model_config": 3,
    "config": 4,
    "storage": 2,
    "tfio_decoder": 2,
    "dsp": 3,
    "losses": 3,
    "latents": 3,
    "convolution_ways": 1,
    "convolutions": 2,
    "computation": 2,
    "phase_shuffle": 2,
    "layers": 3,
    "originals": 3,
    "optimizers": 3,
    "equalized": 3,
    "growth": 3,
    "midi": 3,
    "rendering": 4,
    "spectral_norm": 3,
    "audio_files": 3,
    "progress": 3,
    "clips": 3,
    "pictures": 3,
    "folder_sounds": 4,
    "audio_folder": 5,
    "datasets": 4,
    "draws": 4,
    "evaluation": 5,
    "conditioning": 4,
    "models": 5,
    "representations": 4,
    "audio_gan": 5,
    "presets": 6,
    "assemble": 6,
    "callbacks": 7,
    "prepared_sets": 6,
    "clip_sources": 7,
    "health": 7,
    "hub": 7,
    "manifest": 2,
    "download": 3,
    "module_archives": 3,
    "mirror": 4,
    "machine": 2,
    "memory": 7,
    "monitors": 7,
    "pipeline": 7,
    "runs": 7,
    "profiling": 7,
    "strategies": 7,
    "training": 8,
    "command_line": 8,
    "flags": 8,
    "export": 9,
    "exploring": 10,
    "classifiers": 4,
    "classifier_examples": 8,
    "listening": 8,
    "reporting": 8,
    "datasets.build": COMMANDS,
    "train": COMMANDS,
    "generate": COMMANDS,
    "evaluate": COMMANDS,
    "train_classifier": COMMANDS,
    "human_study": COMMANDS,
    "inspect_audio": COMMANDS,
    "explore": COMMANDS,
    "find": COMMANDS,
    "import_checkpoint": COMMANDS,
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
    """The level's name: second word of a module's name, or all that follow."""
    first, _, rest = module.partition(".")[2].partition(".")
    whole = f"{first}.{rest}"
    return whole if whole in LEVELS else first


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
        assert LEVELS[part] == COMMANDS or part in ("export", "exploring")


@pytest.mark.parametrize("module", ["gansynth_zoo.losses", "gansynth_zoo.dsp"])
def test_signal_code_needs_tensorflow_and_numpy_alone(module):
    allowed = {"tensorflow", "numpy", "gansynth_zoo", "dataclasses"}
    allowed |= {"collections", "math"}
    for name, path in SOURCES.items():
        if name.startswith(module):
            assert {n.split(".")[0] for n in imports_of(path)} <= allowed


def test_configuration_needs_no_tensorflow():
    for module in ("config", "errors", "presets", "settings", "storage"):
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
