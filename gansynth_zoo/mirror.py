"""A mirror: modules on a web server or in a folder, fetched when needed.

`GANSYNTH_ZOO_URL` names it, and `python -m gansynth_zoo.export.publish` fills
it. What is fetched is kept in the cache, a folder for each mirror.

The checksums show that a module is what its mirror lists, and not that the
mirror means well. A module is a program: take mirrors that you trust, by https.
"""

import functools
import hashlib
import os
import shutil
import sys
import urllib.parse

from gansynth_zoo import download
from gansynth_zoo import errors
from gansynth_zoo import manifest
from gansynth_zoo import module_archives
from gansynth_zoo import progress
from gansynth_zoo import storage

_VARIABLE = "GANSYNTH_ZOO_URL"


def configured():
    """The `Mirror` that the user named, or None.

    Raises:
      ZooError: if it is named by something else than a folder's URL.
    """
    url = os.environ.get(_VARIABLE)
    return Mirror(url) if url else None


class Mirror:
    """What a mirror offers.

    Attributes:
      url: of its folder.
      folder: `pathlib.Path` of what was fetched of it: <name>/<version>.
      trouble: why it cannot be read, once that was tried; else None.

    Args:
      url: of http, https or file.

    Raises:
      ZooError: if it is something else than a folder's URL.
    """

    def __init__(self, url):
        self.url = _checked(url)
        key = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        self.folder = storage.cache_folder() / "mirrors" / key
        self.trouble = None

    @functools.cached_property
    def entries(self):
        """List of `manifest.Entry`, fetched once.

        Empty where the mirror cannot be reached, of which the user is told.

        Raises:
          ZooError: if the mirror answers with what is no manifest.
        """
        url = f"{self.url}/{manifest.FILE}"
        try:
            content = download.read(url, manifest.MOST_BYTES)
        except download.Failed as error:
            self.trouble = str(error)
            _say(
                f"The mirror {self.url} cannot be read ({error}); modules are "
                "looked for in this machine's folders alone."
            )
            return []
        return manifest.parse(content, url)

    def offered(self, name):
        """Versions of a module: number -> `manifest.Entry`."""
        return {e.version: e for e in self.entries if e.name == name}

    def fetch(self, entry):
        """Fetches a module into the cache, unless it is there by now.

        Args:
          entry: `manifest.Entry` of it.

        Returns:
          `pathlib.Path` of its folder.

        Raises:
          ZooError: if it cannot be had as the manifest describes it. Nothing
            of it is kept but, where the network failed, the part that came.
        """
        target = self.folder / entry.name / str(entry.version)
        label = f"{entry.name}@{entry.version}"
        try:
            with storage.locked(
                self.folder / ".lock",
                lambda: _say("Waiting for another process that fetches."),
            ):
                if not target.is_dir():
                    self._clear()
                    self._fetch(entry, label, target)
        except download.Failed as error:
            raise errors.ZooError(
                f"Module {label} cannot be fetched ({error}); see that the "
                "network works, and try again: it goes on where it stopped."
            ) from error
        except OSError as error:
            raise errors.ZooError(
                f"Module {label} cannot be written to {str(self.folder)!r} "
                f"({error}); mend that, or name another folder with "
                "GANSYNTH_ZOO_CACHE."
            ) from error
        return target

    def _clear(self):
        """Removes what a process that was killed had begun to unpack."""
        for folder in self.folder.glob(".partial-*"):
            shutil.rmtree(folder)

    def _fetch(self, entry, label, target):
        archive = self.folder / f".download-{entry.sha256}"
        resumed = archive.exists()
        self._check_room(entry, label, archive.stat().st_size if resumed else 0)
        self._download(entry, label, archive)
        if resumed and storage.sha256(archive) != entry.sha256:
            # What was there before may be to blame.
            archive.unlink()
            self._download(entry, label, archive)
        try:
            if storage.sha256(archive) != entry.sha256:
                raise module_archives.Refused("has another checksum")
            with storage.folder_written_whole(target, self.folder) as partial:
                module_archives.unpack(archive, partial, entry.unpacked_size)
        except module_archives.Refused as reason:
            archive.unlink()
            raise errors.ZooError(
                f"Expected module {label} as the manifest of {self.url} "
                f"describes it, received {entry.file}, which {reason}; nothing "
                "of it is kept: tell whoever keeps the mirror."
            ) from reason
        archive.unlink()
        _say(
            f"Fetched {label}, {megabytes(entry.size)}, from {self.url}; "
            f"licence: {entry.licence}"
        )

    def _check_room(self, entry, label, have):
        needed = entry.size - have + entry.unpacked_size
        room = shutil.disk_usage(self.folder).free
        if room < needed:
            raise errors.ZooError(
                f"Expected {megabytes(needed)} of room for module {label}, "
                f"received {megabytes(room)} in {str(self.folder)!r}; make "
                "room, or name another folder with GANSYNTH_ZOO_CACHE."
            )

    def _download(self, entry, label, archive):
        told = progress.Progress(entry.size, sys.stderr)
        try:
            download.fetch(
                f"{self.url}/{urllib.parse.quote(entry.file)}",
                archive,
                entry.size,
                lambda have: told.update(
                    have,
                    f"Fetching {label}, {megabytes(have)} of "
                    f"{megabytes(entry.size)}",
                ),
            )
        finally:
            told.close()


def _checked(url):
    """The URL without a slash at its end."""
    try:
        parts = urllib.parse.urlsplit(url)
        plain = not (parts.query or parts.fragment or "@" in parts.netloc)
        there = parts.path if parts.scheme == "file" else parts.hostname
    except ValueError:
        plain = there = False
    if not (plain and there and parts.scheme in ("http", "https", "file")):
        raise errors.ZooError(
            f"Expected {_VARIABLE} to be http://, https:// or file:// and a "
            "folder, without user, query or fragment, received "
            # A password has no place in a log.
            f"{url.rpartition('@')[2]!r}."
        )
    return url.rstrip("/")


def megabytes(size):
    """A size in bytes, for people."""
    return f"{size / 1e6:,.1f} MB"


def _say(sentence):
    print(sentence, file=sys.stderr)
