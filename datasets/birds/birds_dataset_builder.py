"""`birds`: bird vocalisations, named by their species."""

import re

import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import split_folders


class Builder(split_folders.SplitFolders):
    """Builder of `birds` (Donahue et al., ICLR 2019, section 4)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SOURCE = (
        "recordings of birds, as from https://xeno-canto.org, in folders "
        "train, valid and test and named XC<id>_<Genus>_<species>.wav"
    )
    FILE = "XC<id>_<Genus>_<species>.wav"

    def _info(self):
        return self.make_info(
            {"label": tfds.features.Text()},
            licence="that of each recording on xeno-canto.org, mostly "
            "CC BY-NC-SA: non-commercial",
        )

    def features_of(self, inside):
        found = re.search(r"XC\d+_([A-Z][a-z-]+)_([a-z-]+)\.\w+$", inside)
        if not found:
            raise errors.ZooError("its name tells no species")
        return {"label": f"{found[1]} {found[2]}"}
