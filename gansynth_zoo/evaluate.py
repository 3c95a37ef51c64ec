r"""Measures generated sounds beside real ones: a table, JSON and a page.

  python -m gansynth_zoo.evaluate --source=wavegan_sc09,specgan_sc09 \
      --reference=sc09 --out=report

Rows of real sounds and of noise are always there: a number means little alone.
The same command gives the same numbers.
"""

import contextlib
import dataclasses
import json
import pathlib
import platform
import tempfile
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import flags

import gansynth_zoo
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import presets
from gansynth_zoo import storage
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.export import sources
from gansynth_zoo.reporting import columns
from gansynth_zoo.reporting import nearest as nearest_real
from gansynth_zoo.reporting import page
from gansynth_zoo.reporting import rows
from gansynth_zoo.reporting import sound_sets
from gansynth_zoo.reporting import texts

# What of a module's metadata says which one it is.
_FACTS = ("preset", "version", "step", "checkpoint")


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_list(
        "source",
        [],
        "What to measure, with commas between: runs, folders of modules, or "
        "their names.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "generated",
        [],
        "Folders of sounds that were generated elsewhere, with commas between.",
        flag_values=values,
    )
    for name, default, text in (
        ("reference", None, "Real sounds: a prepared data set, or a folder."),
        (
            "data_dir",
            "",
            "Folder of prepared data sets; empty is one in the cache folder.",
        ),
        (
            "classifier",
            "auto",
            "Folder that train_classifier made, or name of one that comes with "
            f"the package ({', '.join(classifiers.shipped())}); none for none, "
            "auto for one that knows the labels of the reference.",
        ),
        ("out", "report", "Folder to write to."),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    for name, default, least, text in (
        ("count", 1000, 2, "Sounds of each model, and held-out ones at most."),
        ("seed", 0, 0, "Seed of all that is drawn."),
    ):
        flags.DEFINE_integer(name, default, text, least, flag_values=values)
    sources.define_checkpoint(values)
    flags.mark_flag_as_required("reference", values)


def main(values=flags.FLAGS):
    """Measures, prints the table and writes the report.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.

    Raises:
      ZooError: if there is nothing to measure, or it does not go together.
    """
    names = _row_names([*values.source, *values.generated])
    models = [_open(source, names, values) for source in values.source]
    preset = _reference_preset(models, values)
    real = sound_sets.Real(preset, values.seed)
    classifier = _choose_classifier(values.classifier, real.train.labels)
    audio, drawn = preset.audio, (values.count, values.seed)
    others = [
        *(sound_sets.of_model(*model[:3], *drawn, real) for model in models),
        *(
            sound_sets.of_folder(names[folder], folder, preset)
            for folder in values.generated
        ),
        sound_sets.noise(audio, *drawn),
    ]
    out = pathlib.Path(values.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("index.html", "report.json"):
        # A report that is not whole has neither.
        (out / name).unlink(missing_ok=True)
    found, shown = measure(
        real,
        others,
        audio.sample_rate,
        classifier,
        count=values.count,
        seed=values.seed,
        folder=out,
    )
    report = {
        "reference": values.reference,
        "held_out": real.split,
        "sound": dataclasses.asdict(audio),
        "count": values.count,
        "seed": values.seed,
        "sources": {model.name: model.facts for model in models},
        "classifier": classifier and _describe(classifier, values.classifier),
        **found,
        "versions": _versions(),
    }
    path = page.write(out, shown, report, audio.sample_rate)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    storage.write_text(out / "report.json", text)
    print(texts.table(report))
    for line in [*texts.about(report), *report["notes"]]:
        print(line)
    print(f"Wrote {path} and {out / 'report.json'}.")
    return 0


class _Model(NamedTuple):
    """A model to be measured: its row's name, what generates, what is known."""

    name: str
    module: object
    preset: config.Preset
    facts: dict


def _open(source, names, values):
    module, facts = sources.open_source(source, values.checkpoint)
    if "config" not in facts:
        raise errors.ZooError(
            f"Expected a module that knows its configuration, received "
            f"{source!r} of an older version; export its run again."
        )
    preset = config.from_json(json.dumps(facts["config"]))
    known = {name: facts[name] for name in _FACTS if name in facts}
    return _Model(names[source], module, preset, {"source": source, **known})


def _row_names(given):
    """A short name for each source and folder: given -> name."""
    if not given:
        raise errors.ZooError(
            "Expected --source or --generated, received neither; name a run, "
            "a module or a folder of sounds."
        )
    twice = {name for name in given if given.count(name) > 1}
    if twice:
        raise errors.ZooError(
            f"Expected each source once, received {min(twice)!r} twice; leave "
            "one out."
        )
    short = [pathlib.Path(name).resolve().name for name in given]
    return {
        # Of an exported module, the last word is but the version.
        name: name if short.count(word) > 1 or word.isdigit() else word
        for name, word in zip(given, short, strict=True)
    }


def _reference_preset(models, values):
    """The preset by which real sounds are read: that of the models."""
    for model in models[1:]:
        if model.preset.audio != models[0].preset.audio:
            raise errors.ZooError(
                "Expected models whose sounds have one sample rate, length "
                f"and number of channels, received {_audio_text(models[0])} "
                f"and {_audio_text(model)}; measure them apart."
            )
    preset = (
        models[0].preset if models else presets.for_dataset(values.reference)
    )
    named = {"dataset": values.reference, "audio_dir": ""}
    if pathlib.Path(values.reference).is_dir():
        named = {"dataset": "", "audio_dir": values.reference}
    return config.replace(preset, {**named, "data_dir": values.data_dir})


def _audio_text(model):
    audio = model.preset.audio
    return (
        f"{model.name!r} with {audio.num_samples} samples at "
        f"{audio.sample_rate} Hz in {audio.channels} channels"
    )


def _choose_classifier(name, labels):
    if name == "none":
        return None
    if name != "auto":
        return classifiers.load(name)
    for known in classifiers.shipped():
        found = classifiers.load(known)
        if labels and set(labels) <= set(found.labels):
            return found
    return None


def measure(real, others, sample_rate, classifier, *, count, seed, folder):
    """Measures real sounds and others, a set at a time.

    Args:
      real: a `sound_sets.Real`.
      others: list of `sound_sets.SoundSet`.
      sample_rate: in Hz.
      classifier: a `classifiers.classifier.Classifier`, or None.
      count: sounds of each model, and held-out ones at the most.
      seed: of whatever a measure draws.
      folder: folder in which there is room for what is computed of a set.

    Returns:
      Part of the report, a dictionary, and a list of `page.Shown`.
    """
    table, notes, shown = {}, [], []

    @contextlib.contextmanager
    def looked_at(sounds, images):
        # Not in the system's folder, which may lie in memory.
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as own:
            yield rows.look_at(sounds, sample_rate, classifier, own, images)

    def measure_row(row):
        table[row.name], problems = columns.measure(row, reference)
        notes.extend(problems)
        generated = row.sounds.generated
        found = nearest.of(row, page.PLAYED) if generated else []
        shown.append(page.Shown.of(row, found))

    train_set = real.train_set()
    held_out_set = real.held_out_set(count)
    with (
        looked_at(train_set, train_set.count) as train,
        looked_at(held_out_set, columns.NEIGHBOURS) as held_out,
    ):
        reference = columns.Reference(
            train,
            held_out,
            count,
            seed,
            classifier.labels if classifier else (),
        )
        learned = zip([train, held_out], real.learned, strict=False)
        nearest = nearest_real.Nearest(train, held_out, list(learned))
        measure_row(held_out)
        measure_row(train)
        for sounds in others:
            with looked_at(sounds, columns.NEIGHBOURS) as row:
                measure_row(row)
    return {
        "dimensions": reference.dimensions,
        "bins": reference.bins,
        "rows": table,
        "notes": notes,
    }, shown


def _describe(classifier, name):
    return {
        "name": name,
        "id": classifier.id,
        "accuracy": classifier.about["accuracy"],
        "description": classifier.describe(),
    }


def _versions():
    return {
        "gansynth_zoo": gansynth_zoo.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
