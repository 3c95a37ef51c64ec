"""Long tasks in threads of their own, that tell how far they are."""

import logging
import threading
import time

from gansynth_zoo import errors


class _Cancelled(Exception):
    """Leaves a task that nobody waits for any more."""


class Job:
    """A task that runs beside whoever asks for it.

    Attributes:
      state: "running", "done", "cancelled" or "failed".
      error: why it failed, one sentence.
      done: parts of it that are done.
      of: parts in all; 0 while that is not known.

    Args:
      work: function of the job; it calls `tell` now and then.
    """

    def __init__(self, work):
        self.state, self.error = "running", ""
        self.done, self.of = 0, 0
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(work,), daemon=True
        )
        self._thread.start()

    @property
    def seconds_left(self):
        """An estimate in seconds; None while there is none."""
        if not self.done:
            return None
        passed = time.monotonic() - self._began
        return round(passed * (self.of / self.done - 1), 1)

    def tell(self, done, of):
        """Called by the task: so much is done. It ends there if cancelled."""
        if self._stop.is_set():
            raise _Cancelled
        self.done, self.of = done, of

    @property
    def is_cancelled(self):
        """Whether it was told to end; it may not have."""
        return self._stop.is_set()

    def cancel(self):
        """Lets the task end at its next part."""
        self._stop.set()

    def wait(self, seconds=None):
        """Waits for its end; True if it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, work):
        try:
            work(self)
            self.state = "done"
        except _Cancelled:
            self.state = "cancelled"
        except errors.ZooError as error:
            self.error = str(error)
            self.state = "failed"
        except Exception as error:
            logging.exception("A task of the explorer failed.")
            self.error = f"It failed: {type(error).__name__}, {error}."
            self.state = "failed"
