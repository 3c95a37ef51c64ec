"""Every preset goes the same way: its flagfile, training, sounds."""

import pathlib

import numpy as np
import pytest
import soundfile
from absl import flags
from absl.testing import flagsaver

from gansynth_zoo import config
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import train

FLAGFILES = pathlib.Path(presets.__file__).parent / "flagfiles"


def changed(name, preset):
    """Settings in which a preset differs from that of a name."""
    for key in config.differences(presets.get(name), preset):
        for section in config.sections(preset).values():
            if hasattr(section, key):
                yield key, getattr(section, key)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_flagfile_trains_and_makes_sounds(name, tiny, tmp_path):
    small = tiny(name)
    with flagsaver.flagsaver():
        flags.FLAGS(
            [
                "train",
                f"--flagfile={FLAGFILES / name}.flags",
                f"--run_dir={tmp_path / 'run'}",
                f"--steps={small.train.steps}",
                *(f"--{key}={value}" for key, value in changed(name, small)),
            ]
        )
        assert train.main() == 0
    run = runs.Run(tmp_path / "run")
    trained = run.read_preset()
    assert config.differences(trained, small) == []
    assert run.steps() == [2]
    (preview,) = run.previews.glob("*.wav")
    sounds, _ = soundfile.read(preview)
    assert len(sounds) == 16 * small.audio.num_samples
    assert np.abs(sounds).max() > 0


def test_every_preset_has_a_flagfile_and_no_other_is_there():
    names = {path.stem for path in FLAGFILES.glob("*.flags")}
    assert names == set(presets.PRESETS)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_flagfile_repeats_nothing_of_its_preset(name):
    lines = (FLAGFILES / f"{name}.flags").read_text("utf-8").splitlines()
    given = [line for line in lines if not line.startswith("#")]
    assert given == [f"--preset={name}"]
