"""Inception score and its relatives, from a classifier's probabilities.

Values of different classifiers cannot be compared. Published ones of spoken
digits are of 50,000 sounds, rounded to 16 bits as in a WAV file, in 10 groups.
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import checks

# A class that is ruled out would have a logarithm of minus infinity.
_SMALLEST = 1e-12


def inception_score(probabilities, *, splits=10, seed=0):
    """How sure a classifier is of each sound, and how many classes it hears.

    Args:
      probabilities: float `[batch, classes]`.
      splits: groups of equal size, drawn at random, that are scored apart.
      seed: of the groups.

    Returns:
      Mean and standard deviation over the groups; from 1 to the number of
      classes.

    Raises:
      ZooError: if the sounds do not make groups of equal size.

    Source: Salimans et al. 2016, section 4.
    """
    p = checks.probabilities(probabilities)
    if len(p) % splits:
        raise errors.ZooError(
            f"Expected a number of sounds that {splits} divides, received "
            f"{len(p)}; use {len(p) - len(p) % splits or splits}."
        )
    order = np.random.default_rng(seed).permutation(len(p))
    scores = [_score(group) for group in np.split(p[order], splits)]
    return float(np.mean(scores)), float(np.std(scores))


def modified_inception_score(probabilities):
    """How sure a classifier is of each sound, and how different they are.

    The exponential of the mean divergence KL(p(x) ‖ p(x')) over all pairs of
    sounds.

    Args:
      probabilities: float `[batch, classes]`.

    Returns:
      Float, 1 or more; probabilities of 0 count as 1e-12.

    Source: Gurumurthy et al. 2017, as used by Kong et al. 2021.
    """
    p = checks.probabilities(probabilities)
    # The mean over pairs falls apart into means over single sounds.
    divergence = np.sum(p * _log(p), axis=1).mean() - p.mean(axis=0) @ _log(
        p
    ).mean(axis=0)
    return float(np.exp(max(divergence, 0.0)))


def am_score(probabilities, training):
    """How sure a classifier is, and how far the classes are from real ones.

    The divergence KL(mean p of training ‖ mean p of generated), plus the mean
    entropy of single generated sounds.

    Args:
      probabilities: float `[batch, classes]`, of generated sounds.
      training: float `[batch, classes]`, of the training set.

    Returns:
      Float in nats, 0 or more; lower is better.

    Source: Zhou et al. 2018, as used by Kong et al. 2021.
    """
    p = checks.probabilities(probabilities)
    real = checks.features(training, "training probabilities", like=p)
    real = checks.probabilities(real, "training probabilities").mean(axis=0)
    divergence = np.sum(real * (_log(real) - _log(p.mean(axis=0))))
    entropy = -np.sum(p * _log(p), axis=1).mean()
    return float(max(divergence, 0.0) + max(entropy, 0.0))


def _score(p):
    divergence = np.sum(p * (_log(p) - _log(p.mean(axis=0))), axis=1).mean()
    return np.exp(max(divergence, 0.0))


def _log(p):
    return np.log(np.maximum(p, _SMALLEST))
