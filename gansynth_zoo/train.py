r"""Trains a model, or goes on with a run that was interrupted.

  python -m gansynth_zoo.train --preset=wavegan_drums_small \
      --dataset=drums_mini --run_dir=runs/drums

Start the same command again, or give --run_dir alone, to go on. Ctrl-C saves.
Flags may be kept in a file: --flagfile=my.flags.
"""

import tensorflow as tf
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import flags as run_flags
from gansynth_zoo import runs
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
    ["auto", "one", "mirrored"],
    "Train on one device or on all GPUs of the machine; auto takes all.",
)


def main():
    """Trains; the exit status is 0 when all steps are done, 130 if stopped."""
    audio_files.use_backend(flags.FLAGS.audio_backend)
    folder = _RUN_DIR.value
    if folder is None and flags.FLAGS.preset:
        folder = f"runs/{flags.FLAGS.preset}"
    run = runs.Run(folder) if folder else None
    started = run.read_preset() if run and run.exists() else None
    preset = run_flags.resolve(started)
    with run.locked():
        done = training.train(preset, run, _strategy())
    print(f"The run is in {run.path}, its previews in {run.previews}.")
    if not done:
        print(
            "Saved. Go on with: python -m gansynth_zoo.train "
            f"--run_dir={run.path}"
        )
        return 130
    print(
        f"Make sounds:  python -m gansynth_zoo.generate --source={run.path}\n"
        f"Export it:    python -m gansynth_zoo.export --run_dir={run.path}"
    )
    return 0


def _strategy():
    gpus = tf.config.list_physical_devices("GPU")
    if _STRATEGY.value == "mirrored" or (
        _STRATEGY.value == "auto" and len(gpus) > 1
    ):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


if __name__ == "__main__":
    command_line.run(main)
