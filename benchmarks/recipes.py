"""What recipes reach in the same time on a processor: the table.

  python -m benchmarks.recipes --minutes=5 --out=recipes
  python -m benchmarks.recipes --minutes=5 --out=recipes --only=fast,papers

Each row of `TRIALS` is trained by `gansynth_zoo.train` on the drum sounds that
ship with the package until its process has used so many minutes of processor
time, starting and compiling included, and then measured by
`gansynth_zoo.evaluate`. A row that has a report in the folder is not trained
again. Start it with `taskset -c 0` for one core, which trains a small model at
more than half the speed of two.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time

from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import progress

_WAVE = ("--preset=wavegan_drums_small",)
_SPEC = ("--preset=specgan_drums_small",)
_BATCH_32 = (*_WAVE, "--batch_size=32")
# What the name of a row changes in a small preset and its "fast" recipe.
TRIALS = {
    "fast": _WAVE,
    "seed-1": (*_WAVE, "--seed=1"),
    "seed-2": (*_WAVE, "--seed=2"),
    "papers": (*_WAVE, "--recipe=wgan-gp"),
    "batch-8": (*_WAVE, "--batch_size=8"),
    "dim-8": (*_WAVE, "--dim=8"),
    "dim-32": (*_WAVE, "--dim=32"),
    "half-length": (*_WAVE, "--num_samples=8192"),
    "half-rate": (*_WAVE, "--num_samples=8192", "--sample_rate=8000"),
    "bfloat16": (*_WAVE, "--precision=bfloat16"),
    # The penalty goes with the squared norm of the features, six times that
    # of the waveform.
    "mu-law": (*_WAVE, "--mu_law=100", "--penalty_weight=1.0"),
    "group": (*_WAVE, "--group_size=8"),
    "emphasis": (*_WAVE, "--pre_emphasis=0.9", "--mu_law=8"),
    "batch-32": _BATCH_32,
    "batch-32-seed-1": (*_BATCH_32, "--seed=1"),
    "batch-32-hinge": (*_BATCH_32, "--loss=hinge-r1"),
    "batch-32-two-updates": (*_BATCH_32, "--n_critic=2"),
    "batch-32-speeds": (*_BATCH_32, "--vary_speed=0.06"),
    "specgan": _SPEC,
    "specgan-bfloat16": (*_SPEC, "--precision=bfloat16"),
    "specgan-floor": (
        *_SPEC,
        "--precision=bfloat16",
        "--magnitude_floor=0.001",
    ),
    "specgan-batch-32": (*_SPEC, "--batch_size=32"),
    "tifgan": ("--preset=tifgan_sc09_small",),
}
_DATASET = "drums_mini"
_COLUMNS = {
    "kernel_distance": "kernel distance",
    "coverage": "coverage",
    "diversity": "diversity",
    "nearest_relative": "nearest / real",
    "D_train_relative": "|D| train / real",
    "spectral_convergence": "projection error, dB",
    "rho": "rho",
    "whine_db": "whine, dB",
}


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_float(
        "minutes", 5.0, "Processor minutes of a row.", 0.0, flag_values=values
    )
    flags.DEFINE_integer(
        "count", 512, "Sounds of a row to measure.", 2, flag_values=values
    )
    flags.DEFINE_list(
        "only", list(TRIALS), "Rows, with commas between.", flag_values=values
    )
    flags.DEFINE_string(
        "out", "recipes", "Folder of runs and reports.", flag_values=values
    )


def main(values=flags.FLAGS):
    """Trains and measures what is not there yet, and prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    table = []
    for name in chosen(values.only, TRIALS):
        run = pathlib.Path(values.out, name)
        report = run / "report" / "report.json"
        if not report.exists():
            print(f"{name}: {' '.join(TRIALS[name])}", flush=True)
            given = [*TRIALS[name], f"--dataset={_DATASET}"]
            train(given, run, values.minutes)
            evaluate([run], _DATASET, values.count, report.parent)
        table += rows(report)
    print_table("recipe", table)
    return 0


def chosen(names, known):
    """The names that were asked for.

    Raises:
      ZooError: if one of them is not known.
    """
    for name in names:
        if name not in known:
            raise errors.ZooError(
                f"Expected names of {', '.join(known)}, received {name!r}."
            )
    return names


def train(given, run, minutes):
    """Trains until a process has used so much processor time, and saves.

    Args:
      given: flags of `gansynth_zoo.train`.
      run: folder of the run.
      minutes: of processor time.

    Raises:
      ZooError: if the training fails.
    """
    given = [*given, f"--run_dir={run}", "--steps=1000000"]
    process = subprocess.Popen(
        command("train", *given), stdout=subprocess.DEVNULL
    )
    try:
        shown = progress.Progress(round(60 * minutes))
        while process.poll() is None:
            used = _processor_seconds(process.pid)
            shown.update(round(used), f"Trained {used / 60:.1f} minutes")
            if used >= 60 * minutes:
                process.send_signal(signal.SIGINT)
                process.wait()
            time.sleep(1)
        shown.close()
    finally:
        process.terminate()
        process.wait()
    # 130 is what a training that was stopped and saved ends with.
    if process.returncode not in (0, 130):
        raise errors.ZooError(
            f"Expected {' '.join(given)} to train, received status "
            f"{process.returncode}; its message is above."
        )


def evaluate(sources, reference, count, out):
    """Writes a report of models, as `gansynth_zoo.evaluate` does."""
    given = [
        f"--source={','.join(map(str, sources))}",
        f"--reference={reference}",
        f"--count={count}",
        f"--out={out}",
    ]
    run_command("evaluate", *given, stdout=subprocess.DEVNULL)


def run_command(name, *given, stdout=None):
    """Runs a command of the package.

    Args:
      name: its module in `gansynth_zoo`.
      *given: its flags.
      stdout: of `subprocess.run`.

    Raises:
      ZooError: if it fails.
    """
    status = subprocess.run(command(name, *given), stdout=stdout).returncode
    if status:
        raise errors.ZooError(
            f"Expected gansynth_zoo.{name} to end with status 0, received "
            f"{status}; its message is above."
        )


def command(name, *given):
    """A command line of the package, as a list."""
    return [sys.executable, "-m", f"gansynth_zoo.{name}", *given]


def _processor_seconds(pid):
    """Of a process; 0 when it has ended."""
    found = subprocess.run(
        ["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True
    )
    # [days-][hours:]minutes:seconds.
    days, _, clock = found.stdout.strip().rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part or 0)
    return 86400 * int(days or 0) + seconds


def rows(report):
    """Name, steps and `_COLUMNS` of each model of a report, "-" for none."""
    found = json.loads(report.read_text("utf-8"))
    for name, source in found["sources"].items():
        values = found["rows"][name]
        cells = [values.get(column, "-") for column in _COLUMNS]
        means = [cell[0] if isinstance(cell, list) else cell for cell in cells]
        yield name, source["step"], *means


def print_table(kind, table):
    """Prints rows of `rows`, which are of some kind."""
    timing.print_table((kind, "steps", *_COLUMNS.values()), table)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
