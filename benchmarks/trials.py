"""A short training, by the trainer's own loop, in a process of its own."""

import concurrent.futures
import math
import multiprocessing
import os
import pathlib
import resource
import sys
import tempfile
import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from benchmarks import steps
from gansynth_zoo import assemble
from gansynth_zoo import clips as clip_files
from gansynth_zoo import pipeline
from gansynth_zoo import training

_CLIPS = len(steps.LABELS)
# More batches than the pipeline keeps ready.
_READY = 4
_BATCHES = 8


class Trial(NamedTuple):
    """What a training took.

    Attributes:
      seconds: of an iteration.
      start_up: seconds from opening the sounds to the end of the first
        iteration, whose compilation is most of it.
      input: seconds in which the input of an iteration is made.
      memory: bytes that the process had at the most, less those that it had
        before the sounds were opened.
    """

    seconds: float
    start_up: float
    input: float
    memory: int


def run(preset, iterations, clips=_CLIPS, cores=None):
    """Trains on noise for some iterations.

    Args:
      preset: a `config.Preset`; networks that grow are at their last stage.
      iterations: how many are timed, after a first one.
      clips: how many sounds there are.
      cores: threads that an operation is spread over, and operations that run
        at once; all cores unless given.

    Returns:
      A `Trial`.
    """
    # A fresh interpreter: a forked one would start with this one's memory.
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as parent,
        concurrent.futures.ProcessPoolExecutor(1, context) as process,
    ):
        folder = pathlib.Path(parent, "clips")
        _write_clips(folder, preset.audio, clips)
        return process.submit(_run, preset, iterations, folder, cores).result()


def _write_clips(folder, audio, count):
    """Clips of a window each: first noise with every label, then silence."""
    rng = np.random.default_rng(0)
    shape = audio.num_samples, audio.channels
    with clip_files.writing(
        folder, audio.sample_rate, audio.channels
    ) as writer:
        for label in steps.LABELS:
            writer.add(rng.uniform(-1, 1, shape).astype("f4"), label)
    index = np.resize(np.load(folder / "index.npy"), count)
    index["start"] = np.arange(count) * audio.num_samples
    np.save(folder / "index.npy", index)
    # Zeros that nobody wrote take no room on the disk.
    os.truncate(folder / "samples.int16", 2 * count * math.prod(shape))


def _run(preset, iterations, folder, cores):
    if cores:
        tf.config.threading.set_intra_op_parallelism_threads(cores)
        tf.config.threading.set_inter_op_parallelism_threads(cores)
    strategy = tf.distribute.get_strategy()
    before, start = largest(), time.perf_counter()
    clips = clip_files.Clips(folder)
    preset = assemble.fit_labels(preset, clips)
    windows = pipeline.Windows(
        clips, preset.audio, preset.data, preset.model.classes > 0
    )
    preset = assemble.fit_representation(preset, pipeline.every_window(windows))
    gan = assemble.make_gan(preset)
    steps.enter_stage(gan)
    dataset = training.distribute(preset, windows, gan, strategy, 0)
    clock = _Clock()
    end = int(gan.step.numpy()) + 1 + iterations
    training.run_loop(gan, iter(dataset), end, strategy, [clock])
    memory = largest() - before
    return Trial(
        (clock.ends[-1] - clock.ends[0]) / iterations,
        clock.ends[0] - start,
        _time_input(iter(dataset)),
        memory,
    )


class _Clock(keras.callbacks.Callback):
    """Notes when each call of the loop ends; the first is of one step."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def _time_input(batches):
    for _ in range(_READY):
        next(batches)
    start = time.perf_counter()
    for _ in range(_BATCHES):
        next(batches)
    return (time.perf_counter() - start) / _BATCHES


def largest():
    """Bytes that this process had, at the most."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        # What getrusage says of a new process begins with that of its parent.
        return int(facts["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest * (1 if sys.platform == "darwin" else 1024)
