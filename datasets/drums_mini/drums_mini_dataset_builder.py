"""`drums_mini`: 160 one-shot drum sounds that come with the package."""

import tensorflow_datasets as tfds

from gansynth_zoo import audio_files
from gansynth_zoo.datasets import prepared_audio


class Builder(prepared_audio.PreparedAudio):
    """Builder of `drums_mini`; needs no download."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "160 clips of two kits."}

    def _info(self):
        return self.make_info(
            {"kit": tfds.features.ClassLabel(names=["LM2", "Rumpf"])},
            licence="CC BY 3.0 (Rumpf), public domain (LM2); "
            "see ATTRIBUTION.csv",
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing to download.
        return {
            split: self._generate_examples(self.pkg_dir_path / "clips" / split)
            for split in ("train", "test")
        }

    def _generate_examples(self, folder):
        for path in audio_files.list_audio(folder):
            yield (
                path.stem,
                {
                    "audio": self.read_audio(path),
                    "id": path.stem,
                    "kit": path.stem.split("_")[0],
                },
            )
