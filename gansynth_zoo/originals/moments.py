"""SpecGAN's moments: NumPy arrays in a pickle, read without unpickling it.

A pickle is a program for a small machine that may call any function. Here its
steps are followed one by one, and only those that describe arrays are known:
no name in the file is ever imported or called.
"""

import codecs
import dataclasses
import io
import pickletools

import numpy as np

from gansynth_zoo import errors

# As many bins as the spectra of 256 samples have.
_BINS = 129
# More than the longest way to write two arrays of them takes.
_MOST_BYTES = 1 << 14
_MARK = object()
_RECONSTRUCT, _FROM_BUFFER = "multiarray._reconstruct", "numeric._frombuffer"
# What a file may name -> what `_call` knows it by.
_KNOWN = {
    **{
        f"{package}.{name}": name
        for package in ("numpy.core", "numpy._core")
        for name in (_RECONSTRUCT, _FROM_BUFFER)
    },
    **{n: n for n in ("numpy.ndarray", "numpy.dtype", "_codecs.encode")},
}
_VALUES = set(
    "INT BININT BININT1 BININT2 LONG LONG1 STRING BINSTRING SHORT_BINSTRING "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES BYTEARRAY8"
    "".split()
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = ("PROTO", "FRAME")


def read(path):
    """Mean and standard deviation of each bin's log magnitude.

    Args:
      path: of the pickle, of Python 2 or 3, that SpecGAN's code wrote.

    Returns:
      Two tuples of 129 floats.

    Raises:
      ZooError: if it is anything but a pickle of two such arrays.
    """
    with open(path, "rb") as file:
        data = file.read(_MOST_BYTES)
    try:
        mean, deviation = (array.numbers() for array in _follow(data))
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise _refused(path, "it is made otherwise") from error
    except ValueError as error:
        raise _refused(path, error) from error
    return mean, deviation


def _refused(path, reason):
    return errors.ZooError(
        "Expected the moments of a SpecGAN, a pickle of two NumPy arrays of "
        f"{_BINS} numbers, received {str(path)!r}, which was not read further "
        f"({reason})."
    )


@dataclasses.dataclass
class _Dtype:
    """A type of numbers; its order of bytes comes after it."""

    kind: str
    order: str = "="

    def build(self, state):
        self.order = _text(state[1])


@dataclasses.dataclass
class _Array:
    """An array; what it holds may come after it."""

    raw: bytes = b""
    dtype: _Dtype = None
    shape: tuple = ()

    def build(self, state):
        _, self.shape, self.dtype, _, raw = state
        self.raw = raw.encode("latin-1") if isinstance(raw, str) else raw

    def numbers(self):
        """What it holds, a tuple of floats."""
        kind = self.dtype.kind.lstrip("<>=")
        if kind not in ("f4", "f8") or tuple(self.shape) != (_BINS,):
            raise ValueError(f"an array is {kind} {self.shape}")
        order = self.dtype.order if self.dtype.order in ("<", ">") else "="
        values = np.frombuffer(self.raw, f"{order}{kind}")
        if len(values) != _BINS or not np.isfinite(values).all():
            raise ValueError("an array does not hold as many finite numbers")
        return tuple(values.tolist())


@dataclasses.dataclass
class _Name:
    """A name in the file that stands for something of NumPy."""

    name: str

    def call(self, arguments):
        """What the thing of this name makes of its arguments."""
        if self.name == _RECONSTRUCT:
            return _Array()
        if self.name == _FROM_BUFFER:
            return _Array(*arguments[:3])
        if self.name == "numpy.dtype":
            return _Dtype(_text(arguments[0]))
        if self.name == "_codecs.encode":
            return arguments[0].encode("latin-1")
        raise ValueError(f"it calls {self.name}")


def _known(name):
    if name not in _KNOWN:
        raise ValueError(f"it names {name}")
    return _Name(_KNOWN[name])


def _text(value):
    return value if isinstance(value, str) else value.decode("ascii")


def _steps(data):
    """The names of a pickle's steps, and the argument of each."""
    file = io.BytesIO(data)
    while True:
        code = file.read(1).decode("latin-1")
        if code not in pickletools.code2op:
            raise ValueError("it ends too soon, or is no pickle")
        step = pickletools.code2op[code]
        if step.name == "STRING":
            # The library's reader takes only letters of ASCII.
            quoted = file.readline().strip()
            yield step.name, codecs.escape_decode(quoted[1:-1])[0]
        else:
            yield step.name, step.arg.reader(file) if step.arg else None


def _follow(data):
    """What a pickle describes."""
    stack, memo = [], {}
    for name, argument in _steps(data):
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            start = len(stack) - _TUPLES[name]
            stack[start:] = [tuple(stack[start:])]
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            start = len(stack) - 1 - stack[::-1].index(_MARK)
            stack[start:] = [tuple(stack[start + 1 :])]
        elif name.endswith("PUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[argument])
        elif name == "GLOBAL":
            stack.append(_known(argument.replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            stack[-2:] = [_known(".".join(stack[-2:]))]
        elif name == "REDUCE":
            stack[-2:] = [stack[-2].call(stack[-1])]
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].build(state)
        elif name == "STOP":
            return stack[-1]
        elif name not in _IGNORED:
            raise ValueError(f"it has a step {name}")
