import subprocess

import numpy as np
import pytest

from gansynth_zoo import assemble
from gansynth_zoo import errors
from gansynth_zoo import runs


@pytest.fixture
def gan(tiny):
    return assemble.make_gan(tiny())


@pytest.fixture
def run(tmp_path):
    return runs.Run(tmp_path / "run")


def save_at(run, gan, *steps, keep=9):
    for step in steps:
        gan.step.assign(step)
        gan.generator.weights[0].assign_add(
            np.ones_like(gan.generator.weights[0])
        )
        run.save(gan, keep)


def damage(run, step, shelf=runs.NEWEST):
    file = next((run.path / shelf / f"{step:08d}").glob("*.data*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_preset_is_kept(run, tiny):
    assert not run.exists()
    run.write_preset(tiny(seed=3))
    assert run.exists()
    assert run.read_preset() == tiny(seed=3)


def test_a_folder_without_a_run_is_refused(run):
    with pytest.raises(errors.ZooError, match="has no config.json"):
        run.read_preset()


def test_restore_brings_back_everything(run, gan, tiny):
    optimizer = gan.discriminator_optimizer
    optimizer.apply(
        [np.ones_like(w) for w in gan.discriminator.trainable_variables]
    )
    save_at(run, gan, 4)
    other = assemble.make_gan(tiny(seed=1))
    assert run.restore(other) == 4
    assert int(other.step) == 4
    for ours, theirs in (
        (gan, other),
        (gan.discriminator_optimizer, other.discriminator_optimizer),
        (gan.generator_optimizer, other.generator_optimizer),
    ):
        pairs = zip(ours.variables, theirs.variables, strict=True)
        for one, two in pairs:
            np.testing.assert_array_equal(one, two)


def test_only_the_newest_are_kept(run, gan):
    save_at(run, gan, 1, 2, 3, 4, keep=2)
    assert run.steps() == [4, 3]


def test_nothing_to_restore_is_step_0(run, gan):
    assert run.restore(gan) == 0


def test_a_damaged_checkpoint_falls_back_and_says_so(run, gan):
    save_at(run, gan, 1, 2)
    damage(run, 2)
    said = []
    assert run.restore(gan, said.append) == 1
    assert said == [
        "The checkpoint of step 2 is damaged; going on from the one before, "
        "step 1."
    ]


def test_a_damaged_checkpoint_is_replaced_when_its_step_comes_again(run, gan):
    save_at(run, gan, 1, 2)
    damage(run, 2)
    save_at(run, gan, 2)
    said = []
    assert run.restore(gan, said.append) == 2
    assert not said


@pytest.mark.parametrize("keep", [1, 2])
def test_after_a_damaged_checkpoint_the_next_one_is_kept(run, gan, keep):
    save_at(run, gan, 1, 5, keep=2)
    damage(run, 5)
    # From step 1, in another rhythm.
    save_at(run, gan, 3, keep=keep)
    assert run.steps() == [3, 1][:keep]
    assert run.restore(gan) == 3


def save_best_at(run, gan, step, measure):
    gan.step.assign(step)
    run.save_best(gan, measure)


def test_the_best_checkpoint_has_a_shelf_of_its_own(run, gan):
    assert run.best_measure() == float("inf")
    save_at(run, gan, 1, 2)
    save_best_at(run, gan, 2, 0.5)
    save_at(run, gan, 3)
    assert run.steps(runs.BEST) == [2]
    assert run.best_measure() == 0.5
    assert run.restore(gan, shelf=runs.BEST) == 2
    assert run.restore(gan) == 3


@pytest.mark.parametrize("step", [7, 4])
def test_a_better_one_takes_its_place_whatever_its_step(run, gan, step):
    save_best_at(run, gan, 5, 0.5)
    save_best_at(run, gan, step, 0.25)
    assert run.steps(runs.BEST) == [step]
    assert run.best_measure() == 0.25


def test_a_damaged_best_checkpoint_is_none(run, gan):
    save_best_at(run, gan, 5, 0.5)
    damage(run, 5, runs.BEST)
    assert run.best_measure() == float("inf")
    with pytest.raises(errors.ZooError, match="take --checkpoint=newest"):
        run.restore(gan, shelf=runs.BEST)
    save_best_at(run, gan, 5, 0.75)
    assert run.best_measure() == 0.75


def test_all_damaged_is_an_error(run, gan):
    save_at(run, gan, 1)
    damage(run, 1)
    with pytest.raises(errors.ZooError, match="All checkpoints"):
        run.restore(gan)


def test_a_weight_that_is_not_finite_is_not_saved(run, gan):
    save_at(run, gan, 1)
    weight = gan.discriminator.weights[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(errors.ZooError, match="not finite at step 2"):
        save_at(run, gan, 2)
    assert run.steps() == [1]


def test_two_at_once_are_refused(run):
    with run.locked():
        with pytest.raises(errors.ZooError, match="Another training"):
            with runs.Run(run.path).locked():
                pass
    with run.locked():
        pass


def test_a_full_disk_keeps_the_checkpoints_there_are(run, gan):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", run.path.parent],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        save_at(run, gan, 1)
        filler = run.path.parent / "filler"
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(bytes(2**20))
        with pytest.raises(errors.ZooError, match="goes on from step 1"):
            save_at(run, gan, 2)
        assert run.steps() == [1]
        names = {path.name for path in run.path.iterdir()}
        assert names == {"checkpoints"}
        filler.unlink()
        save_at(run, gan, 2)
        assert run.steps() == [2, 1]
    finally:
        subprocess.run(["umount", run.path.parent], check=True)
