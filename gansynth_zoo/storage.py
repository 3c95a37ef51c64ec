"""Where the zoo keeps its files; a folder replaced in one step, and a lock."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile


def cache_folder():
    """The folder for all that can be made again.

    `GANSYNTH_ZOO_CACHE`, else `gansynth_zoo` in the user's cache folder.
    """
    named = os.environ.get("GANSYNTH_ZOO_CACHE")
    if named:
        return pathlib.Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base, "gansynth_zoo")


def zoo_folder():
    """The folder of the user's modules: `GANSYNTH_ZOO_DIR`, else cached."""
    named = os.environ.get("GANSYNTH_ZOO_DIR")
    return pathlib.Path(named) if named else cache_folder() / "modules"


# Of the names of what is not yet written whole.
_PARTIAL = ".partial-"


@contextlib.contextmanager
def folder_written_whole(path, temporary_in=None):
    """A folder to fill, which takes its name when all is written.

    Whoever looks at `path` finds all of it or nothing; where the block fails,
    nothing is left behind.

    Args:
      path: the folder's final name. Where another process was first, what it
        wrote is kept.
      temporary_in: folder of the same file system that holds it meanwhile;
        the parent of `path` unless given.

    Yields:
      `pathlib.Path` of the folder to fill.
    """
    path = pathlib.Path(path)
    parent = pathlib.Path(temporary_in or path.parent)
    parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def locked(path, when_held):
    """Keeps other processes out of a block; a kill releases the lock.

    Args:
      path: of the lock's file, which is made and stays.
      when_held: function of no arguments, called where another process holds
        the lock: it raises what is to be said, or returns to wait for it.
    """
    # Windows has none of it, and can still load modules.
    import fcntl

    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            when_held()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_text(path, text):
    """Writes a text file whole: under a temporary name, then renamed."""
    path = pathlib.Path(path)
    temporary = path.with_name(f"{_PARTIAL}{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def remove_partial(folder):
    """Removes what a process that was killed left half-written in a folder.

    Call it only where no other process writes there.
    """
    for path in pathlib.Path(folder).glob(f"{_PARTIAL}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def sha256(path):
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
