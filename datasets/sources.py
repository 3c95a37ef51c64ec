"""Where recordings come from: a folder, or an archive."""

import os
import pathlib
import stat

from gansynth_zoo import audio_files
from gansynth_zoo.datasets import archives
from gansynth_zoo.datasets import members


def open_source(path, texts=(), watch=lambda done, total, text: None):
    """Lists the recordings of a folder or of an archive.

    Args:
      path: folder; or archive: tar, plain or compressed with gzip, bzip2 or
        xz, or zip; told by its content, not by its name.
      texts: names of files that are read into memory, wherever they lie.
      watch: function of (bytes done, bytes in all, what is done), called
        while an archive is read through.

    Returns:
      `Folder` or `archives.Archive`. Both have `path`; `members`, a dictionary
      of name -> `members.Member`, the parts of a name separated by slashes;
      `texts`, a dictionary of name -> bytes; `left_out`, a dictionary of name
      -> why it is no member; and `read(names)`, which yields pairs of a name
      and the `pathlib.Path` of a file of that content, good until the next.

    Raises:
      ZooError: if `path` is neither, if it cannot be read to its end, or if it
        has members that no archive of recordings has.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return Folder(path, texts)
    return archives.Archive(path, texts, watch)


class Folder:
    """Recordings of a folder; `open_source` says what it has.

    Args:
      path: the folder.
      texts: as in `open_source`.

    Raises:
      ZooError: as `open_source`.
    """

    def __init__(self, path, texts):
        self.path = path
        self.members, self.texts, self._paths = {}, {}, {}
        found, problems = audio_files.find_audio(
            path, (*audio_files.EXTENSIONS, *map(str.lower, texts))
        )
        self.left_out = {
            self._name(place): reason for place, reason in problems.items()
        }
        for place in found:
            try:
                self._take(self._name(place), place, texts)
            except OSError as error:
                reason = f"it cannot be read: {error.strerror}"
                self.left_out[self._name(place)] = reason

    def _name(self, place):
        # With the folder's own name, which may be the one that tells the split.
        inside = [self.path.resolve().name, *place.relative_to(self.path).parts]
        return archives.printable("/".join(inside))

    def _take(self, name, place, texts):
        status = os.stat(place)
        if not stat.S_ISREG(status.st_mode):
            # A pipe would be waited for without end.
            self.left_out[name] = "not a plain file"
        elif name in self.members:
            self.left_out[name] = "its name as text is that of another file"
        elif place.name in texts:
            self.texts[name] = place.read_bytes()
        elif place.suffix.lower() in audio_files.EXTENSIONS:
            self.members[name] = members.member(
                os.fsencode(place), status.st_size
            )
            self._paths[name] = place

    def read(self, names):
        """Yields (name, path) of the named members."""
        for name, place in self._paths.items():
            if name in names:
                yield name, place
