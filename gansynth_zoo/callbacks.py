"""What happens beside training: progress, previews, summaries, safety.

The trainer calls them after each run of steps with the number of steps done
and, for every logged scalar, the values of all those steps.
"""

import time

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import pictures
from gansynth_zoo import progress


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops with a clear word at the first loss that is not finite."""

    def on_train_batch_end(self, batch, logs=None):
        for name, values in (logs or {}).items():
            values = np.atleast_1d(values)
            wrong = np.flatnonzero(~np.isfinite(values))
            if wrong.size:
                step = batch - len(values) + 1 + wrong[0]
                raise errors.ZooError(
                    f"{name} is {values[wrong[0]]} at step {step}; the last "
                    "checkpoint is kept. Try a lower learning rate, a larger "
                    "batch, or a look at the data."
                )


class Progress(keras.callbacks.Callback):
    """Prints the step, losses, speed and time left.

    Args:
      first_step: steps that were done before.
      steps: steps at which the run is done.
      stream: where to print; a terminal gets one line that changes.
    """

    def __init__(self, first_step, steps, stream=None):
        super().__init__()
        self._line = progress.Line(stream)
        self._steps = steps
        self._done = first_step
        self._speed = None

    def on_train_begin(self, logs=None):
        self._since = time.monotonic()
        self._line.show(
            f"Step {self._done} of {self._steps}; the first one takes a while."
        )

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        speed = (batch - self._done) / max(now - self._since, 1e-9)
        # The first call traces and compiles the graph: not a speed to expect.
        if self._speed is None:
            self._speed = 0.0
        else:
            weight = 0.2 if self._speed else 1.0
            self._speed += weight * (speed - self._speed)
        self._since, self._done = now, batch
        if self._line.due() or batch >= self._steps:
            self._line.show(self._text(batch, logs or {}))

    def on_train_end(self, logs=None):
        self._line.keep()

    def above(self, report):
        """A function that reports a line without breaking the live one."""

        def report_above(line):
            self._line.clear()
            report(line)

        return report_above

    def _text(self, step, logs):
        losses = "  ".join(
            f"{name.replace('_', ' ')} {np.mean(values):.3f}"
            for name, values in logs.items()
        )
        line = f"Step {step} of {self._steps}  {losses}"
        if self._speed:
            left = (self._steps - step) / self._speed
            line += f"  {self._speed:.2f} steps/s  {progress.clock(left)} left"
        return line


class Summaries(keras.callbacks.Callback):
    """Writes the losses for TensorBoard.

    Args:
      writer: a `tf.summary` writer.
    """

    def __init__(self, writer):
        super().__init__()
        self._writer = writer

    def on_train_batch_end(self, batch, logs=None):
        with self._writer.as_default(step=batch):
            for name, values in (logs or {}).items():
                tf.summary.scalar(name, np.mean(values))


class Previews(keras.callbacks.Callback):
    """Sounds of the same latents again and again, to hear and see.

    Written as WAV (one after another), as PNG (spectrograms) and for
    TensorBoard.

    Args:
      folder: where to write them.
      writer: a `tf.summary` writer.
      sample_rate: in Hz.
      seconds: time between two previews.
      count: sounds of a preview.
      listeners: functions that are given the step and the sounds, float32
        `[batch, samples, channels]`.
    """

    def __init__(
        self, folder, writer, sample_rate, seconds, *, count=16, listeners=()
    ):
        super().__init__()
        self._folder = folder
        self._writer = writer
        self._sample_rate = sample_rate
        self._timer = progress.Timer(seconds)
        self._count = count
        self._listeners = listeners
        self._written = None

    def on_train_begin(self, logs=None):
        self._inputs = self.model.seeded(tf.range(self._count, dtype=tf.int64))
        # For a training that is stopped before it begins.
        self._compile()

    def on_epoch_begin(self, epoch, logs=None):
        # Networks that grow are others at each stage.
        self._compile()

    def _compile(self):
        self._generate = tf.function(self.model.generate)

    def on_train_batch_end(self, batch, logs=None):
        if self._timer.due():
            self._write(batch)

    def on_train_end(self, logs=None):
        self._write(int(self.model.step.numpy()))

    def _write(self, step):
        if step == self._written:
            return
        self._written = step
        sounds = self._generate(*self._inputs).numpy()
        name = self._folder / f"step_{step:08d}"
        audio_files.write(
            name.with_suffix(".wav"), np.concatenate(sounds), self._sample_rate
        )
        png = pictures.spectrogram_grid(
            sounds, self._sample_rate, f"step {step}"
        )
        name.with_suffix(".png").write_bytes(png)
        with self._writer.as_default(step=step):
            tf.summary.image(
                "spectrograms", tf.image.decode_png(png)[tf.newaxis]
            )
            tf.summary.audio(
                "sounds", sounds, self._sample_rate, max_outputs=self._count
            )
        for listen in self._listeners:
            listen(step, sounds)


class Checkpoints(keras.callbacks.Callback):
    """Saves the run at intervals, and at the end.

    Args:
      run: a `runs.Run`.
      seconds: time between two checkpoints.
      keep: how many stay.
      report: function that is told, in a line, of a disk that is nearly full.
    """

    def __init__(self, run, seconds, keep, report=print):
        super().__init__()
        self._run = run
        self._keep = keep
        self._timer = progress.Timer(seconds)
        self._report = report
        self._warned = False

    def on_train_begin(self, logs=None):
        self._run.check_room(self.model)
        self._look_at_disk()

    def on_train_batch_end(self, batch, logs=None):
        if self._timer.due():
            self._save()

    def on_train_end(self, logs=None):
        self._save()

    def _save(self):
        self._run.save(self.model, self._keep)
        self._look_at_disk()

    def _look_at_disk(self):
        """Says, when it begins, that the disk is nearly full."""
        sentence = self._run.find_shortage(self.model, self._keep)
        if sentence and not self._warned:
            self._report(sentence)
        self._warned = bool(sentence)
