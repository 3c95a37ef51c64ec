r"""Makes a listening test for people, and scores their answers.

  python -m gansynth_zoo.human_study make --source=wavegan_sc09,my_wavs \
      --reference=sc09 --task=quality --count=30 --out=study
  python -m gansynth_zoo.human_study score --key=study/key.csv \
      --results=anna.csv,ben.csv

make --help and score --help list the flags of each.
"""

import json
import pathlib
import shlex
import sys
import zlib

import numpy as np
from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import storage
from gansynth_zoo.export import sources as generators
from gansynth_zoo.listening import answers
from gansynth_zoo.listening import scores
from gansynth_zoo.listening import sounds
from gansynth_zoo.listening import study_folder
from gansynth_zoo.listening import tasks
from gansynth_zoo.listening import trials


def define_make_flags(values):
    """Defines the flags of `make` in an absl `FlagValues`."""
    text, number = flags.DEFINE_string, flags.DEFINE_integer
    flags.DEFINE_list(
        "source",
        None,
        "What to compare, with commas between: folders of sounds, whose "
        "sub-folders are classes; runs; folders of modules, or their names.",
        flag_values=values,
    )
    text(
        "reference",
        None,
        "Prepared data set whose real sounds are one more source.",
        flag_values=values,
    )
    text(
        "data_dir",
        "",
        "Folder of prepared data sets; empty is one in the cache folder.",
        flag_values=values,
    )
    text("split", "test", "Split of the reference.", flag_values=values)
    flags.DEFINE_enum(
        "task",
        "quality",
        list(tasks.TASKS),
        "What is asked: the digit that is spoken; quality, ease of "
        "understanding, or diversity of a set, 1 to 5; which of two is "
        "better, yes or no or in five steps (comparison).",
        flag_values=values,
    )
    number(
        "count",
        30,
        "Trials of each source, or of each pair of sources.",
        1,
        flag_values=values,
    )
    number(
        "session_trials",
        40,
        "The most trials that a listener is asked at a time.",
        1,
        flag_values=values,
    )
    text(
        "url_prefix",
        None,
        "Address under which the files of sounds/ will be found; writes what "
        "Mechanical Turk takes.",
        flag_values=values,
    )
    number("seed", 0, "Seed of all that is random.", 0, flag_values=values)
    text("out", "study", "Folder to make.", flag_values=values)
    flags.mark_flag_as_required("source", values)


def define_score_flags(values):
    """Defines the flags of `score` in an absl `FlagValues`."""
    flags.DEFINE_list(
        "results",
        None,
        "CSV files of listeners, or of Mechanical Turk, with commas between.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "key", None, "The key.csv of the study.", flag_values=values
    )
    flags.DEFINE_float(
        "pass_share",
        0.75,
        "Listeners who pass less than this share of the checks are left out.",
        0.0,
        1.0,
        flag_values=values,
    )
    flags.DEFINE_string(
        "out", "scores.json", "File to write.", flag_values=values
    )
    flags.mark_flags_as_required(["results", "key"], values)


def make(values=flags.FLAGS):
    """Writes the folder of a study.

    Args:
      values: absl `FlagValues` with the flags of `make`, parsed.

    Returns:
      0.

    Raises:
      ZooError: if the sources do not suit the task, or have too few sounds.
    """
    study_folder.check_free(values.out)
    task = tasks.TASKS[values.task]
    names = [*values.source, *([values.reference] if values.reference else [])]
    if len(set(names)) < len(names):
        raise errors.ZooError(
            "Expected each source once, received "
            f"{', '.join(names)}; leave the repeated one out."
        )
    # Other sources or another task: other names of trials, so that no answer
    # is taken for one of another study.
    what = repr((values.task, names, values.count)).encode()
    rng = np.random.default_rng([values.seed, zlib.crc32(what)])
    needed = trials.sounds_needed(task, values.count)
    chosen = _choose_sounds(values, needed, rng)
    made = trials.make(task, chosen, values.count, rng)
    real = chosen.get(values.reference, [])
    sessions = trials.deal(task, made, values.session_trials, real, rng)
    level = study_folder.write(
        values.out,
        values.task,
        sessions,
        command=_command(values),
        url_prefix=values.url_prefix,
        rng=rng,
    )
    out = pathlib.Path(values.out)
    print(
        f"Wrote {len(made)} trials in {len(sessions)} session(s) of "
        f"{len(sessions[0])}, checks included, at {level:.1f} dBFS.\n"
        f"Listeners open {out / 'index.html'}; move {out / 'key.csv'}, the "
        f"solution, away first. {out / 'README.txt'} says more."
    )
    return 0


def _command(values):
    """The command line of these flags."""
    given = [values[name] for name in values if values[name].present]
    words = [shlex.quote(flag.serialize()) for flag in given]
    return " ".join(["python -m gansynth_zoo.human_study make", *words])


def _choose_sounds(values, count, rng):
    """Source -> `count` sounds of it."""
    chosen = {}
    for source in values.source:
        left_out = {}
        if sounds.is_audio_folder(source):
            found = sounds.of_folder(source, rng, left_out)
        else:
            module, facts = generators.open_source(source)
            rate = facts["sample_rate"]
            found = sounds.of_module(source, module, rate, values.seed, count)
        chosen[source] = sounds.take(source, found, count, left_out)
    if values.reference:
        found = sounds.of_dataset(
            values.reference,
            values.data_dir,
            values.split,
            [sound for some in chosen.values() for sound in some],
            rng,
        )
        chosen[values.reference] = sounds.take(
            values.reference, found, count, {}
        )
    return chosen


def score(values=flags.FLAGS):
    """Prints and writes what the listeners' answers say.

    Args:
      values: absl `FlagValues` with the flags of `score`, parsed.

    Returns:
      0.

    Raises:
      ZooError: if a file is none of the study, or is damaged.
    """
    name, key = answers.read_key(values.key)
    task = tasks.TASKS[name]
    read = answers.read(values.results, task, key)
    listeners = scores.of_listeners(read.given, key)
    excluded = scores.failed(listeners, values.pass_share)
    kept = [a for a in read.given if a.listener not in excluded]
    result = {
        "task": name,
        "question": task.question,
        "listeners": listeners,
        "pass_share": values.pass_share,
        "excluded": excluded,
        "missing": dict(read.missing),
        "repeated": dict(read.repeated),
        "rejected": read.rejected,
        "kept": scores.score(kept, key, task),
        "everyone": scores.score(read.given, key, task),
    }
    _print_scores(task, result)
    out = pathlib.Path(values.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    storage.write_text(out, json.dumps(result, indent=2) + "\n")
    print(
        f"\nWrote {out}. Intervals are 95 %; those of shares take all answers "
        "for independent ones."
    )
    return 0


def _print_scores(task, result):
    print(task.question)
    for title in ("missing", "repeated"):
        for listener, count in result[title].items():
            print(f"{title} answers, passed over: {count} of {listener}")
    if result["rejected"]:
        print(f"rejected assignments, passed over: {result['rejected']}")
    for listener in result["excluded"]:
        found = result["listeners"][listener]
        print(
            f"left out: {listener}, who passed {found['passed']} of "
            f"{found['checks']} checks"
        )
    print("\n".join(["", *scores.table(task, result["kept"])]))
    if result["excluded"]:
        print("\nWith those who failed the checks:")
        print("\n".join(scores.table(task, result["everyone"])))


_ACTIONS = {
    "make": (define_make_flags, make),
    "score": (define_score_flags, score),
}


def _refuse():
    raise errors.ZooError(
        "Expected make or score as the first word, as in python -m "
        "gansynth_zoo.human_study make --source=...; --help says more."
    )


def main():
    """Runs the action that the first word of the command line names."""
    word = sys.argv[1] if sys.argv[1:] else ""
    if word in _ACTIONS:
        define, action = _ACTIONS[word]
        define(flags.FLAGS)
        del sys.argv[1]
    else:
        action = _refuse
        sys.argv[1:] = ["--help"] if "--help" in sys.argv else []
    command_line.run(action)


if __name__ == "__main__":
    main()
