"""Prepared data sets: which there are, where they lie, and how one is made.

A set is the folder that TFDS writes, `<data_dir>/<name>[/<config>]/<version>`.
TFDS takes any such folder for prepared; here it counts if all of it is there.
"""

import contextlib
import importlib
import io
import json
import pathlib
import re
import shlex
import shutil

import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core import constants

from gansynth_zoo import errors
from gansynth_zoo import storage

_DATASETS = "gansynth_zoo.datasets"
_NAME = re.compile(r"\w+(/[\w.-]+)?")
# Bytes that a TFRecord file has for each record, beside the record.
_RECORD_BYTES = 16


def names():
    """Names of the data sets that have a builder, sorted."""
    folder = pathlib.Path(importlib.import_module(_DATASETS).__file__).parent
    return sorted(
        path.parent.name for path in folder.glob("*/*_dataset_builder.py")
    )


def find(dataset, data_dir=""):
    """Opens a prepared set; one that comes with the package is made for it.

    Args:
      dataset: NAME or NAME/CONFIG, of a builder of the package, or of any
        other set that TFDS has prepared. A name alone is the set's default
        config where that is prepared, else another one that is.
      data_dir: folder of prepared sets; if empty, that in the cache folder,
        and TFDS's own for a set without a builder here.

    Returns:
      A read-only `tfds.core.DatasetBuilder`.

    Raises:
      ZooError: if there is no such set.
    """
    name, _, config = dataset.partition("/")
    if name not in names():
        return _find_foreign(dataset, data_dir)
    builder_class = _builder_class(dataset)
    root = _root(data_dir)
    found = _first_whole(root / name, config, str(builder_class.VERSION))
    if found:
        return found
    if builder_class.EMBEDDED:
        return prepare(dataset, data_dir)[0]
    raise errors.ZooError(
        f"The data set {dataset} is not prepared in {str(root)!r}: it is made "
        f"from {builder_class.SOURCE}, by {_command(dataset, data_dir)}; or "
        "choose another one with --dataset."
    )


def open_whole(folder):
    """Opens the folder of a set if all of it is there.

    Args:
      folder: path of a folder that TFDS made, or of nothing.

    Returns:
      A read-only `tfds.core.DatasetBuilder`, None if anything is missing.
    """
    try:
        builder = tfds.builder_from_directory(folder)
        metadata = builder.info.metadata
    except PermissionError:
        raise
    except Exception:  # Whatever the parsers of TFDS make of damage.
        return None
    splits = builder.info.splits.values()
    files = pathlib.Path(folder).iterdir()
    whole = (
        # Sets of the package have metadata, others need not.
        (metadata or not builder.__module__.startswith(_DATASETS))
        # After the power failed, files may be empty that are not missed.
        and all(path.stat().st_size for path in files)
        and splits
        and all(map(_is_whole, splits))
    )
    return builder if whole else None


def prepare(dataset, data_dir="", archives=(), watch=None):
    """Prepares a set, whole or not at all; one that is whole is left alone.

    Where another process prepares it, that one is waited for.

    Args:
      dataset: NAME or NAME/CONFIG, of a builder of the package; a name alone
        is its default config.
      data_dir: as of `find`.
      archives: paths of what it is made from.
      watch: function of (bytes done, bytes in all, text), called on the way.

    Returns:
      Pair of a read-only `tfds.core.DatasetBuilder`, and whether it was
      prepared now.

    Raises:
      ZooError: if there is no such set, or it cannot be prepared.
    """
    builder_class = _builder_class(dataset)
    name, _, config = dataset.partition("/")
    if builder_class.EMBEDDED and archives:
        raise errors.ZooError(
            f"The data set {name} comes with the package, which is all that "
            "it is made from; leave --archive out."
        )
    if builder_class.BUILDER_CONFIGS and not config:
        config = builder_class.default_builder_config.name
    root = _root(data_dir)
    folder = root / name / config / str(builder_class.VERSION)

    def wait():
        print(f"Another process prepares {dataset}; waiting for it.")

    with storage.locked(folder.parent / ".lock", wait):
        found = open_whole(folder)
        if found:
            return found, False
        for rest in _remains(folder):
            shutil.rmtree(rest)
        builder = builder_class(
            data_dir=root, config=config or None, archives=archives
        )
        if watch:
            builder.watch = watch
        _check_room(builder, folder.parent)
        with _one_sentence(dataset, folder):
            builder.download_and_prepare()
        return open_whole(folder), True


def _root(data_dir):
    folder = pathlib.Path(data_dir or storage.cache_folder() / "datasets")
    return folder.expanduser()


def _builder_class(dataset):
    """The builder class of NAME or NAME/CONFIG."""
    name, _, config = dataset.partition("/")
    if name not in names():
        raise errors.ZooError(f"{_unknown(dataset)}.")
    module = f"{_DATASETS}.{name}.{name}_dataset_builder"
    builder_class = importlib.import_module(module).Builder
    known = list(builder_class.builder_configs)
    if config and config not in known:
        one = f"one of {', '.join(known)}" if known else "which has none"
        raise errors.ZooError(
            f"Expected a config of {name}, {one}, received {config!r}."
        )
    return builder_class


def _find_foreign(dataset, data_dir):
    """Opens a set of a builder that is not the package's, nor imported."""
    root = pathlib.Path(data_dir or constants.DATA_DIR).expanduser()
    found = None
    if _NAME.fullmatch(dataset):
        name, _, config = dataset.partition("/")
        found = _first_whole(root / name, config)
    if not found:
        raise errors.ZooError(
            f"{_unknown(dataset)}, and it is none that TFDS has prepared in "
            f"{str(root)!r}; choose one with --dataset."
        )
    return found


def _unknown(dataset):
    return f"Unknown data set {dataset!r}: known are {', '.join(names())}"


def _first_whole(top, config, version=None):
    """Opens the likeliest whole set of a name, None if there is none.

    Args:
      top: the folder of the name.
      config: name of the config; if empty, the default one comes first.
      version: the one that counts; None takes the newest.
    """
    configs = [top / config]
    if not config and top.is_dir():
        default = _default_config(top)
        others = sorted(top.iterdir(), key=lambda p: (p.name != default, p))
        configs += [path for path in others if path.is_dir()]
    folders = (
        path
        for one in configs
        for path in _versions(one)
        if version in (None, path.name)
    )
    return next(filter(None, map(open_whole, folders)), None)


def _versions(folder):
    """The folders of a set's versions, the newest first."""
    valid = tfds.core.Version.is_valid
    return sorted(
        (path for path in folder.glob("*") if valid(path.name)),
        key=lambda path: tfds.core.Version(path.name),
        reverse=True,
    )


def _default_config(top):
    """Name of the default config, as TFDS keeps it beside them all."""
    try:
        text = (top / ".config" / "metadata.json").read_text("utf-8")
        return json.loads(text)["default_config_name"]
    except (OSError, ValueError, KeyError):
        return None


def _remains(folder):
    """What a preparation that was killed, or damage, left of a set."""
    yield from folder.parent.glob(f"incomplete.*_{folder.name}")
    if folder.exists():
        yield folder


def _is_whole(split):
    """Whether the files of a split hold the bytes that they held at first."""
    files = [pathlib.Path(path) for path in split.filepaths]
    if not all(file.is_file() for file in files):
        return False
    if split.filename_template.filetype_suffix != "tfrecord":
        return True
    size = sum(file.stat().st_size for file in files)
    return size == split.num_bytes + _RECORD_BYTES * split.num_examples


def _check_room(builder, folder):
    needed, free = builder.bytes_needed(), shutil.disk_usage(folder).free
    if needed > free:
        raise errors.ZooError(
            f"Expected {tfds.core.units.Size(needed)} of room in "
            f"{str(folder)!r} to prepare {builder.name}, received "
            f"{tfds.core.units.Size(free)}; make room there, or choose a "
            "folder on another disk with --data_dir."
        )


@contextlib.contextmanager
def _one_sentence(dataset, folder):
    """Keeps TFDS from printing, and makes one sentence of what stops it."""
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except (OSError, RuntimeError) as error:
        # TFDS makes a RuntimeError of what TensorFlow says of a disk.
        said = isinstance(error.__cause__, tf.errors.OpError)
        if isinstance(error, RuntimeError) and not said:
            raise
        raise errors.ZooError(
            f"{dataset} could not be prepared in {str(folder)!r} ({error}), "
            "and nothing of it was kept; make room there, or mend what else "
            "it is, and start the same command again."
        ) from error


def _command(dataset, data_dir):
    words = [f"--dataset={dataset}", "--archive=PATH"]
    if data_dir:
        words.append(f"--data_dir={shlex.quote(str(data_dir))}")
    return f"python -m {_DATASETS}.build {' '.join(words)}"
