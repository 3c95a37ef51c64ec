"""`sc09`: the spoken digits of Speech Commands."""

import re

import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import prepared_audio
from gansynth_zoo.datasets import split_folders

DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
# Listed in checksums.tsv.
URL = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
# Files of the official archive that name those of a split.
LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}


class Builder(split_folders.SplitFolders):
    """Builder of `sc09` (Donahue et al., ICLR 2019, section 4)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="pack", description="WaveGAN's archive with its own splits."
        ),
        tfds.core.BuilderConfig(
            name="speech_commands",
            description="Digits of Speech Commands v0.02, official splits.",
        ),
    ]
    SOURCE = (
        "the archive sc09.tar.gz that https://github.com/chrisdonahue/wavegan "
        "links to (or --dataset=sc09/speech_commands, which downloads Google's)"
    )
    TEXTS = tuple(LISTS)
    # Clips and seconds, no more, of the ten digits in the archive at `URL`.
    DOWNLOAD = (38_908, 38_908.0)

    def _info(self):
        return self.make_info(
            {"label": tfds.features.ClassLabel(names=DIGITS)},
            licence="CC BY 4.0 (Google, Speech Commands, Pete Warden)",
        )

    @property
    def _official(self):
        return self.builder_config.name == "speech_commands"

    @property
    def url(self):
        return URL if self._official else None

    @property
    def layout(self):
        if self._official:
            return (
                "Speech Commands' <word>/<hash>_nohash_<n>.wav with "
                f"{' and '.join(LISTS)} (WaveGAN's sc09.tar.gz is "
                "--dataset=sc09/pack)"
            )
        return (
            "WaveGAN's {train,valid,test}/<Word>_<hash>_nohash_<n>.wav "
            "(Google's archive is --dataset=sc09/speech_commands)"
        )

    def arrange(self, listed, left_out):
        if not self._official:
            yield from super().arrange(listed, left_out)
            return
        for source in listed:
            splits = _listed_splits(source)
            if set(splits.values()) != set(LISTS.values()):
                left_out[source.path.name] = f"it lacks {' or '.join(LISTS)}"
                continue
            for name in source.members:
                word, _, file = "/".join(name.split("/")[-2:]).partition("/")
                if word not in DIGITS:
                    continue  # One of the other words, or noise.
                known_as = f"{word.capitalize()}_{split_folders.stem(file)}"
                try:
                    features = self.features_of(known_as)
                except errors.ZooError as error:
                    left_out[name] = str(error)
                    continue
                split = splits.get(f"{word}/{file}", "train")
                yield prepared_audio.Clip(
                    split, source, name, known_as, features
                )

    def features_of(self, inside):
        found = re.match(r"([A-Za-z]+)_[0-9a-f]+_nohash_\d+", inside)
        word = found[1].lower() if found else ""
        if word not in DIGITS:
            raise errors.ZooError("its name tells no digit and speaker")
        return {"label": word}


def _listed_splits(source):
    """Splits by `<word>/<file>`, of what the lists of an archive name."""
    splits = {}
    for name, text in source.texts.items():
        split = LISTS[name.split("/")[-1]]
        for line in text.decode("utf-8", "replace").split():
            splits[line] = split
    return splits
