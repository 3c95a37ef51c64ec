"""Where the time of some steps goes: a trace, and a page that sums it up."""

import re
import time

import keras
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import storage

# Parts of a step, and what is in the names of their events; an event that is
# of two parts at once counts for the first. `audio_gan` names the scopes.
PARTS = {
    "discriminator updates": "/discriminator_update",
    "generator update": "/generator_update",
    "waiting for input": "GetNext",
}
_NOTE = """
From the events of TensorFlow's own trace: a part is at work while at least one
of its operations is, on any thread. Input that is prepared meanwhile is not
waited for. Other is the rest: the averaged generator, random numbers that are
shared, and TensorFlow between two operations. Tracing itself takes time too.
On a GPU these are the times at which the host starts the operations, not those
that they take: look at the trace, with the plugin tensorboard-plugin-profile:

  tensorboard --logdir={folder}
"""


def parse(text):
    """What --profile says, as the numbers of the first and last step.

    Raises:
      ZooError: if it is not FIRST:LAST.
    """
    found = re.fullmatch(r"(\d+):(\d+)", text)
    first, last = map(int, found.groups()) if found else (0, 0)
    if not 1 <= first <= last:
        raise errors.ZooError(
            "Expected --profile=FIRST:LAST, two numbers of steps from 1 on, "
            f"received {text!r}."
        )
    return first, last


class Profile(keras.callbacks.Callback):
    """Traces some steps, and writes `profile.txt` to the run's folder.

    Calls of the compiled loop are traced as a whole: from the first that begins
    at step `first` or later, to the one in which step `last` is done. A call
    that compiles the loop is left out.

    Args:
      run: a `runs.Run`.
      first: number of the first step, from 1.
      last: number of the last one.
      report: function that is told a line.
    """

    def __init__(self, run, first, last, report):
        super().__init__()
        self._run = run
        self._first = first
        self._last = last
        self._report = report
        self._due = True
        self._compiled = False
        # Steps done before the trace, while it goes on.
        self._before = None

    def on_epoch_begin(self, epoch, logs=None):
        self._compiled = False

    def on_train_batch_begin(self, batch, logs=None):
        if self._due and self._compiled and batch >= self._first - 1:
            tf.profiler.experimental.start(str(self._run.summaries))
            self._due = False
            self._before, self._seconds = batch, 0.0
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._compiled = True
        if self._before is not None:
            self._seconds += time.perf_counter() - self._start
            if batch >= self._last:
                self._finish(batch)

    def on_train_end(self, logs=None):
        if self._before is not None:
            self._finish(int(self.model.step.numpy()))
        elif self._due:
            self._report(
                f"Not profiled: no call began at step {self._first} or later."
            )

    def _finish(self, done):
        tf.profiler.experimental.stop()
        traces = self._run.summaries.rglob("*.xplane.pb")
        trace = max(traces, key=lambda path: path.stat().st_mtime)
        text = summarise(
            measure(trace), self._seconds, self._before + 1, done
        ) + _NOTE.format(folder=self._run.summaries)
        storage.write_text(self._run.path / "profile.txt", text)
        self._before = None
        self._report(f"Profiled: see {self._run.path / 'profile.txt'}.")


def summarise(parts, seconds, first, last):
    """A table of what steps spent their time on.

    Args:
      parts: seconds of each part, all steps together.
      seconds: that the steps took by the clock.
      first: number of the first step.
      last: number of the last one.

    Returns:
      Text of several lines.
    """
    steps = last - first + 1
    rows = {**parts, "other": max(0.0, seconds - sum(parts.values()))}
    lines = [f"Steps {first} to {last}: {seconds / steps:.4g} s a step.\n"]
    for name, spent in rows.items():
        share = 100 * spent / seconds
        lines.append(f"{name:24}{share:5.1f} %  {spent / steps:.4g} s a step")
    return "\n".join(lines) + "\n"


def measure(trace):
    """Seconds of each of `PARTS` in a trace.

    Args:
      trace: `pathlib.Path` of an `.xplane.pb` file.

    Returns:
      Dictionary of each part's name to a float.
    """
    # Not of the public interface; there since TensorFlow 2.12 at least.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(trace.read_bytes())
    spans = {name: [] for name in PARTS}
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        part_of = {
            number: _part(about.name)
            for number, about in plane.event_metadata.items()
        }
        for line in plane.lines:
            for event in line.events:
                part = part_of[event.metadata_id]
                if part:
                    start = line.timestamp_ns * 1000 + event.offset_ps
                    spans[part].append((start, start + event.duration_ps))
    seconds, seen, before = {}, [], 0.0
    for name, part in spans.items():
        seen += part
        covered = union_length(seen) / 1e12
        seconds[name], before = covered - before, covered
    return seconds


def _part(event_name):
    for name, mark in PARTS.items():
        if mark in event_name:
            return name
    return None


def union_length(spans):
    """Length of what a list of (start, end) covers, ints."""
    covered, reached = 0, None
    for start, end in sorted(spans):
        if reached is None or end > reached:
            covered += end - (start if reached is None else max(start, reached))
            reached = end
    return covered
