"""Disturbs small runs as badly as machines do, and looks what becomes of them.

  python -m benchmarks.chaos --disturbances=50 --each=5

A run is killed at any time, killed while it writes a checkpoint, stopped by
SIGTERM, has its disk full, or a bit of its newest checkpoint flipped. After
`each` of these it is let go on to its end, and must have the weights of the
run that nothing disturbed, bit for bit, else the exit status is 1. A full disk
is a limit of the size of a file, which needs no rights.
"""

import collections
import multiprocessing
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import runs

KINDS = ("kill", "kill in checkpoint", "SIGTERM", "full disk", "flipped bit")
# Saved after every call of the compiled loop, so as to be killed then.
SMALL = (
    "--preset=wavegan_drums_small",
    "--dataset=drums_mini",
    "--num_samples=256",
    "--dim=4",
    "--batch_size=4",
    "--checkpoint_seconds=0",
    "--evaluate_every=50",
)
_TENSORS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_LONGEST = 300


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "disturbances", 50, "Disturbances in all.", 1, flag_values=values
    )
    flags.DEFINE_integer(
        "each", 5, "Disturbances of a run.", 1, flag_values=values
    )
    flags.DEFINE_integer("steps", 150, "Steps of a run.", 1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "Which and when.", flag_values=values)


def main(values=flags.FLAGS):
    """Prints a table of the runs.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0 if all runs ended with the weights of the undisturbed one.
    """
    rng = random.Random(values.seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        calm = Victim(pathlib.Path(folder, "calm"), values.steps, rng)
        calm.finish()
        left = values.disturbances
        while left > 0:
            name = f"run {len(rows)}"
            victim = Victim(pathlib.Path(folder, name), values.steps, rng)
            for _ in range(min(left, values.each)):
                victim.disturb(rng.choice(KINDS))
            victim.finish()
            left -= max(1, sum(victim.suffered.values()))
            same = same_weights(calm.run, victim.run)
            counts = [victim.suffered[kind] for kind in KINDS]
            rows.append((name, *counts, "yes" if same else "NO"))
            print(*rows[-1], flush=True)
    timing.print_table(("", *KINDS, "same weights"), rows)
    return 0 if all(row[-1] == "yes" for row in rows) else 1


class Victim:
    """A run, and what is done to it.

    Attributes:
      run: the `runs.Run`.
      suffered: how often each of `KINDS` has struck.

    Args:
      folder: of the run.
      steps: at its end.
      rng: the `random.Random` that says when a disturbance strikes.
    """

    def __init__(self, folder, steps, rng):
        self.run = runs.Run(folder)
        self.suffered = collections.Counter()
        self._steps = steps
        self._rng = rng
        self._log = folder.with_name(f"{folder.name}.log")
        # Forked from one that has imported TensorFlow, which takes longer
        # than all else.
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["gansynth_zoo.train"])

    def disturb(self, kind):
        """Lets the run go on until one of `KINDS` strikes.

        Raises:
          ZooError: if the run takes it otherwise than it should.
        """
        if self._newest() < self._steps:
            self.suffered[kind] += _DISTURB[kind](self)

    def finish(self):
        """Lets the run go on to its end."""
        self._check(self._start(), 0)

    def _newest(self):
        return max(self.run.steps(), default=0)

    def _start(self, limit=resource.RLIM_INFINITY):
        arguments = [*SMALL, f"--steps={self._steps}"]
        process = self._processes.Process(
            target=_train,
            args=(arguments, str(self.run.path), str(self._log), limit),
        )
        process.start()
        return process

    def _check(self, process, *expected):
        process.join(_LONGEST)
        if process.exitcode not in expected:
            process.kill()
            raise errors.ZooError(
                f"Expected exit status {expected} of {self.run.path}, received "
                f"{process.exitcode}: {self._log.read_text('utf-8')[-2000:]}"
            )
        return process.exitcode

    def _start_and_save(self):
        """A process that has saved, and two checkpoints at least."""
        before = self._newest()
        process = self._start()
        self._wait(
            process,
            lambda: self._newest() > before and len(self.run.steps()) > 1,
        )
        return process

    def _wait(self, process, until):
        while process.is_alive() and not until():
            time.sleep(0.0005)

    def _kill(self):
        process = self._start_and_save()
        process.join(self._rng.uniform(0, 1))
        process.kill()
        return self._check(process, -signal.SIGKILL, 0) != 0

    def _kill_in_checkpoint(self):
        process = self._start_and_save()
        self._wait(process, lambda: any(self.run.path.glob(".partial-*/*")))
        process.kill()
        return self._check(process, -signal.SIGKILL, 0) != 0

    def _terminate(self):
        process = self._start_and_save()
        process.join(self._rng.uniform(0, 1))
        process.terminate()
        return self._check(process, 130, 0) != 0

    def _fill_disk(self):
        process = self._start(limit=self._rng.randrange(1 << 15, 1 << 17))
        self._check(process, 1)
        if "make room there" not in self._log.read_text("utf-8"):
            self._check(process)
        return True

    def _flip(self):
        steps = self.run.steps()
        if len(steps) < 2:  # it could but start anew
            return False
        folder = self.run.path / runs.NEWEST / f"{steps[0]:08d}"
        file = self._rng.choice(sorted(folder.iterdir()))
        content = bytearray(file.read_bytes())
        place = self._rng.randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
        file.write_bytes(content)
        return True


_DISTURB = dict(
    zip(
        KINDS,
        (
            Victim._kill,
            Victim._kill_in_checkpoint,
            Victim._terminate,
            Victim._fill_disk,
            Victim._flip,
        ),
        strict=True,
    )
)


def _train(arguments, folder, log, limit):
    """What the process of a run does."""
    with open(log, "w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    from gansynth_zoo import train

    sys.argv = ["train", *arguments, f"--run_dir={folder}"]
    command_line.run(train.main)


def same_weights(run, other):
    """Whether two runs ended at one step with the same state, to the bit."""
    states = []
    for one in (run, other):
        folder = one.path / runs.NEWEST / f"{max(one.steps()):08d}"
        reader = tf.train.load_checkpoint(str(folder / "checkpoint"))
        names = sorted(set(reader.get_variable_to_shape_map()) - {_TENSORS})
        states.append({name: reader.get_tensor(name) for name in names})
    first, second = states
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
