"""Where the clips of a preset come from; made ready when first used."""

import hashlib
import importlib
import json
import pathlib

import numpy as np

from gansynth_zoo import clips as clip_files
from gansynth_zoo import errors
from gansynth_zoo import storage

_DATASETS = "gansynth_zoo.datasets"


def load_clips(preset, split="train"):
    """The sounds of a preset; they are prepared and cached the first time.

    Args:
      preset: a `config.Preset`.
      split: split of the data set.

    Returns:
      A `clips.Clips` with the sample rate and channels of the preset.

    Raises:
      ZooError: if there is no such data set, or it cannot be prepared.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    builder = _builder(preset.data)
    builder.download_and_prepare()
    info = builder.info
    key = {
        "data": str(builder.data_path),
        "prepared": pathlib.Path(str(builder.data_path), "dataset_info.json")
        .stat()
        .st_mtime_ns,
        "split": split,
        "sample_rate": preset.audio.sample_rate,
        "channels": preset.audio.channels,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    folder = storage.cache_folder() / "clips" / digest.hexdigest()[:16]
    if not folder.is_dir():
        if split not in info.splits:
            raise errors.ZooError(
                f"Expected a split of {info.name}, one of "
                f"{', '.join(info.splits)}, received {split!r}."
            )
        examples = tfds.as_numpy(builder.as_dataset(split=split))
        about = {
            "name": info.full_name,
            "split": split,
            "licence": info.metadata["licence"],
        }
        clip_files.write(
            folder,
            _waveforms(examples, info.metadata["sample_rate"], preset.audio),
            preset.audio.sample_rate,
            preset.audio.channels,
            about,
        )
    return clip_files.Clips(folder)


def dataset_names():
    """Names of the data sets that have a builder, sorted."""
    folder = pathlib.Path(importlib.import_module(_DATASETS).__file__).parent
    return sorted(
        path.parent.name for path in folder.glob("*/*_dataset_builder.py")
    )


def _builder(data):
    if data.dataset not in dataset_names():
        raise errors.ZooError(
            f"Unknown data set {data.dataset!r}: known are "
            f"{', '.join(dataset_names())}; choose one with --dataset."
        )
    module = importlib.import_module(
        f"{_DATASETS}.{data.dataset}.{data.dataset}_dataset_builder"
    )
    return module.Builder(
        data_dir=data.data_dir or storage.cache_folder() / "datasets"
    )


def _waveforms(examples, sample_rate, audio):
    import soxr

    from gansynth_zoo import audio_files

    for example in examples:
        waveform = example["audio"].astype(np.float32) / 32768.0
        waveform = waveform.reshape(len(waveform), -1)
        waveform = audio_files.mix(waveform, audio.channels, example["id"])
        yield soxr.resample(waveform, sample_rate, audio.sample_rate)
