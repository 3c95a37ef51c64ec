"""Sets whose source has a folder for each split, as WaveGAN's packs have."""

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo.datasets import prepared_audio

# Name of a folder, in small letters -> split.
FOLDERS = {
    "train": "train",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


class SplitFolders(prepared_audio.PreparedAudio, skip_registration=True):
    """Builder of what lies in folders `train`, `valid` and `test`.

    A recording's id is its path below that folder, without the extension.
    """

    FILE = "<name>.wav"

    @property
    def layout(self):
        return f"recordings named .../{{train,valid,test}}/{self.FILE}"

    def arrange(self, listed, left_out):
        for source in listed:
            for name in source.members:
                try:
                    split, inside = split_of(name)
                    features = self.features_of(inside)
                except errors.ZooError as error:
                    left_out[name] = str(error)
                else:
                    yield prepared_audio.Clip(
                        split, source, name, self.id_of(inside), features
                    )

    def id_of(self, inside):
        """What a recording is known by, from its path below the split's."""
        return stem(inside)

    def features_of(self, inside):
        """Reads what the name of a recording says.

        Args:
          inside: its path below the folder of its split.

        Returns:
          Dictionary by feature.

        Raises:
          ZooError: if the name is not one of the set; it gives the reason
            alone.
        """
        del inside  # A name says nothing, unless a set says otherwise.
        return {}


def split_of(name):
    """Finds the folder that tells the split, the one nearest to the file.

    Args:
      name: name of a member, its parts separated by slashes.

    Returns:
      Pair of the split and the rest of the name below that folder.

    Raises:
      ZooError: if there is none; it gives the reason alone.
    """
    parts = name.split("/")
    for place in reversed(range(len(parts) - 1)):
        split = FOLDERS.get(parts[place].lower())
        if split:
            return split, "/".join(parts[place + 1 :])
    raise errors.ZooError("it lies in no folder train, valid or test")


def stem(name):
    """A name without its extension, or extensions as in `SA1.WAV.wav`."""
    while name.lower().endswith(audio_files.EXTENSIONS):
        name = name[: name.rindex(".")]
    return name
