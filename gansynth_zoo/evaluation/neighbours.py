"""Nearest neighbours, by exact search."""

import numpy as np

from gansynth_zoo.evaluation import blocks


def distances(x, y, count=1):
    """Distances from each row to its nearest ones in another set.

    Args:
      x: float `[batch, features]`.
      y: float `[batch, features]`, `count` rows or more.
      count: how many.

    Returns:
      Float64 `[rows of x, count]`, ascending.
    """
    return _smallest(blocks.distances(x, y), len(x), count)


def distances_to_others(x, count=1):
    """Distances from each row to its nearest ones among the other rows.

    Args:
      x: float `[batch, features]`, `count` + 1 rows or more.
      count: how many.

    Returns:
      Float64 `[batch, count]`, ascending.
    """
    return _smallest(_without_self(blocks.distances(x, x)), len(x), count)


def _without_self(tiles):
    for rows, columns, tile in tiles:
        if rows == columns:
            np.fill_diagonal(tile, np.inf)
        yield rows, columns, tile


def _smallest(tiles, rows_in_all, count):
    best = np.full((rows_in_all, count), np.inf)
    for rows, _, tile in tiles:
        few = min(count, tile.shape[1])
        tile.partition(few - 1, axis=1)
        both = np.concatenate([best[rows], tile[:, :few]], axis=1)
        best[rows] = np.sort(both, axis=1)[:, :count]
    return best
