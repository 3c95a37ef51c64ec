"""Sets too large for a matrix of all pairs, taken in blocks of rows.

Only a block is ever copied to float64, so a set may be an array in a file
(`numpy.memmap`).
"""

import numpy as np

# Of a block in float64.
_BYTES = 32 * 2**20
# Rows at most, so that the distances of two blocks stay in the cache.
_ROWS = 512
# Squares that nearly cancel leave this share of themselves as rounding.
_ROUNDING = 1e-13


def slices(values):
    """Cuts a set into blocks.

    Args:
      values: array `[batch, features]`.

    Returns:
      List of slices of its rows.
    """
    size = max(1, min(_ROWS, _BYTES // (8 * values.shape[1])))
    return [slice(i, i + size) for i in range(0, len(values), size)]


def mean(values):
    """Mean row, float64 `[features]`, of an array `[batch, features]`."""
    return np.mean(values, axis=0, dtype=np.float64)


def pairs(x, y, centre, scale=1.0):
    """Every block of one set with every block of another.

    Args:
      x: float `[batch, features]`.
      y: float `[batch, features]`; where it is `x`, both slices of a pair on
        the diagonal are equal.
      centre: float `[features]`, taken off each row.
      scale: float that each row is then divided by.

    Yields:
      The slice of `x`, the slice of `y`, and both blocks in float64.
    """
    for rows in slices(x):
        left = (x[rows] - centre) / scale
        for columns in slices(y):
            yield rows, columns, left, (y[columns] - centre) / scale


def distances(x, y):
    """Euclidean distances, a tile at a time.

    Args:
      x: float `[batch, features]`.
      y: float `[batch, features]`.

    Yields:
      The slice of `x`, the slice of `y`, and float64 `[rows of x, rows of y]`,
      which may be overwritten; equal rows are 0 apart, to the last bit.
    """
    for rows, columns, left, right in pairs(x, y, mean(y)):
        own = _squares(left)[:, np.newaxis]
        squared = -2 * left @ right.T
        squared += own
        squared += _squares(right)
        squared *= squared > _ROUNDING * own
        yield rows, columns, np.sqrt(squared, out=squared)


def _squares(block):
    return np.einsum("ij,ij->i", block, block)
