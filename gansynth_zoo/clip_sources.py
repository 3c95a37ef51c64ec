"""Where the clips of a preset come from; made ready when first used."""

import hashlib
import importlib
import json
import pathlib

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clips as clip_files
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds
from gansynth_zoo import storage

_DATASETS = "gansynth_zoo.datasets"
# Files that are named when they are left out; a folder may have thousands.
_NAMED = 20


def load_clips(preset, split="train"):
    """The sounds of a preset; they are prepared and cached the first time.

    Args:
      preset: a `config.Preset`.
      split: split of the data set; a folder of sounds is all "train".

    Returns:
      A `clips.Clips` with the sample rate and channels of the preset.

    Raises:
      ZooError: if there are no such sounds, or they cannot be prepared.
    """
    if preset.data.audio_dir:
        return _load_folder(preset, split)
    return _load_dataset(preset, split)


def _load_folder(preset, split):
    if split != "train":
        raise errors.ZooError(
            f"Expected the split 'train', received {split!r}: the sounds of "
            "--audio_dir are all trained on."
        )
    wanted = folder_sounds.Wanted(
        preset.audio.sample_rate,
        preset.audio.channels,
        preset.data.trim_silence,
    )
    listing = audio_folder.scan(preset.data.audio_dir)
    folder = _cached(f"{clip_files.LAYOUT}-{listing.digest(wanted)}")
    known = folder.is_dir()
    if not known:
        _decode_folder(listing, wanted, folder)
    clips = clip_files.Clips(folder)
    _tell(listing, clips, known)
    return clips


def _decode_folder(listing, wanted, folder):
    if listing.files:
        print(f"Decoding {len(listing.files)} files; it is done once.")
    with (
        clip_files.writing(
            folder, wanted.sample_rate, wanted.channels
        ) as writer,
        audio_folder.decoding(listing, wanted) as sounds,
    ):
        writer.left_out.update(listing.problems)
        for report, waveform in sounds:
            if report.reason:
                writer.left_out[report.name] = report.reason
                continue
            if report.note:
                writer.damaged[report.name] = report.note
            writer.add(waveform, report.label)
        audio_folder.check_usable(listing, len(writer), writer.left_out)
        writer.about["name"] = listing.folder.resolve().name
        writer.about["licence"] = "unknown"


def _tell(listing, clips, known):
    """Says what is not trained on; in short, if it was said before."""
    command = audio_folder.inspect_command(listing.folder)
    for text, reasons in (
        ("Left out", clips.left_out),
        ("Damaged, used as far as it goes", clips.damaged),
    ):
        if reasons:
            print(f"{text}: {len(reasons)}; {command} lists them.")
            shown = audio_folder.describe(reasons, _NAMED)
            for line in [] if known else shown:
                print(f"  {line}")


def _load_dataset(preset, split):
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    builder = _builder(preset.data)
    builder.download_and_prepare()
    info = builder.info
    key = {
        "layout": clip_files.LAYOUT,
        "data": str(builder.data_path),
        "prepared": pathlib.Path(str(builder.data_path), "dataset_info.json")
        .stat()
        .st_mtime_ns,
        "split": split,
        "sample_rate": preset.audio.sample_rate,
        "channels": preset.audio.channels,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    folder = _cached(digest.hexdigest()[:16])
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


def _cached(name):
    return storage.cache_folder() / "clips" / name


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
    for example in examples:
        waveform = example["audio"].astype(np.float32) / 32768.0
        yield audio_files.convert(
            [waveform.reshape(len(waveform), -1)],
            sample_rate,
            audio.sample_rate,
            audio.channels,
        )
