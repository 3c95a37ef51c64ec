"""The classifier of spoken digits that was published with WaveGAN.

Its scores are the ones that papers give. It is a TensorFlow 1 checkpoint,
`best_acc-103005`, of which the weights are read and no graph is run.
"""

import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.classifiers import network

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
      checkpoint: its path, with or without the `.index` at the end.

    Returns:
      Pair of a `network.Design` and the weights: name -> array.

    Raises:
      ZooError: if it cannot be read, or is of something else.

    Source: chrisdonahue/wavegan, folder eval/inception.
    """
    path = str(checkpoint).removesuffix(".index")
    try:
        reader = tf.train.load_checkpoint(path)
        shapes = reader.get_variable_to_shape_map()
        weights = {
            name.removeprefix(_SCOPE): reader.get_tensor(name)
            for name in shapes
            if name.startswith(_SCOPE)
        }
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise errors.ZooError(
            f"Expected the path of a checkpoint, such as best_acc-103005 with "
            f"its .index and .data files, received {path!r}, which cannot be "
            f"read ({error})."
        ) from error
    if _FIRST not in shapes or shapes.get(_LAST, [0])[-1] != len(DIGITS):
        raise errors.ZooError(
            f"Expected a checkpoint of WaveGAN's digit classifier, received "
            f"{path!r}, which has no {_FIRST} or does not tell "
            f"{len(DIGITS)} classes apart."
        )
    return network.Design(DIGITS, dim=shapes[_FIRST][-1]), weights
