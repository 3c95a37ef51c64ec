"""Answers -> accuracy, opinion scores, preferences, and who paid attention."""

import collections

import numpy as np

from gansynth_zoo.listening import estimates
from gansynth_zoo.listening import tasks


def of_listeners(given, trials):
    """How often each listener passed the trials that check on attention.

    Args:
      given: list of `answers.Answer`.
      trials: trial -> `answers.Trial`.

    Returns:
      Dictionary: listener -> {"passed", "checks"}.
    """
    found = {a.listener: {"passed": 0, "checks": 0} for a in given}
    for answer in given:
        allowed = trials[answer.trial].allowed
        if allowed:
            found[answer.listener]["checks"] += 1
            found[answer.listener]["passed"] += answer.answer in allowed
    return found


def failed(listeners, threshold):
    """Listeners who passed less than a share of their checks, sorted."""
    return sorted(
        name
        for name, found in listeners.items()
        if found["passed"] < threshold * found["checks"]
    )


def score(given, trials, task):
    """All that a task measures.

    Args:
      given: list of `answers.Answer`.
      trials: trial -> `answers.Trial`.
      task: the `tasks.Task`.

    Returns:
      Dictionary of plain values: "listeners", "answers", "agreement"
      (Krippendorff's alpha, None where nothing can be said) and "sources", or
      "pairs" for preferences: name -> its own measures.
    """
    given = [a for a in given if not trials[a.trial].allowed]
    units = collections.defaultdict(list)
    for answer in given:
        value = task.numbers.get(answer.answer, answer.answer)
        units[answer.trial].append(value)
    measure = {
        "label": _accuracy,
        "rating": _rating,
        "preference": _preference,
    }[task.measure]
    groups = collections.defaultdict(list)
    for answer in given:
        sources = trials[answer.trial].sources
        groups[tuple(sorted(set(sources)))].append(answer)
    return {
        "listeners": len({a.listener for a in given}),
        "answers": len(given),
        "agreement": estimates.alpha(units.values(), task.metric),
        "pairs" if task.measure == "preference" else "sources": {
            " : ".join(group): measure(answers, trials, task)
            for group, answers in sorted(groups.items())
        },
    }


def _accuracy(given, trials, task):
    """Share of right labels; of what has no label, how often one was heard."""
    confusion = {}
    for answer in given:
        row = confusion.setdefault(
            trials[answer.trial].label, dict.fromkeys(task.options, 0)
        )
        row[answer.answer] += 1
    told = sum(a.answer != tasks.CANNOT_TELL for a in given)
    known = [a for a in given if trials[a.trial].label]
    right = sum(a.answer == trials[a.trial].label for a in known)
    return {
        "answers": len(given),
        "accuracy": right / len(known) if known else None,
        "accuracy_interval": estimates.wilson(right, len(known))
        if known
        else None,
        "told": told / len(given),
        "told_interval": estimates.wilson(told, len(given)),
        "confusion": dict(sorted(confusion.items())),
    }


def _rating(given, _, task):
    """Mean opinion score."""
    counts = collections.Counter(a.answer for a in given)
    return {
        "answers": len(given),
        **_mean(given, [task.numbers[a.answer] for a in given]),
        "counts": {answer: counts[answer] for answer in task.options},
    }


def _preference(given, trials, task):
    """How often either source of a pair was preferred."""
    first, second = sorted(set(trials[given[0].trial].sources))
    # Positive for the first one, wherever it stood.
    values = [
        task.numbers[a.answer]
        * (1 if trials[a.trial].sources[0] == first else -1)
        for a in given
    ]
    wins = sum(value > 0 for value in values)
    losses = sum(value < 0 for value in values)
    decided = wins + losses
    return {
        "answers": len(given),
        "first": first,
        "second": second,
        "first_preferred": wins,
        "second_preferred": losses,
        "ties": len(values) - decided,
        "share": wins / decided if decided else None,
        "share_interval": estimates.wilson(wins, decided) if decided else None,
        "p_value": estimates.sign_test(wins, decided),
        **_mean(given, values),
    }


def _mean(given, values):
    """Mean of the values of answers, and its interval."""
    return {
        "mean": float(np.mean(values)),
        "mean_interval": estimates.mean_interval(
            values, [a.listener for a in given], [a.trial for a in given]
        ),
    }


def table(task, scored):
    """Lines that show a score.

    Args:
      task: the `tasks.Task`.
      scored: what `score` returned.

    Returns:
      List of str.
    """
    agreement = scored["agreement"]
    shown = "cannot be computed" if agreement is None else f"{agreement:.3f}"
    lines = [
        f"{scored['answers']} answers of {scored['listeners']} listener(s); "
        f"agreement (Krippendorff's alpha, {task.metric}): {shown}"
    ]
    groups = scored.get("sources", scored.get("pairs"))
    width = max([len(name) for name in groups], default=0)
    rows = {"label": _accuracy_row, "rating": _rating_row}.get(
        task.measure, _preference_row
    )
    lines += [f"{name:{width}}  {rows(row)}" for name, row in groups.items()]
    if task.measure == "label":
        for name, row in groups.items():
            lines += ["", *_confusion_lines(name, row["confusion"])]
    return lines


def _interval(pair, digits):
    if pair is None:
        return "[unknown]"
    return f"[{pair[0]:.{digits}f}, {pair[1]:.{digits}f}]"


def _accuracy_row(row):
    told = f"told {row['told']:.3f} {_interval(row['told_interval'], 3)}"
    if row["accuracy"] is None:
        return f"{told}, no labels to be right about, {row['answers']} answers"
    interval = _interval(row["accuracy_interval"], 3)
    return (
        f"accuracy {row['accuracy']:.3f} {interval}, {told}, "
        f"{row['answers']} answers"
    )


def _rating_row(row):
    interval = _interval(row["mean_interval"], 2)
    return f"mean {row['mean']:.2f} {interval}, {row['answers']} answers"


def _preference_row(row):
    if row["share"] is None:
        return f"{row['ties']} ties, nothing else"
    ties = f", {row['ties']} ties" if row["ties"] else ""
    return (
        f"{row['first']} preferred in {row['share']:.3f} "
        f"{_interval(row['share_interval'], 3)} of "
        f"{row['first_preferred'] + row['second_preferred']}{ties}, "
        f"p = {row['p_value']:.2g}; mean {row['mean']:+.2f} "
        f"{_interval(row['mean_interval'], 2)}"
    )


def _confusion_lines(name, confusion):
    options = list(next(iter(confusion.values())))
    yield f"{name}: label down, answer across"
    yield "       " + "".join(f"{option:>6}" for option in options)
    for label, row in confusion.items():
        counts = "".join(f"{row[option]:6}" for option in options)
        yield f"{label or '-':>7}{counts}"
