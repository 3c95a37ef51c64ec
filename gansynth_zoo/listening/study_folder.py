"""Writes a study: page, sounds, key, and what Mechanical Turk takes."""

import csv
import html
import json
import pathlib

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import storage
from gansynth_zoo.listening import sounds as study_sounds
from gansynth_zoo.listening import tasks

_TEMPLATES = pathlib.Path(__file__).parent
KEY_COLUMNS = (
    "task",
    "trial",
    "slot",
    "file",
    "source",
    "sound",
    "label",
    "allowed",
)
# The sounds of a trial, as the key calls them.
_SLOTS = "abcdefgh"
_MTURK_FILES = """mturk_*       for Amazon Mechanical Turk, see below
"""
_MTURK_STEPS = """
On Mechanical Turk
------------------
1. Publish sounds/ so that its files are at {{prefix}}.
2. Make a project with the layout in mturk_question.html, and publish the batch
   mturk_batch.csv: a session is one HIT.
3. Download the results as CSV, and score them as above.
"""


def check_free(folder):
    """Raises a `ZooError` if there is something in a folder already."""
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise errors.ZooError(
            f"Expected a new folder for the study, received {str(folder)!r}, "
            "in which there is something; choose another --out."
        )


def write(folder, name, sessions, *, command, url_prefix, rng):
    """Writes the folder of a study, whole or not at all.

    Args:
      folder: folder to make.
      name: of the task.
      sessions: list of lists of `trials.Trial`; their sounds are brought to
        one level, in place.
      command: the command line that made it, for the README.
      url_prefix: address under which Mechanical Turk finds the files of
        `sounds/`; None writes nothing for it.
      rng: `np.random.Generator`.

    Returns:
      The level of the sounds in dBFS.
    """
    trials = list(dict.fromkeys(t for session in sessions for t in session))
    used = list(dict.fromkeys(s for trial in trials for s in trial.sounds))
    level = study_sounds.match_levels(used)
    files = {sound: f"{rng.bytes(6).hex()}.wav" for sound in used}
    study = _study(name, sessions, files, rng)
    with storage.folder_written_whole(folder) as partial:
        for sound, file in files.items():
            audio_files.write(
                partial / "sounds" / file, sound.waveform, sound.sample_rate
            )
        text = json.dumps(study, indent=1)
        storage.write_text(partial / "trials.json", text + "\n")
        # "<" would end the script that holds it.
        page = _template("page.html", study=text.replace("<", "\\u003c"))
        storage.write_text(partial / "index.html", page)
        rows = _key_rows(name, trials, files)
        _write_csv(partial / "key.csv", KEY_COLUMNS, rows)
        if url_prefix:
            _write_mturk(partial, study, url_prefix.rstrip("/"))
        steps = _MTURK_STEPS.replace("{{prefix}}", url_prefix or "")
        readme = _template(
            "README.txt",
            command=command,
            question=study["question"],
            trials=str(len(trials)),
            sessions=str(len(sessions)),
            level=f"{level:.1f}",
            mturk_files=_MTURK_FILES if url_prefix else "",
            mturk_steps=steps if url_prefix else "",
        )
        storage.write_text(partial / "README.txt", readme)
    return level


def _study(name, sessions, files, rng):
    """What the page needs."""
    task = tasks.TASKS[name]
    return {
        "study": rng.bytes(6).hex(),
        "task": name,
        "question": task.question,
        "note": task.note,
        "sounds": task.sounds,
        "options": [
            [answer, text, _key_of(i, answer, task)]
            for i, (answer, text) in enumerate(task.options.items())
        ],
        "sessions": [
            [
                {
                    "trial": trial.name,
                    "sounds": [f"sounds/{files[s]}" for s in trial.sounds],
                }
                for trial in session
            ]
            for session in sessions
        ],
    }


def _template(name, **values):
    text = (_TEMPLATES / name).read_text("utf-8")
    for field, value in values.items():
        text = text.replace(f"{{{{{field}}}}}", value)
    return text


def _key_of(number, answer, task):
    """The key on a keyboard that chooses an answer."""
    if task.measure == "preference":
        return str(number + 1)
    return "x" if answer == tasks.CANNOT_TELL else answer


def _key_rows(task, trials, files):
    for trial in trials:
        for slot, sound in zip(_SLOTS, trial.sounds, strict=False):
            yield (
                task,
                trial.name,
                slot,
                files[sound],
                sound.source,
                sound.name,
                sound.label or "",
                "|".join(trial.allowed),
            )


def _write_mturk(folder, study, prefix):
    """Writes the batch, one HIT a session, and the layout of a HIT.

    The form posts `answer_N` for the trial whose name is in `trial_N`.
    """
    task = tasks.TASKS[study["task"]]
    size = len(study["sessions"][0])
    slots = _SLOTS[: task.sounds]
    columns = ["session"]
    for n in range(1, size + 1):
        columns += [f"trial_{n}", *(f"sound_{n}_{slot}" for slot in slots)]
    rows = []
    for number, session in enumerate(study["sessions"], 1):
        row = [number]
        for trial in session:
            names = [file.rpartition("/")[2] for file in trial["sounds"]]
            row += [trial["trial"], *(f"{prefix}/{name}" for name in names)]
        rows.append(row)
    _write_csv(folder / "mturk_batch.csv", columns, rows)
    fields = [_mturk_trial(task, n, slots) for n in range(1, size + 1)]
    layout = _template(
        "mturk.html", note=html.escape(task.note), trials="\n".join(fields)
    )
    storage.write_text(folder / "mturk_question.html", layout)


def _mturk_trial(task, number, slots):
    names = {1: [""], 2: ["A", "B"]}.get(len(slots), range(1, len(slots) + 1))
    players = [
        f'<div>{name} <audio controls src="${{sound_{number}_{slot}}}">'
        "</audio></div>"
        for name, slot in zip(names, slots, strict=True)
    ]
    options = [
        f'<label><input type="radio" name="answer_{number}" '
        f'value="{answer}" required> {html.escape(text)}</label>'
        for answer, text in task.options.items()
    ]
    question = html.escape(task.question)
    return "\n".join(
        [
            f"<fieldset><legend>{number}. {question}</legend>",
            *players,
            *options,
            "</fieldset>",
        ]
    )


def _write_csv(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
