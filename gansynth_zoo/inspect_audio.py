r"""Says what is in a folder of sounds, what is wrong, and which flags suit it.

  python -m gansynth_zoo.inspect_audio --audio_dir=my_sounds

Every file is decoded as training decodes it. What is said of format, rate,
channels and level is that of the files; a picture shows lengths and levels.
"""

import collections
import dataclasses
import math
import pathlib
import shlex

import numpy as np
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import flags as run_flags
from gansynth_zoo import folder_sounds
from gansynth_zoo import pictures
from gansynth_zoo import presets
from gansynth_zoo import progress

_PRESET = "wavegan_drums_small"
_BITS = {
    "PCM_S8": " 8 bit",
    "PCM_U8": " 8 bit",
    "PCM_16": " 16 bit",
    "PCM_24": " 24 bit",
    "PCM_32": " 32 bit",
    "FLOAT": " float",
    "DOUBLE": " float",
}
# The lengths that are advised; what is longer trains too slowly.
_LENGTHS = (4096, 8192, 16384, 32768)
_USUAL_LENGTH = 16384
# Leading silence that is worth cutting.
_LATE_SECONDS = 0.02
# Share of samples at full scale that can be heard.
_CLIPPED = 1e-3
# Of several values, those that are named.
_FEW = 5
# Of files that are repeated.
_REPEATED = 20


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "audio_dir", None, "Folder of sounds.", flag_values=values
    )
    flags.DEFINE_string(
        "out", "inspect_audio.png", "The picture.", flag_values=values
    )
    flags.mark_flag_as_required("audio_dir", values)
    run_flags.define_audio_backend(values)
    flags.declare_key_flag("audio_backend", values)


def main(values=flags.FLAGS):
    """Prints what is found and writes the picture.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.

    Raises:
      ZooError: if there is nothing in the folder that can be trained on.
    """
    audio_files.use_backend(values.audio_backend)
    listing = audio_folder.scan(values.audio_dir)
    audio = presets.get(_PRESET).audio
    wanted = folder_sounds.Wanted(audio.sample_rate)
    with audio_folder.decoding(listing, wanted) as sounds:
        reports = [report for report, _ in sounds]
    used = [report for report in reports if not report.reason]
    left_out = dict(listing.problems)
    left_out.update({r.name: r.reason for r in reports if r.reason})
    if used:
        _print_table(summary(used))
    _print_files("left out", left_out)
    _print_files("damaged", {r.name: r.note for r in used if r.note})
    _print_files("repeated", duplicates(used), _REPEATED)
    audio_folder.check_usable(listing, len(used), left_out)
    _write_picture(values.out, used)
    _print_advice(values.audio_dir, advise(used))
    return 0


def summary(reports):
    """What the files have in common and where they differ.

    Args:
      reports: list of `folder_sounds.Report` of files that are used, not empty.

    Returns:
      Dictionary of short texts: property -> value.
    """
    seconds = np.array([report.seconds for report in reports])
    late = [r for r in reports if r.onset_seconds > _LATE_SECONDS]
    clipped = sum(report.clipped > _CLIPPED for report in reports)
    latest = max(report.onset_seconds for report in reports)
    longest = f", the longest of {_length(latest)}" if late else ""
    share = np.average([r.clipped for r in reports], weights=seconds)
    return {
        "sounds": f"{len(reports)}, {_length(seconds.sum())} in all",
        "length": _spread(seconds, _length),
        "format": _counts(
            r.format[0].replace("WAVEX", "WAV") + _BITS.get(r.format[1], "")
            for r in reports
        ),
        "rate": _counts(f"{report.sample_rate} Hz" for report in reports),
        "channels": _counts(_channels(report) for report in reports),
        "peak": _spread([_db(report.peak) for report in reports], _level),
        "RMS": _spread([_db(report.rms) for report in reports], _level),
        "clipping": f"{share:.2%} of all samples at full scale; files with "
        f"more than {_CLIPPED:.1%}: {clipped}",
        "late": f"sounds after more than {_LATE_SECONDS * 1000:.0f} ms of "
        f"silence: {len(late)}{longest}",
    }


def duplicates(reports):
    """Files that hold what another one holds: name -> which."""
    first = {}
    return {
        report.name: f"the same sound as {audio_folder.one_line(other)}"
        for report in reports
        if (other := first.setdefault(report.content, report.name))
        != report.name
    }


@dataclasses.dataclass(frozen=True)
class Advice:
    """A flag and the reason for it."""

    flag: str
    reason: str


def advise(reports):
    """The flags that suit sounds.

    Args:
      reports: list of `folder_sounds.Report` of files that are used, not empty.

    Returns:
      List of `Advice`.
    """
    usual = presets.get(_PRESET).audio.sample_rate
    rates = [report.sample_rate for report in reports]
    rate = min(usual, int(np.median(rates)))
    if rate < usual:
        why = "half of the files have no more"
    elif max(rates) > usual:
        why = (
            "trains on a processor; up to "
            f"{max(rates)} keeps more treble, for shorter sounds"
        )
    else:
        why = "that of the files"
    wide = np.mean([report.wide for report in reports])
    late = np.mean([r.onset_seconds > _LATE_SECONDS for r in reports])
    window, *advice = _windows([report.seconds for report in reports], rate)
    advice = [window, *advice, Advice(f"--sample_rate={rate}", why)]
    if late >= 0.1 and window.flag == "--window=first":
        advice.append(
            Advice("--trim_silence", f"{late:.0%} of the sounds begin late")
        )
    if wide > 0.5:
        advice.append(
            Advice("--channels=2", f"{wide:.0%} of the files are stereo")
        )
    return advice


def _windows(seconds, rate):
    """Which part of the sounds, and how long."""
    most = float(np.percentile(seconds, 90, method="lower"))
    long = sum(length > 2 * _LENGTHS[-1] / rate for length in seconds)
    if 2 * long > len(seconds):
        length = _length(_USUAL_LENGTH / rate)
        return [
            Advice("--window=random", "most sounds are long: all is used"),
            Advice(
                f"--num_samples={_USUAL_LENGTH}",
                f"{length}; twice as much takes twice as long to train",
            ),
        ]
    fitting = [n for n in _LENGTHS if n >= most * rate]
    samples = fitting[0] if fitting else _LENGTHS[-1]
    whole = np.mean([length * rate <= samples for length in seconds])
    first = "most sounds are short: each from its start"
    if long:
        first += f"; of {long} long ones only that (random takes all)"
    return [
        Advice("--window=first", first),
        Advice(
            f"--num_samples={samples}",
            f"{_length(samples / rate)}, which holds {whole:.0%} of the "
            "sounds whole",
        ),
    ]


def _print_table(rows):
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:{width}}  {text}")


def _print_files(title, reasons, limit=None):
    if reasons:
        print(f"\n{title}: {len(reasons)}")
        for line in audio_folder.describe(reasons, limit or len(reasons)):
            print(f"  {line}")


def _print_advice(folder, advice):
    words = [
        "python -m gansynth_zoo.train",
        f"--preset={_PRESET}",
        f"--audio_dir={shlex.quote(folder)}",
        *(line.flag for line in advice),
    ]
    print("\nTrain on it:\n  " + " \\\n      ".join(words))
    width = max(len(line.flag) for line in advice)
    for line in advice:
        print(f"  {line.flag:{width}}  {line.reason}")


def _write_picture(path, reports):
    path = pathlib.Path(path)
    png = pictures.histograms(
        [
            ("length in seconds", [r.seconds for r in reports], True),
            ("peak in dBFS", [_db(r.peak) for r in reports], False),
            ("RMS in dBFS", [_db(r.rms) for r in reports], False),
        ],
        f"{len(reports)} sounds",
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    except OSError as error:
        raise errors.ZooError(
            f"Expected to write a picture to {str(path)!r}, received: "
            f"{error.strerror}; choose another file with --out."
        ) from error
    print(f"\nLengths and levels are drawn in {path}.")


def _counts(values):
    """How often each value occurs, the most frequent first."""
    common = collections.Counter(values).most_common()
    shown = [f"{value} ({count})" for value, count in common[:_FEW]]
    rest = sum(count for _, count in common[_FEW:])
    return ", ".join(shown + ([f"others ({rest})"] if rest else []))


def _spread(values, shown):
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{shown(low)} to {shown(high)}, median {shown(middle)}"


def _channels(report):
    if report.channels > 2:
        return f"{report.channels} channels"
    if report.channels == 1:
        return "mono"
    return "stereo" if report.wide else "stereo, both the same"


def _db(level):
    return 20.0 * math.log10(level) if level else -math.inf


def _level(db):
    return f"{db:.1f} dBFS"


def _length(seconds):
    """A length as one would say it."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else progress.clock(seconds)


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
