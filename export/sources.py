"""What sounds are generated from: a run, a module's folder or its name."""

from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo.export import saved_model


def open_source(source):
    """The module of a run, of a folder or of a name.

    Args:
      source: path or name.

    Returns:
      Pair of a module, loaded or in memory, and its metadata.

    Raises:
      ZooError: if there is nothing to generate from.
    """
    run = runs.Run(source)
    if run.exists():
        module = saved_model.module_of(run)
        return module, module.facts
    folder = hub.find(source)
    return hub.load(folder), hub.read_metadata(folder)
