"""What sounds are generated from: a run, a module's folder or its name."""

from absl import flags

from gansynth_zoo import errors
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


def define_module(values):
    """Defines the flag `--source` of a module, which is required."""
    flags.DEFINE_string(
        "source",
        None,
        "Name or folder of a module.",
        required=True,
        flag_values=values,
    )


def define_modules(name, values):
    """Defines a flag that lists modules, which is required."""
    flags.DEFINE_list(
        name,
        None,
        "Names or folders of modules, separated by commas.",
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
      ZooError: if there is nothing to generate from, or it makes no sounds.
    """
    run = runs.Run(source)
    if run.exists():
        module = saved_model.module_of(run, checkpoint=checkpoint)
        facts = module.facts
    else:
        folder = hub.find(source)
        module, facts = hub.load(folder), hub.read_metadata(folder)
    check_sounds(facts)
    return module, facts


def check_sounds(facts):
    """Raises a `ZooError` if a module of these metadata makes no sounds."""
    # Modules of old versions do not say it, and make waveforms.
    if facts.get("output", "waveform") != "waveform":
        raise errors.ZooError(
            "Expected a model that makes waveforms, received "
            f"{facts['preset']}, which makes spectrograms, since the moments "
            "of its training sounds are not known; import it again with "
            "--moments, or with the sounds."
        )


def numbers_of(labels, names):
    """Numbers of labels.

    Args:
      labels: their names.
      names: names that the model knows, in the order of their numbers.

    Returns:
      List of ints.

    Raises:
      ZooError: if the model does not know one.
    """
    wrong = [label for label in labels if label not in names]
    if wrong:
        known = f"labels out of {', '.join(names)}" if names else "no labels"
        raise errors.ZooError(
            f"Expected {known} for this model, received {', '.join(wrong)}."
        )
    return [names.index(label) for label in labels]
