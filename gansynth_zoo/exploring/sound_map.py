"""The map: many sounds of a model, laid out by how they sound."""

import contextlib
import zipfile
from typing import NamedTuple

import numpy as np

from gansynth_zoo import storage
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.exploring import descriptors
from gansynth_zoo.exploring import directions
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import jobs
from gansynth_zoo.exploring import layout

# Part of what a cached map is known by: other measures, another name.
_VERSION = 2
# Sounds after which the first ones get their places, until all are made.
_FIRST_PART = 128


class Points(NamedTuple):
    """Sounds that have their places, those of the seeds from 0 on.

    Attributes:
      places: float `[batch, 2]`, x and y from -1 to 1.
      label: ints `[batch]`.
      centroid: float `[batch]` in Hz, 0 for silence.
      peak: float `[batch]`.
    """

    places: np.ndarray
    label: np.ndarray
    centroid: np.ndarray
    peak: np.ndarray


def checksum(folder):
    """What a module's folder is known by, in hexadecimal."""
    files = [folder / "saved_model.pb", *sorted(folder.glob("variables/*"))]
    return "".join(storage.sha256(path)[:16] for path in files)


class SoundMap:
    """Makes a map in the background, or reads it where it was made before.

    Attributes:
      job: the `jobs.Job` that makes it.
      directions: list of `directions.Direction`: the principal ones soon, those
        of descriptors when the map is made.

    Args:
      instrument: an `instrument.Instrument`.
      count: how many sounds, 2 or more.
      known_by: name of the module's content, of letters and digits.
    """

    def __init__(self, instrument, count, known_by):
        self._instrument = instrument
        self._count = count
        self._file = (
            storage.cache_folder()
            / "explorer"
            / f"{known_by}-{count}-{_VERSION}.npz"
        )
        self.directions = []
        self._points = Points(np.zeros((0, 2)), *np.zeros((3, 0)))
        self.job = jobs.Job(self._make)

    def as_json(self):
        """The map as it is now: plain lists and numbers."""
        job, points = self.job, self._points
        final = job.state == "done"
        return {
            "done": job.done,
            "of": self._count,
            "seconds_left": 0 if final else job.seconds_left,
            "final": final,
            "error": job.error,
            "points": [
                {
                    "seed": seed,
                    "x": x,
                    "y": y,
                    "label": label,
                    "centroid": centroid,
                    "peak": peak,
                }
                for seed, ((x, y), label, centroid, peak) in enumerate(
                    zip(
                        points.places.round(4).tolist(),
                        points.label.tolist(),
                        points.centroid.round(1).tolist(),
                        points.peak.round(4).tolist(),
                        strict=True,
                    )
                )
            ],
        }

    def _make(self, job):
        latents, labels = self._instrument.of_seeds(range(self._count))
        principal = directions.principal(self._instrument, latents)
        self.directions = principal
        known = self._read()
        if known is None:
            known = self._compute(job, latents, labels)
            self._write(known)
        job.tell(self._count, self._count)
        self._points = Points(*(known[name] for name in Points._fields))
        words = {k: v for k, v in known.items() if k not in Points._fields}
        self.directions = [
            *directions.of_descriptors(latents, labels, words),
            *principal,
        ]

    def _compute(self, job, latents, labels):
        """Makes all sounds; name -> array of what is kept of them."""
        count, rate = self._count, self._instrument.facts["sample_rate"]
        looks, parts, places, shown = [], [], [], None
        for first in range(0, count, instruments.BATCH):
            job.tell(first, count)
            rows = slice(first, first + instruments.BATCH)
            sounds = self._instrument.sounds(latents[rows], labels[rows])
            looks.append(log_mel.features(sounds, rate))
            words = descriptors.measure(sounds, rate)
            peak = np.abs(sounds).max(axis=(1, 2)).astype(np.float64)
            parts.append({**words, "label": labels[rows], "peak": peak})
            if shown is None and first + len(sounds) >= min(_FIRST_PART, count):
                shown = _layout(np.concatenate(looks), _joined(parts))
            if shown:
                places += [shown(look) for look in looks[len(places) :]]
                self._show(np.concatenate(places), _joined(parts))
        known, features = _joined(parts), np.concatenate(looks)
        places = _layout(features, known)(features)
        return {**known, "places": places, "centroid": _centroid(known)}

    def _show(self, places, known):
        self._points = Points(
            places, known["label"], _centroid(known), known["peak"]
        )

    def _read(self):
        """What an earlier map left; None where that is nothing, or damaged."""
        try:
            # NumPy leaves a file open that is damaged.
            with open(self._file, "rb") as file:
                known = dict(np.load(file, allow_pickle=False))
            return known if known.keys() >= {*Points._fields} else None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def _write(self, known):
        partial = self._file.with_name(f".partial-{self._file.name}")
        # A map that cannot be kept is a map all the same.
        with contextlib.suppress(OSError):
            partial.parent.mkdir(parents=True, exist_ok=True)
            np.savez(partial, **known)
            partial.replace(self._file)


def _joined(parts):
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def _layout(features, known):
    return layout.Layout(features, known["brightness"], known["length"])


def _centroid(known):
    """In Hz, 0 for silence."""
    return np.nan_to_num(2.0 ** known["brightness"])
