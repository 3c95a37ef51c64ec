"""Where the clips of a preset come from; made ready when first used."""

import dataclasses
import hashlib
import json
import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clips as clip_files
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds
from gansynth_zoo import prepared_sets
from gansynth_zoo import progress
from gansynth_zoo import storage

# Files that are named when they are left out; a folder may have thousands.
_NAMED = 20
# Features that a label is taken from, the first of them that a set has.
_LABELS = ("label", "pitch")


def load_clips(preset, split="train"):
    """The sounds of a preset; they are prepared and cached the first time.

    Args:
      preset: a `config.Preset`, or what has its `audio` and `data`.
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
    wanted = _wanted(preset)
    listing = audio_folder.scan(preset.data.audio_dir)
    folder = _cached(f"{clip_files.LAYOUT}-{listing.digest(wanted)}")
    known = folder.is_dir()
    if not known:
        _decode_folder(listing, wanted, folder)
    clips = clip_files.Clips(folder)
    _tell(clips, known, audio_folder.inspect_command(listing.folder))
    return clips


def _wanted(preset):
    return folder_sounds.Wanted(
        preset.audio.sample_rate,
        preset.audio.channels,
        preset.data.trim_silence,
        preset.data.keep_silent,
    )


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


def _tell(clips, known, where):
    """Says what is not trained on; in short, if it was said before."""
    for text, reasons in (
        ("Left out", clips.left_out),
        ("Damaged, used as far as it goes", clips.damaged),
    ):
        if reasons:
            print(f"{text}: {len(reasons)}; {where} lists them.")
            shown = audio_folder.describe(reasons, _NAMED)
            for line in [] if known else shown:
                print(f"  {line}")


def _load_dataset(preset, split):
    builder = prepared_sets.find(preset.data.dataset, preset.data.data_dir)
    # Leading silence is that of files; a prepared set is taken as it is.
    wanted = dataclasses.replace(_wanted(preset), trim_silence=False)
    data = pathlib.Path(builder.data_path)
    key = {
        "layout": clip_files.LAYOUT,
        "data": str(data),
        "prepared": (data / "dataset_info.json").stat().st_mtime_ns,
        "split": split,
        "wanted": dataclasses.astuple(wanted),
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode())
    folder = _cached(digest.hexdigest()[:16])
    known = folder.is_dir()
    if not known:
        _copy_dataset(builder, split, wanted, folder)
    clips = clip_files.Clips(folder)
    _tell(clips, known, str(folder / "about.json"))
    return clips


def _copy_dataset(builder, split, wanted, folder):
    info = builder.info
    if split not in info.splits:
        raise errors.ZooError(
            f"Expected a split of {info.name}, one of "
            f"{', '.join(info.splits)}, received {split!r}."
        )
    sample_rate = _sample_rate(info)
    with clip_files.writing(
        folder, wanted.sample_rate, wanted.channels
    ) as writer:
        writer.about["name"] = info.full_name
        writer.about["split"] = split
        licence = info.redistribution_info.license
        writer.about["licence"] = licence or "unknown"
        writer.left_out.update((info.metadata or {}).get("left_out", {}))
        for name, samples, label in _examples(builder, split):
            try:
                waveform = _waveform(samples, sample_rate, wanted)
            except errors.ZooError as error:
                writer.left_out[name] = str(error)
            else:
                writer.add(waveform, label)
        if not len(writer):
            some = "; ".join(audio_folder.describe(writer.left_out, 3))
            raise errors.ZooError(
                f"Expected sounds in {info.full_name}, split {split}, received "
                f"none that can be used ({some}); --keep_silent takes silent "
                "ones."
            )


def _sample_rate(info):
    """The sample rate of a prepared set's audio, in Hz."""
    features = info.features
    if isinstance(features, tfds.features.FeaturesDict) and "audio" in features:
        audio = features["audio"]
        rate = (info.metadata or {}).get("sample_rate")
        rate = rate or getattr(audio, "sample_rate", None)
        if rate and len(audio.shape or ()) in (1, 2):
            return rate
    raise errors.ZooError(
        "Expected a data set with a feature 'audio' and its sample rate, "
        f"received {info.full_name}; choose another one with --dataset."
    )


def _examples(builder, split):
    """Reads a split: id, samples and name of the label of each example."""
    features = builder.info.features
    scalars = {name for name in features if features[name].shape == ()}
    label = next((name for name in _LABELS if name in scalars), None)
    used = {"audio", label, *({"id"} & scalars)} - {None}
    count = builder.info.splits[split].num_examples
    shown = progress.Progress(count)
    dataset = builder.as_dataset(
        split=split,
        decoders=tfds.decode.PartialDecoding(dict.fromkeys(used, True)),
        # It would keep a small set in memory.
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    try:
        for number, example in enumerate(tfds.as_numpy(dataset)):
            name = _text(example.get("id", f"{split} {number}"))
            value = label and _label(features[label], example[label])
            yield name, example["audio"], value
            shown.update(number + 1, f"Copied {number + 1} of {count} clips")
    except tf.errors.DataLossError as error:
        raise errors.ZooError(
            f"The data set in {str(builder.data_path)!r} is damaged; remove "
            "that folder and prepare it anew."
        ) from error
    finally:
        shown.close()


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _label(feature, value):
    """Name of a label, None if it is TFDS's number for none."""
    if isinstance(feature, tfds.features.ClassLabel):
        return feature.int2str(int(value)) if value >= 0 else None
    return _text(value)


def _waveform(samples, sample_rate, wanted):
    """Float32 `[samples, channels]` of an example, as it is wanted."""
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples.astype(np.float32) / 32768.0
    if samples.ndim == 1:
        samples = samples[:, np.newaxis]
    samples = samples.astype(np.float32)
    peak = float(np.max(np.abs(samples), initial=0.0))
    folder_sounds.check_peak(peak)
    waveform = audio_files.convert(
        [samples], sample_rate, wanted.sample_rate, wanted.channels
    )
    folder_sounds.check_audible(waveform, peak, wanted)
    return waveform


def _cached(name):
    return storage.cache_folder() / "clips" / name
