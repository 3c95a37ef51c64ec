"""What comes back from listeners, read against the key of the study."""

import collections
import csv
import dataclasses
import io
import pathlib
import re

from gansynth_zoo import errors
from gansynth_zoo.listening import study_folder
from gansynth_zoo.listening import tasks

_PAGE_COLUMNS = ("listener", "trial", "answer")
_MTURK_COLUMN = "WorkerId"
_MTURK_FIELD = re.compile(r"Answer\.answer_(\d+)(?:\.(\w+))?")
_REJECTED = "Rejected"


@dataclasses.dataclass
class Trial:
    """A trial as the key has it.

    Attributes:
      sources: source of each of its sounds.
      label: class of the first one, "" if it has none.
      allowed: answers that pass, where it checks on the listener; else empty.
    """

    sources: list
    label: str
    allowed: list


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer of a listener to a trial."""

    listener: str
    trial: str
    answer: str


@dataclasses.dataclass
class Answers:
    """All that was read.

    Attributes:
      given: list of `Answer`, one for each listener and trial.
      missing: listener -> number of trials that were left open.
      repeated: listener -> number of answers to a trial answered before; the
        first one holds.
      rejected: number of assignments that Mechanical Turk lists as rejected.
    """

    given: list
    missing: collections.Counter
    repeated: collections.Counter
    rejected: int


def read_key(path):
    """Reads `key.csv`.

    Args:
      path: path of the file.

    Returns:
      Pair of the task's name, and a dictionary: trial -> `Trial`.

    Raises:
      ZooError: if it is not the key of a study.
    """
    rows = _rows(path, study_folder.KEY_COLUMNS)
    trials, task = {}, None
    for line, row in rows:
        task = task or row["task"]
        if row["task"] != task or task not in tasks.TASKS:
            raise errors.ZooError(
                f"Expected one of {', '.join(tasks.TASKS)} in line {line}, "
                f"column task, of {str(path)!r}, and the same in each line, "
                f"received {row['task']!r}; take the key.csv of the study."
            )
        allowed = row["allowed"].split("|") if row["allowed"] else []
        trial = trials.setdefault(
            row["trial"], Trial([], row["label"], allowed)
        )
        trial.sources.append(row["source"])
    if not trials:
        raise errors.ZooError(
            f"Expected trials in {str(path)!r}, received none; take the "
            "key.csv of the study."
        )
    return task, trials


def read(paths, task, trials):
    """Reads result files, of the page or of Mechanical Turk.

    Args:
      paths: paths of CSV files.
      task: the `tasks.Task`.
      trials: what `read_key` returned.

    Returns:
      An `Answers`.

    Raises:
      ZooError: if a file is none of these, or has an answer that cannot be
        one; it names line and column.
    """
    read = Answers([], collections.Counter(), collections.Counter(), 0)
    seen = set()
    for path in paths:
        for line, columns, answer in _answers(path, read):
            _check(path, line, columns, answer, task, trials)
            if not answer.answer:
                read.missing[answer.listener] += 1
            elif (answer.listener, answer.trial) in seen:
                read.repeated[answer.listener] += 1
            else:
                seen.add((answer.listener, answer.trial))
                read.given.append(answer)
    if not read.given:
        raise errors.ZooError(
            f"Expected answers in {', '.join(map(str, paths))}, received "
            "none; give the files that listeners saved to --results."
        )
    return read


def _check(path, line, columns, answer, task, trials):
    checks = (
        (answer.listener.strip(), "the name of a listener", answer.listener),
        (answer.trial in trials, "a trial of the key", answer.trial),
        (
            answer.answer in task.options or not answer.answer,
            f"one of {', '.join(task.options)}",
            answer.answer,
        ),
    )
    for column, (fine, expected, received) in zip(columns, checks, strict=True):
        if not fine:
            raise errors.ZooError(
                f"Expected {expected} in line {line}, column {column}, of "
                f"{str(path)!r}, received {received!r}; mend that line, or "
                "give the --key of the study that the file belongs to."
            )


def _answers(path, read):
    """(line, columns of listener, trial and answer, `Answer`) of a file."""
    rows = _rows(path)
    first = next(rows, (1, {}))
    if _MTURK_COLUMN in first[1]:
        yield from _mturk_answers(path, [first, *rows], read)
        return
    for line, row in _rows(path, _PAGE_COLUMNS):
        yield line, _PAGE_COLUMNS, Answer(*(row[c] for c in _PAGE_COLUMNS))


def _mturk_answers(path, rows, read):
    """The answers of Mechanical Turk's results, of which a row has many.

    A form may post an answer as `answer_1` = "3", or as `answer_1.3` = "true".
    """
    numbers = [
        name.removeprefix("Input.trial_")
        for name in rows[0][1]
        if name.startswith("Input.trial_")
    ]
    if not numbers:
        raise errors.ZooError(
            f"Expected columns Input.trial_1 and so on in {str(path)!r}, "
            "received none; take the results of a batch of this study."
        )
    for line, row in rows:
        if row.get("AssignmentStatus") == _REJECTED:
            read.rejected += 1
            continue
        posted = {}
        for name, value in row.items():
            field = _MTURK_FIELD.fullmatch(name)
            if not field or not value:
                continue
            number, option = field.groups()
            if option is None:
                posted[number] = value
            elif value.lower() == "true":
                posted[number] = option
        for number in numbers:
            trial = row[f"Input.trial_{number}"]
            columns = (
                _MTURK_COLUMN,
                f"Input.trial_{number}",
                f"Answer.answer_{number}",
            )
            answer = Answer(row[_MTURK_COLUMN], trial, posted.get(number, ""))
            yield line, columns, answer


def _rows(path, columns=()):
    """(line, dictionary of column -> text) of each row of a CSV file."""
    path = pathlib.Path(path)
    try:
        # A spreadsheet may have written a byte order mark, and semicolons.
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise errors.ZooError(
            f"Expected a CSV file in UTF-8, received {str(path)!r}, which has "
            f"another byte at {error.start}; save it as CSV in UTF-8."
        ) from error
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True
    )
    lacking = [c for c in columns if c not in (reader.fieldnames or ())]
    if lacking:
        raise errors.ZooError(
            f"Expected a column {lacking[0]!r} in line 1 of {str(path)!r}, "
            f"received {head.strip()[:80]!r}; give a file that the page, "
            "Mechanical Turk or make wrote."
        )
    try:
        for row in reader:
            if None in row or None in row.values():
                raise errors.ZooError(
                    f"Expected {len(reader.fieldnames)} columns in line "
                    f"{reader.line_num} of {str(path)!r}, received "
                    f"{'more' if None in row else 'fewer'}; mend that line."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise errors.ZooError(
            f"Expected CSV in line {reader.line_num} of {str(path)!r}, "
            f"received something else ({error}); mend that line."
        ) from error
