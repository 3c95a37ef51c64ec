"""Places of sounds on a map: those that sound alike lie side by side."""

import numpy as np

from gansynth_zoo.evaluation import reduction


class Layout:
    """Two principal components of log-mel features, on a map from -1 to 1.

    To the right the sounds are brighter, and upward they are longer, as far as
    the components have to do with it: so the map of some sounds lies as that of
    more.

    Args:
      features: float `[batch, features]`, of two sounds or more.
      brightness: float `[batch]`, NaN where there is none.
      length: float `[batch]`, the same.
    """

    def __init__(self, features, brightness, length):
        self._reduction = reduction.fit(features, 2)
        places = self._reduction(features)
        signs = [
            -1.0 if _together(axis, word) < 0 else 1.0
            for axis, word in zip(places.T, (brightness, length), strict=True)
        ]
        self._factor = np.array(signs) / max(np.abs(places).max(), 1e-9)

    def __call__(self, features):
        """Places of sounds.

        Args:
          features: float `[batch, features]`.

        Returns:
          Float64 `[batch, 2]`, x and y; those of the sounds it was made of lie
          in [-1, 1].
        """
        return self._reduction(features) * self._factor


def _together(x, y):
    """Sum of the products of what differs from the mean."""
    known = np.isfinite(y)
    if not known.any():
        return 0.0
    return float((x[known] - x[known].mean()) @ (y[known] - y[known].mean()))
