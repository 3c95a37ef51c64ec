"""The model card of a module: its metadata in words, `README.md` beside them.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

import json
import pathlib
import shlex

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import presets
from gansynth_zoo import settings
from gansynth_zoo.reporting import texts

FILE = "README.md"
PICTURE = "sounds.png"

# In a cell of a table.
_BAR = r"\|"

_USE = """\
For research on generative audio, and for making sounds and music. It makes
sounds of the kind it was trained on, in the shares it was trained on: what the
training sounds lack, it lacks, and their recording conditions and imbalances
are its own. All sounds are of one length. Quality differs from sound to sound:
listen before you use one.

A model may come near to single training sounds, the more so the fewer there
were; where measures are given, |D| train tells. The terms of the training data
are above; whether they reach to what a model makes is not settled by this card.
Do not pass generated voices or recordings off as real ones."""


def render(facts):
    """The card as Markdown.

    Args:
      facts: metadata of a module, a dictionary.

    Returns:
      The text.
    """
    name = facts["name"]
    # The labels are those of the model, which stand above.
    data = {k: v for k, v in facts["data"].items() if k != "labels"}
    sections = {
        "Data": _table(data),
        "Use": _code(
            [
                "import gansynth_zoo",
                "import tensorflow_hub as hub",
                "",
                f'module = hub.load("{name}@{facts["version"]}")',
                "sounds = module.generate(4, seed=0)",
            ]
        ),
        "How it was made": _code(
            [
                *_train_command(facts),
                "python -m gansynth_zoo.export --run_dir=RUN "
                f"--checkpoint={facts['checkpoint']} --name={name}",
            ]
        ),
        "Measures": _measures(facts["measures"], name),
        "Intended use and limits": _USE,
    }
    if facts["notes"]:
        sections["Notes"] = facts["notes"].strip()
    head = f"# {name}, version {facts['version']}\n\n"
    head += f"{facts['config']['description']}\n\n{_table(_facts(facts))}\n"
    if facts["output"] == "waveform":
        head += f"\n![Spectrograms of the first seeds]({PICTURE})\n"
    return head + "".join(
        f"\n## {title}\n\n{text}\n" for title, text in sections.items()
    )


def _facts(facts):
    seconds = facts["num_samples"] / facts["sample_rate"]
    latents = f"{facts['latent_size']}, {facts['latent_prior']}"
    if facts["latent_truncation"] is not None:
        latents += f", truncated at {facts['latent_truncation']:g}"
    made_with = ", ".join(f"{k} {v}" for k, v in facts["versions"].items())
    return {
        "model": f"{facts['model']}, preset {facts['preset']}",
        "sample rate": f"{facts['sample_rate']} Hz",
        "length": f"{facts['num_samples']} samples, {seconds:.2f} s",
        "channels": facts["channels"],
        "latents": latents,
        "labels": ", ".join(facts["labels"]) or "none",
        "parameters": f"{facts['parameters']:,}",
        "steps": f"{facts['step']:,}, {facts['checkpoint']} checkpoint",
        "exported": f"{facts['exported']}, with {made_with}",
    }


def _train_command(facts):
    """Lines of the command that trains a model like this one."""
    preset = config.from_json(json.dumps(facts["config"]))
    usual = presets.PRESETS.get(preset.name)
    if usual is None:
        return []
    usual = config.sections(usual)
    given = {
        field.name: getattr(section, field.name)
        for name, section in config.sections(preset).items()
        for field in settings.of(section)
        # Where the data lay, say, is of no use elsewhere.
        if name in ("representation", "model")
        or field.name == "steps"
        or not field.metadata["resumable"]
        if getattr(section, field.name) != getattr(usual[name], field.name)
    }
    if given.get("audio_dir"):
        given["audio_dir"] = pathlib.PurePath(given["audio_dir"]).name
    flags = [f"--{key}={value}" for key, value in given.items()]
    command = ["python -m gansynth_zoo.train", f"--preset={preset.name}"]
    command += [*map(shlex.quote, flags), "--run_dir=RUN"]
    return [" ".join(command)]


def _measures(report, name):
    if report is None:
        return (
            "None came with the export. Measure it: `python -m gansynth_zoo."
            f"evaluate --source={name} --reference=DATA`"
        )
    rows = report["rows"]
    lines = [["", *rows], ["---"] * (len(rows) + 1)]
    for column in texts.columns(report):
        cells = [texts.cell(row.get(column)) for row in rows.values()]
        lines.append([texts.title(column), *cells])
    return "\n".join([*map(_line, lines), "", *texts.about(report)])


def _table(facts):
    rows = [["", ""], ["---", "---"], *facts.items()]
    return "\n".join(map(_line, rows))


def _line(cells):
    words = [" ".join(str(cell).split()) for cell in cells]
    return f"| {' | '.join(word.replace('|', _BAR) for word in words)} |"


def _code(lines):
    return "\n".join(f"    {line}".rstrip() for line in lines)


def read_measures(path, preset, step):
    """What a report of `gansynth_zoo.evaluate` says of a model.

    Args:
      path: the report's `report.json`.
      preset: name of the model's preset.
      step: of the model's checkpoint.

    Returns:
      The report, without the places where its models lay.

    Raises:
      ZooError: if the file is no report, or none of just this model.
    """
    try:
        report = json.loads(pathlib.Path(path).read_text("utf-8"))
        sources = {
            name: {k: v for k, v in about.items() if k != "source"}
            for name, about in report["sources"].items()
        }
        models = [(s["preset"], s["step"]) for s in sources.values()]
        found = models.count((preset, step))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
        raise errors.ZooError(
            "Expected the report.json of python -m gansynth_zoo.evaluate, "
            f"received {str(path)!r}, which is none ({e})."
        ) from e
    if found != 1:
        raise errors.ZooError(
            f"Expected a report of one model of {preset} at step {step}, "
            f"received {str(path)!r}, which has {found}; measure it with "
            "python -m gansynth_zoo.evaluate --source."
        )
    return {**report, "sources": sources}
