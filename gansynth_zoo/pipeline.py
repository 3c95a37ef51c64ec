"""Prepared data set -> clips -> tf.data of features, in an order of its own.

What a step sees is a function of (clips, seed, step) alone. So resuming is
starting at another step, and a replica's share is a range of rows.
"""

import hashlib
import importlib
import json
import pathlib

import numpy as np
import tensorflow as tf

from gansynth_zoo import clips as clip_files
from gansynth_zoo import errors
from gansynth_zoo import storage

_DATASETS = "gansynth_zoo.datasets"


def load_clips(preset, split="train"):
    """The sounds of a preset; they are prepared and cached the first time.

    Args:
      preset: a `config.Preset`.
      split: split of the data set.

    Returns:
      A `clips.Clips` with the sample rate and channels of the preset.

    Raises:
      ZooError: if there is no such data set, or it cannot be prepared.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    builder = _builder(preset.data)
    builder.download_and_prepare()
    info = builder.info
    key = {
        "data": str(builder.data_path),
        "prepared": pathlib.Path(str(builder.data_path), "dataset_info.json")
        .stat()
        .st_mtime_ns,
        "split": split,
        "sample_rate": preset.audio.sample_rate,
        "channels": preset.audio.channels,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    folder = storage.cache_folder() / "clips" / digest.hexdigest()[:16]
    if not folder.is_dir():
        if split not in info.splits:
            raise errors.ZooError(
                f"Expected a split of {info.name}, one of "
                f"{', '.join(info.splits)}, received {split!r}."
            )
        examples = tfds.as_numpy(builder.as_dataset(split=split))
        about = {
            "name": info.full_name,
            "split": split,
            "licence": info.metadata["licence"],
        }
        clip_files.write(
            folder,
            _waveforms(examples, info.metadata["sample_rate"], preset.audio),
            preset.audio.sample_rate,
            preset.audio.channels,
            about,
        )
    return clip_files.Clips(folder)


def dataset_names():
    """Names of the data sets that have a builder, sorted."""
    folder = pathlib.Path(importlib.import_module(_DATASETS).__file__).parent
    return sorted(
        path.parent.name for path in folder.glob("*/*_dataset_builder.py")
    )


def _builder(data):
    if data.dataset not in dataset_names():
        raise errors.ZooError(
            f"Unknown data set {data.dataset!r}: known are "
            f"{', '.join(dataset_names())}; choose one with --dataset."
        )
    module = importlib.import_module(
        f"{_DATASETS}.{data.dataset}.{data.dataset}_dataset_builder"
    )
    return module.Builder(
        data_dir=data.data_dir or storage.cache_folder() / "datasets"
    )


def _waveforms(examples, sample_rate, audio):
    import soxr

    from gansynth_zoo import audio_files

    for example in examples:
        waveform = example["audio"].astype(np.float32) / 32768.0
        waveform = waveform.reshape(len(waveform), -1)
        waveform = audio_files.mix(waveform, audio.channels, example["id"])
        yield soxr.resample(waveform, sample_rate, audio.sample_rate)


class Windows:
    """All windows that an epoch has, and how to read them.

    Attributes:
      shape: (samples, channels) of a window.

    Args:
      clips: a `clips.Clips`.
      audio: a `config.AudioConfig`.
      data: a `config.DataConfig`.

    Raises:
      ZooError: if there is no clip, or no sound in any.
    """

    def __init__(self, clips, audio, data):
        if not len(clips) or not clips.index["peak"].any():
            raise errors.ZooError(
                "Expected sounds to train on, received "
                f"{len(clips)} clips, all of them empty or silent."
            )
        self._clips = clips
        self.shape = (audio.num_samples, audio.channels)
        length = clips.index["length"]
        # So many windows fit into a clip; a random one may start anywhere up
        # to `spare`.
        fitting = np.maximum(1, length // audio.num_samples)
        if data.window == "first":
            fitting = np.ones_like(fitting)
            spare = np.zeros_like(length)
        else:
            spare = np.maximum(0, length - audio.num_samples)
        self._clip_of = np.repeat(np.arange(len(clips)), fitting)
        self._spare = spare
        self._gain = _gains(clips, data.normalize) / 32768.0

    def __len__(self):
        return len(self._clip_of)

    def read(self, numbers, fractions):
        """Windows by number.

        Args:
          numbers: ints below `len(self)`, any shape.
          fractions: floats in [0, 1) of that shape, where a random window
            starts.

        Returns:
          Float32 `[*shape, samples, channels]`, padded with zeros at the end.
        """
        flat = numbers.ravel()
        out = np.zeros((len(flat), *self.shape), np.float32)
        for i, (number, fraction) in enumerate(
            zip(flat, fractions.ravel(), strict=True)
        ):
            clip = self._clip_of[number]
            offset = int(fraction * (self._spare[clip] + 1))
            samples = self._clips.window(clip, offset, out.shape[1])
            np.multiply(samples, self._gain[clip], out=out[i, : len(samples)])
        return out.reshape(*numbers.shape, *out.shape[1:])


def _gains(clips, normalize):
    """Factor of each clip from its stored samples to what is trained on."""
    scale, peak = clips.index["scale"], clips.index["peak"]
    if normalize == "none":
        return scale
    if normalize == "set":
        return scale / peak.max()
    return scale / np.where(peak > 0, peak, 1.0)


def make_dataset(
    windows,
    to_features,
    recipe,
    train,
    *,
    first_step=0,
    replicas=1,
    local_replicas=1,
    first_replica=0,
):
    """Batches for the training step.

    Args:
      windows: a `Windows`.
      to_features: function of waveforms `[n, samples, channels]`.
      recipe: a `config.Recipe`.
      train: a `config.TrainConfig`.
      first_step: step that the first element is for.
      replicas: replicas over which the global batch is split.
      local_replicas: replicas that this dataset feeds, in turn.
      first_replica: number of the first of them.

    Returns:
      `tf.data.Dataset` of {"features": float32 `[batch, n_critic,
      *feature_shape]`, "rows": int64 `[batch]`}, `local_replicas` elements a
      step, without end.

    Raises:
      ZooError: if the batch cannot be split over the replicas.
    """
    if train.batch_size % replicas:
        raise errors.ZooError(
            f"Expected a batch_size that {replicas} replicas can share, "
            f"received {train.batch_size}."
        )
    share = train.batch_size // replicas

    def numbers_and_fractions(element):
        step = first_step + element // local_replicas
        replica = first_replica + element % local_replicas
        rows = tf.range(replica * share, (replica + 1) * share)
        # The examples of one discriminator update follow one another in the
        # epoch, however the batch is split.
        update = tf.range(recipe.n_critic, dtype=tf.int64)
        place = rows[:, tf.newaxis] + update * train.batch_size
        place += step * train.batch_size * recipe.n_critic
        fractions = tf.random.stateless_uniform(
            [train.batch_size, recipe.n_critic],
            tf.stack([tf.constant(train.seed, tf.int64), step]),
            alg="philox",
        )
        numbers = _shuffled(place, len(windows), train.seed)
        return rows, numbers, tf.gather(fractions, rows)

    def read(rows, numbers, fractions):
        waveforms = tf.numpy_function(
            windows.read, [numbers, fractions], tf.float32, stateful=False
        )
        waveforms = tf.reshape(waveforms, [-1, *windows.shape])
        features = to_features(waveforms)
        shape = [share, recipe.n_critic, *features.shape[1:]]
        return {"features": tf.reshape(features, shape), "rows": rows}

    return (
        tf.data.Dataset.counter()
        .map(numbers_and_fractions)
        .map(read)
        .prefetch(2)
    )


def _shuffled(places, count, seed):
    """Window numbers at places of the endless order; `count` an epoch."""
    flat = tf.reshape(places, [-1])
    epoch = flat // count
    seeds = [tf.fill(tf.shape(flat), tf.constant(seed, tf.int64)), epoch]
    # The raw operation, since tf.random.experimental.index_shuffle pads the
    # wrong axis of a seed for each index; a zero is what it would pad with.
    numbers = tf.raw_ops.RandomIndexShuffle(
        index=flat % count,
        seed=tf.stack([*seeds, tf.zeros_like(epoch)], axis=1),
        max_index=tf.fill(tf.shape(flat), tf.constant(count - 1, tf.int64)),
        rounds=4,
    )
    return tf.reshape(numbers, tf.shape(places))
