"""`timit`: read American English, from the user's own copy of TIMIT."""

import re

import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import split_folders

# A NIST SPHERE file says so, and how it is coded, in its first bytes.
_SPHERE_HEADER_BYTES = 1024


class Builder(split_folders.SplitFolders):
    """Builder of `timit` (Garofolo et al., LDC93S1)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SOURCE = (
        "your licensed copy of TIMIT, LDC93S1 of https://catalog.ldc.upenn.edu"
    )

    def _info(self):
        return self.make_info(
            {
                "speaker": tfds.features.Text(),
                "dialect": tfds.features.Text(),
            },
            licence="LDC User Agreement for Non-Members, or that of your "
            "membership: not to be passed on",
        )

    @property
    def layout(self):
        return "TIMIT's .../{TRAIN,TEST}/DR<n>/<speaker>/<sentence>.WAV"

    def id_of(self, inside):
        return split_folders.stem(inside).upper()

    def features_of(self, inside):
        found = re.fullmatch(r"(DR[1-8])/(\w+)/[^/]+", inside.upper())
        if not found:
            raise errors.ZooError("it lies in no folder of dialect and speaker")
        return {"dialect": found[1], "speaker": found[2]}

    def read_audio(self, path):
        with tfds.core.Path(path).open("rb") as file:
            header = file.read(_SPHERE_HEADER_BYTES)
        if header.startswith(b"NIST") and b"shorten" in header:
            raise errors.ZooError(
                "it is SPHERE compressed with shorten; expand it with LDC's "
                "sph2pipe first"
            )
        return super().read_audio(path)
