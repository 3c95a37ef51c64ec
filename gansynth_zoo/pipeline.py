"""Clips -> tf.data of features, in an order of its own.

What a step sees is a function of (clips, seed, step) alone. So resuming is
starting at another step, and a replica's share is a range of rows.
"""

import dataclasses

import numpy as np
import soxr
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import progress


class Windows:
    """All windows that an epoch has, and how to read them.

    Attributes:
      shape: (samples, channels) of a window.
      labels: int32 `[windows]`, the number of each one's label, -1 where it
        has none.

    Args:
      clips: a `clips.Clips`.
      audio: a `config.AudioConfig`.
      data: a `config.DataConfig`.
      labelled: leave out clips that have no label.

    Raises:
      ZooError: if there is no clip, or no sound in any.
    """

    def __init__(self, clips, audio, data, labelled=False):
        if not len(clips) or not clips.index["peak"].any():
            raise errors.ZooError(
                "Expected sounds to train on, received "
                f"{len(clips)} clips, all of them empty or silent."
            )
        self._clips = clips
        self.shape = (audio.num_samples, audio.channels)
        length = clips.index["length"]
        # A clip has `counts` windows, `hop` samples apart, each of which may
        # start so much later as `spare` says.
        counts, spare = np.ones_like(length), np.zeros_like(length)
        self._hop = 0
        beyond = np.maximum(0, length - audio.num_samples)
        if data.window == "random":
            counts = np.maximum(1, length // audio.num_samples)
            spare = beyond
        elif data.window == "overlap":
            hop = round(audio.num_samples * (1 - data.overlap))
            self._hop = max(1, hop)
            counts = 1 - (-beyond // self._hop)
        if labelled:
            counts = np.where(clips.index["label"] < 0, 0, counts)
        self._clip_of = np.repeat(np.arange(len(clips)), counts)
        self.labels = np.repeat(clips.index["label"], counts)
        self._first = np.cumsum(counts) - counts
        self._spare = spare
        self._vary_speed = data.vary_speed
        self._gain = _gains(clips, data.normalize) / 32768.0

    def __len__(self):
        return len(self._clip_of)

    def read(self, numbers, fractions, speeds=None):
        """Windows by number.

        Args:
          numbers: ints below `len(self)`, any shape.
          fractions: floats in [0, 1) of that shape, where a random window
            starts.
          speeds: floats in [-1, 1) of that shape: 1 is faster by all that
            `vary_speed` allows. None leaves all sounds as they are.

        Returns:
          Float32 `[*shape, samples, channels]`, padded with zeros at the end.
        """
        flat = numbers.ravel()
        if speeds is None:
            speeds = np.zeros(len(flat))
        out = np.zeros((len(flat), *self.shape), np.float32)
        for i, (number, fraction, speed) in enumerate(
            zip(flat, fractions.ravel(), speeds.ravel(), strict=True)
        ):
            clip = self._clip_of[number]
            offset = int(fraction * (self._spare[clip] + 1))
            offset += (number - self._first[clip]) * self._hop
            factor = 1 + self._vary_speed * speed
            samples = self._window(clip, offset, factor)
            np.multiply(samples, self._gain[clip], out=out[i, : len(samples)])
        return out.reshape(*numbers.shape, *out.shape[1:])

    def _window(self, clip, offset, factor):
        """Part of a clip, `factor` times as fast, `[samples, channels]`."""
        length = self.shape[0]
        if factor == 1:
            return self._clips.window(clip, offset, length)
        samples = self._clips.window(clip, offset, round(factor * length))
        # One whose rate is that much higher, brought back to the old rate.
        return soxr.resample(samples.astype(np.float32), factor, 1)[:length]


def _gains(clips, normalize):
    """Factor of each clip from its stored samples to what is trained on."""
    scale, peak = clips.index["scale"], clips.index["peak"]
    if normalize == "none":
        return scale
    if normalize == "set":
        return scale / peak.max()
    return scale / np.where(peak > 0, peak, 1.0)


def every_window(windows, batch_size=64):
    """All windows once, float32 `[batch, samples, channels]`; tells how far."""
    shown = progress.Progress(len(windows))
    for start in range(0, len(windows), batch_size):
        numbers = np.arange(start, min(start + batch_size, len(windows)))
        yield windows.read(numbers, np.full(len(numbers), 0.5))
        shown.update(numbers[-1] + 1, "Measuring the spectra of the sounds")
    shown.close()


@dataclasses.dataclass(frozen=True)
class Share:
    """What a dataset feeds: a range of the replicas that split a batch.

    Attributes:
      replicas: all replicas.
      local: those that this dataset feeds, in turn.
      first: number of the first of them.
    """

    replicas: int = 1
    local: int = 1
    first: int = 0


def make_dataset(
    windows, to_features, recipe, train, *, first_step=0, share=None
):
    """Batches for the training step.

    Args:
      windows: a `Windows`.
      to_features: function of waveforms `[n, samples, channels]`.
      recipe: a `config.Recipe`.
      train: a `config.TrainConfig`.
      first_step: step that the first element is for.
      share: a `Share`; None is one replica.

    Returns:
      `tf.data.Dataset` of {"features": float32 `[batch, n_critic,
      *feature_shape]`, "labels": int32 `[batch, n_critic]`, "rows": int64
      `[batch]`}, `share.local` elements a step, without end.

    Raises:
      ZooError: if the batch cannot be split over the replicas.
    """
    share = share or Share()
    if train.batch_size % share.replicas:
        raise errors.ZooError(
            f"Expected a batch_size that {share.replicas} replicas can share, "
            f"received {train.batch_size}."
        )
    size = train.batch_size // share.replicas

    def place(element):
        replica = share.first + element % share.local
        rows = tf.range(replica * size, (replica + 1) * size)
        step = first_step + element // share.local
        return rows, *_places(step, rows, len(windows), recipe, train)

    def look_up(numbers, fractions, speeds):
        waveforms = windows.read(numbers, fractions, speeds)
        return waveforms, windows.labels[numbers]

    def read(rows, *places):
        waveforms, labels = tf.numpy_function(
            look_up, places, [tf.float32, tf.int32], False
        )
        features = to_features(tf.reshape(waveforms, [-1, *windows.shape]))
        examples = [size, recipe.n_critic]
        return {
            "features": tf.reshape(features, [*examples, *features.shape[1:]]),
            "labels": tf.reshape(labels, examples),
            "rows": rows,
        }

    return tf.data.Dataset.counter().map(place).map(read).prefetch(2)


def _places(step, rows, count, recipe, train):
    """Numbers, fractions, speeds `[batch, n_critic]` of a step's rows."""
    # The examples of one discriminator update follow one another in the
    # epoch, however the batch is split.
    update = tf.range(recipe.n_critic, dtype=tf.int64)
    places = rows[:, tf.newaxis] + update * train.batch_size
    places += step * train.batch_size * recipe.n_critic
    fractions, speeds = (
        tf.gather(
            tf.random.stateless_uniform(
                [train.batch_size, recipe.n_critic],
                tf.stack([tf.constant(seed, tf.int64), step]),
                minval=least,
                alg="philox",
            ),
            rows,
        )
        # Seeds of runs are not negative.
        for seed, least in ((train.seed, 0.0), (~train.seed, -1.0))
    )
    return _shuffled(places, count, train.seed), fractions, speeds


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
