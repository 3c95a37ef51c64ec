"""The machine: what memory there is, and on which devices a run trains."""

import dataclasses
import os
import pathlib

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Room:
    """The memory there is.

    Attributes:
      where: name for the user.
      total: bytes that this process could have at the most.
      available: bytes of them that are free.
    """

    where: str
    total: int
    available: int


def find_room(strategy):
    """The memory of the devices that a strategy trains on.

    Args:
      strategy: a `tf.distribute.Strategy`.

    Returns:
      A `Room`, of one GPU where it trains on GPUs; None if it is not known.
    """
    return _gpu_room() if on_gpus(strategy) else machine_room()


def on_gpus(strategy):
    """Whether a strategy trains on GPUs."""
    return any("GPU" in device for device in devices(strategy))


def devices(strategy):
    """Names of the devices of this machine that a strategy trains on."""
    try:
        return strategy.extended.worker_devices
    except RuntimeError:  # the default strategy, which takes the first one
        gpus = tf.config.list_logical_devices("GPU")
        return [device.name for device in gpus[:1]] or ["CPU:0"]


def _gpu_room():
    # Imported here: it is not of the public interface, which tells what is
    # used of a GPU and not what there is.
    from tensorflow.python.client import device_lib

    limits = [
        device.memory_limit
        for device in device_lib.list_local_devices()
        if device.device_type == "GPU"
    ]
    if not limits:
        return None
    used = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return Room("the GPU", min(limits), min(limits) - used)


def machine_room(root="/"):
    """The memory of this machine, or what this process may have of it.

    Args:
      root: folder that holds `proc` and `sys`.

    Returns:
      A `Room`; None if it is not known.
    """
    root = pathlib.Path(root)
    try:
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        facts = dict(line.split(":") for line in lines)
        total, available = (
            int(facts[name].split()[0]) * 1024
            for name in ("MemTotal", "MemAvailable")
        )
    except (OSError, KeyError, ValueError):
        try:
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (ValueError, OSError, AttributeError):
            return None
        available = total
    for limit, used in _group_limits(root):
        total = min(total, limit)
        available = min(available, limit - used)
    return Room("this machine", total, max(0, available))


def _group_limits(root):
    """(limit, used) of each control group that this process is in."""
    try:
        lines = (root / "proc/self/cgroup").read_text("ascii").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        top = root / "sys/fs/cgroup"
        names = ("memory.max", "memory.current", "inactive_file")
        if controllers:  # the first version of control groups
            if "memory" not in controllers.split(","):
                continue
            top /= "memory"
            names = (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        # The groups around it limit it too.
        inner = pathlib.PurePosixPath(path.lstrip("/"))
        for group in (inner, *inner.parents):
            limits = _group_limit(top / group, *names)
            if limits:
                yield limits


def _group_limit(folder, limit, used, cached):
    """(limit, used) of a control group; None if it has no limit."""
    try:
        limit = int((folder / limit).read_text("ascii"))
        used = int((folder / used).read_text("ascii"))
        stat = (folder / "memory.stat").read_text("ascii").split()
        facts = dict(zip(stat[::2], stat[1::2], strict=True))
    except (OSError, ValueError):  # not there, or "max"
        return None
    # What is kept of files is given up when memory is wanted.
    return limit, used - int(facts.get(cached, 0))


def resident():
    """Bytes that this process has already; 0 if not known."""
    try:
        pages = pathlib.Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
