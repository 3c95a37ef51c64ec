"""What sounds are generated from: a run, a module's folder or its name."""

from absl import flags

from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo.export import saved_model


def define_source(values):
    """Defines the flag `--source`, which is required."""
    flags.DEFINE_string(
        "source",
        None,
        "Folder of a run or a module, or a module's name.",
        required=True,
        flag_values=values,
    )


def define_checkpoint(values):
    """Defines the flag `--checkpoint` in an absl `FlagValues`."""
    flags.DEFINE_enum(
        "checkpoint",
        "newest",
        list(runs.SHELVES),
        "Which checkpoint of a run: the newest, or the one that measured best "
        "while it trained.",
        flag_values=values,
    )


def open_source(source, checkpoint="newest"):
    """The module of a run, of a folder or of a name.

    Args:
      source: path or name.
      checkpoint: which checkpoint of a run, a key of `runs.SHELVES`.

    Returns:
      Pair of a module, loaded or in memory, and its metadata.

    Raises:
      ZooError: if there is nothing to generate from.
    """
    run = runs.Run(source)
    if run.exists():
        module = saved_model.module_of(run, checkpoint=checkpoint)
        return module, module.facts
    folder = hub.find(source)
    return hub.load(folder), hub.read_metadata(folder)
