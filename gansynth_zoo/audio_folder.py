"""A folder of sounds: what is in it, decoded file by file, each with a report.

Training and inspection read a folder through `decoding` alone. No file stops
them: one that cannot be used has the reason in its report.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shlex
import stat
import sys
from collections import deque
from concurrent import futures

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds
from gansynth_zoo import progress

# Audio that is not read. Left out with a word, where pictures and texts that
# lie among the sounds are passed over.
_FOREIGN = (".m4a", ".aac", ".mp4", ".wma", ".caf", ".ape", ".wv", ".ra")
# Raised when files are decoded in another way, so that they are decoded anew.
_VERSION = 2
# Bytes of files that are decoded at a time, or wait for their turn. Two files
# are always.
_AHEAD = 1 << 27


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a folder, not yet opened.

    Attributes:
      folder: its path.
      files: list of (name relative to the folder, bytes, what else changes
        with a file).
      problems: name -> why it is left out.
    """

    folder: pathlib.Path
    files: list
    problems: dict

    def digest(self, wanted):
        """A name for what `wanted` makes of these files, and of no others."""
        where = os.path.realpath(self.folder)
        how = [_VERSION, dataclasses.astuple(wanted)]
        key = [how, where, self.files, self.problems]
        return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def scan(folder):
    """Lists the sounds of a folder and its sub-folders.

    Args:
      folder: path of a folder.

    Returns:
      A `Listing`.

    Raises:
      ZooError: if `folder` is not a folder that can be read.
    """
    paths, problems = audio_files.find_audio(
        folder, audio_files.EXTENSIONS + _FOREIGN
    )
    files = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            problems[path] = f"it cannot be read: {error.strerror}"
            continue
        if path.name.lower().endswith(_FOREIGN):
            problems[path] = "a format that is not read; convert it to WAV"
        elif not stat.S_ISREG(status.st_mode):
            problems[path] = "not a plain file"
        else:
            # A file that may now be read has another mode and no other time.
            changes = (status.st_mtime_ns, status.st_mode)
            name = str(path.relative_to(folder))
            files.append((name, status.st_size, *changes))
    named = {str(p.relative_to(folder)): why for p, why in problems.items()}
    return Listing(pathlib.Path(folder), files, dict(sorted(named.items())))


@contextlib.contextmanager
def decoding(listing, wanted):
    """Decodes the files of a listing, several at a time, and tells how far.

    Memory does not grow with the folder: it holds a few files, at the wanted
    rate. The order is that of the listing.

    Args:
      listing: a `Listing`.
      wanted: a `folder_sounds.Wanted`.

    Yields:
      Iterator of pairs: a `folder_sounds.Report`, and the waveform, float32
      `[samples, channels]`, or None if the file is left out.
    """
    # Threads, not processes: decoder, resampler and NumPy let go of the
    # interpreter lock, and a process would first import TensorFlow for seconds.
    pool = futures.ThreadPoolExecutor(os.cpu_count())
    shown = progress.Progress(sum(size for _, size, *_ in listing.files))
    try:
        with _muted_decoders():
            yield _decoded(listing, wanted, pool, shown)
    finally:
        pool.shutdown(cancel_futures=True)
        shown.close()


def _decoded(listing, wanted, pool, shown):
    waiting, ahead, done, seconds = deque(), 0, 0, 0.0
    coming = iter(listing.files)
    for number in range(len(listing.files)):
        while len(waiting) < 2 or ahead < _AHEAD:
            name, size, *_ = next(coming, (None, 0))
            if name is None:
                break
            path = listing.folder / name
            waiting.append(
                (pool.submit(folder_sounds.decode, path, name, wanted), size)
            )
            ahead += size
        sound, size = waiting.popleft()
        report, waveform = sound.result()
        yield report, waveform
        ahead, done = ahead - size, done + size
        seconds += report.seconds
        shown.update(
            done,
            f"Decoded {number + 1} of {len(listing.files)} files, "
            f"{progress.clock(seconds)} of sound",
        )


@contextlib.contextmanager
def _muted_decoders():
    """Keeps the MP3 decoder, which cannot be told to, from writing to stderr.

    It repeats in several lines what the reports say in one.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # There is no stderr.
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def one_line(name):
    """A name as one line that can be printed, whatever it consists of."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in name
    )
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def check_usable(listing, used, left_out):
    """Stops where a folder holds nothing that can be used.

    Args:
      listing: a `Listing`.
      used: number of files that can be used.
      left_out: name -> reason, of all others.

    Raises:
      ZooError: if no file can be used, or there is none.
    """
    if used:
        return
    folder = one_line(str(listing.folder))
    some = "; ".join(describe(left_out, 3))
    found = f"of which none can be used ({some})" if some else "with none"
    raise errors.ZooError(
        "Expected a folder with sounds to train on, received "
        f"{folder!r} {found}; it takes WAV, FLAC, MP3, OGG and AIFF files "
        f"that are not silent, and {inspect_command(listing.folder)} says "
        "more."
    )


def describe(reasons, limit):
    """Lines that name files and say why; with the rest, where it is long.

    Args:
      reasons: name -> reason.
      limit: lines at the most, one more for the rest.

    Returns:
      List of str.
    """
    lines = [f"{one_line(n)}: {why}" for n, why in sorted(reasons.items())]
    rest = len(lines) - limit
    return lines[:limit] + ([f"and {rest} more"] if rest > 0 else [])


def inspect_command(folder):
    """The command that says all about a folder."""
    quoted = shlex.quote(str(folder))
    return one_line(
        f"python -m gansynth_zoo.inspect_audio --audio_dir={quoted}"
    )
