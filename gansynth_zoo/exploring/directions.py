"""Directions of the latents along which the sound changes in one way.

The place of a sound along a direction is `latents @ vector`, and it is moved to
another place by `latents + (place - latents @ vector) * vector`.
"""

import dataclasses

import numpy as np

# Of the places of all sounds, so many standard deviations to either side: where
# there are few sounds, a generator has learned little.
_REACH = 2.0
# Every fourth sound is kept for the rank correlation.
_HELD_OUT = 4
# Fewer sounds tell nothing of a descriptor; nor does a direction that agrees
# less with it.
_FEWEST = 40
_LEAST = 0.2
_PRINCIPAL = 5


@dataclasses.dataclass(frozen=True)
class Direction:
    """A way of changing sounds.

    Attributes:
      id: that a program knows it by.
      name: for people.
      kind: "descriptor" or "principal".
      vector: float64 `[latent]` of length 1.
      range: pair of places between which most sounds lie.
      correlation: of a descriptor, Spearman's rank correlation with it over
        sounds that the direction was not found by; else None.
    """

    id: str
    name: str
    kind: str
    vector: np.ndarray
    range: tuple
    correlation: float | None = None

    def as_json(self):
        """The same as plain lists and numbers."""
        return {
            **dataclasses.asdict(self),
            "vector": np.round(self.vector, 6).tolist(),
            "range": list(self.range),
        }


def of_descriptors(latents, labels, descriptors):
    """The direction of each descriptor, by ridge regression.

    What labels do is taken off before, so that a direction changes the sound
    within its label.

    Args:
      latents: float `[batch, latent]`.
      labels: ints `[batch]`.
      descriptors: name -> float `[batch]`, NaN where a sound has none.

    Returns:
      List of `Direction`; those that say nothing of sounds they were not found
      by are left out.
    """
    found = []
    for name, values in descriptors.items():
        known = np.isfinite(values)
        if known.sum() < _FEWEST:
            continue
        x, y = (
            _within(whole[known].astype(np.float64), labels[known])
            for whole in (latents, values[:, np.newaxis])
        )
        held_out = np.arange(len(x)) % _HELD_OUT == 0
        tried = _regress(x[~held_out], y[~held_out])
        agreed = rank_correlation(x[held_out] @ tried, y[held_out, 0])
        if agreed >= _LEAST:
            vector = _regress(x, y)
            reach = _reach(latents, vector)
            found.append(
                Direction(
                    name, name, "descriptor", vector, reach, round(agreed, 3)
                )
            )
    return found


def principal(instrument, latents):
    """The directions that change most of what the first layer gives.

    They are the principal components of its output over all latents, which
    GANSpace finds by sampling (Härkönen et al. 2020, section 2.2). As the layer
    is linear and latents are independent of each other, they are the singular
    vectors of its weights (Shen and Zhou 2021, section 3.2). Labels have
    weights of their own, which are left out.

    Args:
      instrument: an `instrument.Instrument`.
      latents: float `[batch, latent]`, by which the range is known.

    Returns:
      List of `Direction`, that of the largest change first; empty where the
      first layer is not found.
    """
    size = instrument.facts["latent_size"]
    inputs = size + len(instrument.names)
    kernels = (
        weights
        for weights in instrument.module.weights
        if len(weights.shape) > 1 and weights.shape[0] == inputs
    )
    kernel = next(kernels, None)
    if kernel is None:
        return []
    kernel = np.reshape(kernel.numpy(), [inputs, -1])[:size]
    vectors = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)[0]
    return [
        Direction(
            f"principal-{number}",
            f"direction {number}",
            "principal",
            vector,
            _reach(latents, vector),
        )
        for number, vector in enumerate(vectors.T[:_PRINCIPAL], 1)
    ]


def rank_correlation(x, y):
    """Spearman's rank correlation, equal values at their mean rank.

    Args:
      x: float `[batch]`.
      y: float `[batch]`.

    Returns:
      Float in [-1, 1]; 0 where all values of one are equal.
    """
    x, y = (ranks - ranks.mean() for ranks in (_ranks(x), _ranks(y)))
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size else 0.0


def _ranks(values):
    _, places, counts = np.unique(
        values, return_inverse=True, return_counts=True
    )
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _within(values, labels):
    """Takes the mean of each label off, `[batch, k]`."""
    values = values.copy()
    for label in np.unique(labels):
        values[labels == label] -= values[labels == label].mean(axis=0)
    return values


def _regress(x, y):
    """Direction of length 1 along which `y` rises, `[latent]`.

    The penalty weighs as much as one sound for each of the latents, in which
    no direction is seen.
    """
    penalty = x.shape[1] * np.mean(x**2)
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    slopes = np.linalg.solve(gram, x.T @ y)[:, 0]
    return slopes / max(np.linalg.norm(slopes), 1e-12)


def _reach(latents, vector):
    most = round(float(_REACH * np.std(latents @ vector)), 3)
    return -most, most
