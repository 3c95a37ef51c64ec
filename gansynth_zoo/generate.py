r"""Writes sounds of a run, of an exported module or of a module's name.

  python -m gansynth_zoo.generate --source=wavegan_drums --count=16 --out=hits
  python -m gansynth_zoo.generate --source=runs/drums --seed=7 --count=2 \
      --interpolate=10 --out=walk

Sound number N is that of seed N, on each machine and in each batch.
"""

import pathlib

import numpy as np
import tensorflow as tf
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import latents
from gansynth_zoo import pictures
from gansynth_zoo.export import sources

_SOURCE = flags.DEFINE_string(
    "source", None, "Folder of a run or a module, or a module's name."
)
_COUNT = flags.DEFINE_integer("count", 16, "How many sounds.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Number of the first sound.", 0)
_INTERPOLATE = flags.DEFINE_integer(
    "interpolate",
    0,
    "So many sounds on the way from each seed to the next, the seed's own "
    "among them.",
    lower_bound=0,
)
_OUT = flags.DEFINE_string("out", "sounds", "Folder to write to.")
sources.define_checkpoint(flags.FLAGS)
flags.mark_flag_as_required("source")

_BATCH = 64


def walk(points, prior, steps):
    """Latents on the way through several points.

    Args:
      points: float32 `[batch, latent]`.
      prior: "uniform" or "normal".
      steps: latents from each point to the next, the first of them included.

    Returns:
      Float32 `[(batch - 1)·steps + 1, latent]`.
    """
    fractions = np.arange(steps, dtype=np.float32) / steps
    legs = [
        latents.interpolate(prior, first, second, fractions)
        for first, second in zip(points[:-1], points[1:], strict=True)
    ]
    return tf.concat([*legs, points[-1:]], axis=0)


def main():
    """Writes one WAV a sound, and a picture of them."""
    module, facts = sources.open_source(_SOURCE.value, flags.FLAGS.checkpoint)
    points = module.latents(
        tf.range(_COUNT.value, dtype=tf.int64) + _SEED.value
    )
    names = [f"{_SEED.value + i:06d}" for i in range(_COUNT.value)]
    if _INTERPOLATE.value:
        points = walk(points, facts["latent_prior"], _INTERPOLATE.value)
        names = [f"walk_{i:06d}" for i in range(len(points))]
    sounds = np.concatenate(
        [
            module(points[i : i + _BATCH]).numpy()
            for i in range(0, len(points), _BATCH)
        ]
    )
    out = pathlib.Path(_OUT.value)
    for name, sound in zip(names, sounds, strict=True):
        audio_files.write(out / f"{name}.wav", sound, facts["sample_rate"])
    picture = out / "spectrograms.png"
    title = f"{facts['preset']}, {names[0]} to {names[-1]}"
    picture.write_bytes(
        pictures.spectrogram_grid(sounds[:64], facts["sample_rate"], title)
    )
    print(
        f"Wrote {len(names)} sounds of {sounds.shape[1]} samples at "
        f"{facts['sample_rate']} Hz and {picture.name} to {out}."
    )


if __name__ == "__main__":
    command_line.run(main)
