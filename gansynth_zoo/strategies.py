"""Devices and machines that a run trains on: strategies of `tf.distribute`.

The batch and the learning rate are those of the whole run: `batch_size` is
split evenly over all replicas, which are all GPUs of a machine or its
processor, times the machines, and their gradients are summed. So a run has the
same weights, but for rounding, on one device and on many, and no learning rate
is to be scaled; more replicas make a step shorter, not larger. What a network
takes from its batch, it takes from the share of a replica: the statistics of
batch norm, with which the weights do depend on the number of replicas, and
GANSynth's deviation of a group, for which each share is a multiple of
group_size.

The workers of `multi_worker` are processes, started alike on each machine,
that TF_CONFIG names. All must see the run's folder, on a shared disk: the
first, the chief, alone writes to it, and all restore from it.
"""

import contextlib
import json
import os
import zlib

import numpy as np
import tensorflow as tf

from gansynth_zoo import errors

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
# What a collective operation raises on the workers that are left.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def make(name):
    """The strategy of a name; of `multi_worker`, when all workers are there.

    Nothing may be done with TensorFlow before.

    Args:
      name: a key of `STRATEGIES`.

    Returns:
      A `tf.distribute.Strategy`.

    Raises:
      ZooError: if TF_CONFIG is missing or wrong, or a worker cannot be
        reached.
    """
    return STRATEGIES[name]()


def _auto():
    if "TF_CONFIG" in os.environ:
        return _multi_worker()
    gpus = tf.config.list_physical_devices("GPU")
    return STRATEGIES["mirrored" if len(gpus) > 1 else "one"]()


def _multi_worker():
    _check_cluster(os.environ.get("TF_CONFIG", ""))
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        raise errors.ZooError(
            "The workers that TF_CONFIG names could not be joined "
            f"({str(error).splitlines()[0]}); look whether each is started "
            "and its port is free."
        ) from error


def _check_cluster(text):
    try:
        facts = json.loads(text)
        jobs, task = facts["cluster"], facts["task"]
        known = jobs[task["type"]][int(task["index"])]
        right = isinstance(known, str) and set(jobs) <= {"chief", "worker"}
    except (ValueError, KeyError, IndexError, TypeError):
        right = False
    if not right:
        raise errors.ZooError(
            f"Expected TF_CONFIG to name the workers, as {_EXAMPLE}, received "
            f"{text!r}; python -m benchmarks.local_workers sets it for workers "
            "on one machine."
        )


STRATEGIES = {
    "auto": _auto,
    "one": tf.distribute.get_strategy,
    "mirrored": tf.distribute.MirroredStrategy,
    "multi_worker": _multi_worker,
}


def is_chief(strategy):
    """Whether this process is the one that writes to the run's folder."""
    cluster = strategy.cluster_resolver
    if cluster is None:
        return True
    if cluster.task_type == "worker" and cluster.task_id == 0:
        return not cluster.cluster_spec().as_dict().get("chief")
    return cluster.task_type == "chief"


class Everyone:
    """Tells each worker what all of them say.

    Args:
      strategy: a `tf.distribute.Strategy`.
    """

    def __init__(self, strategy):
        self._alone = strategy.cluster_resolver is None

        @tf.function
        def gather(values):
            return strategy.gather(strategy.run(lambda: values), axis=0)

        self._gather = gather

    def __call__(self, *values):
        """Waits until all workers are here.

        Args:
          *values: numbers, as many on each worker.

        Returns:
          Float64 `[len(values), replicas]`, the same on all workers.
        """
        row = np.array([values], np.float64)
        return (row if self._alone else self._gather(row).numpy()).T


def check_same(strategy, facts):
    """Refuses workers that would not train the same run.

    Args:
      strategy: a `tf.distribute.Strategy`.
      facts: text that is the same on all workers if all is well.

    Raises:
      ZooError: on all workers, if it is not.
    """
    (sums,) = Everyone(strategy)(zlib.crc32(facts.encode("utf-8")))
    if len(set(sums)) > 1:
        raise errors.ZooError(
            "Expected all workers to have the same flags, sounds and run "
            "folder, received others from some; start each with the same "
            "command, and with a --run_dir on a disk that all share."
        )


@contextlib.contextmanager
def lost_workers_explained(strategy):
    """Says in a sentence that another worker has stopped.

    TensorFlow's own heartbeats find that out, some ten seconds later, and end
    the operation that waits for it.

    Args:
      strategy: a `tf.distribute.Strategy`.

    Raises:
      ZooError: in the place of TensorFlow's error.
    """
    try:
        yield
    except _LOST as error:
        if strategy.cluster_resolver is None:
            raise
        raise errors.ZooError(
            "Another worker of the run has stopped or cannot be reached; "
            "start all workers again with the same commands, and they go on "
            "from the last checkpoint."
        ) from error
