import os
import shutil
import signal

import pytest

from gansynth_zoo import assemble
from gansynth_zoo import callbacks
from gansynth_zoo import errors
from gansynth_zoo import runs
from gansynth_zoo import training


@pytest.fixture
def disk(monkeypatch):
    """Function: the MiB that are free from now on."""

    def leave(mebibytes):
        usage = shutil.disk_usage("/")._replace(free=int(mebibytes * 2**20))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    return leave


def test_a_disk_that_is_nearly_full_is_told_once(tiny, tmp_path, disk):
    gan = assemble.make_gan(tiny())
    # Two networks with two moments each, two counts and learning rates, and
    # the average; four bytes each.
    weights = 3 * (gan.generator.count_params()) + 4
    weights += 3 * gan.discriminator.count_params()
    weights += gan.average.count_params()
    run = runs.Run(tmp_path)
    said = []
    saving = callbacks.Checkpoints(run, 1000, keep=2, report=said.append)
    saving.set_model(gan)
    # One that is being written, two that stay, and one of room to spare.
    disk(4 * 4 * weights / 2**20 - 0.01)
    saving.on_train_begin()
    saving.on_train_begin()
    assert len(said) == 1
    assert "make room before it is full" in said[0]
    disk(4 * 4 * weights / 2**20 + 0.01)
    saving.on_train_begin()
    assert len(said) == 1
    disk(4 * (weights - 1) / 2**20)
    with pytest.raises(errors.ZooError, match="goes on from step 0"):
        saving.on_train_begin()


def test_what_a_killed_training_left_is_removed(tmp_path):
    run = runs.Run(tmp_path)
    (tmp_path / ".partial-abc").mkdir()
    (tmp_path / ".partial-abc" / "checkpoint").write_bytes(bytes(9))
    (tmp_path / ".partial-config.json").write_text("{")
    with run.locked():
        assert {path.name for path in tmp_path.iterdir()} == {"lock"}


def test_sigterm_saves_after_the_steps_in_hand(tiny, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    save = callbacks.Checkpoints.on_train_batch_end

    def interrupt(self, batch, logs=None):
        os.kill(os.getpid(), signal.SIGTERM)
        save(self, batch, logs)

    monkeypatch.setattr(callbacks.Checkpoints, "on_train_batch_end", interrupt)
    run = runs.Run(tmp_path)
    preset = tiny(steps=50)
    assert not training.train(preset, run, report=lambda _: None)
    assert run.steps() == [1]
    assert signal.getsignal(signal.SIGTERM) is before
