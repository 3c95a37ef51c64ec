"""`bach`: overlapping one-second clips of piano recordings, as of TiFGAN."""

import collections
import tempfile

import numpy as np
import tensorflow_datasets as tfds

from gansynth_zoo import errors
from gansynth_zoo.datasets import prepared_audio
from gansynth_zoo.datasets import split_folders

CLIP_SAMPLES = 16000
# 80 ms; so 25 minutes are about 19,000 clips.
HOP_SAMPLES = 1280
# Where a recording that is in no folder of a split changes split.
BORDERS = (("train", 0.0, 0.8), ("validation", 0.8, 0.9), ("test", 0.9, 1.0))


class Builder(prepared_audio.PreparedAudio):
    """Builder of `bach` (Marafioti et al., ICML 2019, section 5)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    SOURCE = (
        "piano recordings, such as mancini_piano.tar.gz that "
        "https://github.com/chrisdonahue/wavegan links to or any folder of "
        "your own"
    )
    # Of clips 12.5; the rest is for the decoded recordings and the ids.
    OVERLAP = 14

    def _info(self):
        return self.make_info(
            {}, licence="that of the recordings it was prepared from"
        )

    @property
    def layout(self):
        return "recordings of more than a second"

    def arrange(self, listed, left_out):
        found = [(source, name) for source in listed for name in source.members]
        # By folder where there are folders, else by time: all of a recording
        # counts as "train" until it is decoded.
        self._by_time = not any(_has_split(name) for _, name in found)
        for source, name in found:
            split, inside = "train", name
            if not self._by_time:
                try:
                    split, inside = split_folders.split_of(name)
                except errors.ZooError as error:
                    left_out[name] = str(error)
                    continue
            known_as = split_folders.stem(inside)
            yield prepared_audio.Clip(split, source, name, known_as, {})

    def _split_generators(self, dl_manager):
        recordings = sum(self.begin(dl_manager).values(), [])
        pieces = collections.defaultdict(list)
        start = 0
        # All splits may need a recording, which is decoded once. The file has
        # no name, and goes with the last of the generators.
        with tempfile.TemporaryFile() as store:
            for clip, samples in self.decode("decoding", recordings):
                store.write(samples.tobytes())
                if len(samples) < CLIP_SAMPLES:
                    self.left_out[clip.name] = "it is shorter than a second"
                for split, first, stop in self._cut(clip.split, len(samples)):
                    pieces[split] += [
                        (f"{clip.id}@{offset}", start + offset)
                        for offset in range(
                            first, stop - CLIP_SAMPLES + 1, HOP_SAMPLES
                        )
                    ]
                start += len(samples)
            if not pieces["train"]:
                raise self.nothing_left("train")
            store.flush()
            decoded = np.memmap(store, np.int16, mode="r")
        return {
            split: self._generate_examples(decoded, pieces[split])
            for split in prepared_audio.SPLITS
            if pieces[split]
        }

    def _cut(self, split, length):
        """(split, first sample, sample to stop at) of a recording's parts."""
        if not self._by_time:
            return [(split, 0, length)]
        return [
            (split, round(length * first), round(length * stop))
            for split, first, stop in BORDERS
        ]

    def _generate_examples(self, decoded, pieces):
        for known_as, start in pieces:
            samples = np.array(decoded[start : start + CLIP_SAMPLES])
            yield known_as, self.example(known_as, samples, {})


def _has_split(name):
    return bool(set(name.lower().split("/")[:-1]) & set(split_folders.FOLDERS))
