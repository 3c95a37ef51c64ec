import pathlib
import random
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from gansynth_zoo import runs

# The benchmarks are not installed.
ROOT = pathlib.Path(__file__).parents[1]
with mock.patch.object(sys, "path", [str(ROOT), *sys.path]):
    from benchmarks import chaos

STEPS = 60


def test_whatever_happens_a_run_ends_with_the_same_weights(tmp_path):
    # The processes of the runs look for the module that they are to run.
    with mock.patch.object(sys, "path", [str(ROOT), *sys.path]):
        calm, victim = (
            chaos.Victim(tmp_path / name, STEPS, random.Random(0))
            for name in ("calm", "victim")
        )
        calm.finish()
        certain = ("kill in checkpoint", "flipped bit", "full disk")
        for kind in (*certain, "SIGTERM"):
            victim.disturb(kind)
        assert all(victim.suffered[kind] == 1 for kind in certain)
        victim.finish()
    assert chaos.same_weights(calm.run, victim.run)
    assert not list(victim.run.path.glob(".partial-*"))


def test_other_weights_are_seen(tmp_path):
    more = np.nextafter(np.float32(1), np.float32(2))
    found = []
    for name, value in (("one", 1.0), ("same", 1.0), ("other", more)):
        run = runs.Run(tmp_path / name)
        folder = run.path / runs.NEWEST / "00000001"
        folder.mkdir(parents=True)
        tf.train.Checkpoint(weight=tf.Variable(value)).write(
            str(folder / "checkpoint")
        )
        found.append(run)
    one, same, other = found
    assert chaos.same_weights(one, same)
    assert not chaos.same_weights(one, other)
