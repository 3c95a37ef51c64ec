"""How large exported modules are, and how soon they sound.

  python -m benchmarks.module_sizes --module=zoo/mine/1,zoo/other/1

Each module is loaded in a process of its own that has TensorFlow and
tensorflow-hub and cannot import gansynth_zoo, as at those who only use it. The
first sound is that of one seed, its graph's first run included; the next is the
best of several. What importing TensorFlow takes is not in them.
"""

import json
import subprocess
import sys
import tempfile

from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo.export import sources

_LOAD_ALONE = """
import json, sys, time
sys.modules["gansynth_zoo"] = None
import tensorflow, tensorflow_hub

def timed(function):
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value

load, module = timed(lambda: tensorflow_hub.load(sys.argv[1]))
first, *later = [
    timed(lambda: module.generate(1, seed).numpy())[0] for seed in range(6)
]
print(json.dumps([load, first, min(later)]))
"""
_HEADER = "module", "MB", "load s", "first sound s", "next sound ms"


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_modules("module", values)
    flags.DEFINE_integer(
        "rounds",
        3,
        "Rounds, of which the best counts.",
        lower_bound=1,
        flag_values=values,
    )


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    folders = [hub.find(handle).resolve() for handle in values.module]
    taken = {folder: [] for folder in folders}
    for _ in range(values.rounds):
        for folder in folders:
            taken[folder].append(_load_alone(folder))
    rows = []
    for folder, rounds in taken.items():
        load, first, later = map(min, zip(*rounds, strict=True))
        name = hub.read_metadata(folder).get("name", str(folder))
        rows.append((name, _megabytes(folder), load, first, 1000 * later))
    timing.print_table(_HEADER, rows)
    return 0


def _megabytes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


def _load_alone(folder):
    """Seconds to load, of the first sound, of a later one."""
    # Elsewhere than in the checkout, whose folders Python would import.
    with tempfile.TemporaryDirectory() as elsewhere:
        result = subprocess.run(
            [sys.executable, "-c", _LOAD_ALONE, str(folder)],
            capture_output=True,
            text=True,
            cwd=elsewhere,
        )
    if result.returncode:
        said = (result.stderr.strip().splitlines() or ["nothing"])[-1]
        raise errors.ZooError(
            "Expected a module that TensorFlow and tensorflow-hub load, "
            f"received {str(folder)!r}, at which they said: {said}"
        )
    return json.loads(result.stdout.splitlines()[-1])


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
