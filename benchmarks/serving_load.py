"""How many requests the local server answers, how fast, and its memory.

  python -m benchmarks.serving_load --source=wavegan_drums --requests=400

Each client asks for one WAV after the other by REST, with a new connection for
each. Clients and server share the machine: what is measured is both together.
"""

import contextlib
import pathlib
import re
import subprocess
import sys
import time
from concurrent import futures

import numpy as np
from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo.export import client as clients
from gansynth_zoo.export import sources

_CLIENTS = (1, 8, 32)
_HEADER = ("clients", "requests/s", "p50, ms", "p95, ms", "p99, ms")
# Times in which memory is looked at.
_PARTS = 4


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_module(values)
    flags.DEFINE_integer(
        "requests", 400, "Requests of each line.", 1, flag_values=values
    )
    flags.DEFINE_integer(
        "memory_requests",
        2000,
        "Requests over which memory is looked at.",
        _PARTS,
        flag_values=values,
    )


def main(values=flags.FLAGS):
    """Prints the table, and then the memory.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    with _server(values.source) as (process, url, model):
        client = clients.connect(url, model)
        # What is traced and kept once is not measured.
        _milliseconds(client, max(_CLIENTS), 2 * max(_CLIENTS))
        rows = []
        for count in _CLIENTS:
            start = time.perf_counter()
            taken = _milliseconds(client, count, values.requests)
            rate = len(taken) / (time.perf_counter() - start)
            spread = map(float, np.percentile(taken, [50, 95, 99]))
            rows.append((count, float(rate), *spread))
        timing.print_table(_HEADER, rows)
        part = values.memory_requests // _PARTS
        memory = [(0, _megabytes(process))]
        for number in range(1, _PARTS + 1):
            _milliseconds(client, 8, part)
            memory.append((number * part, _megabytes(process)))
        print()
        timing.print_table(("requests", "server's memory, MB"), memory)
    return 0


@contextlib.contextmanager
def _server(source):
    """(process, URL, name of the model) of a server that is started."""
    command = [sys.executable, "-m", "gansynth_zoo.export.serve", "--port=0"]
    with subprocess.Popen(
        [*command, f"--source={source}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline()
            found = re.search(r"(http://\S+)/v1/models/(\S+)", said)
            if not found:
                raise errors.ZooError(
                    "Expected a server that starts, received one that ended; "
                    "see what it said."
                )
            yield process, *found.groups()
        finally:
            process.terminate()


def _milliseconds(client, count, requests):
    """What each of so many requests took, so many of them at a time."""
    labelled = "label" in client.signature("generate_wav").inputs

    def ask(seed):
        start = time.perf_counter()
        label = {"label": [""]} if labelled else {}
        client.predict("generate_wav", {"seed": [seed], **label})
        return 1000 * (time.perf_counter() - start)

    with futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(requests)))


def _megabytes(process):
    """Resident memory of a process."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text("ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024 / 1e6


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
