"""Cheap measures of the averaged generator while it trains.

They need no classifier: the log-mel kernel distance to the training sounds,
the diversity over theirs, and of a spectrogram how consistent it is. The best
checkpoint by the distance is kept.
"""

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo.evaluation import consistency
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.representations import spectrogram

_COUNT = 256
_BATCH = 32
# Batches whose consistency is measured: it varies little between sounds.
_CONSISTENT = 2


class Monitors(keras.callbacks.Callback):
    """Measures at intervals, writes for TensorBoard, keeps the best.

    Args:
      run: a `runs.Run`.
      windows: the `pipeline.Windows` that are trained on.
      sample_rate: in Hz.
      every: steps between two measurements, 0 for none.
      first_step: steps that were done before.
      writer: a `tf.summary` writer.
      report: function that is told a line.
    """

    def __init__(
        self, run, windows, sample_rate, every, first_step, writer, report
    ):
        super().__init__()
        self._run = run
        self._windows = windows
        self._sample_rate = sample_rate
        self._every = every
        self._last = first_step
        self._real = None
        self._writer = writer
        self._report = report

    def _look_at_real_sounds(self):
        self._best = self._run.best_measure()
        numbers = _spread(len(self._windows), _COUNT)
        real = self._windows.read(numbers, np.full(len(numbers), 0.5))
        self._real = log_mel.features(real, self._sample_rate)
        representation = self.model.representation
        self._to_waveform = tf.function(representation.to_waveform)
        self._consistency = None
        if isinstance(representation, spectrogram.Spectrogram):
            self._consistency = Consistency(representation)
            first = tf.constant(real[: _CONSISTENT * _BATCH])
            found = self._consistency([representation.to_features(first)])
            self._summarise(self._last, "real", found)
            self._report(f"Of real sounds: {_text(found)}.")

    def on_train_batch_end(self, batch, logs=None):
        before, self._last = self._last, batch
        if not self._every or batch // self._every == before // self._every:
            return
        if self._real is None:
            self._look_at_real_sounds()
        try:
            found = self._measure()
        except errors.ZooError as error:
            # One sound alone, say: no reason to stop.
            self._report(f"Not measured any more: {error}")
            self._every = 0
            return
        self._summarise(batch, "generated", found)
        self._report(f"Step {batch}: {_text(found)}.")
        if found["kernel_distance"] < self._best:
            self._best = found["kernel_distance"]
            self._run.save_best(self.model, self._best)

    def _measure(self):
        pictures = [
            self.model(*self.model.seeded(tf.range(i, i + _BATCH)))
            for i in range(0, _COUNT, _BATCH)
        ]
        sounds = [self._to_waveform(batch) for batch in pictures]
        features = log_mel.features(np.concatenate(sounds), self._sample_rate)
        found = {}
        if self._consistency:
            found = self._consistency(pictures[:_CONSISTENT])
        found["kernel_distance"] = kernel_distance.kernel_distance(
            self._real, features
        )
        found["diversity"] = diversity.mean_pairwise_distance(
            features
        ) / diversity.mean_pairwise_distance(self._real)
        return found

    def _summarise(self, step, of, measures):
        with self._writer.as_default(step=step):
            for name, value in measures.items():
                tf.summary.scalar(f"measures/{name}/{of}", value)


class Consistency:
    """Measures whether the features of a representation are those of sounds.

    Args:
      representation: a `representations.spectrogram.Spectrogram`.
    """

    def __init__(self, representation):
        self._stft = representation.stft
        self._kept = representation.kept
        self._retrieve = tf.function(representation.retrieve)

    def __call__(self, pictures):
        """Both measures of consistency, means over all sounds.

        Args:
          pictures: iterable of features `[batch, *feature_shape]`.

        Returns:
          Dictionary of "spectral_convergence", in dB, and "rho".
        """
        convergence, rho = [], []
        for features in pictures:
            log_magnitude, waveform = self._retrieve(features)
            convergence.append(
                consistency.spectral_convergence(
                    self._stft, np.exp(log_magnitude), waveform
                )
            )
            # Without the bin that is no part of the features.
            kept = log_magnitude[..., self._kept]
            rho.append(consistency.rho(self._stft, kept))
        return {
            "spectral_convergence": float(np.mean(np.concatenate(convergence))),
            "rho": float(np.mean(np.concatenate(rho))),
        }


def _text(measures):
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}"
        for name, value in measures.items()
    )


def _spread(total, count):
    """Numbers below `total`, evenly spread, `count` of them at most."""
    places = np.linspace(0, total - 1, min(total, count))
    return np.unique(places.astype(np.int64))
