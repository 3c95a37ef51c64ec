"""`nsynth_notes`: single notes of NSynth, with pitch and instrument."""

import collections
import csv
import hashlib
import io
import json
import pathlib
import re

import numpy as np
import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import prepared_audio
from gansynth_zoo.datasets import split_folders

# NSynth's own order.
FAMILIES = (
    "bass",
    "brass",
    "flute",
    "guitar",
    "keyboard",
    "mallet",
    "organ",
    "reed",
    "string",
    "synth_lead",
    "vocal",
)
SOURCES = ("acoustic", "electronic", "synthetic")
# The notes of GANSynth (Engel et al., ICLR 2019, section 3).
GANSYNTH_SOURCE = "acoustic"
GANSYNTH_PITCHES = range(24, 85)

_ENTRIES = "examples.json"
# Those with names where NSynth has numbers too: the numbers start elsewhere
# than some think.
_FIELDS = (
    "pitch",
    "velocity",
    "instrument_str",
    "instrument_family_str",
    "instrument_source_str",
)


class Builder(prepared_audio.PreparedAudio):
    """Builder of `nsynth_notes` (Engel et al., ICML 2017)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="gansynth",
            description="Acoustic instruments, MIDI pitches 24 to 84.",
        ),
        tfds.core.BuilderConfig(name="full", description="All notes."),
    ]
    SOURCE = (
        "the archives nsynth-{train,valid,test}.jsonwav.tar.gz of "
        "https://magenta.tensorflow.org/datasets/nsynth"
    )
    TEXTS = (_ENTRIES,)

    def _info(self):
        return self.make_info(
            {
                "label": tfds.features.Text(),
                "pitch": np.int64,
                "velocity": np.int64,
                "instrument": tfds.features.Text(),
                "instrument_family": tfds.features.ClassLabel(names=FAMILIES),
                "instrument_source": tfds.features.ClassLabel(names=SOURCES),
            },
            licence="CC BY 4.0 (Google, NSynth)",
        )

    @property
    def layout(self):
        return (
            f"NSynth's nsynth-{{train,valid,test}}/{_ENTRIES} and audio/*.wav"
        )

    def open_source(self, path):
        if path.lower().endswith(".csv"):
            return _Table(path)
        return super().open_source(path)

    def arrange(self, listed, left_out):
        entries = {}
        for source in listed:
            for name in list(source.texts):
                # Of the largest archive 170 MB; it is not needed again.
                entries.update(_read_entries(source, source.texts.pop(name)))
        chosen = []
        for source in listed:
            for name in source.members:
                note = split_folders.stem(name.split("/")[-1])
                try:
                    features = _features(entries.get(note))
                except errors.ZooError as error:
                    left_out[name] = str(error)
                    continue
                if self._is_wanted(features):
                    chosen.append(
                        prepared_audio.Clip(
                            _own_split(name), source, name, note, features
                        )
                    )
        tables = [source for source in listed if isinstance(source, _Table)]
        if tables:
            listed_splits = collections.ChainMap(*(t.splits for t in tables))
            split_of = {clip.id: listed_splits.get(clip.id) for clip in chosen}
        else:
            split_of = _deal(chosen)
        for clip in chosen:
            # GANSynth's table leaves notes away.
            if split_of[clip.id]:
                yield clip._replace(split=split_of[clip.id])

    def _is_wanted(self, features):
        return self.builder_config.name == "full" or (
            features["instrument_source"] == GANSYNTH_SOURCE
            and features["pitch"] in GANSYNTH_PITCHES
        )


class _Table:
    """A CSV that tells the splits of notes, in the place of a source."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.members, self.texts, self.left_out = {}, {}, {}
        try:
            rows = csv.DictReader(io.StringIO(tfds.core.Path(path).read_text()))
            if not {"id", "split"} <= set(rows.fieldnames or ()):
                raise ValueError("other columns")
            self.splits = {
                row["id"]: split_folders.FOLDERS[row["split"]] for row in rows
            }
        except (OSError, KeyError, ValueError, csv.Error) as error:
            raise errors.ZooError(
                "Expected a CSV with the columns id and split (train, valid, "
                f"test), received {path!r}, which is none ({error!r})."
            ) from error


def _read_entries(source, text):
    """What `examples.json` says: note -> dictionary by `_FIELDS`."""

    def keep(entry):
        # Most of an entry is of no use here, and there are many.
        return {
            key: value
            for key, value in entry.items()
            if key in _FIELDS or isinstance(value, dict)
        }

    try:
        entries = json.loads(text, object_hook=keep)
        if not isinstance(entries, dict):
            raise ValueError("no dictionary of notes")
    except (ValueError, RecursionError) as error:
        raise errors.ZooError(
            f"Expected {_ENTRIES} of NSynth in {str(source.path)!r}, received "
            f"what cannot be read as such ({error}); get it again."
        ) from error
    return entries


def _features(entry):
    """Features of a note, from its entry."""
    if entry is None:
        raise errors.ZooError(f"{_ENTRIES} has no entry for it")
    values = [entry.get(field) for field in _FIELDS]
    pitch, velocity, instrument, family, source = values
    if not (
        isinstance(pitch, int)
        and isinstance(velocity, int)
        and isinstance(instrument, str)
        and family in FAMILIES
        and source in SOURCES
    ):
        raise errors.ZooError(f"its entry in {_ENTRIES} is not NSynth's")
    return {
        "label": str(pitch),
        "pitch": pitch,
        "velocity": velocity,
        "instrument": instrument,
        "instrument_family": family,
        "instrument_source": source,
    }


def _own_split(name):
    """Split of the archive that a member came in, or None."""
    found = re.search("nsynth-(train|valid|test)/", name)
    return split_folders.FOLDERS[found[1]] if found else None


def _deal(clips):
    """Deals instruments to splits, so that none is in two.

    Args:
      clips: list of `Clip`, its `split` that of its archive.

    Returns:
      Dictionary of id -> split. It keeps the archives' splits if there are
      two or more, save that an instrument of several goes to one of them; the
      notes of a single one it deals 80 : 10 : 10 by instrument.
    """
    splits = collections.defaultdict(set)
    for clip in clips:
        splits[clip.features["instrument"]].add(clip.split)
    order = sorted(splits, key=_number)
    if len(set().union(*splits.values()) - {None}) > 1:
        for instrument in order:
            own = sorted(splits[instrument] - {None}) or ["train"]
            splits[instrument] = own[_number(instrument) % len(own)]
    else:
        # At least one for each, where there are three.
        few = max(1, len(order) // 10) if len(order) > 2 else 0
        for place, instrument in enumerate(reversed(order)):
            splits[instrument] = (
                "test"
                if place < few
                else "validation"
                if place < 2 * few
                else "train"
            )
    return {clip.id: splits[clip.features["instrument"]] for clip in clips}


def _number(instrument):
    """A number that stands for a name, the same everywhere."""
    return int(hashlib.sha256(instrument.encode()).hexdigest(), 16)
