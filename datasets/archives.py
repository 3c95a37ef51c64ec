"""Archives of recordings, read without ever being unpacked.

Nothing is written under a name that an archive chose. It is read through once
before anything is made of it, so that one that is cut off, damaged or
malicious is found first.
"""

import bz2
import contextlib
import errno
import functools
import gzip
import lzma
import os
import pathlib
import re
import shutil
import stat
import tarfile
import tempfile
import typing
import zipfile
import zlib

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo.datasets import members

# More than any data set that is known; it bounds the time that a listing takes
# and the room that a copy takes.
MOST_MEMBERS = 500_000
MOST_BYTES = 2**31
# A name longer than this, or a text, is not read into memory.
_LONGEST_NAME = 2**16
_LONGEST_TEXT = 2**29

_PIECE = 2**20
_COMPRESSIONS = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What the readers of archives raise where one is damaged.
_DAMAGE = (
    OSError,
    EOFError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class _Entry(typing.NamedTuple):
    """What an archive says of one member, and how to open it."""

    name: str
    size: int
    kind: str
    position: int
    open: typing.Callable


class Archive:
    """Recordings of an archive; `sources.open_source` says what it has.

    Args:
      path: tar, plain or compressed with gzip, bzip2 or xz, or zip; told by
        its content, not by its name.
      texts: as in `sources.open_source`.
      watch: the same.

    Raises:
      ZooError: as `sources.open_source`.
    """

    def __init__(self, path, texts, watch):
        self.path = path
        self.members, self.texts, self.left_out = {}, {}, {}
        self._entries = _reader(path)
        size = path.stat().st_size
        with _whole(path):
            for count, entry in enumerate(self._entries(path)):
                if count == MOST_MEMBERS:
                    self._refuse(f"has more than {MOST_MEMBERS:,} members")
                self._check(entry)
                if entry.kind != "folder":
                    self._take(entry, texts)
                watch(entry.position, size, f"checking {path.name}")

    def _refuse(self, what):
        raise errors.ZooError(
            "Expected an archive of recordings, received "
            f"{str(self.path)!r}, which {what}; nothing is made of it."
        )

    def _check(self, entry):
        name = printable(entry.name)
        slashed = name.replace("\\", "/")
        if (
            slashed.startswith("/")
            or re.match("[A-Za-z]:/", slashed)
            or ".." in slashed.split("/")
        ):
            self._refuse(f"has a member that leads out of it, {name!r}")
        if entry.kind not in ("file", "folder"):
            self._refuse(f"has {entry.kind} as a member, {name!r}")
        if entry.size > MOST_BYTES:
            self._refuse(
                f"has a member of {entry.size / 2**30:,.1f} GiB, {name!r}"
            )

    def _take(self, entry, texts):
        """Reads a member to its end and lists it if it is a recording."""
        name, last = _clean(entry.name)
        if last in texts and entry.size > _LONGEST_TEXT:
            self._refuse(f"has a text of {entry.size / 2**20:,.0f} MiB, {name}")
        with (
            entry.open() as data,
            tempfile.SpooledTemporaryFile(_PIECE) as copy,
        ):
            shutil.copyfileobj(data, copy, _PIECE)
            copy.seek(0)
            if last in texts:
                self.texts[name] = copy.read()
            elif last.startswith("._"):
                pass  # What macOS writes beside a file.
            elif last.lower().endswith(audio_files.EXTENSIONS):
                if name in self.members:
                    self.left_out[name] = "it is there twice; the first is used"
                else:
                    self.members[name] = members.member(copy, entry.size)

    def read(self, names):
        """Yields (name, path) of the named members, in the archive's order."""
        left = set(names)
        with tempfile.TemporaryDirectory(prefix="gansynth-zoo-") as folder:
            with _whole(self.path):
                for entry in self._entries(self.path):
                    name, last = _clean(entry.name)
                    if name in left:
                        left.remove(name)
                        # A name of ours; the extension is one of a few.
                        extension = pathlib.PurePosixPath(last).suffix.lower()
                        copy = pathlib.Path(folder, "member" + extension)
                        with entry.open() as data, open(copy, "wb") as file:
                            shutil.copyfileobj(data, file, _PIECE)
                        yield name, copy
                        # To write over it would take a hundred times as long.
                        copy.unlink()
                    if not left:
                        return


def _reader(path):
    """The function that yields the `_Entry`s of an archive."""
    start = b""
    try:
        # Neither a pipe nor a device, which may have no end.
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise errors.ZooError(
            "Expected a folder or an archive of recordings, received "
            f"{str(path)!r}, which cannot be read: {error.strerror}."
        ) from error
    if start.startswith(_ZIP):
        return _zip_entries
    if not start.startswith(tuple(_COMPRESSIONS)):
        try:
            _Header.frombuf(start, "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:
            pass  # A tar without members.
        except tarfile.TarError as error:
            raise errors.ZooError(
                "Expected a folder, a tar or a zip of recordings, received "
                f"{str(path)!r}, which is none of them."
            ) from error
    return _tar_entries


@contextlib.contextmanager
def _whole(path):
    """Says which archive it is that cannot be read."""
    try:
        yield
    except errors.ZooError:
        raise
    except _DAMAGE as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise errors.ZooError(
            f"Expected a whole archive, received {str(path)!r}, which is cut "
            f"off or damaged ({error}); get it again."
        ) from error


class _Header(tarfile.TarInfo):
    """A tar header of which a damaged one is an error, and not the end."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:
            raise  # The end as it should be.
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error
        if not header.isfile() and header.size > _LONGEST_NAME:
            # It would be read into memory as a name.
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


def _tar_entries(path):
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(0)
        stream = file
        for magic, unpack in _COMPRESSIONS.items():
            if start.startswith(magic):
                stream = unpack(file)
        with tarfile.TarFile(fileobj=stream, tarinfo=_Header) as archive:
            for info in archive:
                archive.members.clear()  # It would keep them all.
                kind = "a device or pipe"
                if info.isfile():
                    kind = "file"
                elif info.isdir():
                    kind = "folder"
                elif info.issym() or info.islnk():
                    kind = "a link"
                yield _Entry(
                    info.name,
                    info.size if info.isfile() else 0,
                    kind,
                    file.tell(),
                    functools.partial(archive.extractfile, info),
                )
            while stream.read(_PIECE):
                pass  # The checksum of a compressed one comes last.


def _zip_entries(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)
            kind = "a device or pipe"
            if info.is_dir():
                kind = "folder"
            elif mode in (0, stat.S_IFREG):
                kind = "file"
            elif mode == stat.S_IFLNK:
                kind = "a link"
            yield _Entry(
                info.filename,
                info.file_size,
                kind,
                info.header_offset,
                functools.partial(archive.open, info),
            )


def _clean(name):
    """A member's name without `.` parts, and the last of its parts."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return printable("/".join(parts)), parts[-1] if parts else ""


def printable(name):
    """A name whose bytes need not be text, as text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
