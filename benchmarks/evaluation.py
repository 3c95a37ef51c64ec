"""How long a report takes to measure, and how much memory.

  python -m benchmarks.evaluation
  python -m benchmarks.evaluation --count=50000 --classifier=digits_small

One line for each number of sounds, in a process of its own: as many that are
held out, as many of one model, and as many to train on up to 10,000; struck
tones of a second, which cost nothing to make. Memory is the largest that the
process had, less what it had before: "own" is what it must have, "mapped" adds
the pages of files that the system keeps as long as there is room.
"""

import concurrent.futures
import multiprocessing
import pathlib
import tempfile
import threading
import time
import types

import numpy as np
from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import evaluate
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.reporting import sound_sets

_RATE = 16000
_BATCH = 64
_TRAINING = 10_000
_HEADER = ("sounds", "seconds", "s per 1000", "own MiB", "mapped MiB")


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_multi_integer(
        "count", [1000, 10_000], "Sounds of each set.", 4, flag_values=values
    )
    flags.DEFINE_integer(
        "num_samples", 16384, "Length of a sound.", 1, flag_values=values
    )
    flags.DEFINE_string(
        "classifier",
        "",
        "Folder or name of a classifier; none unless given.",
        flag_values=values,
    )


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    context = multiprocessing.get_context("spawn")
    table = []
    for count in values.count:
        with concurrent.futures.ProcessPoolExecutor(1, context) as process:
            seconds, own, mapped = process.submit(
                _measure, count, values.num_samples, values.classifier
            ).result()
        table.append(
            (
                count,
                seconds,
                1000 * seconds / count,
                own / 2**20,
                mapped / 2**20,
            )
        )
    timing.print_table(_HEADER, table)
    return 0


def _measure(count, num_samples, classifier):
    """Seconds, and bytes without and with mapped files, of one report."""
    classifier = classifiers.load(classifier) if classifier else None
    train, held_out, generated = (
        _tones(name, size, num_samples, seed)
        for seed, (name, size) in enumerate(
            [
                ("real, train", min(count, _TRAINING)),
                ("real, test", count),
                ("model", count),
            ]
        )
    )
    real = types.SimpleNamespace(
        train_set=lambda: train,
        held_out_set=lambda most: held_out,
        learned=[
            types.SimpleNamespace(
                read=lambda numbers: np.zeros((len(numbers), num_samples, 1))
            )
        ],
    )
    with tempfile.TemporaryDirectory(dir=pathlib.Path.cwd()) as folder:
        watch = _Watch()
        start = time.perf_counter()
        evaluate.measure(
            real,
            [generated],
            _RATE,
            classifier,
            count=count,
            seed=0,
            folder=folder,
        )
        return time.perf_counter() - start, *watch.stop()


def _tones(name, count, num_samples, seed):
    """A set of decaying tones with some noise."""
    seconds = np.arange(num_samples) / _RATE

    def batches():
        draws = np.random.default_rng(seed)
        for first in range(0, count, _BATCH):
            size = min(_BATCH, count - first)
            pitch, decay = draws.uniform(
                [[100], [3]], [[4000], [30]], (2, size)
            )
            sounds = np.sin(2 * np.pi * pitch[:, np.newaxis] * seconds)
            sounds *= np.exp(-decay[:, np.newaxis] * seconds)
            sounds += 1e-3 * draws.normal(size=sounds.shape)
            yield 0.9 * sounds[..., np.newaxis].astype(np.float32)

    return sound_sets.SoundSet(name, count, batches, generated=name == "model")


class _Watch:
    """Looks at the memory of this process ten times a second."""

    def __init__(self):
        self._before = np.array(_memory())
        self._largest = self._before
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self):
        while not self._done.wait(0.1):
            self._largest = np.maximum(self._largest, _memory())

    def stop(self):
        """Bytes that were added, at the most: own, and with mapped files."""
        self._done.set()
        self._thread.join()
        return tuple((self._largest - self._before).tolist())


def _memory():
    """Bytes of this process, its own and with mapped files; Linux alone."""
    with open("/proc/self/status", encoding="ascii") as file:
        facts = dict(line.split(":", 1) for line in file)
    names = ("RssAnon", "VmRSS")
    return [int(facts[name].split()[0]) * 1024 for name in names]


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
