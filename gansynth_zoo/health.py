"""Health: what is wrong with a run, in words, while it trains.

The sounds of each preview are measured beside real ones, and the losses since
the preview before. What is seen is said once, when it begins, with what to
try; and again if it comes back after it had gone.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo.evaluation import diversity
from gansynth_zoo.evaluation import levels
from gansynth_zoo.evaluation import log_mel
from gansynth_zoo.evaluation import tone

# A young generator is quiet and makes one sound: it is not judged before.
GRACE_STEPS = 200
# So many previews without it, and a trouble has gone: what hovers about a
# limit would be said again and again.
GONE_AFTER = 2
# Real sounds that are compared with: enough for a stable mean of all pairs.
REAL_COUNT = 64
# A fader near its end. Sets of real sounds differ by less.
SILENCE_DB = 30.0
# Of the energy, in one narrow band. Drums from runs that went well had up to
# 0.43 in the band of the kick, while they were young.
TONE_SHARE = 0.7
# Real sounds that are nearly that themselves are learned as they are.
TONE_RATIO = 1.5
# Far more than the few samples at the peak of a sound that was normalised.
CLIPPED_SHARE = 0.01
# Real sounds that are clipped themselves are learned as they are.
CLIPPED_RATIO = 3.0
# Of the real sounds' diversity. Runs that came to something passed it on
# their way up: it counts for one that has fallen from what it was, or that
# is still below when others have long passed it.
DIVERSITY = 0.15
FALLEN = 0.7
STUCK_STEPS = 3000
# Discriminator losses below which it is nearly always right. The logistic one
# is 1.39 where it knows nothing, and some 0.8 in runs that went well; a mean
# of 0.1 is being right with 95 %. DCGAN's is half of it; an error of squares
# is 0.25 where it knows nothing. Wasserstein losses have no such point.
WON_LOSSES = {"ns-r1": 0.1, "hinge-r1": 0.1, "dcgan": 0.05, "lsgan": 0.02}
# Several times what a discriminator that knows nothing has.
LARGEST_LOSSES = {"ns-r1": 10.0, "hinge-r1": 10.0, "dcgan": 5.0, "lsgan": 5.0}


# How a trouble is called once it has gone.
NAMES = {
    "silence": "silence",
    "tone": "single tone",
    "clipping": "clipping",
    "collapse": "collapse",
    "runaway": "loss that runs away",
    "won": "discriminator that has won",
}


@dataclasses.dataclass(frozen=True)
class Measures:
    """What sounds are like.

    Attributes:
      rms_db: level of the median sound, full scale is 0.
      flatness: of the median sound's spectrum; 1 for noise, 0 for a tone.
      tone_hz: frequency of the strongest tone that the sounds share.
      tone_share: share of the median sound's energy that it has.
      clipped: share of samples at full scale.
      diversity: mean distance of two sounds.
    """

    rms_db: float
    flatness: float
    tone_hz: float
    tone_share: float
    clipped: float
    diversity: float


def measure(waveforms, sample_rate):
    """Measures of a set of sounds.

    Args:
      waveforms: float `[batch, samples, channels]`, finite, two or more.
      sample_rate: in Hz.

    Returns:
      `Measures`.
    """
    tone_hz, tone_share = tone.strongest(waveforms, sample_rate)
    return Measures(
        rms_db=float(np.median(levels.rms_db(waveforms))),
        flatness=float(np.median(tone.flatness(waveforms, sample_rate))),
        tone_hz=tone_hz,
        tone_share=tone_share,
        clipped=levels.clipped_share(waveforms),
        diversity=float(
            diversity.mean_pairwise_distance(
                log_mel.features(waveforms, sample_rate)
            )
        ),
    )


def find_troubles(made, real, preset):
    """What is wrong with the sounds of a preview.

    Args:
      made: `Measures` of generated sounds.
      real: `Measures` of real ones.
      preset: the `config.Preset` of the run.

    Returns:
      Dictionary of a trouble's name to a sentence.
    """
    slower = f"--generator_learning_rate={_half(preset, 'generator')}"
    as_is = preset.data.normalize == "file"
    louder = "" if as_is else " or --normalize=file"
    found = {}
    quieter = real.rms_db - made.rms_db
    if quieter > SILENCE_DB:
        found["silence"] = (
            f"The sounds are nearly silent, {quieter:.0f} dB below the real "
            f"ones; try a new run with {slower}{louder}."
        )
    elif made.tone_share > max(TONE_SHARE, TONE_RATIO * real.tone_share):
        found["tone"] = (
            f"The sounds are one tone of {made.tone_hz:.0f} Hz, which has "
            f"{made.tone_share:.0%} of their energy; go on for some more "
            f"previews, then try a new run with {slower}{_shuffle(preset)}."
        )
    if made.clipped > max(CLIPPED_SHARE, CLIPPED_RATIO * real.clipped):
        found["clipping"] = (
            f"The sounds are clipped, {made.clipped:.1%} of their samples are "
            f"at full scale and {real.clipped:.1%} of the real ones'; try a "
            f"new run with {slower}."
        )
    return found


def find_collapse(step, ratios, preset):
    """Whether all latents come to make the same sound.

    Args:
      step: steps done.
      ratios: diversity of each preview over that of the real sounds, the last
        one is judged.
      preset: the `config.Preset` of the run.

    Returns:
      Dictionary of the trouble's name to a sentence, or an empty one.
    """
    best, ratio = max(ratios), ratios[-1]
    if ratio >= DIVERSITY:
        return {}
    if ratio < FALLEN * best:
        since = f"and was {best:.0%}"
    elif step >= STUCK_STEPS:
        since = f"after {step} steps"
    else:
        return {}
    return {
        "collapse": (
            "The sounds are nearly all the same, their diversity is "
            f"{ratio:.0%} of the real ones' {since}; try a new run with "
            f"--batch_size={2 * preset.train.batch_size} or "
            f"--generator_learning_rate={_half(preset, 'generator')}."
        )
    }


def find_loss_troubles(losses, preset, previous):
    """What is wrong with the discriminator's loss.

    Args:
      losses: its values since the preview before, float `[steps]`.
      preset: the `config.Preset` of the run.
      previous: their mean at the preview before, None if there was none.

    Returns:
      Dictionary of a trouble's name to a sentence.
    """
    name, mean = preset.recipe.loss, float(np.mean(losses))
    slower = f"--discriminator_learning_rate={_half(preset, 'discriminator')}"
    held = ""
    if assemble.find_loss(preset).penalty:
        weight = 5 * preset.recipe.penalty_weight or 1.0
        held = f"--penalty_weight={weight:g} or "
    limit = largest_loss(preset)
    if abs(mean) > limit and previous is not None and abs(mean) > abs(previous):
        return {
            "runaway": (
                f"The discriminator's loss runs away, it is {mean:.4g} after "
                f"{previous:.4g} and should stay within {limit:.4g}; try a "
                f"new run with {held}{slower}."
            )
        }
    won = WON_LOSSES.get(name)
    if won is not None and mean < won:
        return {
            "won": (
                "The discriminator has won, its loss is "
                f"{mean:.3f} and the generator learns little below {won:g}; "
                f"try a new run with {held}{slower}."
            )
        }
    return {}


def largest_loss(preset):
    """Magnitude that the discriminator's loss should stay within.

    A score with a slope of 1 cannot tell sounds further apart than their
    distance is, which for samples in [-1, 1] is about the root of their
    number, and for most sounds far less. Beyond that, a Wasserstein loss says
    that the slope is not held.
    """
    values = np.prod(assemble.make_representation(preset).feature_shape)
    return LARGEST_LOSSES.get(preset.recipe.loss, float(np.sqrt(values)))


def _half(preset, network):
    return f"{getattr(preset.recipe, f'{network}_learning_rate') / 2:g}"


def _shuffle(preset):
    off = getattr(preset.model, "shuffle_radius", None) == 0
    return " or --shuffle_radius=2" if off else ""


class Troubles:
    """Keeps what is wrong, so that it is said when it begins."""

    def __init__(self):
        self._healthy_for = {}

    def update(self, found):
        """Takes what was found this time.

        Args:
          found: dictionary of a trouble's name to a sentence.

        Returns:
          Two lists of names: which began, and which have gone.
        """
        began = [name for name in found if name not in self._healthy_for]
        self._healthy_for = {
            name: 0 if name in found else count + 1
            for name, count in self._healthy_for.items()
        } | dict.fromkeys(began, 0)
        gone = [k for k, n in self._healthy_for.items() if n >= GONE_AFTER]
        for name in gone:
            del self._healthy_for[name]
        return began, gone


class Health(keras.callbacks.Callback):
    """Watches the losses, and is given the sounds of each preview.

    Args:
      preset: the `config.Preset` of the run.
      windows: the `pipeline.Windows` that are trained on.
      file: path of the text file of all that was said.
      writer: a `tf.summary` writer.
      report: function that is told a line.
    """

    def __init__(self, preset, windows, file, writer, report):
        super().__init__()
        self._preset = preset
        self._file = file
        self._writer = writer
        self._report = report
        self._troubles = Troubles()
        self._ratios = []
        self._losses = []
        self._previous_loss = None
        self._real = measure(_real_sounds(windows), preset.audio.sample_rate)

    def on_train_batch_end(self, batch, logs=None):
        del batch
        if logs:
            self._losses.extend(np.atleast_1d(logs["discriminator_loss"]))

    def listen(self, step, sounds):
        """Judges a preview.

        Args:
          step: steps done.
          sounds: float32 `[batch, samples, channels]`, of the same latents
            each time.
        """
        if not np.isfinite(sounds).all():
            return  # said by those who stop the run
        made = measure(sounds, self._preset.audio.sample_rate)
        self._summarise(step, made)
        if step >= GRACE_STEPS:
            self._tell(step, self._find(step, made))
        if self._losses:
            self._previous_loss = float(np.mean(self._losses))
            self._losses = []

    def _find(self, step, made):
        found = find_troubles(made, self._real, self._preset)
        # Silences are alike, which says nothing more; and where the real
        # sounds are, but for rounding, there is nothing to compare with.
        if "silence" not in found and self._real.diversity > 1e-3:
            self._ratios.append(made.diversity / self._real.diversity)
            found |= find_collapse(step, self._ratios, self._preset)
        if self._losses:
            found |= find_loss_troubles(
                self._losses, self._preset, self._previous_loss
            )
        return found

    def _tell(self, step, found):
        began, gone = self._troubles.update(found)
        lines = [found[name] for name in began]
        for line in lines:
            self._report(f"Health at step {step}: {line}")
        lines += [f"No more {NAMES[name]}." for name in gone]
        if lines:
            with open(self._file, "a", encoding="utf-8") as file:
                file.writelines(f"step {step}: {line}\n" for line in lines)

    def _summarise(self, step, made):
        ratio = made.diversity / max(self._real.diversity, 1e-9)
        with self._writer.as_default(step=step):
            tf.summary.scalar("health/rms_db", made.rms_db)
            tf.summary.scalar("health/flatness", made.flatness)
            tf.summary.scalar("health/tone_share", made.tone_share)
            tf.summary.scalar("health/clipped", made.clipped)
            tf.summary.scalar("health/diversity", ratio)


def _real_sounds(windows):
    """Windows from all over the set, `[batch, samples, channels]`."""
    places = np.linspace(0, len(windows) - 1, REAL_COUNT)
    numbers = np.unique(places.astype(np.int64))
    if len(numbers) == 1:
        numbers = np.repeat(numbers, 2)
    # Of random windows, those in the middle of their clips.
    return windows.read(numbers, np.full(len(numbers), 0.5))
