"""What a mirror offers: its file `manifest.json`.

A manifest comes from outside. No name in it leads out of a folder, no number
is larger than what is asked for, and one wrong row makes the whole useless.
"""

import json
import re
import typing

from gansynth_zoo import errors

FILE = "manifest.json"
# Room for some ten thousand versions.
MOST_BYTES = 2**22
# Of an archive and of what it unpacks to.
MOST_MODULE_BYTES = 2**33

_FORMAT = 1
_LONGEST_LICENCE = 1000


class Entry(typing.NamedTuple):
    """One version of a module.

    Attributes:
      name: of the module.
      version: from 1.
      file: name of its archive, which lies beside the manifest.
      sha256: of the archive, in hexadecimal.
      size: of the archive in bytes.
      unpacked_size: of the files in it, in bytes.
      licence: terms of the module, in words.
    """

    name: str
    version: int
    file: str
    sha256: str
    size: int
    unpacked_size: int
    licence: str


def is_name(text):
    """Whether a text names a module or a file, and leads to no other folder."""
    return isinstance(text, str) and bool(re.fullmatch(r"\w[\w.-]*", text))


def _is_count(most):
    return lambda value: type(value) is int and 1 <= value <= most


_CHECKS = {
    "name": is_name,
    "version": _is_count(2**63 - 1),
    "file": is_name,
    "sha256": lambda text: (
        isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text)
    ),
    "size": _is_count(MOST_MODULE_BYTES),
    "unpacked_size": _is_count(MOST_MODULE_BYTES),
    "licence": lambda text: (
        # It is printed: a terminal would obey what cannot be.
        isinstance(text, str)
        and text.isprintable()
        and 0 < len(text) <= _LONGEST_LICENCE
    ),
}


def parse(content, source):
    """Reads a manifest.

    Args:
      content: its bytes.
      source: where they came from, to be named in errors.

    Returns:
      List of `Entry`.

    Raises:
      ZooError: if it is no manifest of this format, or if a row is wrong.
    """
    try:
        manifest = json.loads(content)
        if manifest["format"] != _FORMAT:
            raise errors.ZooError(
                f"Expected a manifest of format {_FORMAT}, received {source}, "
                f"of format {str(manifest['format'])[:20]!r}; get a newer "
                "gansynth_zoo."
            )
        entries = [
            Entry(*(row[field] for field in Entry._fields))
            for row in manifest["modules"]
        ]
    except errors.ZooError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise errors.ZooError(
            f"Expected a manifest of modules, received {source}, which is "
            "none; see that GANSYNTH_ZOO_URL is a folder written by python -m "
            "gansynth_zoo.export.publish."
        ) from error
    seen = set()
    for number, entry in enumerate(entries, 1):
        wrong = wrong_field(entry)
        what = f"{wrong} {str(getattr(entry, wrong))[:80]!r}" if wrong else None
        if not wrong and entry[:2] in seen:
            what = f"another {entry.name}@{entry.version}"
        if what:
            raise errors.ZooError(
                f"Expected a manifest of modules, received {source}, which "
                f"has {what} in row {number}; nothing is fetched by it: tell "
                "whoever keeps it."
            )
        seen.add(entry[:2])
    return entries


def wrong_field(entry):
    """Name of the first field with a value that it cannot have, or None."""
    for field, check in _CHECKS.items():
        if not check(getattr(entry, field)):
            return field
    return None


def write(entries):
    """The text of a manifest, the same for the same entries."""
    rows = [entry._asdict() for entry in sorted(entries)]
    return json.dumps({"format": _FORMAT, "modules": rows}, indent=2) + "\n"
