"""The training sounds that a sound is nearest to: remembered, or new?"""

import json
import pathlib

import numpy as np

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo.evaluation import k_means
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.exploring import jobs
from gansynth_zoo.reporting import sound_sets

# Training sounds that are looked at, and held-out ones that say what is usual.
_MOST, _USUAL = 10_000, 1000


class TrainingSounds:
    """Finds training sounds by log-mel features, so loudness does not count.

    They are read in the background.

    Attributes:
      name: of the reference, as it was given.
      job: the `jobs.Job` that reads them.

    Args:
      facts: metadata of the model, a dictionary.
      reference: name of a prepared data set, or a folder of sounds.
      data_dir: folder of prepared data sets; empty is one in the cache folder.
    """

    def __init__(self, facts, reference, data_dir=""):
        named = {"dataset": reference, "audio_dir": ""}
        if pathlib.Path(reference).is_dir():
            named = {"dataset": "", "audio_dir": reference}
        self._preset = config.replace(
            config.from_json(json.dumps(facts["config"])),
            {**named, "data_dir": data_dir},
        )
        self.name = pathlib.Path(reference).name
        self._sets, self._features, self._typical = [], [], 0.0
        self.job = jobs.Job(self._read)

    def _read(self, job):
        real = sound_sets.Real(self._preset, seed=0)
        sizes = [min(_MOST, len(drawn)) for drawn in real.learned]
        usual = min(_USUAL, len(real.held_out))
        of = sum(sizes) + usual
        done = 0

        def look_at(drawn, count):
            nonlocal done
            looked = []
            for batch in drawn.batches(count):
                job.tell(done, of)
                rate = self._preset.audio.sample_rate
                looked.append(log_mel.features(batch, rate))
                done += len(batch)
            return np.concatenate(looked)

        features = [
            look_at(drawn, size)
            for drawn, size in zip(real.learned, sizes, strict=True)
        ]
        held_out = look_at(real.held_out, usual)
        _, distances = k_means.assign(held_out, features[0])
        self._typical = float(np.mean(distances))
        self._sets = list(zip(real.learned, sizes, strict=True))
        self._features = np.concatenate(features)

    def nearest(self, waveform, count=5):
        """The nearest training sounds.

        Args:
          waveform: float32 `[samples, channels]`.
          count: how many.

        Returns:
          List of pairs, the number of a training sound and its distance, the
          nearest first; and the mean distance of sounds that were not trained
          on to the training sound nearest to each.
        """
        rate = self._preset.audio.sample_rate
        looked = log_mel.features(waveform[np.newaxis], rate)
        distances = np.linalg.norm(self._features - looked, axis=1)
        order = np.argsort(distances)[:count]
        return [(int(i), float(distances[i])) for i in order], self._typical

    def sound(self, number):
        """A training sound, float32 `[samples, channels]`.

        Raises:
          ZooError: if there are fewer.
        """
        left = number
        for drawn, size in self._sets:
            if left < size:
                return drawn.read(slice(left, left + 1))[0]
            left -= size
        raise errors.ZooError(
            f"Expected the number of one of {len(self._features)} training "
            f"sounds, received {number}."
        )
