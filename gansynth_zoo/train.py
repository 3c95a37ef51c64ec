r"""Trains a model, or goes on with a run that was interrupted.

  python -m gansynth_zoo.train --preset=wavegan_drums_small \
      --dataset=drums_mini --run_dir=runs/drums

Start the same command again, or give --run_dir alone, to go on. Ctrl-C saves.
"""

import pathlib

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.flags import define
from gansynth_zoo.flags import resolve

define()
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder of the run; runs/<preset> unless given."
)


def main():
    """Trains; the exit status is 0 when all steps are done, 130 if stopped."""
    flag = _RUN_DIR.value or (flags.FLAGS.preset and f"runs/{flags.FLAGS.preset}")
    run = runs.Run(flag) if flag else None
    started = run.read_preset() if run and run.exists() else None
    preset = resolve(started)
    with run.locked():
        run.write_preset(preset)
        done = training.train(preset, run)
    print(f"The run is in {run.path}, its previews in {run.previews}.")
    if not done:
        print(
            f"Saved. Go on with: python -m gansynth_zoo.train "
            f"--run_dir={run.path}"
        )
        return 130
    print(
        f"Make sounds:  python -m gansynth_zoo.generate --source={run.path}\n"
        f"Export it:    python -m gansynth_zoo.export --run_dir={run.path}"
    )
    return 0


if __name__ == "__main__":
    command_line.run(main)
