"""Lists the presets, the modules that are found, and the versions."""

import platform

import keras
import tensorflow as tf

import gansynth_zoo
from gansynth_zoo import command_line
from gansynth_zoo import hub
from gansynth_zoo import prepared_sets
from gansynth_zoo import presets


def main():
    """Prints a table of each."""
    found = hub.modules()
    width = max(map(len, [*presets.PRESETS, *found]))
    print("Presets (python -m gansynth_zoo.train --preset=NAME)")
    for name, preset in presets.PRESETS.items():
        print(f"  {name:{width}}  {preset.description}")
    print("\nModules (hub.load(NAME))")
    for name, folder in sorted(found.items()):
        print(f"  {name:{width}}  {_licence(folder)}")
        print(f"  {'':{width}}  {folder}")
    if not found:
        print(f"  none yet; looked in {', '.join(map(str, hub.roots()))}")
    for line in hub.mirror_lines():
        print(line)
    print("\nData sets (--dataset=NAME)")
    for name in prepared_sets.names():
        print(f"  {name}")
    print(
        f"\ngansynth_zoo {gansynth_zoo.__version__}, TensorFlow "
        f"{tf.__version__}, Keras {keras.__version__}, Python "
        f"{platform.python_version()}"
    )


def _licence(folder):
    try:
        return hub.licence_of(hub.read_metadata(folder))
    except (OSError, ValueError, AttributeError):
        # The user's zoo folder may hold modules of others.
        return "unknown"


if __name__ == "__main__":
    command_line.run(main)
