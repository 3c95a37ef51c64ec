"""Columns of a report: each measure, applied to a row and real sounds."""

import dataclasses
import functools

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import artefacts
from gansynth_zoo.evaluation import classification
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import frechet
from gansynth_zoo.evaluation import inception_score
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.evaluation import levels
from gansynth_zoo.evaluation import ndb
from gansynth_zoo.evaluation import nearest_neighbour
from gansynth_zoo.evaluation import neighbours
from gansynth_zoo.evaluation import precision_recall
from gansynth_zoo.evaluation import reduction

# Sounds that neighbours are looked for of, as in published values of the
# nearest one; at the most.
NEIGHBOURS = 1000
# At the most; fewer where there are few sounds. A covariance needs two sounds
# for each dimension, a bin of NDB five.
_DIMENSIONS, _PER_DIMENSION = 32, 2
_BINS, _PER_BIN = 50, 5
_SUBSETS = 10
_SPLITS = 10
# By how much each of the last layers of WaveGAN lengthens a sound.
_FACTOR = 4


class Reference:
    """Real sounds that rows are compared with.

    Attributes:
      whole: `Side` of the training sounds.
      halves: a `Side` of each half of them, which share no sound.
      held_out: `rows.Row` of sounds that were not trained on.
      dimensions: that features are reduced to before a distance needs few.
      bins: of NDB.
      seed: of whatever a measure draws.
      labels: names of the classifier's classes; empty without one.

    Args:
      train: `rows.Row` of sounds that were trained on.
      held_out: see above.
      count: sounds of each model.
      seed: see above.
      labels: see above.
    """

    def __init__(self, train, held_out, count, seed, labels=()):
        fewest = min(len(train) // 2, len(held_out), count)
        self.dimensions = max(1, min(_DIMENSIONS, fewest // _PER_DIMENSION))
        self.bins = min(_BINS, fewest // _PER_BIN)
        self.seed = seed
        self.labels = tuple(labels)
        self.held_out = held_out
        self.whole = Side(train, self)
        self.halves = [Side(train.half(first), self) for first in (True, False)]
        self._train = train

    @functools.cached_property
    def reduce_log_mel(self):
        """The `reduction.Reduction` of log-mel features."""
        return self._fit(self._train.log_mel)

    @functools.cached_property
    def reduce_class(self):
        """The `reduction.Reduction` of the classifier's features."""
        return self._fit(self._train.class_features)

    def sides(self, row):
        """A row, and the real sounds it is compared with: two `Side`s.

        The training sounds themselves are cut in two halves, one of which is
        compared with the other.
        """
        if row is self._train:
            return self.halves
        return Side(row, self), self.whole

    def _fit(self, features):
        dimensions = min(self.dimensions, features.shape[1])
        return reduction.fit(features, dimensions, self.seed)


class Side:
    """A row in a comparison; what several measures need of it is made once.

    Attributes:
      row: a `rows.Row`.

    Args:
      row: see above.
      reference: the `Reference` it is compared with, or part of.
    """

    def __init__(self, row, reference):
        self.row = row
        self._reference = reference
        self._of_held_out = {}

    @functools.cached_property
    def points(self):
        """Log-mel features in few dimensions, `[batch, dimensions]`."""
        return self._reference.reduce_log_mel(self.row.log_mel)

    @functools.cached_property
    def gaussian(self):
        """That of the points."""
        return frechet.Gaussian.of(self.points)

    @functools.cached_property
    def class_gaussian(self):
        """That of the classifier's features in few dimensions."""
        return frechet.Gaussian.of(
            self._reference.reduce_class(self.row.class_features)
        )

    @functools.cached_property
    def bins(self):
        """The `ndb.Bins` that the points are cut into."""
        if self._reference.bins < 2:
            raise errors.ZooError(
                f"Expected {2 * _PER_BIN} or more sounds for NDB in each row, "
                "received fewer; use more sounds."
            )
        return ndb.fit(
            self.points, bins=self._reference.bins, seed=self._reference.seed
        )

    @functools.cached_property
    def distance(self):
        """Mean distance between two sounds, in log-mel features."""
        return diversity.mean_pairwise_distance(self.row.log_mel[:NEIGHBOURS])

    @functools.cached_property
    def distance_of_held_out(self):
        """Mean distance of a held-out sound to the nearest of these."""
        return self.distance_of(self._reference.held_out)

    def distance_of(self, row):
        """Mean distance of a row's sounds to the nearest of these, log-mel."""
        points = row.log_mel[:NEIGHBOURS]
        return float(np.mean(neighbours.distances(points, self.row.log_mel)))

    def neighbours_of_held_out(self, count):
        """`nearest_neighbour.Distances` of held-out sounds to these."""
        if count not in self._of_held_out:
            self._of_held_out[count] = nearest_neighbour.measure(
                self._reference.held_out.images[:count], self.row.images
            )
        return self._of_held_out[count]


def _kernel(side, real, reference):
    fewest = min(NEIGHBOURS, len(side.row), len(real.row))
    return {
        "kernel_distance": kernel_distance.kernel_distance_of_subsets(
            real.row.log_mel,
            side.row.log_mel,
            subsets=_SUBSETS,
            size=max(2, fewest // 2),
            seed=reference.seed,
        )
    }


def _frechet_log_mel(side, real, reference):
    del reference
    found = frechet.frechet_distance(real.gaussian, side.gaussian)
    return {"frechet_log_mel": found}


def _frechet_logits(side, real, reference):
    del reference
    sets = (frechet.Gaussian.of(s.row.logits) for s in (real, side))
    return {"frechet_logits": frechet.frechet_distance(*sets)}


def _frechet_features(side, real, reference):
    del reference
    found = frechet.frechet_distance(real.class_gaussian, side.class_gaussian)
    return {"frechet_features": found}


def _inception(side, real, reference):
    del real
    p = softmax(side.row.logits)
    # A group of fewer sounds cannot hold all classes.
    needed = _SPLITS * p.shape[1]
    if len(p) < needed:
        raise errors.ZooError(
            f"Expected {needed} or more sounds for an inception score of "
            f"{p.shape[1]} classes, received {len(p)}; use more sounds."
        )
    found = inception_score.inception_score(
        p[: len(p) - len(p) % _SPLITS], splits=_SPLITS, seed=reference.seed
    )
    return {"inception_score": found}


def _certainty(side, real, reference):
    del reference
    p, real_p = softmax(side.row.logits), softmax(real.row.logits)
    return {
        "modified_inception_score": inception_score.modified_inception_score(p),
        "am_score": inception_score.am_score(p, real_p),
        "entropy": classification.entropy(p),
    }


def _accuracy(side, real, reference):
    del real
    if side.row.labels is None:
        return {}
    numbers = {label: i for i, label in enumerate(reference.labels)}
    names = [str(label) for label in side.row.labels]
    strangers = set(names) - set(numbers)
    if strangers:
        raise errors.ZooError(
            "Expected labels that the classifier knows, received "
            f"{min(strangers)!r}; use the classifier of this data set."
        )
    labels = np.array([numbers[name] for name in names])
    return {"accuracy": classification.accuracy(side.row.logits, labels)}


def _frechet_per_class(side, real, reference):
    del reference
    labels = side.row.labels, real.row.labels
    if any(of_row is None for of_row in labels):
        return {}
    names, numbers = np.unique(np.concatenate(labels), return_inverse=True)
    numbers = np.split(numbers.ravel(), [len(labels[0])])
    fewest = min(np.bincount(n, minlength=len(names)).min() for n in numbers)
    # Classes have few sounds: the leading dimensions have to do.
    kept = slice(min(side.points.shape[1], fewest // _PER_DIMENSION))
    if not kept.stop:
        raise errors.ZooError(
            f"Expected {_PER_DIMENSION} or more sounds of each of "
            f"{len(names)} classes for a Frechet distance per class, received "
            f"{fewest} of one; use more sounds."
        )
    found = classification.frechet_per_class(
        real.points[:, kept], numbers[1], side.points[:, kept], numbers[0]
    )
    distances = list(found.values())
    return {"frechet_per_class": (np.mean(distances), np.std(distances))}


def _neighbours(side, real, reference):
    held_out = reference.held_out.images
    count = min(NEIGHBOURS, len(side.row.images), len(held_out))
    usual = found = real.neighbours_of_held_out(count)
    if side.row is not reference.held_out:
        found = nearest_neighbour.measure(
            side.row.images[:count], real.row.images
        )
    relative = found.over(usual)
    return {
        "D_self": found.within,
        "D_train": found.to_training,
        "D_self_relative": relative.within,
        "D_train_relative": relative.to_training,
    }


def _nearest(side, real, reference):
    del reference
    usual = real.distance_of_held_out
    if not usual:
        raise errors.ZooError(
            "Expected held-out sounds that were not trained on, received "
            "copies alone; give --reference others."
        )
    return {"nearest_relative": real.distance_of(side.row) / usual}


def _bins(side, real, reference):
    del reference
    found = ndb.compare(real.bins, side.points)
    return {"ndb": found.share, "ndb_divergence": found.divergence}


def _manifold(side, real, reference):
    del reference
    # In few dimensions, sounds of a kind that real ones never are would lie
    # among them.
    count = min(NEIGHBOURS, len(side.row), len(real.row))
    parts = real.row.log_mel[:count], side.row.log_mel[:count]
    balls = precision_recall.precision_recall(*parts)
    dense = precision_recall.density_coverage(*parts)
    return dataclasses.asdict(balls) | dataclasses.asdict(dense)


def _diversity(side, real, reference):
    del reference
    if not real.distance:
        raise errors.ZooError(
            "Expected real sounds that differ, received one again and again; "
            "give --reference others."
        )
    return {"diversity": side.distance / real.distance}


def _levels(side, real, reference):
    del real, reference
    row = side.row
    return {
        "level_db": float(np.median(row.rms_db)),
        "silent": float(np.mean(row.rms_db < levels.SILENCE_DB)),
        "clipped": float(np.mean(row.clipped)),
        "dc_offset": float(np.mean(levels.dc_offset(row.kept))),
    }


def _whine(side, real, reference):
    del real, reference
    tones = artefacts.whine_db(side.row.kept, _FACTOR)
    return {"whine_db": float(np.max(tones))}


def _consistency(side, real, reference):
    del real, reference
    return side.row.sounds.consistency()


_MEASURES = (
    _kernel,
    _frechet_log_mel,
    _frechet_per_class,
    _manifold,
    _diversity,
    _nearest,
    _neighbours,
    _bins,
    _consistency,
    _whine,
    _levels,
)
_OF_A_CLASSIFIER = (
    _inception,
    _certainty,
    _accuracy,
    _frechet_logits,
    _frechet_features,
)


def measure(row, reference):
    """All measures of a row.

    Args:
      row: a `rows.Row`.
      reference: a `Reference`.

    Returns:
      Pair of a dictionary, column -> finite float, or pair of a mean and a
      standard deviation; and a list of sentences on what could not be
      measured.
    """
    side, real = reference.sides(row)
    measures = _MEASURES
    if row.logits is not None:
        measures += _OF_A_CLASSIFIER
    values, notes = {"sounds": len(row)}, []
    for function in measures:
        try:
            found = function(side, real, reference)
        except errors.ZooError as error:
            notes.append(f"{row.name}: {error}")
            continue
        for column, value in found.items():
            if np.isfinite(value).all():
                values[column] = value
            else:
                notes.append(f"{row.name}: {column} is not finite.")
    return values, notes


def softmax(logits):
    """Logits `[batch, classes]` -> probabilities, float64."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
