"""k-means clustering: cuts a set into bins of sounds that are alike."""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.evaluation import blocks
from gansynth_zoo.evaluation import checks

_ITERATIONS = 100


def fit(features, clusters, *, seed=0, restarts=3):
    """Finds centres of clusters.

    Args:
      features: float `[batch, features]`, with `clusters` different rows or
        more.
      clusters: how many.
      seed: of the starts.
      restarts: how often it is tried; the tightest clusters are taken.

    Returns:
      Float64 `[clusters, features]`.

    Raises:
      ZooError: if there are too few different rows.

    Source: Lloyd 1982; starts: Arthur and Vassilvitskii 2007, section 2.2.
    """
    features = checks.features(features, "features", least=clusters)
    draws = np.random.default_rng(seed)
    tries = [
        _iterate(features, _start(features, clusters, draws))
        for _ in range(restarts)
    ]
    return min(tries, key=lambda found: found[1])[0]


def assign(features, centres):
    """The nearest centre of each row.

    Args:
      features: float `[batch, features]`.
      centres: float `[clusters, features]`.

    Returns:
      Its number, int `[batch]`, and its distance, float64 `[batch]`.
    """
    numbers = np.zeros(len(features), np.int64)
    distances = np.full(len(features), np.inf)
    for rows, columns, tile in blocks.distances(features, centres):
        nearest = tile.argmin(axis=1)
        found = tile[np.arange(len(tile)), nearest]
        closer = found < distances[rows]
        numbers[rows][closer] = nearest[closer] + columns.start
        distances[rows][closer] = found[closer]
    return numbers, distances


def _start(features, clusters, draws):
    """Rows as centres, those far from all before drawn more often."""
    chosen = [draws.integers(len(features))]
    squared = np.full(len(features), np.inf)
    while len(chosen) < clusters:
        _, distances = assign(features, features[chosen[-1:]])
        squared = np.minimum(squared, distances**2)
        total = squared.sum()
        if total == 0:
            raise errors.ZooError(
                f"Expected {clusters} different sounds for as many clusters, "
                f"received {len(chosen)}; use fewer clusters."
            )
        chosen.append(draws.choice(len(features), p=squared / total))
    return features[chosen].astype(np.float64)


def _iterate(features, centres):
    """Moves the centres until no row changes its own: centres and inertia."""
    before = None
    for _ in range(_ITERATIONS):
        numbers, distances = assign(features, centres)
        if np.array_equal(numbers, before):
            break
        before = numbers
        centres = _means(features, numbers, distances, len(centres))
    return centres, np.sum(distances**2)


def _means(features, numbers, distances, clusters):
    sums = np.zeros((clusters, features.shape[1]))
    for rows in blocks.slices(features):
        member = numbers[rows] == np.arange(clusters)[:, np.newaxis]
        sums += member.astype(np.float64) @ features[rows]
    counts = np.bincount(numbers, minlength=clusters)
    empty = np.flatnonzero(counts == 0)
    # A centre that lost all its rows goes to one of those in the worst place.
    sums[empty] = features[np.argsort(distances)[::-1][: len(empty)]]
    return sums / np.maximum(counts, 1)[:, np.newaxis]
