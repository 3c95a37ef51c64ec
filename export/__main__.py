"""Exports a run as a module, a SavedModel for TF Hub and TF Serving.

  python -m gansynth_zoo.export --run_dir=runs/drums --name=my_drums

Then, in Python: hub.load("my_drums").generate(4, seed=0)
"""

import pathlib

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import runs
from gansynth_zoo.export import formats
from gansynth_zoo.export import saved_model
from gansynth_zoo.export import sources

_RUN_DIR = flags.DEFINE_string("run_dir", None, "Folder of the run.")
_ZOO_DIR = flags.DEFINE_string(
    "zoo_dir",
    None,
    "Folder of the modules; GANSYNTH_ZOO_DIR, or one in the cache folder, "
    "unless given.",
)
_NAME = flags.DEFINE_string(
    "name", None, "Name of the module; that of the preset unless given."
)
_MEASURES = flags.DEFINE_string(
    "measures",
    None,
    "report.json that python -m gansynth_zoo.evaluate wrote of this "
    "checkpoint, for the model card.",
)
_LICENCE = flags.DEFINE_string(
    "licence",
    None,
    "Terms of the training sounds, in words; those that their data set names "
    "unless given.",
)
_NOTES = flags.DEFINE_string(
    "notes",
    None,
    "Markdown file for the model card: known flaws, credits, how long it took.",
)
_FORMATS = flags.DEFINE_list(
    "formats",
    [],
    f"Other formats to write as well, any of {', '.join(formats.FORMATS)}; to "
    "the folder 'converted' beside the modules.",
)
sources.define_checkpoint(flags.FLAGS)
flags.mark_flag_as_required("run_dir")


def main():
    """Exports and says where to."""
    formats.check(_FORMATS.value)
    notes = ""
    if _NOTES.value:
        notes = pathlib.Path(_NOTES.value).read_text("utf-8")
    folder = saved_model.export(
        runs.Run(_RUN_DIR.value),
        _ZOO_DIR.value,
        _NAME.value,
        checkpoint=flags.FLAGS.checkpoint,
        measures=_MEASURES.value,
        licence=_LICENCE.value,
        notes=notes,
    )
    print(
        f"Wrote {folder}\n"
        f"Hear it:  python -m gansynth_zoo.generate --source={folder}"
    )
    if _FORMATS.value:
        formats.write(folder, _FORMATS.value, folder.parents[1] / "converted")


if __name__ == "__main__":
    command_line.run(main)
