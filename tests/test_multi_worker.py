import pathlib
import signal
import sys
import time
from unittest import mock

import pytest

from gansynth_zoo import runs

# The benchmarks are not installed.
ROOT = pathlib.Path(__file__).parents[1]
with mock.patch.object(sys, "path", [str(ROOT), *sys.path]):
    from benchmarks import chaos
    from benchmarks import local_workers

STEPS = 60


def start(run):
    """Two workers, whose output goes to one file beside the run's folder."""
    command = [
        *(sys.executable, "-m", "gansynth_zoo.train", *chaos.SMALL),
        *(f"--run_dir={run.path}", f"--steps={STEPS}", "--evaluate_every=0"),
    ]
    run.path.parent.mkdir(exist_ok=True)
    with open(log_of(run), "w", encoding="utf-8") as file:
        return local_workers.start([command] * 2, stdout=file, stderr=file)


def log_of(run):
    return run.path.with_name(f"{run.path.name}.log")


def start_and_wait_for_a_checkpoint(run):
    before = max(run.steps(), default=0)
    workers = start(run)
    while max(run.steps(), default=0) == before:
        assert [worker.poll() for worker in workers] == [None, None]
        time.sleep(0.02)
    return workers


def ends(workers):
    return [worker.wait(timeout=120) for worker in workers]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = runs.Run(tmp_path_factory.mktemp("calm") / "run")
    assert ends(start(run)) == [0, 0]
    return run


def test_when_a_worker_dies_the_other_says_so_and_all_go_on(
    undisturbed, tmp_path
):
    run = runs.Run(tmp_path / "run")
    workers = start_and_wait_for_a_checkpoint(run)
    workers[1].kill()
    assert workers[0].wait(timeout=60) == 1
    assert workers[1].wait() == -signal.SIGKILL
    log = log_of(run).read_text("utf-8")
    assert "Error: Another worker of the run has stopped" in log
    assert "Traceback" not in log
    assert max(run.steps()) < STEPS
    # SIGTERM to one, which is not the chief, saves and stops all.
    workers = start_and_wait_for_a_checkpoint(run)
    workers[1].send_signal(signal.SIGTERM)
    assert ends(workers) == [130, 130]
    assert max(run.steps()) < STEPS
    assert ends(start(run)) == [0, 0]
    assert chaos.same_weights(undisturbed, run)


def test_the_chief_alone_writes(undisturbed):
    names = {path.name for path in undisturbed.path.iterdir()}
    whole = "checkpoints config.json data.json lock previews summaries"
    assert names == set(whole.split())
    assert len(list(undisturbed.summaries.iterdir())) == 1
