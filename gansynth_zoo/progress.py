"""A line that says how far a long task is."""

import sys
import time


class Progress:
    """Prints what is done and how long the rest takes; nothing if it is quick.

    Args:
      total: size of the whole task, in any unit.
      stream: where to print; a terminal gets one line that changes.
    """

    def __init__(self, total, stream=None):
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._total = total
        self._interval = 0.5 if self._live else 15
        self._start = self._last = time.monotonic()
        self._shown = False

    def update(self, done, text):
        """Says, unless it just did, that `done` of the total is done."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last, self._shown = now, True
        left = (now - self._start) * (self._total / max(done, 1) - 1)
        self._print(f"{text}, {clock(max(0, left))} left")

    def close(self):
        """Takes the line away."""
        if self._live and self._shown:
            self._print("")

    def _print(self, line):
        if self._live:
            print(f"\r\x1b[K{line}", end="", file=self._stream, flush=True)
        else:
            print(line, file=self._stream, flush=True)


def clock(seconds):
    """Seconds as h:mm:ss, or m:ss under an hour."""
    minutes, seconds = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}"
