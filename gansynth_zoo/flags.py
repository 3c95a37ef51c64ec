"""Flags of a run, made from the fields of the configuration.

A field declared in `config` is a flag by that alone. A flag that is not given
leaves what the preset, or the run that goes on, says.
"""

import collections
import dataclasses
import os

from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import presets
from gansynth_zoo import settings

_DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def define():
    """Defines --preset, --recipe and a flag for every setting."""
    flags.DEFINE_string("preset", None, f"One of {', '.join(presets.PRESETS)}.")
    flags.DEFINE_string("recipe", None, f"One of {', '.join(presets.RECIPES)}.")
    for name, fields in _fields().items():
        text = fields[0].metadata["help"]
        # Models differ in what they accept, and say so when they are made.
        choices = [c for f in fields for c in f.metadata["choices"] or ()]
        if choices:
            choices = list(dict.fromkeys(choices))
            flags.DEFINE_enum(name, None, choices, text)
        else:
            _DEFINE[fields[0].type](name, None, text)


def define_audio_backend(values=flags.FLAGS):
    """Defines --audio_backend, for `audio_files.use_backend`."""
    flags.DEFINE_enum(
        "audio_backend",
        "soundfile",
        audio_files.BACKENDS,
        "What decodes audio files; tfio is tensorflow-io.",
        flag_values=values,
    )


def given():
    """The settings that were given as flags: name -> value."""
    values = {name: flags.FLAGS[name].value for name in _fields()}
    values = {k: v for k, v in values.items() if v is not None}
    # A run may go on from another working folder.
    for name in {"audio_dir", "data_dir"} & set(values):
        values[name] = os.path.abspath(values[name]) if values[name] else ""
    return values


def resolve(started=None):
    """The preset that the flags ask for.

    Args:
      started: the preset of the run that goes on, None for a new run.

    Returns:
      A `config.Preset`.

    Raises:
      ZooError: if the flags ask for what is unknown, wrong, or other than
        what the run was started with.
    """
    name = flags.FLAGS.preset
    if started is None and name is None:
        raise errors.ZooError(
            "Expected --preset, one of "
            f"{', '.join(presets.PRESETS)}, or the --run_dir of a run."
        )
    if started and name and name != started.name:
        raise errors.ZooError(
            f"Expected --preset={started.name}, with which the run was "
            f"started, received {name}; choose another --run_dir."
        )
    preset = started or presets.get(name)
    if flags.FLAGS.recipe:
        recipe = presets.get_recipe(flags.FLAGS.recipe)
        preset = dataclasses.replace(preset, recipe=recipe)
    preset = config.replace(preset, given())
    changed = config.differences(started, preset) if started else []
    if changed:
        raise errors.ZooError(
            f"The run was started with other values of {', '.join(changed)}; "
            "leave these flags out to go on, or choose another --run_dir."
        )
    return preset


def _fields():
    """Every setting of every preset: name -> dataclass fields of that name."""
    fields = collections.defaultdict(list)
    kinds = {
        type(section): section
        for preset in presets.PRESETS.values()
        for section in config.sections(preset).values()
    }
    for section in kinds.values():
        for field in settings.of(section):
            fields[field.name].append(field)
    return fields
