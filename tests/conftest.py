"""What all tests share: a cache of their own, tiny presets, real sounds."""

import os
import pathlib
import tempfile

# Before TensorFlow is imported, and for the processes that tests start.
os.environ["GANSYNTH_ZOO_CACHE"] = tempfile.mkdtemp(prefix="gansynth-cache-")
os.environ.pop("GANSYNTH_ZOO_DIR", None)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import config
from gansynth_zoo import presets

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

TINY = {
    "dataset": "drums_mini",
    "num_samples": 256,
    "dim": 4,
    "batch_size": 4,
    "n_critic": 1,
    "steps": 2,
}
# Of a representation, what makes its pictures small.
TINY_PICTURES = {
    "log_spectrogram": {"fft_length": 32, "hop": 8},
    "stft_features": {"fft_length": 64, "hop": 16},
}


@pytest.fixture
def tiny():
    """Function: preset name and changes -> the preset, small enough to run."""

    def make(name="wavegan_drums_small", **changes):
        preset = presets.get(name)
        picture = TINY_PICTURES.get(preset.representation.name, {})
        return config.replace(preset, {**TINY, **picture, **changes})

    return make


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def archives():
    """Folder of the audio archives."""
    named = os.environ.get("GANSYNTH_ZOO_ARCHIVES")
    if not named:
        pytest.skip("GANSYNTH_ZOO_ARCHIVES does not name the archives' folder")
    folder = pathlib.Path(named)
    assert folder.is_dir(), f"GANSYNTH_ZOO_ARCHIVES={named} is not a folder"
    return folder
