"""A TensorFlow 1 checkpoint, read by the names in it; no graph is run."""

import contextlib
import dataclasses
import pathlib
import re

import numpy as np
import tensorflow as tf

from gansynth_zoo import errors

# Names that a sentence lists.
_NAMED = 4
_ENDING = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")
_NEWEST = re.compile(r'^model_checkpoint_path: "(.+)"$', re.MULTILINE)
# What TensorFlow raises of files that end too soon or hold something else.
_UNREADABLE = (tf.errors.OpError, LookupError, ValueError, RuntimeError)
# State of an optimizer, which stands beside the variable that it is of.
_SLOT = re.compile(r"/(Adam|RMSProp)(_1)?$")


def find(path):
    """The path of a checkpoint without its endings.

    Of a folder it is the newest: of its last `stage_*` folder where it has
    any, by the name that its text file `checkpoint` tells, whatever folder
    that names, else by the step in its name.

    Args:
      path: the same, one of its files, or a folder.

    Returns:
      `pathlib.Path`.

    Raises:
      ZooError: if there is none.
    """
    path = pathlib.Path(_ENDING.sub("", str(path)))
    if _index(path).is_file():
        return path
    stages = [p for p in path.glob("stage_*") if p.is_dir()]
    folder = max(stages, default=path)
    listing = folder / "checkpoint"
    if listing.is_file():
        text = listing.read_text("utf-8", errors="replace")
        # It may have been written on a machine of either kind.
        for name in map(pathlib.PureWindowsPath, _NEWEST.findall(text)):
            if _index(folder / name.name).is_file():
                return folder / name.name
    found = [p.with_suffix("") for p in folder.glob("*.index")]
    if not found:
        raise errors.ZooError(
            "Expected the path of a TensorFlow 1 checkpoint, a file .index "
            f"beside its .data, or the folder of some, received {str(path)!r}, "
            "where there is none."
        )
    return max(found, key=lambda p: (step_in_name(p) or 0, p.name))


def step_in_name(prefix):
    """The step at the end of a checkpoint's name, None where it has none."""
    number = re.search(r"-(\d+)$", prefix.name)
    return int(number[1]) if number else None


def _index(prefix):
    return prefix.parent / f"{prefix.name}.index"


class Checkpoint:
    """The variables of a checkpoint.

    Attributes:
      prefix: its path without endings.
      shapes: name -> shape, of all variables.

    Args:
      path: as of `find`.

    Raises:
      ZooError: if there is none, or it cannot be read.
    """

    def __init__(self, path):
        self.prefix = find(path)
        with _explained(self.prefix):
            self._reader = tf.train.load_checkpoint(str(self.prefix))
            shapes = self._reader.get_variable_to_shape_map()
        self.shapes = {name: tuple(s) for name, s in shapes.items()}

    def __contains__(self, name):
        return name in self.shapes

    def has_any(self, root):
        """Whether there is a variable whose name begins with `root`."""
        return bool(self._weights(root))

    def shape(self, name, rank):
        """Shape of a variable without which nothing can be told.

        Raises:
          ZooError: if it is not there, or has other than `rank` axes.
        """
        if len(self.shapes.get(name, ())) != rank:
            raise errors.ZooError(
                f"Expected a variable {name} with {rank} axes, received "
                f"{self.prefix.name} with {_listed(self._weights(''))}; look "
                "whether --format and --checkpoint go together."
            )
        return self.shapes[name]

    def count(self, scope, first=0):
        """How many scopes `scope.format(i)` there are, from i = `first` on."""
        number = first
        while any(n.startswith(scope.format(number)) for n in self.shapes):
            number += 1
        return number - first

    def read(self, name, dtype):
        """Value of a variable, an array of the NumPy type `dtype`.

        Raises:
          ZooError: if the file is damaged, or the value is of another kind.
        """
        with _explained(self.prefix):
            return np.asarray(self._reader.get_tensor(name), dtype)

    def step(self):
        """The number `global_step`, else the one in the checkpoint's name."""
        if self.shapes.get("global_step") == ():
            return int(self.read("global_step", np.int64))
        return step_in_name(self.prefix) or 0

    def _weights(self, root):
        """Names below a root, without the state of optimizers."""
        names = (n for n in self.shapes if n.startswith(root))
        return sorted(name for name in names if not _SLOT.search(name))

    def load(self, weights, root, unused=None):
        """Sets a network's variables to those of the checkpoint.

        Nothing is set where one is missing, has another shape, or is left.

        Args:
          weights: list of `Weight`.
          root: what the names of the network's variables begin with.
          unused: pattern of those that it has no use for, None for none.

        Raises:
          ZooError: if they do not match, or the file is damaged.
        """
        expected = {weight.name: weight.shape for weight in weights}
        missing = [name for name in expected if name not in self.shapes]
        wrong = [
            f"{name} {list(self.shapes[name])} instead of {list(shape)}"
            for name, shape in expected.items()
            if name in self.shapes and self.shapes[name] != tuple(shape)
        ]
        left = [
            name
            for name in self._weights(root)
            if name not in expected and not (unused and re.search(unused, name))
        ]
        if missing or wrong or left:
            raise errors.ZooError(
                f"Expected the {len(expected)} variables below {root} of a "
                f"network with the settings found, received {self.prefix.name},"
                f" where missing: {_listed(missing)}; of another shape: "
                f"{_listed(wrong)}; not expected: {_listed(left)}."
            )
        for weight in weights:
            value = self.read(weight.name, np.float32)
            weight.variable.assign(weight.convert(value))


def _as_it_is(value):
    return value


@dataclasses.dataclass(frozen=True)
class Weight:
    """Where a variable of ours stands in a checkpoint.

    Attributes:
      variable: a Keras variable.
      name: of the variable in the checkpoint.
      shape: its shape there, that of `variable` unless given.
      convert: function of the value there that returns ours.
    """

    variable: object
    name: str
    shape: tuple = None
    convert: object = _as_it_is

    def __post_init__(self):
        if self.shape is None:
            object.__setattr__(self, "shape", tuple(self.variable.shape))


def _listed(names):
    """At most a handful of names, and how many more."""
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


@contextlib.contextmanager
def _explained(prefix):
    """Says of what TensorFlow cannot read that it is damaged."""
    try:
        yield
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise errors.ZooError(
            f"Expected a whole TensorFlow 1 checkpoint, received "
            f"{str(prefix)!r}, which cannot be read ({reason}); copy its "
            ".index and .data files once more."
        ) from error
