"""`drums`: WaveGAN's one-shot drum sounds."""

import tensorflow_datasets as tfds

from gansynth_zoo.datasets import split_folders


class Builder(split_folders.SplitFolders):
    """Builder of `drums` (Donahue et al., ICLR 2019, section 4)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SOURCE = (
        "the archive drums.tar.gz that https://github.com/chrisdonahue/wavegan "
        "links to, or your own drum sounds in folders train, valid and test"
    )

    def _info(self):
        return self.make_info(
            {}, licence="unknown: WaveGAN's archive of drum sounds names none"
        )
