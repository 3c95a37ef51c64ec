"""`drums_mini`: 160 one-shot drum sounds that come with the package."""

import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import split_folders

KITS = ("LM2", "Rumpf")


class Builder(split_folders.SplitFolders):
    """Builder of `drums_mini`; needs no source."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {
        "2.0.0": "The feature `kit` is called `label`, as in the other sets.",
        "1.0.0": "160 clips of two kits.",
    }
    EMBEDDED = True
    FILE = "<kit>_<sample>.flac"

    def _info(self):
        return self.make_info(
            {"label": tfds.features.ClassLabel(names=KITS)},
            licence="CC BY 3.0 (Rumpf), public domain (LM2); "
            "see ATTRIBUTION.csv",
        )

    def features_of(self, inside):
        kit = inside.split("_")[0]
        if kit not in KITS:
            raise errors.ZooError("its name does not start with a kit's")
        return {"label": kit}
