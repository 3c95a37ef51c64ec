"""From nothing to drum sounds and a module, in a few minutes.

Trains a small WaveGAN on the drum sounds that ship with the package, writes
what it makes as WAV and PNG, exports it, loads it back by name, and measures
it against real sounds, an untrained generator and noise.
"""

import pathlib

import numpy as np
import tensorflow as tf
from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import clip_sources
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import pictures
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.evaluation import descriptors
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import kernel_distance
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.export import saved_model

_OUT = flags.DEFINE_string("out", "quickstart", "Folder to write to.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the run.", lower_bound=0)

NAME = "quickstart_drums"
SETTINGS = {"dataset": "drums_mini", "num_samples": 8192, "steps": 1500}
# What the result has to reach, on every seed.
LARGEST_DISTANCE = 0.5  # of that of the untrained generator
SMALLEST_DIVERSITY = 0.4  # of that of the real sounds
_WRITTEN, _MEASURED = 32, 512


def main():
    """Trains, writes, exports and measures."""
    out = pathlib.Path(_OUT.value)
    preset = config.replace(
        presets.get("wavegan_drums_small"), {**SETTINGS, "seed": _SEED.value}
    )
    run = runs.Run(out / "run")
    with run.locked():
        if run.exists() and run.read_preset() != preset:
            raise errors.ZooError(
                f"{run.path} holds a run of other settings; remove it or "
                "choose another --out."
            )
        if not training.train(preset, run):
            print("Saved; start the same command again to go on.")
            return 130
    folder = saved_model.export(run, name=NAME)
    module = hub.load(NAME)
    rate = preset.audio.sample_rate
    sounds = module.generate(_MEASURED, _SEED.value).numpy()
    for i, sound in enumerate(sounds[:_WRITTEN]):
        audio_files.write(out / "sounds" / f"{i:03d}.wav", sound, rate)
    picture = out / "spectrograms.png"
    picture.write_bytes(
        pictures.spectrogram_grid(sounds[:_WRITTEN], rate, "Generated drums")
    )
    rows = measure(preset, sounds)
    print_table(rows)
    print(
        f"\nWrote {_WRITTEN} sounds to {out / 'sounds'}, their picture to "
        f"{picture}\nand the module to {folder}. In Python:\n\n"
        "    import gansynth_zoo, tensorflow_hub as hub\n"
        f'    module = hub.load("{NAME}")\n'
        f"    sounds = module.generate(4, seed=0)  # {rate} Hz\n"
    )
    check(rows)
    return 0


def measure(preset, generated):
    """Measures of four sets of sounds.

    Args:
      preset: the `config.Preset` of the run.
      generated: float32 `[batch, samples, channels]`.

    Returns:
      Dictionary of a row's name to its dictionary of column -> float.
    """
    clips = clip_sources.load_clips(preset, "test")
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    count = len(windows)
    real = windows.read(np.arange(count), np.zeros(count))
    rate = preset.audio.sample_rate
    untrained = assemble.make_gan(preset)
    noise = np.random.default_rng(0).uniform(-1, 1, generated.shape)
    sets = {
        "real, held out": real,
        "generated": generated,
        "untrained generator": untrained.generate(
            *untrained.seeded(tf.range(len(generated)))
        ).numpy(),
        "white noise": noise,
    }
    features = {k: log_mel.features(v, rate) for k, v in sets.items()}
    held_out = features["real, held out"]
    real_diversity = diversity.mean_pairwise_distance(held_out)
    rows = {}
    for name, waveforms in sets.items():
        # The real sounds' own row sets one half of them against the other.
        own = features[name] if name != "real, held out" else held_out[::2]
        other = held_out if name != "real, held out" else held_out[1::2]
        rows[name] = {
            "distance": kernel_distance.kernel_distance(other, own),
            "centroid": descriptors.spectral_centroid(waveforms, rate).mean(),
            "decay": descriptors.peak_to_rms(waveforms).mean(),
            "diversity": diversity.mean_pairwise_distance(features[name])
            / real_diversity,
        }
    return rows


def print_table(rows):
    """Prints the measures, one row a set."""
    print(
        f"\n{'':20} {'log-mel kernel':>15} {'spectral':>10} {'peak to':>9} "
        f"{'diversity,':>11}\n{'':20} {'distance':>15} {'centroid':>10} "
        f"{'RMS':>9} {'real = 1':>11}"
    )
    for name, row in rows.items():
        print(
            f"{name:20} {row['distance']:15.3f} {row['centroid']:7.0f} Hz "
            f"{row['decay']:6.1f} dB {row['diversity']:11.2f}"
        )


def check(rows):
    """Raises a `ZooError` if the sounds are not what they should be."""
    generated = rows["generated"]
    limit = LARGEST_DISTANCE * rows["untrained generator"]["distance"]
    if generated["distance"] >= limit:
        raise errors.ZooError(
            f"Expected a log-mel kernel distance under {limit:.3f}, received "
            f"{generated['distance']:.3f}; try another --seed and tell us."
        )
    if generated["diversity"] <= SMALLEST_DIVERSITY:
        raise errors.ZooError(
            f"Expected a diversity over {SMALLEST_DIVERSITY}, received "
            f"{generated['diversity']:.2f}; try another --seed and tell us."
        )


if __name__ == "__main__":
    command_line.run(main)
