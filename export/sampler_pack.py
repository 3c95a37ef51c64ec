r"""Writes a sampler instrument: WAVs of 24 bits, and SFZ files that play them.

  python -m gansynth_zoo.export.sampler_pack --source=wavegan_drums \
      --seeds=1,5,9 --out=kit
  python -m gansynth_zoo.export.sampler_pack --source=gansynth_nsynth \
      --seeds=7 --labels=48,54,60,66,72 --out=keys --zip

Each sound is trimmed and brought to the loudness of the others. Of a model
whose labels are MIDI pitches, each seed becomes an instrument over the whole
keyboard, with loops; of any other, each sound gets a key of its own, from C1
upward. README.txt says how to make each sound again.
"""

import pathlib
import re
import shlex
import sys
import zipfile
from typing import NamedTuple

import soxr
import tensorflow as tf
from absl import flags

import gansynth_zoo
from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import storage
from gansynth_zoo.evaluation import levels
from gansynth_zoo.export import sampler_sounds
from gansynth_zoo.export import sources

_FIRST_KEY, _LAST_KEY = 36, 127
_COUNT = 16
_BATCH = 32


class Sample(NamedTuple):
    """A sound of the pack, and the keys that play it.

    Attributes:
      seed: number of the sound.
      label: name of its label, or "".
      file: name of its WAV file.
      instrument: name of the SFZ file that lists it.
      key: MIDI pitch at which it sounds as it is.
      keys: lowest and highest key that play it.
      loop: numbers of the first and last sample of its loop, or None.
    """

    seed: int
    label: str
    file: str
    instrument: str
    key: int
    keys: tuple = ()
    loop: tuple | None = None


def plan(name, seeds, labels, pitched):
    """Which sounds are made and which keys they get.

    Args:
      name: of the pack; letters, digits and signs of a file's name.
      seeds: list of ints.
      labels: list of names, or [""] for the label that each seed has.
      pitched: whether the labels are MIDI pitches.

    Returns:
      List of `Sample` in the order of their keys, seed by seed.

    Raises:
      ZooError: if there are more sounds than keys.
    """
    if pitched:
        pitches = sorted(map(int, labels))
        return [
            Sample(
                seed,
                str(pitch),
                f"{name}_{seed:06d}_{pitch:03d}.wav",
                f"{name}_{seed:06d}.sfz",
                pitch,
            )
            for seed in seeds
            for pitch in pitches
        ]
    asked = [(label, seed) for label in labels for seed in seeds]
    most = _LAST_KEY - _FIRST_KEY + 1
    if len(asked) > most:
        raise errors.ZooError(
            f"Expected {most} sounds at most, one for each key from C1 upward, "
            f"received {len(asked)}; make several packs."
        )
    return [
        Sample(
            seed,
            label,
            "_".join(
                [name, f"{key:03d}", *filter(None, [_plain(label)])]
                + [f"{seed:06d}.wav"]
            ),
            f"{name}.sfz",
            key,
        )
        for key, (label, seed) in enumerate(asked, _FIRST_KEY)
    ]


def _plain(text):
    """A text as part of a file's name that every player reads."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text)


def make(module, facts, samples):
    """Makes the sounds of samples, some at a time.

    Args:
      module: a module, loaded or in memory.
      facts: its metadata.
      samples: list of `Sample`.

    Yields:
      Float32 `[samples, channels]`, at the model's rate.
    """
    names = facts["labels"]
    for first in range(0, len(samples), _BATCH):
        batch = samples[first : first + _BATCH]
        seeds = tf.constant([sample.seed for sample in batch], tf.int64)
        latents, *numbers = hub.inputs_of(module, names, seeds)
        if batch[0].label:
            numbers = [
                tf.constant([names.index(s.label) for s in batch], tf.int32)
            ]
        yield from module(latents, *numbers).numpy()


def edit(samples, sounds, rate_in, rate, pitched, report=print):
    """Makes sounds ready for a sampler.

    Args:
      samples: list of `Sample`.
      sounds: iterable of their float32 `[samples, channels]`.
      rate_in: sample rate of the sounds in Hz.
      rate: sample rate that is wanted.
      pitched: whether they are notes, whose loops are looked for.
      report: function that is told of silent sounds, which are left out.

    Returns:
      Pair of lists: `Sample` with their loops and keys, and their sounds,
      float `[samples, channels]`.

    Raises:
      ZooError: if all of them are silent.
    """
    kept, edited = [], []
    for sample, sound in zip(samples, sounds, strict=True):
        if levels.rms_db(sound[None])[0] < levels.SILENCE_DB:
            report(f"{sample.file} is left out, since it is silent.")
            continue
        sound = soxr.resample(sound.astype("f8"), rate_in, rate, "VHQ")
        sound = sampler_sounds.trim(sound, rate)
        looped = None
        if pitched:
            sound, looped = sampler_sounds.loop(sound, rate)
        kept.append(sample._replace(loop=looped))
        edited.append(sound)
    if not kept:
        raise errors.ZooError(
            f"Expected sounds that can be heard, received {len(samples)} that "
            "are silent; choose other seeds, or train the model longer."
        )
    spread = _spread(kept) if pitched else [(s.key, s.key) for s in kept]
    kept = [s._replace(keys=k) for s, k in zip(kept, spread, strict=True)]
    return kept, sampler_sounds.match(edited, rate)


def _spread(samples):
    """Keys of notes: up to halfway to the next one, and to both ends."""
    beyond = None, *samples, None
    return [
        (
            (here.key + before.key) // 2 + 1
            if before and before.seed == here.seed
            else 0,
            (here.key + after.key) // 2
            if after and after.seed == here.seed
            else 127,
        )
        for before, here, after in zip(
            beyond, samples, beyond[2:], strict=False
        )
    ]


def sfz(samples, pitched):
    """Text of an SFZ file, version 1.

    Args:
      samples: list of `Sample`.
      pitched: whether they are notes; else each sounds to its end.

    Returns:
      String.
    """
    group = "ampeg_release=0.3" if pitched else "loop_mode=one_shot"
    lines = [f"// Made by gansynth_zoo {gansynth_zoo.__version__}.", ""]
    lines += ["<group>", group]
    for sample in samples:
        lines += [
            "",
            "<region>",
            f"sample={sample.file}",
            f"lokey={sample.keys[0]} hikey={sample.keys[1]} "
            f"pitch_keycenter={sample.key}",
        ]
        if sample.loop:
            start, end = sample.loop
            lines.append(
                f"loop_mode=loop_continuous loop_start={start} loop_end={end}"
            )
        elif pitched:
            lines.append("loop_mode=no_loop")
    return "\n".join(lines) + "\n"


def readme(facts, samples, rate, command):
    """Text that says what is in a pack.

    Args:
      facts: metadata of the module.
      samples: list of `Sample`.
      rate: sample rate in Hz.
      command: what made the pack.

    Returns:
      String.
    """
    data = facts.get("data") or {}
    name = facts.get("name", facts["preset"])
    version = facts.get("version", f"step {facts.get('step')}")
    lines = [
        f"Sounds of {name}, version {version}, preset {facts['preset']}, "
        f"gansynth_zoo {facts['versions']['gansynth_zoo']}.",
        f"WAV, 24 bits, {rate} Hz; the model's own rate is "
        f"{facts['sample_rate']} Hz.",
        f"The model learned from: {data.get('name', 'unknown')}.",
        f"Licence of what it learned from: {hub.licence_of(facts)}.",
        "",
        "Load an .sfz file into a sampler that reads SFZ. Made by:",
        "",
        f"  {command}",
        "",
        "file, seed, label, keys, loop in samples",
    ]
    lines += [
        f"{s.file}, {s.seed}, {s.label or '-'}, {s.keys[0]} to {s.keys[1]}, "
        + ("{} to {}".format(*s.loop) if s.loop else "-")
        for s in samples
    ]
    return "\n".join(lines) + "\n"


def write(out, samples, sounds, rate, pitched, about):
    """Writes a pack, whole or not at all.

    Args:
      out: its folder, which is not there yet, or is empty.
      samples: list of `Sample`.
      sounds: list of their float `[samples, channels]`.
      rate: their sample rate in Hz.
      pitched: whether they are notes.
      about: text of README.txt.

    Raises:
      ZooError: if the folder holds something.
    """
    out = pathlib.Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise errors.ZooError(
            f"Expected a new folder for the pack, received {str(out)!r}, "
            "which holds something; choose another --out."
        )
    with storage.folder_written_whole(out) as folder:
        for sample, sound in zip(samples, sounds, strict=True):
            path = folder / sample.file
            audio_files.write(path, sound, rate, "PCM_24")
            if pitched:
                sampler_sounds.add_sampler_chunk(
                    path, rate, sample.key, sample.loop
                )
        for instrument in dict.fromkeys(s.instrument for s in samples):
            played = [s for s in samples if s.instrument == instrument]
            storage.write_text(folder / instrument, sfz(played, pitched))
        storage.write_text(folder / "README.txt", about)


def zip_folder(folder):
    """Packs a folder into a zip beside it, the same bytes each time.

    Args:
      folder: `pathlib.Path` of a folder of files.

    Returns:
      `pathlib.Path` of the zip.
    """
    target = folder.with_name(f"{folder.name}.zip")
    partial = folder.with_name(f".partial-{target.name}")
    with zipfile.ZipFile(partial, "w") as archive:
        for path in sorted(folder.iterdir()):
            # Without the file's own date.
            entry = zipfile.ZipInfo(f"{folder.name}/{path.name}")
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    partial.replace(target)
    return target


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_source(values)
    sources.define_checkpoint(values)
    flags.DEFINE_list(
        "seeds", None, "Numbers of the sounds.", flag_values=values
    )
    flags.DEFINE_integer(
        "count",
        None,
        "How many sounds, from number 0 on, in place of --seeds; "
        f"{_COUNT} unless given, or one instrument.",
        lower_bound=1,
        flag_values=values,
    )
    flags.mark_flags_as_mutual_exclusive(["seeds", "count"], flag_values=values)
    flags.DEFINE_list(
        "labels",
        [],
        "Names of labels, each of which each seed is made with; all pitches of "
        "a model that knows pitches, and else the seed's own, unless given.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "rate",
        "44100",
        ["44100", "48000"],
        "Sample rate in Hz.",
        flag_values=values,
    )
    flags.DEFINE_string("out", "pack", "Folder to write.", flag_values=values)
    flags.DEFINE_boolean(
        "zip", False, "Packs it into a zip as well.", flag_values=values
    )


def _seeds(values, pitched):
    if values.seeds is None:
        return list(range(values.count or (1 if pitched else _COUNT)))
    wrong = [s for s in values.seeds if not re.fullmatch("[0-9]{1,18}", s)]
    if wrong or not values.seeds:
        raise errors.ZooError(
            "Expected --seeds to be whole numbers with commas between, "
            f"received {', '.join(wrong) or 'none'}."
        )
    return list(dict.fromkeys(map(int, values.seeds)))


def _labels(asked, names, pitched):
    sources.numbers_of(asked, names)
    return list(dict.fromkeys(asked)) or (names if pitched else [""])


def main(values=flags.FLAGS):
    """Makes a pack.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    module, facts = sources.open_source(values.source, values.checkpoint)
    names, rate = facts["labels"], int(values.rate)
    pitched = bool(names) and all(
        name.isdecimal() and int(name) <= 127 for name in names
    )
    samples = plan(
        facts.get("name", facts["preset"]),
        _seeds(values, pitched),
        _labels(values.labels, names, pitched),
        pitched,
    )
    samples, sounds = edit(
        samples,
        make(module, facts, samples),
        facts["sample_rate"],
        rate,
        pitched,
        lambda line: print(line, file=sys.stderr),
    )
    command = shlex.join(
        ["python", "-m", "gansynth_zoo.export.sampler_pack", *sys.argv[1:]]
    )
    out = pathlib.Path(values.out)
    about = readme(facts, samples, rate, command)
    write(out, samples, sounds, rate, pitched, about)
    looped = sum(sample.loop is not None for sample in samples)
    print(
        f"Wrote {len(samples)} sounds at {rate} Hz to {out}"
        f"{f', {looped} of them with loops' * pitched}."
    )
    if values.zip:
        print(f"Wrote {zip_folder(out)}.")


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
