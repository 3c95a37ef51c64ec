"""Makes the clips of this folder and ATTRIBUTION.csv from the drum archive.

Run it as

    python -m gansynth_zoo.datasets.drums_mini.embed \
        --archive=drums.tar.gz --csv=drums.csv

It gives the same samples everywhere, and the same bytes with the same
libsndfile.
"""

import csv
import io
import pathlib
import sys
import tarfile

import soundfile
from absl import app
from absl import flags

from gansynth_zoo import errors

# Licence in the CSV -> licence and author to name. What is not listed, above
# all what must be passed on under its own licence, stays out of the package.
LICENCES = {
    "CC0": ("CC0", "not named"),
    "CC BY 3.0 (Emanuel Rumpf)": ("CC BY 3.0", "Emanuel Rumpf"),
    "Public Domain (as stated by the repository)": (
        "Public domain",
        "not named",
    ),
}
COLUMNS = ("file", "split", "kit", "source", "author", "licence", "changes")
TEST_EVERY = 4


def embed(archive, table, out):
    """Writes `clips/{train,test}/*.flac` and `ATTRIBUTION.csv`.

    Args:
      archive: path of the drum archive, a gzip-compressed tar of 16-bit WAV.
      table: path of the CSV that lists the archive's files.
      out: folder to write to.

    Returns:
      Number of clips written.

    Raises:
      ZooError: if archive and table cannot be read or do not belong together,
        or if `out` has clips of another making.
    """
    out = pathlib.Path(out)
    rows = read_table(table)
    check_no_strangers(out, {row["file"] for _, row in rows})
    try:
        with tarfile.open(archive, "r:gz") as members:
            for name, row in rows:
                path = out / row["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(to_flac(members.extractfile(name).read()))
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise errors.ZooError(
            f"{str(archive)!r} cannot be read as the archive of "
            f"{str(table)!r} ({error}); give the two that belong together."
        ) from error
    with open(
        out / "ATTRIBUTION.csv", "w", newline="", encoding="utf-8"
    ) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for _, row in rows)
    return len(rows)


def read_table(path):
    """Chooses the clips and their split from the archive's CSV.

    Args:
      path: CSV with the columns path, kit, split, truncated, source, licence.

    Returns:
      List of pairs of a name in the archive and a row of ATTRIBUTION.csv, a
      dict by `COLUMNS`, in the order of the names.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            chosen = [
                row
                for row in csv.DictReader(file)
                if row["split"] == "train" and row["licence"] in LICENCES
            ]
        chosen.sort(key=lambda row: row["path"])
        return [
            (row["path"], attribution(row, index))
            for index, row in enumerate(chosen)
        ]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise errors.ZooError(
            f"{str(path)!r} cannot be read as the CSV of the drum archive "
            f"({error!r}); give the one that lies beside it."
        ) from error


def attribution(row, index):
    """The row of ATTRIBUTION.csv for one row of the archive's CSV."""
    split = "train" if index % TEST_EVERY else "test"
    licence, author = LICENCES[row["licence"]]
    changes = ["mono, 16 kHz", "silence at both ends shortened"]
    if row["truncated"] == "1":
        changes.append("cut at 1.024 s with a fade of 0.1 s")
    return {
        "file": f"clips/{split}/{pathlib.PurePosixPath(row['path']).stem}.flac",
        "split": split,
        "kit": row["kit"],
        "source": row["source"],
        "author": author,
        "licence": licence,
        "changes": "; ".join([*changes, "16-bit FLAC"]),
    }


def check_no_strangers(out, files):
    """Refuses a folder with clips that no attribution would cover."""
    present = {
        path.relative_to(out).as_posix() for path in out.glob("clips/*/*.flac")
    }
    if present - files:
        raise errors.ZooError(
            f"{str(out)!r} has clips of another making, the first of them "
            f"{min(present - files)!r}; remove them or choose another --out."
        )


def to_flac(wav):
    """Turns the bytes of a 16-bit WAV file into FLAC of the same samples."""
    samples, sample_rate = soundfile.read(io.BytesIO(wav), dtype="int16")
    flac = io.BytesIO()
    soundfile.write(
        flac,
        samples,
        sample_rate,
        format="FLAC",
        subtype="PCM_16",
        compression_level=1.0,
    )
    return flac.getvalue()


def define_flags():
    """Defines the flags; not on import, as other commands share the names."""
    flags.DEFINE_string("archive", None, "Drum archive, drums.tar.gz.")
    flags.DEFINE_string("csv", None, "CSV that lists its files, drums.csv.")
    flags.DEFINE_string(
        "out",
        str(pathlib.Path(__file__).parent),
        "Folder to write to; by default that of the package.",
    )
    flags.mark_flags_as_required(["archive", "csv"])


def main(_):
    """Runs `embed` with the flags."""
    values = flags.FLAGS
    try:
        count = embed(values.archive, values.csv, values.out)
    except errors.ZooError as error:
        sys.exit(str(error))
    print(f"{count} clips in {values.out}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
