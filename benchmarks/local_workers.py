r"""Starts workers of one run on this machine, as many machines would.

  python -m benchmarks.local_workers --workers=2 -- \
      --preset=wavegan_drums_small --run_dir=runs/drums

Each is `gansynth_zoo.train` with the flags after the `--`, and finds the
others by ports of the loopback. It is for trying out what is to run on many
machines: on one, a single process is faster. Ctrl-C stops all after the same
step, and saves.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading

from absl import app
from absl import flags


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "workers", 2, "Workers, each a process.", 1, flag_values=values
    )


def main(arguments):
    """Starts the workers, and waits for all.

    Args:
      arguments: name of this program, and the flags of `gansynth_zoo.train`.

    Returns:
      The largest of the exit statuses.
    """
    train = [sys.executable, "-u", "-m", "gansynth_zoo.train", *arguments[1:]]
    workers = start(
        [train] * flags.FLAGS.workers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printers = [
        threading.Thread(target=_print_lines, args=(number, worker.stdout))
        for number, worker in enumerate(workers)
    ]
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda signum, _: _pass_on(signum, workers))
    for printer in printers:
        printer.start()
    # A worker that a signal ended has its negative number.
    return max(abs(worker.wait()) for worker in workers)


def start(commands, **kwargs):
    """Starts processes that are the workers of one cluster.

    Args:
      commands: the command of each worker.
      **kwargs: of `subprocess.Popen`.

    Returns:
      List of `subprocess.Popen`; the first is the chief.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(len(commands))]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, "TF_CONFIG": _task(addresses, number)},
            # A Ctrl-C reaches them from here, not also from the terminal.
            start_new_session=True,
            **kwargs,
        )
        for number, command in enumerate(commands)
    ]


def _task(addresses, number):
    task = {"type": "worker", "index": number}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _pass_on(signum, workers):
    # One tells the others, so that all stop after the same step.
    workers[0].send_signal(signum)


def _print_lines(number, lines):
    for line in lines:
        print(f"worker {number} | {line}", end="", flush=True)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    app.run(main)
