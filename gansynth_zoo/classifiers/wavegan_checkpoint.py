"""The classifier of spoken digits that was published with WaveGAN.

Its scores are the ones that papers give. It is a TensorFlow 1 checkpoint,
`best_acc-103005`, of which the weights are read and no graph is run.
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.classifiers import network
from gansynth_zoo.originals import reading

DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
_SCOPE = "classifier/"
_FIRST, _LAST = f"{_SCOPE}conv2d/kernel", f"{_SCOPE}dense/kernel"


def read(checkpoint):
    """Reads a checkpoint.

    Args:
      checkpoint: its path, as of `reading.find`.

    Returns:
      Pair of a `network.Design` and the weights: name -> array.

    Raises:
      ZooError: if it cannot be read, or is of something else.

    Source: chrisdonahue/wavegan, folder eval/inception.
    """
    found = reading.Checkpoint(checkpoint)
    shapes = found.shapes
    weights = {
        name.removeprefix(_SCOPE): found.read(name, np.float32)
        for name in shapes
        if name.startswith(_SCOPE)
    }
    if _FIRST not in shapes or shapes.get(_LAST, [0])[-1] != len(DIGITS):
        raise errors.ZooError(
            f"Expected a checkpoint of WaveGAN's digit classifier, received "
            f"{str(found.prefix)!r}, which has no {_FIRST} or does not tell "
            f"{len(DIGITS)} classes apart."
        )
    return network.Design(DIGITS, dim=shapes[_FIRST][-1]), weights
