"""The trials of a study: which sounds are asked about, and in which order."""

import dataclasses
import itertools
import math

from gansynth_zoo import errors
from gansynth_zoo.listening import sounds
from gansynth_zoo.listening import tasks

# Sessions have one trial in so many, and one at least, that checks on the
# listener.
_CATCH_EVERY = 10
_MOST_BEEPS = 5


@dataclasses.dataclass(eq=False)
class Trial:
    """One question to a listener.

    Attributes:
      name: what it is called by, which tells nothing.
      sounds: tuple of `sounds.Sound`, in the order in which they are shown.
      allowed: answers that a listener who pays attention gives, where the
        trial is there to check that; else empty.
    """

    name: str
    sounds: tuple
    allowed: tuple = ()


def sounds_needed(task, count):
    """How many sounds of each source a study takes.

    Args:
      task: a `tasks.Task`.
      count: trials of a source, or of a pair of sources.
    """
    return count * task.sounds if task.measure == "rating" else count


def make(task, sources, count, rng):
    """Trials, any stretch of which has the sources and classes in balance.

    Args:
      task: a `tasks.Task`.
      sources: source -> list of `sounds.Sound`, as many as are needed.
      count: trials of a source, or of a pair of sources.
      rng: `np.random.Generator`.

    Returns:
      List of `Trial`.

    Raises:
      ZooError: if the sources do not suit the task.
    """
    if task.measure == "label":
        _number_labels(sources)
    if task.measure == "preference":
        if len(sources) < 2:
            raise errors.ZooError(
                "Expected two sources or more to compare, received one; add "
                "another to --source, or --reference."
            )
        groups = [
            _pairs(sources[a], sources[b], rng)
            for a, b in itertools.combinations(sources, 2)
        ]
    else:
        groups = [
            [
                tuple(have[i : i + task.sounds])
                for i in range(0, count * task.sounds, task.sounds)
            ]
            for have in sources.values()
        ]
    return [
        Trial(_name(rng), groups[g][i])
        for i in range(count)
        for g in rng.permutation(len(groups))
    ]


def deal(task, trials, session_trials, real, rng):
    """Deals trials to sessions of one length, with checks among them.

    Where they do not come out even, the last session repeats some of the
    first one.

    Args:
      task: a `tasks.Task`.
      trials: list of `Trial`.
      session_trials: the most in a session, checks not counted.
      real: list of real sounds, empty if there are none.
      rng: `np.random.Generator`.

    Returns:
      List of lists of `Trial`.
    """
    count = math.ceil(len(trials) / session_trials)
    size = math.ceil(len(trials) / count)
    filled = trials + trials[: count * size - len(trials)]
    sessions = []
    for first in range(0, len(filled), size):
        session = filled[first : first + size]
        # Half of the checks are of the other kind, where there are two.
        turn = int(rng.integers(2))
        for i in range(max(1, round(size / _CATCH_EVERY))):
            like = session[rng.integers(size)].sounds[0]
            known = real[rng.integers(len(real))] if real else None
            session.append(_catch(task, like, known, (turn + i) % 2, rng))
        sessions.append([session[i] for i in rng.permutation(len(session))])
    return sessions


def _name(rng):
    return f"t{rng.bytes(6).hex()}"


def _catch(task, like, real, turn, rng):
    """A trial whose answer is known."""
    if task.measure == "label":
        beeps = int(rng.integers(1, _MOST_BEEPS + 1))
        return Trial(_name(rng), (sounds.beeps(beeps),), (str(beeps),))
    noise = sounds.noise(like, rng)
    if task.measure == "preference":
        pair = ((real or like), noise)
        good = [a for a, number in task.numbers.items() if number > 0]
        if turn:
            pair = pair[::-1]
            good = [a for a, number in task.numbers.items() if number < 0]
        return Trial(_name(rng), pair, tuple(good))
    if task.sounds > 1:
        return Trial(_name(rng), (like,) * task.sounds, ("1", "2"))
    if real and turn:
        return Trial(_name(rng), (real,), ("3", "4", "5"))
    return Trial(_name(rng), (noise,), ("1", "2"))


def _pairs(first, second, rng):
    """Sounds of two sources, of one class where they have any in common."""
    rest = list(second)
    pairs = []
    turn = int(rng.integers(2))
    for i, sound in enumerate(first):
        same = [other for other in rest if other.label == sound.label]
        other = (same or rest)[0]
        rest.remove(other)
        # Each source stands first in half of the trials.
        pair = (sound, other)
        pairs.append(pair if (turn + i) % 2 else pair[::-1])
    return pairs


def _number_labels(sources):
    """Replaces names of digits by the digits, in place."""
    for sound in itertools.chain.from_iterable(sources.values()):
        label = (sound.label or "").lower()
        if label in tasks.DIGITS:
            sound.label = str(tasks.DIGITS.index(label))
        elif label and label not in tuple("0123456789"):
            raise errors.ZooError(
                "Expected sub-folders called zero to nine, or 0 to 9, in "
                f"{sound.source!r}, received {sound.label!r}; rename it, or "
                "choose another --task."
            )
