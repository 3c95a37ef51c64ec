"""Pictures of sounds."""

import io

import numpy as np


def log_spectrogram(waveform, sample_rate):
    """Level over time and frequency, for the eye.

    Args:
      waveform: float `[samples, channels]`; the channels are averaged.
      sample_rate: in Hz.

    Returns:
      Float `[bins, frames]` in dB, 0 at the largest value and -80 at least.
    """
    size = 512 if sample_rate <= 24000 else 1024
    hop = size // 4
    mono = np.pad(np.mean(waveform, axis=1), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2
    level = 10.0 * np.log10(np.maximum(power.T, 1e-12))
    return np.maximum(level - level.max(), -80.0)


def spectrogram_grid(waveforms, sample_rate, title, columns=8, width=1.6):
    """A picture of spectrograms side by side.

    Args:
      waveforms: float `[batch, samples, channels]`.
      sample_rate: in Hz.
      title: written above.
      columns: spectrograms of a row at most.
      width: of a spectrogram in inches.

    Returns:
      PNG as bytes.
    """
    from matplotlib import figure
    from matplotlib.backends import backend_agg

    columns = min(columns, len(waveforms))
    rows = -(-len(waveforms) // columns)
    picture = figure.Figure(
        figsize=(width * columns, 1.5 * rows + 0.5), layout="constrained"
    )
    backend_agg.FigureCanvasAgg(picture)
    axes = picture.subplots(rows, columns, squeeze=False)
    seconds = waveforms.shape[1] / sample_rate
    for axis, waveform in zip(axes.flat, waveforms, strict=False):
        axis.imshow(
            log_spectrogram(waveform, sample_rate),
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0, seconds, 0, sample_rate / 2000),
        )
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_axis_off()
    edge = axes[-1, 0]
    edge.set_axis_on()
    edge.set_xticks([0, round(seconds, 2)])
    edge.set_yticks([0, sample_rate / 2000])
    edge.tick_params(labelsize=7)
    edge.set_xlabel("seconds", fontsize=7)
    edge.set_ylabel("kHz", fontsize=7)
    picture.suptitle(title, fontsize=9)
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def histograms(panels, title):
    """A picture of how values are distributed, one panel a kind.

    Args:
      panels: list of (name of the axis, values, whether the axis is
        logarithmic; its values are then above 0).
      title: written above.

    Returns:
      PNG as bytes.
    """
    from matplotlib import figure
    from matplotlib.backends import backend_agg

    picture = figure.Figure(
        figsize=(4.2 * len(panels), 3), layout="constrained"
    )
    backend_agg.FigureCanvasAgg(picture)
    axes = picture.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, values, logarithmic) in zip(axes, panels, strict=True):
        low, high = min(values), max(values)
        if logarithmic:
            # Room to both sides, where all values are the same.
            bins = np.geomspace(low / 1.05, high * 1.05, 31)
            axis.set_xscale("log")
        else:
            bins = np.linspace(low - 0.5, high + 0.5, 31)
        axis.hist(values, bins=bins, color="#4c6a92")
        axis.set_xlabel(name, fontsize=8)
        axis.set_ylabel("files", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    picture.suptitle(title, fontsize=9)
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
