"""A line that says how far a long task is."""

import sys
import time


class Timer:
    """Says when so many seconds have gone by."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._last = time.monotonic()

    def due(self):
        """Whether they have; if so, starts again."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Line:
    """A line of progress: on a terminal one that changes, else many.

    Args:
      stream: where to print; stdout unless given.
    """

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        # A log is not to be filled with lines.
        self._timer = Timer(0.5 if self._live else 15)

    def due(self):
        """Whether it is time for another line; if so, starts waiting again."""
        return self._timer.due()

    def show(self, text):
        """Prints a line, in the place of the one before on a terminal."""
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=self._stream, flush=True)
        else:
            print(text, file=self._stream, flush=True)

    def clear(self):
        """Takes the line away from a terminal."""
        if self._live:
            self.show("")

    def keep(self):
        """Leaves the line as it is; what is printed next comes below."""
        if self._live:
            print(file=self._stream, flush=True)


class Progress:
    """Prints what is done and how long the rest takes; nothing if it is quick.

    Args:
      total: size of the whole task, in any unit.
      stream: where to print; stdout unless given.
    """

    def __init__(self, total, stream=None):
        self._line = Line(stream)
        self._total = total
        self._start = time.monotonic()
        self._shown = False

    def update(self, done, text):
        """Says, unless it just did, that `done` of the total is done."""
        if not self._line.due():
            return
        self._shown = True
        passed = time.monotonic() - self._start
        left = passed * (self._total / max(done, 1) - 1)
        self._line.show(f"{text}, {clock(max(0, left))} left")

    def close(self):
        """Takes the line away."""
        if self._shown:
            self._line.clear()


def clock(seconds):
    """Seconds as h:mm:ss, or m:ss under an hour."""
    minutes, seconds = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}"
