"""The report as a web page: table, players, spectrograms and plots."""

import dataclasses
import html
import io

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import pictures
from gansynth_zoo import storage
from gansynth_zoo.reporting import texts

# Sounds of a set that can be played, that are in its picture, and that are in
# the map.
PLAYED, _PICTURED, _MAPPED = 8, 16, 512
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; padding: 0 1rem;
  max-width: 76rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
th, td { padding: .2rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #8886; }
th[scope=row] { text-align: left; font-weight: normal; background: Canvas;
  position: sticky; left: 0; }
img { max-width: 100%; height: auto; background: #fff; }
audio { width: 100%; display: block; }
ul.sounds { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0;
  list-style: none; }
ul.sounds li { width: 15rem; }
dt { font-weight: bold; }
p, dd, li { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  th[scope=row] { white-space: normal; min-width: 7rem; }
  th, td { padding: .25rem .4rem; }
}
"""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the page shows of a set of sounds.

    Attributes:
      name: as it stands in the report.
      count: how many sounds were measured.
      sounds: some of them, float32 `[batch, samples, channels]`.
      features: float32 `[batch, features]`, where some lie on the map.
      nearest: for each of the first sounds, the real one that is nearest to
        it, float32 `[samples, channels]`, and how far that is where real
        sounds have 1; empty where that is of no interest.
    """

    name: str
    count: int
    sounds: np.ndarray
    features: np.ndarray
    nearest: list

    @classmethod
    def of(cls, row, nearest):
        """What is shown of a `rows.Row`."""
        features = np.array(row.log_mel[:_MAPPED])
        return cls(row.name, len(row), row.kept, features, nearest)


def write(folder, shown, report, sample_rate):
    """Writes the page, its sounds and its pictures.

    Args:
      folder: `pathlib.Path` to write to.
      shown: list of `Shown`.
      report: the dictionary of `report.json`.
      sample_rate: in Hz.

    Returns:
      Path of the page.
    """
    parts = [_table(report), _meanings(report), _about(report)]
    for number, one in enumerate(shown):
        parts.append(_section(folder, number, one, sample_rate))
    for name, title, draw in (
        ("map.png", "Where the sounds lie", _draw_map),
        ("spectra.png", "Mean spectra", _draw_spectra),
    ):
        (folder / name).write_bytes(_drawn(draw, shown, sample_rate))
        parts.append(f'<h2>{title}</h2>\n<img src="{name}" alt="{title}"/>')
    page = folder / "index.html"
    storage.write_text(
        page,
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"\n<title>Evaluation</title>\n<style>{_STYLE}</style></head>\n"
        "<body><main>\n<h1>Evaluation</h1>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n",
    )
    return page


def _table(report):
    names = list(report["rows"])
    heads = [f'<th scope="col">{html.escape(name)}</th>' for name in names]
    lines = [f"<tr><td></td>{''.join(heads)}</tr>"]
    for column in texts.columns(report):
        cells = [
            f"<td>{texts.cell(report['rows'][name].get(column))}</td>"
            for name in names
        ]
        head = f'<th scope="row">{html.escape(texts.title(column))}</th>'
        lines.append(f"<tr>{head}{''.join(cells)}</tr>")
    caption = "Each measure of each set of sounds; ↓ and ↑ say what is better."
    table = "\n".join([f"<caption>{caption}</caption>", *lines])
    # To be scrolled by the keyboard too.
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Measures">'
        f"<table>\n{table}\n</table></div>"
    )


def _meanings(report):
    items = "\n".join(
        f"<dt>{html.escape(texts.title(column))}</dt>"
        f"<dd>{html.escape(texts.meaning(column))}</dd>"
        for column in texts.columns(report)
    )
    return (
        "<details><summary>What the measures say</summary>\n"
        f"<dl>\n{items}\n</dl></details>"
    )


def _about(report):
    lines = [f"<p>{html.escape(line)}</p>" for line in texts.about(report)]
    if report["notes"]:
        notes = "".join(f"<li>{html.escape(n)}</li>" for n in report["notes"])
        lines.append(f"<h2>Not measured</h2>\n<ul>{notes}</ul>")
    return "\n".join(lines)


def _section(folder, number, one, sample_rate):
    name = html.escape(one.name)
    players = []
    for i, sound in enumerate(one.sounds[:PLAYED]):
        label = f"{name}, sound {i}"
        player = _player(folder, f"{number}_{i}", sound, sample_rate, label)
        if i < len(one.nearest):
            real, distance = one.nearest[i]
            # Alike in numbers is not yet alike to the ear: play both.
            text = f"nearest real sound, distance {distance:.2g}"
            player += f"<div>{text}:</div>" + _player(
                folder, f"{number}_{i}_nearest", real, sample_rate, text
            )
        players.append(f"<li>{player}</li>")
    explained = (
        "<p>Below each sound is the real one that is nearest to it, of those "
        "that models may have learned from. Real sounds that are held out have "
        "a distance of 1 on average; near 0 is a copy.</p>\n"
    )
    picture = f"spectrograms_{number}.png"
    pictured = one.sounds[:_PICTURED]
    title = f"{one.name}, {len(pictured)} of {one.count}"
    png = pictures.spectrogram_grid(pictured, sample_rate, title)
    (folder / picture).write_bytes(png)
    return (
        f"<h2>{name}</h2>\n{explained if one.nearest else ''}"
        f'<ul class="sounds">{"".join(players)}</ul>\n'
        f'<img src="{picture}" alt="Spectrograms of {name}"/>'
    )


def _player(folder, stem, sound, sample_rate, label):
    """Writes a sound; the element that plays it."""
    audio_files.write(folder / "sounds" / f"{stem}.wav", sound, sample_rate)
    return (
        f'<audio controls="" preload="none" src="sounds/{stem}.wav" '
        f'aria-label="{label}"></audio>'
    )


def _drawn(draw, shown, sample_rate):
    """A plot as PNG."""
    from matplotlib import figure
    from matplotlib.backends import backend_agg

    picture = figure.Figure(figsize=(9, 5), layout="constrained")
    backend_agg.FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    draw(axes, shown, sample_rate)
    axes.legend(fontsize=8)
    out = io.BytesIO()
    picture.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _draw_map(axes, shown, sample_rate):
    """The two directions in which all sets together spread most."""
    del sample_rate
    every = np.concatenate([one.features for one in shown])
    centre = every.mean(axis=0)
    _, _, directions = np.linalg.svd(every - centre, full_matrices=False)
    for one in shown:
        places = (one.features - centre) @ directions[:2].T
        axes.scatter(*places.T, s=6, alpha=0.6, label=one.name)
    axes.set_xlabel("first principal component of the log-mel features")
    axes.set_ylabel("second")


def _draw_spectra(axes, shown, sample_rate):
    for one in shown:
        mono = one.sounds.mean(axis=2)
        power = np.mean(np.abs(np.fft.rfft(mono, axis=1)) ** 2, axis=0)
        smooth = np.convolve(power, np.ones(17) / 17, "same")
        level = 10 * np.log10(smooth / max(smooth.max(), 1e-20) + 1e-8)
        frequency = np.fft.rfftfreq(mono.shape[1], 1 / sample_rate)
        axes.plot(frequency[1:], level[1:], linewidth=1, label=one.name)
    axes.set_xlabel("Hz")
    axes.set_ylabel("dB below the peak")
