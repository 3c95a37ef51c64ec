"""How often a listener who knows nothing of us hears what was asked for.

  python -m benchmarks.asked --listener=pitch --count=200 \
      --source=runs/notes --reference=nsynth_notes/gansynth
  python -m benchmarks.asked --listener=digits --count=500 \
      --source=runs/digits --reference=sc09

"pitch" is librosa's pYIN, asked for labels that are MIDI pitches; "digits" is
PocketSphinx with its own acoustic model and a grammar of ten words. Neither was
ever trained on our data. The labels of the generated sounds are drawn as often
as in the training sounds. Beside them stands what the same listener hears in
real sounds that were held out, and what it would get right by chance: the same
answers, to questions in any other order.

The extra `listen` installs both listeners.
"""

import collections
import json
import tempfile

import numpy as np
import soxr
import tensorflow as tf
from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import progress
from gansynth_zoo.export import sources
from gansynth_zoo.reporting import sound_sets

_BATCH = 50
_DIGITS = "zero one two three four five six seven eight nine".split()
# Half of the way to the next pitch.
_CENTS = 50
# Of PocketSphinx's own model, in Hz.
_HEARD_RATE = 16000


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_source(values)
    sources.define_checkpoint(values)
    flags.DEFINE_string(
        "reference",
        None,
        "Prepared data set of the same labels.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "listener", "pitch", list(LISTENERS), "Who listens.", flag_values=values
    )
    flags.DEFINE_integer("count", 200, "Sounds.", 1, flag_values=values)
    flags.DEFINE_integer("seed", 0, "The first seed.", 0, flag_values=values)


def main(values=flags.FLAGS):
    """Prints the table.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    module, facts = sources.open_source(values.source, values.checkpoint)
    listener = LISTENERS[values.listener](facts["sample_rate"])
    rows = {
        "generated": _generated(module, facts, values),
        "real, held out": _real(facts, values.reference),
    }
    table = []
    for name, (asked, sounds) in rows.items():
        shown = progress.Progress(len(asked))
        heard = []
        for sound in sounds:
            heard.append(listener.hear(sound.mean(axis=-1)))
            shown.update(len(heard), f"Listened to {len(heard)} sounds, {name}")
        shown.close()
        table.append((name, len(asked), *verdicts(listener, asked, heard)))
    kinds = [f"{kind}, %" for kind in listener.kinds]
    header = ("sounds of", "count", *kinds, f"{kinds[0]}, by chance")
    timing.print_table(header, table)
    return 0


def _generated(module, facts, values):
    seeds = values.seed + tf.range(values.count, dtype=tf.int64)
    asked = [facts["labels"][i] for i in module.labels(seeds).numpy()]
    starts = range(0, values.count, _BATCH)
    batches = (
        module.generate(min(_BATCH, values.count - i), values.seed + i).numpy()
        for i in starts
    )
    return asked, (sound for batch in batches for sound in batch)


def _real(facts, reference):
    preset = config.from_json(json.dumps(facts["config"]))
    preset = config.replace(preset, {"dataset": reference, "audio_dir": ""})
    held_out = sound_sets.Real(preset, seed=0).held_out
    found = held_out.sound_set("real, held out", len(held_out))
    sounds = (sound for batch in found.batches() for sound in batch)
    return found.labels, sounds


def verdicts(listener, asked, heard):
    """Shares of the kinds of answer, then of right ones by chance.

    Args:
      listener: an entry of `LISTENERS`, made.
      asked: labels `[batch]`.
      heard: what the listener said to each.

    Returns:
      List of floats in per cent: one for each of `listener.kinds`, and the
      mean of the first, right answers, over all orders of the questions.
    """
    count = len(asked)
    kinds = collections.Counter(map(listener.judge, asked, heard))
    by_chance = sum(
        m * n / count
        for question, m in collections.Counter(asked).items()
        for answer, n in collections.Counter(heard).items()
        if listener.judge(question, answer) == listener.kinds[0]
    )
    shares = [*(kinds[kind] for kind in listener.kinds), by_chance]
    return [100 * share / count for share in shares]


class Pitch:
    """pYIN (Mauch and Dixon 2014): the median pitch of a sound.

    Args:
      sample_rate: in Hz.
    """

    kinds = ("right", "octave off", "other", "no pitch")

    def __init__(self, sample_rate):
        self._sample_rate = sample_rate

    def hear(self, sound):
        """Float `[samples]` -> MIDI pitch, a float; None without any."""
        import librosa

        frequencies, voiced, _ = librosa.pyin(
            sound,
            fmin=librosa.midi_to_hz(22),
            fmax=librosa.midi_to_hz(98),
            sr=self._sample_rate,
            frame_length=2048 if self._sample_rate <= 24000 else 4096,
        )
        if not voiced.any():
            return None
        return float(librosa.hz_to_midi(np.median(frequencies[voiced])))

    def judge(self, asked, heard):
        """Which of `kinds` an answer is."""
        if heard is None:
            return "no pitch"
        off = 100 * (heard - int(asked))
        if abs(off) <= _CENTS:
            return "right"
        octaves = 1200 * round(off / 1200)
        return "octave off" if abs(off - octaves) <= _CENTS else "other"


class Digits:
    """PocketSphinx with a grammar of the ten digits.

    Args:
      sample_rate: in Hz; it listens at 16 kHz, to which others are brought.
    """

    kinds = ("right", "wrong", "nothing")

    def __init__(self, sample_rate):
        import pocketsphinx

        self._sample_rate = sample_rate
        with tempfile.NamedTemporaryFile("w", suffix=".gram") as file:
            file.write(
                "#JSGF V1.0;\ngrammar digits;\n"
                f"public <digit> = {' | '.join(_DIGITS)};\n"
            )
            file.flush()
            self._decoder = pocketsphinx.Decoder(
                jsgf=file.name, samprate=_HEARD_RATE, loglevel="FATAL"
            )

    def hear(self, sound):
        """Float `[samples]` -> the name of a digit, None for none."""
        sound = soxr.resample(sound, self._sample_rate, _HEARD_RATE)
        # It wants some silence before and after a word.
        quiet = np.zeros(4000, np.int16)
        peak = max(float(np.max(np.abs(sound))), 1e-9)
        loud = np.rint(sound / peak * 16000).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(
            np.concatenate([quiet, loud, quiet]).tobytes(), full_utt=True
        )
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found and found.hypstr else None

    def judge(self, asked, heard):
        """Which of `kinds` an answer is."""
        if heard is None:
            return "nothing"
        return "right" if heard == asked else "wrong"


LISTENERS = {"pitch": Pitch, "digits": Digits}


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
