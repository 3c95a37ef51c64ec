"""The report as a web page: table, players, spectrograms and plots."""

import html
import io

import numpy as np

from gansynth_zoo import audio_files
from gansynth_zoo import pictures
from gansynth_zoo import storage
from gansynth_zoo.reporting import texts

# Sounds of a row that can be played, and that are in its picture.
_PLAYED, _PICTURED = 8, 16
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; padding: 0 1rem;
  max-width: 70rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; height: auto; background: #fff; }
audio { width: 12rem; max-width: 100%; }
.sounds { display: flex; flex-wrap: wrap; gap: .5rem; }
"""


def write(folder, rows, report, sample_rate):
    """Writes the page, its sounds and its pictures.

    Args:
      folder: `pathlib.Path` to write to.
      rows: list of `rows.Row`.
      report: the dictionary of `report.json`.
      sample_rate: in Hz.

    Returns:
      Path of the page.
    """
    parts = [_table(report), _about(report)]
    for number, row in enumerate(rows):
        parts.append(_section(folder, number, row, sample_rate))
    for name, title, draw in (
        ("map.png", "Where the sounds lie", _draw_map),
        ("spectra.png", "Mean spectra", _draw_spectra),
    ):
        (folder / name).write_bytes(_drawn(draw, rows, sample_rate))
        parts.append(f'<h2>{title}</h2>\n<img src="{name}" alt="{title}">')
    page = folder / "index.html"
    storage.write_text(
        page,
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Evaluation</title>\n<style>{_STYLE}</style></head>\n"
        "<body>\n<h1>Evaluation</h1>\n"
        + "\n".join(parts)
        + "\n</body></html>\n",
    )
    return page


def _table(report):
    names = list(report["rows"])
    lines = ["<tr><th>" + "".join(f"<th>{html.escape(n)}" for n in names)]
    for column in texts.columns(report):
        cells = [report["rows"][name].get(column) for name in names]
        title = html.escape(texts.title(column))
        lines.append(
            f"<tr><th>{title}" + "".join(f"<td>{texts.cell(c)}" for c in cells)
        )
    table = "\n".join(lines)
    return f'<div class="wide"><table>\n{table}\n</table></div>'


def _about(report):
    lines = [f"<p>{html.escape(line)}</p>" for line in texts.about(report)]
    notes = "".join(f"<li>{html.escape(n)}</li>" for n in report["notes"])
    return "\n".join(lines) + (f"\n<ul>{notes}</ul>" if notes else "")


def _section(folder, number, row, sample_rate):
    players = []
    for i, sound in enumerate(row.kept[:_PLAYED]):
        name = f"sounds/{number}_{i}.wav"
        audio_files.write(folder / name, sound, sample_rate)
        label = html.escape(f"{row.name}, sound {i}")
        players.append(
            f'<audio controls preload="none" src="{name}" '
            f'aria-label="{label}"></audio>'
        )
    picture = f"spectrograms_{number}.png"
    title = f"{row.name}, {min(_PICTURED, len(row.kept))} of {row.sounds.count}"
    png = pictures.spectrogram_grid(row.kept[:_PICTURED], sample_rate, title)
    (folder / picture).write_bytes(png)
    name = html.escape(row.name)
    return (
        f'<h2>{name}</h2>\n<div class="sounds">{"".join(players)}</div>\n'
        f'<img src="{picture}" alt="Spectrograms of {name}">'
    )


def _drawn(draw, rows, sample_rate):
    """A plot as PNG."""
    from matplotlib import figure
    from matplotlib.backends import backend_agg

    picture = figure.Figure(figsize=(9, 5), layout="constrained")
    backend_agg.FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    draw(axes, rows, sample_rate)
    axes.legend(fontsize=8)
    out = io.BytesIO()
    picture.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _draw_map(axes, rows, sample_rate):
    """The two directions in which all rows together spread most."""
    del sample_rate
    parts = [np.asarray(row.log_mel[:512], np.float64) for row in rows]
    centre = np.concatenate(parts).mean(axis=0)
    _, _, directions = np.linalg.svd(
        np.concatenate(parts) - centre, full_matrices=False
    )
    for row, part in zip(rows, parts, strict=True):
        places = (part - centre) @ directions[:2].T
        axes.scatter(*places.T, s=6, alpha=0.6, label=row.name)
    axes.set_xlabel("first principal component of the log-mel features")
    axes.set_ylabel("second")


def _draw_spectra(axes, rows, sample_rate):
    for row in rows:
        mono = row.kept.mean(axis=2)
        power = np.mean(np.abs(np.fft.rfft(mono, axis=1)) ** 2, axis=0)
        smooth = np.convolve(power, np.ones(17) / 17, "same")
        level = 10 * np.log10(smooth / max(smooth.max(), 1e-20) + 1e-8)
        frequency = np.fft.rfftfreq(mono.shape[1], 1 / sample_rate)
        axes.plot(frequency[1:], level[1:], linewidth=1, label=row.name)
    axes.set_xlabel("Hz")
    axes.set_ylabel("dB below the peak")
