import io

import pytest

from gansynth_zoo import progress


def test_progress_says_what_is_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = progress.Progress(400, stream)
    shown.update(100, "Decoded 1 of 4 files")
    assert stream.getvalue() == ""
    now[0] = 20.0
    shown.update(100, "Decoded 1 of 4 files")
    shown.update(200, "Decoded 2 of 4 files")
    shown.close()
    assert stream.getvalue() == "Decoded 1 of 4 files, 1:00 left\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3725, "1:02:05")]
)
def test_clock(seconds, text):
    assert progress.clock(seconds) == text
