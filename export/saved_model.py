"""Run -> versioned SavedModel folder."""

import datetime
import json
import pathlib

import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import pictures
from gansynth_zoo import runs
from gansynth_zoo import storage
from gansynth_zoo.export import model_card
from gansynth_zoo.export import module as modules
from gansynth_zoo.export import warm_up

_PICTURED = 8


def module_of(
    run,
    report=print,
    checkpoint="newest",
    measures=None,
    licence=None,
    **about,
):
    """The module of a run's checkpoint, in memory.

    Args:
      run: a `runs.Run`.
      report: function that is told of a damaged checkpoint.
      checkpoint: which one, a key of `runs.SHELVES`.
      measures: path of a report that `evaluate` wrote of it, None for none.
      licence: terms of the training sounds, in words; those that their data
        set names unless given.
      **about: more metadata.

    Returns:
      A `module.GeneratorModule`.

    Raises:
      ZooError: if the folder has no run, the run no such checkpoint, or the
        report nothing of it.
    """
    preset = run.read_preset()
    gan = assemble.make_gan(preset)
    step = run.restore(gan, report, runs.SHELVES[checkpoint])
    if not step and checkpoint == "best":
        raise errors.ZooError(
            f"Expected a run whose best checkpoint was kept, received "
            f"{str(run.path)!r}, which has none; train it with "
            "--evaluate_every=N, or take --checkpoint=newest."
        )
    if not step:
        raise errors.ZooError(
            f"Expected a run with a checkpoint, received {str(run.path)!r}, "
            "which has none; go on with python -m gansynth_zoo.train "
            f"--run_dir={run.path}."
        )
    if measures is not None:
        measures = model_card.read_measures(measures, preset.name, step)
    data = run.read_data()
    if licence:
        data = {**data, "licence": licence}
    gan.enter_stage()
    return modules.GeneratorModule(
        gan,
        preset,
        {
            "step": step,
            "checkpoint": checkpoint,
            "data": data,
            "measures": measures,
            **about,
        },
    )


def export(
    run,
    zoo_dir=None,
    name=None,
    report=print,
    checkpoint="newest",
    measures=None,
    licence=None,
    notes="",
):
    """Writes the next version of a module.

    Args:
      run: a `runs.Run`.
      zoo_dir: folder of the modules; the user's zoo folder unless given.
      name: name of the module; that of the preset unless given.
      report: function that is told of a damaged checkpoint.
      checkpoint: which one, a key of `runs.SHELVES`.
      measures: path of a report that `evaluate` wrote of it, None for none.
      licence: terms of the training sounds, in words; those that their data
        set names unless given.
      notes: Markdown for the model card.

    Returns:
      `pathlib.Path` of the version, <zoo_dir>/<name>/<version>.
    """
    root = pathlib.Path(zoo_dir) if zoo_dir else storage.zoo_folder()
    name = name or run.read_preset().name
    if not hub.is_name(name):
        raise errors.ZooError(
            "Expected a module name of letters, digits, _, - and ., received "
            f"{name!r}."
        )
    version = (hub.versions(root / name) or [0])[0] + 1
    today = datetime.date.today().isoformat()
    module = module_of(
        run,
        report,
        checkpoint,
        measures,
        licence,
        name=name,
        version=version,
        exported=today,
        notes=notes,
    )
    target = root / name / str(version)
    # A server takes all that stands beside a version for another version.
    with storage.folder_written_whole(target, temporary_in=root) as partial:
        _write(module, partial)
    return target


def _write(module, folder):
    """Writes the SavedModel and all that lies beside it."""
    facts, signatures = module.facts, module.signatures()
    tf.saved_model.save(module, str(folder), signatures)
    warm_up.write(folder, facts["name"], signatures)
    text = json.dumps(facts, indent=2) + "\n"
    storage.write_text(folder / hub.METADATA, text)
    storage.write_text(folder / model_card.FILE, model_card.render(facts))
    if facts["output"] == "waveform":
        picture = pictures.spectrogram_grid(
            module.generate(_PICTURED, 0).numpy(),
            facts["sample_rate"],
            f"{facts['name']}, version {facts['version']}, seeds 0 to "
            f"{_PICTURED - 1}",
        )
        (folder / model_card.PICTURE).write_bytes(picture)
