"""The base of all builders: audio decoded once, stored as exact int16."""

import inspect

import numpy as np
import tensorflow_datasets as tfds

from gansynth_zoo import audio_files


class PreparedAudio(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builder of examples with `audio`, `id` and labels.

    `audio` is mono, int16 `[samples]`, its length that of the recording. All
    examples have the rate `SAMPLE_RATE`, found again in
    `info.metadata["sample_rate"]`; `info.metadata["licence"]` says what may be
    done with them.
    """

    SAMPLE_RATE = 16000

    def __init_subclass__(cls, **kwargs):
        """Tells TFDS that the subclass's files lie beside its module.

        It would infer the paths from the import name, and in an editable
        install the folder has another name. Inferring also needs the package
        importlib_resources, which TFDS does not require on newer Pythons.
        """
        cls.code_path = tfds.core.Path(inspect.getfile(cls))
        cls.pkg_dir_path = cls.code_path.parent
        super().__init_subclass__(**kwargs)

    def make_info(self, label_features, licence):
        """Describes the examples; description and citation come from files.

        Args:
          label_features: TFDS feature by name, besides `audio` and `id`.
          licence: terms of the audio, in words.

        Returns:
          `tfds.core.DatasetInfo`.
        """
        # A plain audio feature stores 64-bit integers, three times the bytes.
        audio = tfds.features.Tensor(
            shape=(None,), dtype=np.int16, encoding="bytes"
        )
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"audio": audio, "id": tfds.features.Text(), **label_features}
            ),
            metadata=tfds.core.MetadataDict(
                sample_rate=self.SAMPLE_RATE, licence=licence
            ),
            license=licence,
        )

    def read_audio(self, path):
        """Decodes one file to mono at `SAMPLE_RATE`.

        Args:
          path: audio file.

        Returns:
          int16 `[samples]`; of a 16-bit mono file of that rate its very
          sample values.
        """
        waveform, _ = audio_files.read(path, self.SAMPLE_RATE, channels=1)
        return to_int16(waveform[:, 0])


def to_int16(waveform):
    """Converts a waveform to 16 bits, undoing the scale of `audio_files`.

    Args:
      waveform: float `[samples]`, full scale 1; what leaves the 16 bits is
        clipped.

    Returns:
      int16 `[samples]`.
    """
    return np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
