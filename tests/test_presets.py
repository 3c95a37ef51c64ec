"""Every preset goes the same way: its flagfile, training, export, loading."""

import pathlib

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from gansynth_zoo import hub
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import train
from gansynth_zoo.export import saved_model

FLAGFILES = pathlib.Path(presets.__file__).parent / "flagfiles"


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_flagfile_trains_exports_and_loads(name, tiny, tmp_path):
    small = tiny(name)
    with flagsaver.flagsaver():
        flags.FLAGS(
            [
                "train",
                f"--flagfile={FLAGFILES / name}.flags",
                f"--run_dir={tmp_path / 'run'}",
                "--dataset=drums_mini",
                f"--num_samples={small.audio.num_samples}",
                f"--dim={small.model.dim}",
                f"--batch_size={small.train.batch_size}",
                f"--n_critic={small.recipe.n_critic}",
                f"--steps={small.train.steps}",
            ]
        )
        assert train.main() == 0
    run = runs.Run(tmp_path / "run")
    assert run.read_preset() == small
    module = hub.load(saved_model.export(run, tmp_path / "zoo"))
    sounds = module.generate(2, 0).numpy()
    assert sounds.shape == (2, small.audio.num_samples, small.audio.channels)
    assert np.isfinite(sounds).all()
    assert np.abs(sounds).max() > 0


def test_every_preset_has_a_flagfile_and_no_other_is_there():
    names = {path.stem for path in FLAGFILES.glob("*.flags")}
    assert names == set(presets.PRESETS)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_flagfile_repeats_nothing_of_its_preset(name):
    lines = (FLAGFILES / f"{name}.flags").read_text("utf-8").splitlines()
    given = [line for line in lines if not line.startswith("#")]
    assert given == [f"--preset={name}"]
