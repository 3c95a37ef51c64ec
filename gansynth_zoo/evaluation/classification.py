"""Whether sounds are of the class, or the pitch, that was asked for.

With a classifier of pitches, `accuracy` is GANSynth's pitch accuracy and
`entropy` its pitch entropy (Engel et al. 2019).
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import checks
from gansynth_zoo.evaluation import frechet


def accuracy(probabilities, labels):
    """Share of sounds whose likeliest class is the one asked for.

    Args:
      probabilities: float `[batch, classes]`, or logits.
      labels: integers `[batch]`, numbers of classes.

    Returns:
      Float from 0 to 1.

    Raises:
      ZooError: if a label is no class of the classifier.
    """
    p = checks.features(probabilities, "probabilities")
    labels = checks.labels(labels, len(p))
    if labels.min() < 0 or labels.max() >= p.shape[1]:
        raise errors.ZooError(
            f"Expected labels from 0 to {p.shape[1] - 1}, received "
            f"{labels.min()} to {labels.max()}; use the classifier of the set "
            "that was trained on."
        )
    return float(np.mean(p.argmax(axis=1) == labels))


def entropy(probabilities):
    """How unsure the classifier is of a sound.

    Args:
      probabilities: float `[batch, classes]`.

    Returns:
      Mean over the sounds, in nats: 0 where it is sure, log(classes) where
      it knows nothing.
    """
    p = checks.probabilities(probabilities)
    terms = p * np.log(np.where(p > 0, p, 1.0))
    return float(max(0.0, -terms.sum(axis=1).mean()))


def frechet_per_class(reference, reference_labels, generated, labels):
    """Frechet distance of each class to its real sounds.

    Args:
      reference: float `[batch, features]`, of real sounds.
      reference_labels: integers `[batch]`, their classes.
      generated: float `[batch, features]`.
      labels: integers `[batch]`, the classes asked for.

    Returns:
      Dictionary of a class to its distance. Published values are the mean
      and standard deviation over the classes.

    Raises:
      ZooError: if a class has fewer sounds than twice the dimensions, or is
        in one set alone.
    """
    reference = checks.features(reference, "reference features")
    generated = checks.features(generated, "generated features", like=reference)
    reference_labels = checks.labels(
        reference_labels, len(reference), "reference labels"
    )
    labels = checks.labels(labels, len(generated))
    missing = np.setxor1d(reference_labels, labels)
    if missing.size:
        raise errors.ZooError(
            "Expected the same classes in the real and the generated sounds, "
            f"received class {missing[0]} in one of them alone; generate all "
            "classes of the reference."
        )
    return {
        int(label): frechet.frechet_distance(
            frechet.Gaussian.of(reference[reference_labels == label]),
            frechet.Gaussian.of(generated[labels == label]),
        )
        for label in np.unique(labels)
    }
