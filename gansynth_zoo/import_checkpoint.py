r"""Makes a run of a checkpoint of an original implementation.

  python -m gansynth_zoo.import_checkpoint --format=wavegan \
      --checkpoint=train/model.ckpt-180000 --run_dir=runs/imported
  python -m gansynth_zoo.import_checkpoint --format=specgan \
      --checkpoint=train --moments=moments.pkl --run_dir=runs/imported
  python -m gansynth_zoo.import_checkpoint --format=gansynth \
      --checkpoint=acoustic_only --run_dir=runs/imported

The checkpoint is a file .index beside its .data, or the folder of some. Graphs
and pickles that lie there are not opened; GANSynth's experiment.json is read.
Sizes and options are found from the shapes of the variables. The run is as any
other: generate, evaluate, export and train take it. To train on, give the
sounds here.
"""

import dataclasses
import os
import pathlib

from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import pipeline
from gansynth_zoo import presets
from gansynth_zoo import runs
from gansynth_zoo import settings
from gansynth_zoo import storage
from gansynth_zoo.originals import gansynth
from gansynth_zoo.originals import moments
from gansynth_zoo.originals import reading
from gansynth_zoo.originals import specgan
from gansynth_zoo.originals import tifgan
from gansynth_zoo.originals import wavegan

FORMATS = {
    "wavegan": wavegan,
    "specgan": specgan,
    "tifgan": tifgan,
    "gansynth": gansynth,
}
# Settings that checkpoints do not tell.
_UNTOLD = (
    "num_samples",
    "sample_rate",
    "shuffle_radius",
    "dataset",
    "audio_dir",
    "data_dir",
    "window",
)
_DEFINE = {int: flags.DEFINE_integer, str: flags.DEFINE_string}
_NO_MOMENTS = (
    "Without the moments of its training sounds it makes spectrograms alone, "
    "no waveforms; import it with --moments, or with the sounds, to have both."
)


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_enum(
        "format",
        None,
        FORMATS,
        "What wrote the checkpoint.",
        flag_values=values,
    )
    for name, default, text in (
        ("checkpoint", None, "Path of the checkpoint, or its folder."),
        ("run_dir", None, "Folder of the run, new or empty."),
        ("moments", "", "SpecGAN's pickle of moments, which is not unpickled."),
        (
            "recipe",
            "",
            f"One of {', '.join(presets.RECIPES)}, to train on by; unless "
            "given, the one that the checkpoint speaks for.",
        ),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    known = {
        field.name: field
        for section in config.sections(presets.get(wavegan.PRESET)).values()
        for field in settings.of(section)
    }
    for name in _UNTOLD:
        text = known[name].metadata["help"]
        _DEFINE[known[name].type](name, None, text, flag_values=values)
    for name in ("format", "checkpoint", "run_dir"):
        flags.mark_flag_as_required(name, values)


def main(values=flags.FLAGS):
    """Imports.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.

    Raises:
      ZooError: if the checkpoint cannot be read, is of something else, or the
        folder of the run is in use.
    """
    folder = pathlib.Path(values.run_dir)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise errors.ZooError(
            f"Expected a folder that is new or empty, received {str(folder)!r}"
            "; choose another --run_dir."
        )
    original = FORMATS[values.format]
    checkpoint = reading.Checkpoint(values.checkpoint)
    preset, notes = _with_moments(
        _find_preset(original, checkpoint, values), values.moments
    )
    gan = assemble.make_gan(preset)
    notes += _load(original, checkpoint, gan)
    # Step 0 is that of a run without a checkpoint.
    step = max(1, original.step(checkpoint, preset))
    gan.step.assign(step)
    about = {
        "format": f"imported from the original {values.format}",
        "checkpoint": checkpoint.prefix.name,
        "notes": " ".join(notes),
    }
    with storage.folder_written_whole(folder) as partial:
        run = runs.Run(partial)
        run.save(gan, keep=1)
        run.write_data(about)
        run.write_preset(preset)
    _report(preset, checkpoint, step, notes, folder)
    return 0


def _report(preset, checkpoint, step, notes, folder):
    audio, data = preset.audio, preset.data
    print(
        f"Imported {checkpoint.prefix.name}, step {step}: "
        f"{audio.num_samples} samples at {audio.sample_rate} Hz, "
        f"{audio.channels} channels, width {preset.model.dim}."
    )
    for note in notes:
        print(note)
    if data.dataset or data.audio_dir:
        print(
            f"Train it on:  python -m gansynth_zoo.train --run_dir={folder}\n"
            f"  with loss {preset.recipe.loss}; its optimizers begin anew."
        )
    else:
        print("To train it on, import it with --audio_dir or --dataset.")
    if _NO_MOMENTS not in notes:
        print(
            f"Make sounds:  python -m gansynth_zoo.generate --source={folder}"
        )
    print(f"Export it:    python -m gansynth_zoo.export --run_dir={folder}")


def _find_preset(original, checkpoint, values):
    """The preset of the run, but for the moments."""
    given = {name: values[name].value for name in _UNTOLD}
    given = {name: value for name, value in given.items() if value is not None}
    # The run may go on from another working folder.
    for name in ("audio_dir", "data_dir"):
        if given.get(name):
            given[name] = os.path.abspath(given[name])
    told = original.settings(checkpoint, given)
    for name in given.keys() & told.keys():
        if given[name] != told[name]:
            raise errors.ZooError(
                f"Expected --{name}={told[name]}, which the checkpoint has, "
                f"received {given[name]}; leave it out."
            )
    recipe = values.recipe or original.recipe(checkpoint)
    preset = presets.get(original.PRESET)
    preset = dataclasses.replace(
        preset,
        name=f"{values.format}_imported",
        description=f"Imported from {checkpoint.prefix.name}, a checkpoint of "
        f"the original {values.format}.",
        recipe=presets.get_recipe(recipe),
    )
    return _replaced(preset, {"dataset": "", **told, **given})


def _replaced(preset, changes):
    """A preset with other values of any field of its sections."""
    changed, remaining = config.change_fields(
        preset, changes, dataclasses.fields
    )
    if remaining:
        raise errors.ZooError(
            f"Expected settings of {preset.model.name}, received "
            f"{', '.join(f'--{name}' for name in remaining)}; leave it out."
        )
    return changed


def _with_moments(preset, path):
    """The preset with SpecGAN's moments, and what is to be said of them."""
    standardised = hasattr(preset.representation, "mean")
    if path and not standardised:
        raise errors.ZooError(
            "Expected --moments beside --format=specgan alone, received "
            f"{path!r}; leave it out."
        )
    if path:
        mean, deviation = moments.read(path)
        changes = {"mean": mean, "deviation": deviation}
        return _replaced(preset, changes), []
    if standardised and not (preset.data.dataset or preset.data.audio_dir):
        return preset, [_NO_MOMENTS]
    if standardised:
        clips = clip_sources.load_clips(preset)
        windows = pipeline.Windows(clips, preset.audio, preset.data)
        return assemble.fit_representation(
            preset, pipeline.every_window(windows)
        ), []
    return preset, []


def _load(original, checkpoint, gan):
    """Sets the weights of all networks; returns what is to be said of it."""
    root = original.ROOTS["generator"]
    weights = original.generator(gan.generator, checkpoint)
    checkpoint.load(weights, root, original.UNUSED)
    gan.average.set_weights(gan.generator.get_weights())
    if original.AVERAGE and weights[0].name + original.AVERAGE in checkpoint:
        weights = [
            dataclasses.replace(weight, name=weight.name + original.AVERAGE)
            for weight in original.generator(gan.average, checkpoint)
        ]
        # All others of the generator are loaded by now.
        checkpoint.load(weights, root, unused=".")
    root = original.ROOTS["discriminator"]
    if not checkpoint.has_any(root):
        return ["There is no discriminator in it: that begins anew."]
    weights = original.discriminator(gan.discriminator, checkpoint)
    checkpoint.load(weights, root, original.UNUSED)
    return []


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
