r"""Prepares a data set for training: once, and whole or not at all.

  python -m gansynth_zoo.datasets.build --dataset=drums \
      --archive=drums.tar.gz

An archive is a tar or zip file, or a folder with what would be in it. Start the
same command again after it was stopped; a set that is prepared is left alone.
"""

import contextlib
import shlex
import sys

from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import command_line
from gansynth_zoo import flags as run_flags
from gansynth_zoo import prepared_sets
from gansynth_zoo import progress

# Files that are named when they are left out.
_NAMED = 20
_BYTES_PER_SAMPLE = 2


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "dataset",
        None,
        f"NAME or NAME/CONFIG, one of {', '.join(prepared_sets.names())}.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "archive",
        [],
        "Archive, or folder, that it is made from; may be given more than "
        "once.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "data_dir",
        "",
        "Folder of prepared data sets; empty is one in the cache folder.",
        flag_values=values,
    )
    run_flags.define_audio_backend(values)
    flags.declare_key_flag("audio_backend", values)
    flags.mark_flag_as_required("dataset", values)


def main(values=flags.FLAGS):
    """Prepares the set and says what is in it.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.

    Raises:
      ZooError: if there is no such set, or it cannot be prepared.
    """
    audio_files.use_backend(values.audio_backend)
    with _shown() as watch:
        builder, made = prepared_sets.prepare(
            values.dataset, values.data_dir, values.archive, watch
        )
    if not made:
        print(
            "It was prepared before, and is left alone; remove its folder to "
            "prepare it anew."
        )
    _report(builder)
    name = builder.info.full_name.rpartition("/")[0]
    folder = values.data_dir and f" --data_dir={shlex.quote(values.data_dir)}"
    print(f"Train on it with --dataset={name}{folder}.")
    return 0


@contextlib.contextmanager
def _shown():
    """Yields what a builder calls on its way, which prints a line of it."""
    # TFDS prints as well, and is not to be heard.
    stream, line, size = sys.stdout, None, None

    def watch(done, total, text):
        nonlocal line, size
        if total != size:  # Another task: looking through, then preparing.
            line, size = progress.Progress(total, stream), total
        line.update(done, text)

    yield watch
    if line:
        line.close()


def _report(builder):
    """Prints what is in a set, and what is not."""
    info = builder.info
    print(f"{info.full_name} is in {builder.data_path}:")
    for name, split in info.splits.items():
        samples = split.num_bytes / _BYTES_PER_SAMPLE
        length = progress.clock(samples / info.metadata["sample_rate"])
        print(f"  {name:10} {split.num_examples:7} clips, about {length}")
    left_out = info.metadata["left_out"]
    if left_out:
        print(f"Left out: {len(left_out)}")
        for text in audio_folder.describe(left_out, _NAMED):
            print(f"  {text}")
    silent = info.metadata["silent"]
    if silent:
        print(
            f"Silent: {len(silent)}; training leaves them out unless it is "
            "given --keep_silent."
        )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
