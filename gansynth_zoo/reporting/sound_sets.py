"""Where the sounds of a report come from: sets that are read in batches."""

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import monitors
from gansynth_zoo import pipeline
from gansynth_zoo import prepared_sets
from gansynth_zoo.representations import spectrogram

_BATCH = 64
# Training sounds that are compared with; those of a larger set are drawn.
_TRAINING = 10_000
# Sounds whose consistency is measured.
_CONSISTENT = 256
# Splits of sounds that are not trained on, the first that a set has.
_HELD_OUT = ("test", "validation", "valid")
# Half of which is held out.
_FEWEST_CLIPS = 4


@dataclasses.dataclass(frozen=True)
class SoundSet:
    """A set of sounds to be measured.

    Attributes:
      name: as it stands in the report.
      count: how many.
      batches: function that yields float32 `[batch, samples, channels]`,
        `count` sounds in all, the same at each call.
      labels: names of the sounds' classes `[count]`, None where there are none.
      consistency: function that returns measures which only the features of a
        generator have; empty for others.
      generated: whether each sound is to be heard beside the real one that is
        nearest to it.
    """

    name: str
    count: int
    batches: Callable
    labels: np.ndarray | None = None
    consistency: Callable = dict
    generated: bool = False


class Real:
    """Real sounds: those that were trained on, and those held out.

    A folder has no sounds that are held out: one half of its files is compared
    with the other.

    Attributes:
      split: what is held out, for people.
      train: a `Drawn`, of training sounds.
      held_out: a `Drawn`.
      learned: those of both that a model may have learned from.

    Args:
      preset: a `config.Preset` whose data are the real sounds.
      seed: of the order.

    Raises:
      ZooError: if there are too few sounds, or none that are held out.
    """

    def __init__(self, preset, seed):
        draws = np.random.default_rng(seed)
        clips = clip_sources.load_clips(preset, "train")
        if preset.data.audio_dir:
            self.split = "the other half"
            train, held_out = _halves(clips, draws.permutation(len(clips)))
        else:
            self.split = _held_out_split(preset.data)
            train = clips
            held_out = clip_sources.load_clips(preset, self.split)
        self.train = Drawn(train, preset, draws)
        self.held_out = Drawn(held_out, preset, draws)
        whole = [self.train, self.held_out]
        self.learned = whole if preset.data.audio_dir else whole[:1]

    def train_set(self):
        """The `SoundSet` of the training sounds."""
        return self.train.sound_set("real, train", _TRAINING)

    def held_out_set(self, count):
        """That of the others, `count` at the most."""
        return self.held_out.sound_set(f"real, {self.split}", count)


def _held_out_split(data):
    splits = prepared_sets.find(data.dataset, data.data_dir).info.splits
    for split in _HELD_OUT:
        if split in splits:
            return split
    raise errors.ZooError(
        "Expected a reference with sounds that are held out, in a split "
        f"{', '.join(_HELD_OUT)}, received {data.dataset!r} with "
        f"{', '.join(splits)}; give --reference another set, or a folder."
    )


def _halves(clips, order):
    if len(clips) < _FEWEST_CLIPS:
        raise errors.ZooError(
            f"Expected a reference of {_FEWEST_CLIPS} sounds or more, received "
            f"{len(clips)}; give --reference more of them, in files of their "
            "own."
        )
    halves = copy.copy(clips), copy.copy(clips)
    for number, half in enumerate(halves):
        half.index = clips.index[order[number::2]]
    return halves


class Drawn:
    """The windows of some clips in random order.

    Attributes:
      labels: names of the clips' labels.

    Args:
      clips: a `clips.Clips`.
      preset: a `config.Preset`, which says how windows are cut.
      draws: a NumPy generator.
    """

    def __init__(self, clips, preset, draws):
        self._windows = pipeline.Windows(clips, preset.audio, preset.data)
        self.labels = clips.labels
        self._numbers = draws.permutation(len(self._windows))
        self._fractions = draws.random(len(self._windows))

    def __len__(self):
        return len(self._numbers)

    def read(self, places):
        """Some of them, float32 `[batch, samples, channels]`.

        Args:
          places: ints `[batch]`, or a slice: places in the order.
        """
        return self._windows.read(
            self._numbers[places], self._fractions[places]
        )

    def batches(self, count):
        """Yields the first ones, float32 `[batch, samples, channels]`."""
        for first in range(0, count, _BATCH):
            yield self.read(slice(first, min(first + _BATCH, count)))

    def sound_set(self, name, most):
        """A `SoundSet` of the first ones, `most` or fewer."""
        numbers = self._numbers[:most]
        labels = self._windows.labels[numbers]
        return SoundSet(
            name,
            len(numbers),
            lambda: self.batches(len(numbers)),
            np.array(self.labels)[labels] if all(labels >= 0) else None,
        )


def of_folder(name, folder, preset):
    """The sounds of a folder, cut or padded to the length of the others.

    What cannot be read is told and left out; what is silent is measured.

    Args:
      name: as it stands in the report.
      folder: path of a folder.
      preset: a `config.Preset`, whose sample rate and length they get.

    Returns:
      A `SoundSet`.

    Raises:
      ZooError: if there is no sound that can be used.
    """
    changes = {
        "audio_dir": str(folder),
        "window": "first",
        "normalize": "none",
        "trim_silence": False,
        "keep_silent": True,
    }
    preset = config.replace(preset, changes)
    clips = clip_sources.load_clips(preset)
    drawn = Drawn(clips, preset, np.random.default_rng(0))
    found = drawn.sound_set(name, len(clips))
    return dataclasses.replace(found, generated=True)


def of_model(name, module, preset, count, seed, real):
    """The sounds of `count` seeds.

    Args:
      name: as it stands in the report.
      module: what `export.sources.open_source` opens.
      preset: its `config.Preset`.
      count: how many.
      seed: the first seed.
      real: `Real` sounds, whose consistency is measured beside.

    Returns:
      A `SoundSet`.
    """

    def batches():
        for first in range(0, count, _BATCH):
            size = min(_BATCH, count - first)
            yield module.generate(size, seed + first).numpy()

    def consistency():
        representation = assemble.make_representation(preset)
        if not isinstance(representation, spectrogram.Spectrogram):
            return {}
        measure = monitors.Consistency(representation)
        first = tf.range(min(_CONSISTENT, count), dtype=tf.int64)
        inputs = hub.inputs_of(module, preset.model.classes, seed + first)
        found = measure(
            module.features(*(x[i : i + _BATCH] for x in inputs))
            for i in range(0, len(first), _BATCH)
        )
        beside = measure(
            representation.to_features(tf.constant(batch))
            for batch in real.held_out.batches(
                min(_CONSISTENT, len(real.held_out))
            )
        )
        return found | {f"{k}_real": v for k, v in beside.items()}

    labels = None
    if preset.model.classes:
        seeds = seed + tf.range(count, dtype=tf.int64)
        labels = np.array(preset.model.label_names)[module.labels(seeds)]
    return SoundSet(
        name, count, batches, labels, consistency=consistency, generated=True
    )


def noise(audio, count, seed):
    """White noise at full scale.

    Args:
      audio: a `config.AudioConfig`.
      count: how many sounds.
      seed: of the noise.

    Returns:
      A `SoundSet`.
    """

    def batches():
        draws = np.random.default_rng([seed, 1])
        for first in range(0, count, _BATCH):
            size = min(_BATCH, count - first)
            shape = (size, audio.num_samples, audio.channels)
            yield draws.uniform(-1, 1, shape).astype(np.float32)

    return SoundSet("white noise", count, batches)
