"""Columns of a report: each measure, applied to a row and real sounds."""

import dataclasses

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
from gansynth_zoo.evaluation import precision_recall
from gansynth_zoo.evaluation import reduction

# Of features that are too many for a covariance.
_DIMENSIONS = 32
_SPLITS = 10
_BINS = 50
# Sounds of a subset of the kernel distance, and of published neighbours.
_SUBSET = 1000
# By how much each of the last layers of WaveGAN lengthens a sound.
_FACTOR = 4


@dataclasses.dataclass(frozen=True)
class Reference:
    """Real sounds that rows are compared with.

    Attributes:
      train: `rows.Row` of sounds that were trained on.
      held_out: `rows.Row` of sounds that were not.
      seed: of whatever a measure draws.
      labels: names of the classifier's classes; empty without one.
    """

    train: object
    held_out: object
    seed: int
    labels: tuple = ()

    def __post_init__(self):
        for name in ("log_mel", "class_features"):
            values = getattr(self.train, name)
            fitted = None
            if values is not None:
                wanted = min(_DIMENSIONS, len(values) // 4, values.shape[1])
                fitted = reduction.fit(values, max(1, wanted), self.seed)
            # A frozen dataclass, whose derived values are set once.
            object.__setattr__(self, f"_{name}", fitted)

    def reduce(self, row, name):
        """A row's "log_mel" or "class_features" in few dimensions."""
        return getattr(self, f"_{name}")(getattr(row, name))


def _kernel(row, real, reference):
    size = min(_SUBSET, len(row.log_mel), len(real.log_mel))
    mean, deviation = kernel_distance.kernel_distance_of_subsets(
        real.log_mel,
        row.log_mel,
        subsets=10,
        size=max(2, size // 2),
        seed=reference.seed,
    )
    return {"kernel_distance": (mean, deviation)}


def _frechet_log_mel(row, real, reference):
    return {
        "frechet_log_mel": frechet.frechet_distance(
            *(
                frechet.Gaussian.of(reference.reduce(r, "log_mel"))
                for r in (real, row)
            )
        )
    }


def _frechet_class(row, real, reference):
    features = (
        frechet.Gaussian.of(reference.reduce(r, "class_features"))
        for r in (real, row)
    )
    logits = (frechet.Gaussian.of(r.logits) for r in (real, row))
    return {
        "frechet_logits": frechet.frechet_distance(*logits),
        "frechet_features": frechet.frechet_distance(*features),
    }


def _inception(row, real, reference):
    p, real_p = softmax(row.logits), softmax(real.logits)
    whole = len(p) - len(p) % _SPLITS
    if not whole:
        raise errors.ZooError(
            f"Expected {_SPLITS} or more sounds, received {len(p)}."
        )
    return {
        "inception_score": inception_score.inception_score(
            p[:whole], splits=_SPLITS, seed=reference.seed
        ),
        "modified_inception_score": inception_score.modified_inception_score(p),
        "am_score": inception_score.am_score(p, real_p),
        "entropy": classification.entropy(p),
    }


def _accuracy(row, real, reference):
    del real
    numbers = {label: i for i, label in enumerate(reference.labels)}
    names = [str(label) for label in row.sounds.labels]
    strangers = set(names) - set(numbers)
    if strangers:
        raise errors.ZooError(
            f"Expected labels that the classifier knows, received "
            f"{min(strangers)!r}."
        )
    labels = np.array([numbers[name] for name in names])
    return {"accuracy": classification.accuracy(row.logits, labels)}


def _neighbours(row, real, reference):
    count = min(_SUBSET, len(row.images), len(reference.held_out.images))
    found = nearest_neighbour.measure(
        row.images[:count], reference.held_out.images[:count], real.images
    )
    return {
        "D_self": found.within,
        "D_train": found.to_training,
        "D_self_relative": found.relative_within,
        "D_train_relative": found.relative_to_training,
    }


def _bins(row, real, reference):
    features = reference.reduce(real, "log_mel")
    count = min(_BINS, len(features) // 5, len(row.log_mel) // 5)
    if count < 2:
        raise errors.ZooError(
            f"Expected 10 or more sounds, received {len(row.log_mel)}."
        )
    found = ndb.compare(
        ndb.fit(features, bins=count, seed=reference.seed),
        reference.reduce(row, "log_mel"),
    )
    return {"ndb": found.share, "ndb_divergence": found.divergence}


def _manifold(row, real, reference):
    features = [reference.reduce(r, "log_mel") for r in (real, row)]
    count = min(map(len, features))
    real_part, part = (values[:count] for values in features)
    balls = precision_recall.precision_recall(real_part, part)
    dense = precision_recall.density_coverage(real_part, part)
    return dataclasses.asdict(balls) | dataclasses.asdict(dense)


def _diversity(row, real, reference):
    del reference
    count = min(_SUBSET, len(row.log_mel), len(real.log_mel))
    return {
        "diversity": diversity.mean_pairwise_distance(row.log_mel[:count])
        / diversity.mean_pairwise_distance(real.log_mel[:count])
    }


def _health(row, real, reference):
    del real, reference
    whine = artefacts.whine_db(row.kept, _FACTOR)
    return {
        "whine_db": float(np.max(whine)),
        "level_db": float(np.median(row.rms_db)),
        "silent": float(np.mean(row.rms_db < levels.SILENCE_DB)),
        "clipped": float(np.mean(row.clipped)),
        "dc_offset": float(np.mean(levels.dc_offset(row.kept))),
    }


def _consistency(row, real, reference):
    del real, reference
    return row.sounds.consistency


# Measure -> whether it needs a classifier.
_MEASURES = {
    _kernel: False,
    _frechet_log_mel: False,
    _manifold: False,
    _diversity: False,
    _neighbours: False,
    _bins: False,
    _inception: True,
    _frechet_class: True,
    _consistency: False,
    _health: False,
}


def measure(row, reference):
    """All measures of a row.

    A row that is the training sounds themselves is cut in two halves, one of
    which is measured against the other.

    Args:
      row: a `rows.Row`.
      reference: a `Reference`.

    Returns:
      Pair of a dictionary, column -> float, or pair of a mean and a standard
      deviation; and a list of sentences on what could not be measured.
    """
    real = reference.train
    if row is real:
        row, real = row.half(True), row.half(False)
    values, notes = {}, []
    measures = [
        k
        for k, needs in _MEASURES.items()
        if row.logits is not None or not needs
    ]
    if row.logits is not None and row.sounds.labels is not None:
        measures.append(_accuracy)
    for function in measures:
        try:
            values |= function(row, real, reference)
        except errors.ZooError as error:
            notes.append(f"{row.name}: {error}")
    return values, notes


def softmax(logits):
    """Logits `[batch, classes]` -> probabilities, float64."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
