r"""Trains a model, or goes on with a run that was interrupted.

  python -m gansynth_zoo.train --preset=wavegan_drums_small \
      --dataset=drums_mini --run_dir=runs/drums

Start the same command again, or give --run_dir alone, to go on. Ctrl-C saves,
and so does SIGTERM, by which clusters stop a program. Flags may be kept in a
file: --flagfile=my.flags.

On many machines, start the same command on each, with TF_CONFIG set as
TensorFlow describes it and --run_dir on a disk that all share. --batch_size is
that of the run, split over all devices: neither it nor a learning rate is to
be scaled. Stopping one worker stops all after the same step; if one dies, the
others stop, and starting all again goes on from the last checkpoint.
"""

import contextlib

from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import flags as run_flags
from gansynth_zoo import profiling
from gansynth_zoo import runs
from gansynth_zoo import strategies
from gansynth_zoo import training

run_flags.define()
run_flags.define_audio_backend()
flags.adopt_module_key_flags(run_flags)
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder of the run; runs/<preset> unless given."
)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    list(strategies.STRATEGIES),
    "Train on one device, on all GPUs of the machine, or on the machines that "
    "TF_CONFIG names; auto takes all there are.",
)
_PROFILE = flags.DEFINE_string(
    "profile",
    None,
    "FIRST:LAST: see where the time of about these steps goes, in profile.txt "
    "in the run's folder, and in TensorBoard.",
)


def main():
    """Trains.

    Returns:
      The exit status: 0 when all steps are done, 130 if Ctrl-C or SIGTERM, to
      this worker or to another, stopped it; the run is saved then.
    """
    audio_files.use_backend(flags.FLAGS.audio_backend)
    folder = _RUN_DIR.value
    if folder is None and flags.FLAGS.preset:
        folder = f"runs/{flags.FLAGS.preset}"
    run = runs.Run(folder) if folder else None
    started = run.read_preset() if run and run.exists() else None
    preset = run_flags.resolve(started)
    profile = profiling.parse(_PROFILE.value) if _PROFILE.value else None
    # Workers wait for one another here: a wrong flag was found before.
    strategy = strategies.make(_STRATEGY.value)
    chief = strategies.is_chief(strategy)
    with (
        run.locked() if chief else contextlib.nullcontext(),
        strategies.lost_workers_explained(strategy),
    ):
        done = training.train(preset, run, strategy, profile=profile)
    if chief:
        print(f"The run is in {run.path}, its previews in {run.previews}.")
    if not done:
        print(
            "Saved. Go on with: python -m gansynth_zoo.train "
            f"--run_dir={run.path}"
        )
        return 130
    if chief:
        print(
            "Make sounds:  python -m gansynth_zoo.generate "
            f"--source={run.path}\n"
            f"Export it:    python -m gansynth_zoo.export --run_dir={run.path}"
        )
    return 0


if __name__ == "__main__":
    command_line.run(main)
