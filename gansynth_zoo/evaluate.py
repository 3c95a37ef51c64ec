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

import keras
import numpy as np
import tensorflow as tf
from absl import flags

import gansynth_zoo
from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import clip_sources
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import monitors
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import storage
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.export import sources
from gansynth_zoo.reporting import columns
from gansynth_zoo.reporting import page
from gansynth_zoo.reporting import rows as report_rows
from gansynth_zoo.reporting import texts
from gansynth_zoo.representations import spectrogram

_BATCH = 64
# Training sounds that are compared with; those of a larger set are drawn.
_TRAINING = 10_000
# Sounds whose consistency is measured.
_CONSISTENT = 256
_SPLITS = ("test", "validation")


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    text, number = flags.DEFINE_string, flags.DEFINE_integer
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
    text(
        "reference",
        None,
        "Real sounds: a prepared data set, or a folder.",
        flag_values=values,
    )
    text(
        "data_dir",
        "",
        "Folder of prepared data sets; empty is one in the cache folder.",
        flag_values=values,
    )
    text(
        "classifier",
        "auto",
        "Folder that train_classifier made, or name of one that comes with "
        f"the package ({', '.join(classifiers.shipped())}); none for none, "
        "auto for one that knows the labels of the reference.",
        flag_values=values,
    )
    number("count", 1000, "Sounds of each model.", 2, flag_values=values)
    number("seed", 0, "Seed of all that is drawn.", 0, flag_values=values)
    text("out", "report", "Folder to write to.", flag_values=values)
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
    if not values.source and not values.generated:
        raise errors.ZooError(
            "Expected --source or --generated, received neither; name a run, "
            "a module or a folder of sounds."
        )
    models = [_Model(name) for name in values.source]
    preset = _reference_preset(models, values)
    real = _Real(preset, values.seed)
    classifier = _choose_classifier(values.classifier, real.labels)
    audio = preset.audio
    sets = [
        real.held_out.sound_set(f"real, {real.split}", values.count),
        real.train.sound_set("real, train", _TRAINING),
        *(model.sound_set(values, real) for model in models),
        *(_folder_set(folder, audio) for folder in values.generated),
        _noise(audio, values.count, values.seed),
    ]
    with tempfile.TemporaryDirectory() as folder:
        looked_at = [
            report_rows.look_at(
                sounds,
                audio.sample_rate,
                classifier,
                pathlib.Path(folder, str(number)),
            )
            for number, sounds in enumerate(sets)
        ]
        report = _report(looked_at, values, real, classifier)
        out = pathlib.Path(values.out)
        path = page.write(out, looked_at, report, audio.sample_rate)
    storage.write_text(out / "report.json", json.dumps(report, indent=2) + "\n")
    print(texts.table(report))
    for line in [*texts.about(report), *report["notes"]]:
        print(line)
    print(f"Wrote {path} and {out / 'report.json'}.")
    return 0


class _Model:
    """A model to be measured."""

    def __init__(self, name):
        self.name = name
        self._module, facts = sources.open_source(name)
        if "config" not in facts:
            raise errors.ZooError(
                f"Expected a module that knows its configuration, received "
                f"{name!r} of an older version; export its run again."
            )
        self.preset = config.from_json(json.dumps(facts["config"]))

    def sound_set(self, values, real):
        """The sounds of `count` seeds."""

        def batches():
            for first in range(0, values.count, _BATCH):
                count = min(_BATCH, values.count - first)
                yield self._module.generate(count, values.seed + first).numpy()

        return report_rows.SoundSet(
            self.name,
            values.count,
            batches,
            consistency=self._consistency(values, real),
            generated=True,
        )

    def _consistency(self, values, real):
        representation = assemble.make_representation(self.preset)
        if not isinstance(representation, spectrogram.Spectrogram):
            return {}
        count = min(_CONSISTENT, values.count)
        seeds = values.seed + tf.range(count, dtype=tf.int64)
        latents = self._module.latents(seeds)
        generated = [
            self._module.features(latents[i : i + _BATCH])
            for i in range(0, count, _BATCH)
        ]
        analyse = tf.function(representation.to_features)
        pictures = [
            analyse(tf.constant(batch))
            for batch in real.held_out.batches(_CONSISTENT)
        ]
        found = monitors.consistency_of(representation, generated)
        beside = monitors.consistency_of(representation, pictures)
        return found | {f"{k}_real": v for k, v in beside.items()}


class _Real:
    """Real sounds, trained on and held out.

    A folder has no sounds that are held out: one half of it is compared with
    the other.
    """

    def __init__(self, preset, seed):
        self._preset = preset
        self._draws = np.random.default_rng(seed)
        self.train = self._drawn("train")
        self.labels = tuple(self.train.labels)
        if preset.data.audio_dir:
            self.split = "the other half"
            self.train, self.held_out = self.train.halves()
        else:
            self.split, self.held_out = self._find_held_out()

    def _find_held_out(self):
        for split in _SPLITS:
            with contextlib.suppress(errors.ZooError):
                return split, self._drawn(split)
        raise errors.ZooError(
            "Expected a reference with sounds that are held out, in a split "
            f"{' or '.join(_SPLITS)}, received {self._preset.data.dataset!r} "
            "without; prepare a larger source with python -m "
            "gansynth_zoo.datasets.build."
        )

    def _drawn(self, split):
        clips = clip_sources.load_clips(self._preset, split)
        windows = pipeline.Windows(clips, self._preset.audio, self._preset.data)
        count = len(windows)
        return _Drawn(
            windows,
            clips.labels,
            self._draws.permutation(count),
            self._draws.random(count),
        )


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """Windows in random order.

    Attributes:
      windows: a `pipeline.Windows`.
      labels: names of its labels.
      numbers: ints, each window at most once.
      fractions: floats, where each starts.
    """

    windows: pipeline.Windows
    labels: list
    numbers: np.ndarray
    fractions: np.ndarray

    def halves(self):
        """Two of them, which share no window."""
        return tuple(
            dataclasses.replace(
                self,
                numbers=self.numbers[first::2],
                fractions=self.fractions[first::2],
            )
            for first in (0, 1)
        )

    def batches(self, count):
        """Yields the first windows, float32 `[batch, samples, channels]`."""
        for i in range(0, min(count, len(self.numbers)), _BATCH):
            part = slice(i, min(i + _BATCH, count))
            yield self.windows.read(self.numbers[part], self.fractions[part])

    def sound_set(self, name, count):
        """A set of at most so many."""
        numbers = self.numbers[:count]
        found = self.windows.labels[numbers]
        return report_rows.SoundSet(
            name,
            len(numbers),
            lambda: self.batches(count),
            labels=np.array(self.labels)[found] if all(found >= 0) else None,
        )


def _reference_preset(models, values):
    """The preset by which real sounds are read: that of the models."""
    for model in models[1:]:
        if model.preset.audio != models[0].preset.audio:
            raise errors.ZooError(
                "Expected models whose sounds have one sample rate, length "
                f"and number of channels, received {models[0].name!r} with "
                f"{_audio_text(models[0])} and {model.name!r} with "
                f"{_audio_text(model)}; measure them apart."
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
        f"{audio.num_samples} samples at {audio.sample_rate} Hz, "
        f"{audio.channels} channels"
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


def _folder_set(folder, audio):
    """The sounds of a folder, cut or padded to the length of the others."""
    paths = audio_files.list_audio(folder)
    if not paths:
        raise errors.ZooError(
            f"Expected a folder of sounds, received {folder!r} without any; "
            "give --generated another one."
        )

    def batches():
        for first in range(0, len(paths), _BATCH):
            part = paths[first : first + _BATCH]
            batch = np.zeros(
                (len(part), audio.num_samples, audio.channels), np.float32
            )
            for sound, path in zip(batch, part, strict=True):
                waveform, _ = audio_files.read(
                    path, audio.sample_rate, audio.channels
                )
                waveform = waveform[: audio.num_samples]
                sound[: len(waveform)] = waveform
            yield batch

    return report_rows.SoundSet(str(folder), len(paths), batches)


def _noise(audio, count, seed):
    def batches():
        draws = np.random.default_rng([seed, 1])
        for first in range(0, count, _BATCH):
            size = min(_BATCH, count - first)
            shape = (size, audio.num_samples, audio.channels)
            yield draws.uniform(-1, 1, shape).astype(np.float32)

    return report_rows.SoundSet("white noise", count, batches)


def _report(looked_at, values, real, classifier):
    """The dictionary of `report.json`."""
    held_out, train = looked_at[:2]
    labels = classifier.labels if classifier else ()
    reference = columns.Reference(train, held_out, values.seed, labels)
    table, notes = {}, []
    for row in looked_at:
        table[row.name], problems = columns.measure(row, reference)
        notes += problems
    return {
        "reference": values.reference,
        "held_out": real.split,
        "count": values.count,
        "counts": {row.name: row.sounds.count for row in looked_at},
        "seed": values.seed,
        "classifier": classifier and _describe(classifier, values.classifier),
        "rows": table,
        "notes": notes,
        "versions": {
            "gansynth_zoo": gansynth_zoo.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _describe(classifier, name):
    accuracy = classifier.about.get("accuracy", {})
    measured = ", ".join(f"{k} {v:.3f}" for k, v in accuracy.items())
    return {
        "name": name,
        "id": classifier.id,
        "accuracy": f"accuracy {measured}" if measured else "not measured",
    }


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
