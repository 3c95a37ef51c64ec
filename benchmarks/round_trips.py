"""What a note loses on its way through GANSynth's features and back.

  python -m benchmarks.round_trips --dataset=nsynth_notes/gansynth
  python -m benchmarks.round_trips --preset=gansynth_nsynth_small

Signal to noise, and spectral convergence in the features' own transform, means
over notes; without the samples of the last frame, behind which is no padding.
"""

import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import pipeline
from gansynth_zoo import presets

_KINDS = ("frequency", "mel", "mel_original")
_STEPS = (0, 1, 4)
_BATCH = 8


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "preset",
        "gansynth_nsynth",
        "Sizes of the features.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "dataset",
        "nsynth_notes/gansynth",
        "Prepared data set, of whose train split notes are taken.",
        flag_values=values,
    )
    flags.DEFINE_integer("count", 40, "Notes.", 1, flag_values=values)


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    preset = config.replace(
        presets.get(values.preset), {"dataset": values.dataset}
    )
    notes = _read(preset, values.count)
    table = []
    for kind in _KINDS:
        for steps in _STEPS:
            chosen = {"features": kind, "griffin_lim_steps": steps}
            representation = assemble.make_representation(
                assemble.fit_representation(
                    config.replace(preset, chosen), [notes]
                )
            )
            there_and_back = tf.function(
                lambda x, r=representation: r.to_waveform(r.to_features(x))
            )
            back = _in_batches(there_and_back, notes)
            ratio = signal_to_noise(representation.stft, notes, back)
            error = convergence(representation.stft, notes, back)
            table.append((kind, steps, f"{ratio:.1f}", f"{error:.1f}"))
    timing.print_table(
        ("features", "Griffin-Lim steps", "SNR, dB", "convergence, dB"), table
    )
    return 0


def _read(preset, count):
    """Notes that are evenly spread, float32 `[batch, samples, channels]`."""
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    numbers = np.linspace(0, len(windows) - 1, count).astype(np.int64)
    numbers = np.unique(numbers)
    return windows.read(numbers, np.zeros(len(numbers)))


def _in_batches(function, sounds):
    starts = range(0, len(sounds), _BATCH)
    return np.concatenate([function(sounds[i : i + _BATCH]) for i in starts])


def signal_to_noise(stft, before, after):
    """Mean ratio in dB, but for the last frame's samples.

    Args:
      stft: a `dsp.stft.Stft`.
      before: float `[batch, samples, channels]`.
      after: the same.
    """
    whole = before.shape[1] - stft.frame_length
    before, after = before[:, :whole], after[:, :whole]
    noise = np.sum(np.square(before - after), axis=(1, 2))
    return np.mean(10 * np.log10(np.sum(before**2, axis=(1, 2)) / noise))


def convergence(stft, before, after):
    """Mean spectral convergence in dB; the arguments are as above."""
    first, second = (
        np.abs(_in_batches(stft.analyse, sounds[..., 0]))
        for sounds in (before, after)
    )
    error = np.linalg.norm(first - second, axis=(1, 2))
    return np.mean(20 * np.log10(error / np.linalg.norm(first, axis=(1, 2))))


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
