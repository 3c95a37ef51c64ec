"""A module as one compressed file, and back.

The archive is a tar of folders and plain files compressed with gzip, which
tensorflow-hub unpacks by itself too. An archive comes from outside: whatever
else a tar may hold is refused, before it is read, and so is a file more than
was promised.
"""

import gzip
import pathlib
import shutil
import tarfile
import zlib

from gansynth_zoo import manifest

MOST_FILES = 1000

# What every kind of tar can say.
_LONGEST_NAME = 100
_NAMES = (
    f"names are to be of letters, digits, _, - and ., and of {_LONGEST_NAME} "
    "bytes at most"
)
_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    tarfile.TarError,
    zlib.error,
    # A name comes twice, or once as a folder.
    FileExistsError,
    NotADirectoryError,
)


class Refused(Exception):
    """What an archive, or a folder that is to become one, has or is."""


def pack(folder, path):
    """Packs a module; the same files give the same bytes.

    Args:
      folder: of the module.
      path: of the archive to write.

    Returns:
      Size of the files together, in bytes.

    Raises:
      Refused: if the folder holds what `unpack` would refuse.
    """
    files = _files(folder)
    with (
        open(path, "wb") as file,
        # The file's name and the time would become part of the archive.
        gzip.GzipFile("", "wb", 6, file, mtime=0) as stream,
        tarfile.TarFile(
            fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT
        ) as archive,
    ):
        made = set()
        for name, place in files.items():
            # tensorflow-hub makes no folder that is not listed.
            for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
                if parent not in made:
                    header = tarfile.TarInfo(str(parent))
                    header.type = tarfile.DIRTYPE
                    archive.addfile(header)
                    made.add(parent)
            header = tarfile.TarInfo(name)
            header.size = place.stat().st_size
            with open(place, "rb") as data:
                archive.addfile(header, data)
    return sum(place.stat().st_size for place in files.values())


def _files(folder):
    """Name -> path of a module's files."""
    files = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Refused(f"holds {name!r}, which is no plain file")
        if path.is_file():
            _check_name(name)
            files[name] = path
    if "saved_model.pb" not in files or len(files) > MOST_FILES:
        raise Refused(f"has no saved_model.pb or over {MOST_FILES:,} files")
    return files


def unpack(path, folder, size):
    """Unpacks a module.

    Args:
      path: of the archive.
      folder: an empty one.
      size: of the files together in bytes; not a byte more is written.

    Raises:
      Refused: if the archive is no module of that size. What was written
        until then is left to the caller.
    """
    folder = pathlib.Path(folder)
    left = size
    try:
        with (
            gzip.open(path) as stream,
            tarfile.TarFile(fileobj=stream, tarinfo=_Plain) as archive,
        ):
            for count, header in enumerate(archive):
                _check_name(header.name)
                if not 0 <= header.size <= left:
                    raise Refused(f"unpacks to more than {size:,} bytes")
                if count == MOST_FILES:
                    raise Refused(f"holds over {MOST_FILES:,} files")
                left -= header.size
                target = folder / header.name
                if header.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                # "x", since no name may come twice.
                with open(target, "xb") as file:
                    shutil.copyfileobj(archive.extractfile(header), file)
    except _DAMAGE as error:
        raise Refused(f"is damaged ({error})") from error
    if left or not (folder / "saved_model.pb").is_file():
        raise Refused(f"unpacks to no module of {size:,} bytes")


_KINDS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)


class _Plain(tarfile.TarInfo):
    """A header of a file or a folder; of anything else, it is an error.

    A tar's own extensions are among the rest: they would be read into memory,
    however long they are.
    """

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        header = super().frombuf(buf, encoding, errors)
        if header.type not in _KINDS:
            raise Refused(f"holds {header.name!r}, which is no plain file")
        return header


def _check_name(name):
    plain = all(map(manifest.is_name, name.split("/")))
    if not plain or len(name.encode()) > _LONGEST_NAME:
        raise Refused(f"holds {name!r}, and {_NAMES}")
