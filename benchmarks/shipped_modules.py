r"""Makes the modules that ship again: data, training, measures, export.

  python -m benchmarks.shipped_modules --archives=DIR --out=build/modules
  python -m benchmarks.shipped_modules --archives=DIR --out=build/modules \
      --only=wavegan_drums_small

DIR has the archives that `MODULES` names, each with a CSV of its files beside
it, by whose licences the drum sounds are chosen. A module is trained by
`gansynth_zoo.train`; beside it stand in its report what it was after EARLY
processor minutes, what the papers' recipe is then, and an untrained generator.
What is there already is not made again, and a training that was stopped goes
on. The modules are in OUT/zoo; to ship one, take its folder to
gansynth_zoo/modules.
"""

import csv
import dataclasses
import os
import pathlib
import shutil
import tarfile

from absl import flags

from benchmarks import recipes
from gansynth_zoo import command_line
from gansynth_zoo import config
from gansynth_zoo import settings
from gansynth_zoo import storage
from gansynth_zoo.datasets.drums_mini import embed

_NOTES = pathlib.Path(__file__).parent / "module_notes"
# Processor minutes after which recipes are compared.
EARLY = 8
_DIGITS = (
    "CC BY-SA 4.0: Speech Commands (Google, Pete Warden, CC BY 4.0) and Free "
    "Spoken Digit Dataset (Zohar Jackson and others, CC BY-SA 4.0)"
)


@dataclasses.dataclass(frozen=True)
class Shipped:
    """How a module is made, be it to ship or only to be made.

    Attributes:
      train: flags of `gansynth_zoo.train`.
      dataset: that is trained on.
      archives: files that the data set is prepared from.
      licence: terms of the sounds, in words.
      free: take only sounds that may be used for all, if their authors are
        named; the CSV of the archive tells.
      papers: recipe of its paper.
      ships: whether it comes with the package.
    """

    train: tuple
    dataset: str
    archives: tuple
    licence: str
    free: bool = False
    papers: str = "wgan-gp"
    ships: bool = True


_SC09 = ("sc09.tar.gz", "sc09_fsdd.tar.gz")
# Three of five digits have nothing above 4 kHz: small models of 16 kHz leave
# these out, or always hiss.
_NARROW = ("--sample_rate=8000", "--num_samples=8192")
MODULES = {
    "wavegan_drums_small": Shipped(
        (
            "--preset=wavegan_drums_small",
            # Hits end in silence, not in a noise that nobody trained away.
            "--pre_emphasis=0.9",
            "--mu_law=15",
            "--group_size=8",
            # An average over fewer steps keeps more noise.
            "--ema_decay=0.9997",
            "--vary_speed=0.06",
            "--latent_truncation=0.55",
            "--steps=2500",
        ),
        dataset="drums",
        archives=("drums.tar.gz",),
        licence=(
            "CC BY 3.0: a kit by Emanuel Rumpf; sounds of the LinnDrum from "
            "oramics/sampled, public domain"
        ),
        free=True,
    ),
    "wavegan_sc09_small": Shipped(
        (
            "--preset=wavegan_sc09_labels_small",
            *_NARROW,
            "--pre_emphasis=0.9",
            "--mu_law=8",
            "--penalty_weight=1.0",
            "--group_size=8",
            "--ema_decay=0.9997",
            # The classifier beside the score is right on more recordings
            # that it did not learn than at .06.
            "--vary_speed=0.15",
            "--latent_truncation=0.6",
            "--steps=15000",
        ),
        dataset="sc09",
        archives=_SC09,
        licence=_DIGITS,
    ),
    "specgan_sc09_small": Shipped(
        (
            "--preset=specgan_sc09_labels_small",
            *_NARROW,
            # Half of a digit's picture lies below what can be heard.
            "--magnitude_floor=0.001",
            "--precision=bfloat16",
            "--steps=12000",
        ),
        dataset="sc09",
        archives=_SC09,
        licence=_DIGITS,
    ),
    "gansynth_nsynth_small": Shipped(
        ("--preset=gansynth_nsynth_small", "--steps=6000"),
        dataset="nsynth_notes/gansynth",
        archives=(
            "nsynth-train.jsonwav.tar.gz",
            "nsynth-valid.jsonwav.tar.gz",
        ),
        licence=(
            "CC BY-SA 3.0: recordings of the Philharmonia Orchestra (CC BY-SA "
            "3.0) and of the Salamander Grand Piano (Alexander Holm, CC BY "
            "3.0), notes rendered with MuseScore General (MIT)"
        ),
        papers="gansynth",
    ),
    "tifgan_bach_small": Shipped(
        # The clips of `bach` end before the model's sounds do, and silence
        # behind them is what a circular transform learns last.
        (
            "--preset=tifgan_bach_small",
            "--precision=bfloat16",
            "--window=random",
            "--steps=8000",
        ),
        dataset="piano",
        archives=("mancini_piano.tar.gz",),
        licence="CC0 1.0: Kimiko Ishizaka, Open Well-Tempered Clavier, Book 1",
    ),
    "wavegan_birds_small": Shipped(
        (
            "--preset=wavegan_birds_small",
            "--mu_law=15",
            "--group_size=8",
            "--ema_decay=0.9997",
            "--vary_speed=0.06",
            "--steps=3000",
        ),
        dataset="birds",
        archives=("birds.tar.gz",),
        licence=(
            "CC BY-NC-SA 4.0: recordists of xeno-canto, named in the set's "
            "CSV; not for commercial use"
        ),
        ships=False,
    ),
}


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "archives",
        None,
        "Folder of the archives.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_string(
        "out", "build/modules", "Folder to write to.", flag_values=values
    )
    flags.DEFINE_list(
        "only", list(MODULES), "Modules, with commas between.", values
    )
    flags.DEFINE_integer(
        "count", 512, "Sounds of a row to measure.", 2, flag_values=values
    )


def main(values=flags.FLAGS):
    """Makes the modules that are not there yet.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    out = pathlib.Path(values.out).resolve()
    # Prepared for these modules alone, in the processes that follow too.
    os.environ["GANSYNTH_ZOO_CACHE"] = str(out / "cache")
    for name in recipes.chosen(values.only, MODULES):
        if not (out / "zoo" / name).exists():
            _make(name, MODULES[name], values.archives, out, values.count)
    table = [
        (name if row == name else f"  {row}", *cells)
        for name in values.only
        for row, *cells in recipes.rows(_report(out, name))
    ]
    recipes.print_table("module", table)
    print(f"The modules are in {out / 'zoo'}.")
    return 0


def _make(name, shipped, archives, out, count):
    """Prepares the sounds, trains, measures and exports a module."""
    paths = [pathlib.Path(archives, file) for file in shipped.archives]
    if shipped.free:
        paths = [_free_sounds(path, out / "sounds") for path in paths]
    recipes.run_command(
        "datasets.build",
        f"--dataset={shipped.dataset}",
        *(f"--archive={path}" for path in paths),
    )
    own = out / name
    run, early, papers, untrained = (
        own / row for row in (name, "early", "papers", "untrained")
    )
    train = [*shipped.train, f"--dataset={shipped.dataset}"]
    if not early.exists():
        recipes.train(train, run, EARLY)
        with storage.folder_written_whole(early) as partial:
            shutil.copytree(run, partial, dirs_exist_ok=True)
    recipes.run_command("train", *train, f"--run_dir={run}")
    if not papers.exists():
        # Trained by the clock: going on with it would give it more.
        with storage.folder_written_whole(papers) as partial:
            by_the_paper = _by_the_paper(train, shipped.papers)
            recipes.train(by_the_paper, partial, EARLY)
    report = _report(out, name)
    if not report.exists():
        recipes.run_command(
            "train", *train, f"--run_dir={untrained}", "--steps=1"
        )
        models = [run, early, papers, untrained]
        recipes.evaluate(models, shipped.dataset, count, report.parent)
    given = [f"--measures={report}", f"--licence={shipped.licence}"]
    notes = _NOTES / f"{name}.md"
    if notes.exists():
        given.append(f"--notes={notes}")
    recipes.run_command(
        "export",
        f"--run_dir={run}",
        f"--name={name}",
        f"--zoo_dir={out / 'zoo'}",
        *given,
    )


def _by_the_paper(train, recipe):
    """Flags with a recipe in place of what they set of their own."""
    own = {field.name for field in settings.of(config.Recipe)}
    kept = (flag for flag in train if flag[2:].partition("=")[0] not in own)
    return [*kept, f"--recipe={recipe}"]


def _report(out, name):
    return out / name / "report" / "report.json"


def _free_sounds(archive, out):
    """The folder to which the sounds of free licences were unpacked."""
    table = archive.parent / f"{archive.name.partition('.')[0]}.csv"
    with open(table, newline="", encoding="utf-8") as file:
        names = {
            row["path"]
            for row in csv.DictReader(file)
            if row["licence"] in embed.LICENCES
        }
    with tarfile.open(archive) as members:
        for member in members:
            if member.name in names:
                members.extract(member, out, filter="data")
    return out


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
