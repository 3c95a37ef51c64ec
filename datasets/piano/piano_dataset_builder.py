"""`piano`: WaveGAN's piano performances, whole recordings."""

import tensorflow_datasets as tfds

from gansynth_zoo.datasets import split_folders


class Builder(split_folders.SplitFolders):
    """Builder of `piano` (Donahue et al., ICLR 2019, section 4)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SOURCE = (
        "the archive mancini_piano.tar.gz that "
        "https://github.com/chrisdonahue/wavegan links to, or piano "
        "recordings of your own in folders train, valid and test"
    )

    def _info(self):
        return self.make_info(
            {}, licence="unknown: WaveGAN's archive of piano names none"
        )
