"""How good and how fast phases are retrieved, next to other libraries.

  python -m benchmarks.phase_retrieval --archives=DIR

Clips of the archives are brought to TiFGAN's log magnitudes, from which each
method makes waveforms. The first table has mean spectral convergences in dB,
the lower the better: of spoken digits, of piano, and of digits whose
magnitudes were blurred or had noise of 0.2 nepers added, as a generator's are;
those are compared with the clean ones. The second has the ms that a clip of
digits takes, from log magnitudes to waveform. At the end is by how much a
process grows for half a minute of sound.

Other libraries take part where they are installed. They get the transform and
the gradients from here, in NumPy.
"""

import concurrent.futures
import functools
import importlib.util
import io
import multiprocessing
import pathlib
import tarfile

import numpy as np
import soundfile
import tensorflow as tf
from absl import flags

from benchmarks import heap_integration
from benchmarks import timing
from benchmarks import trials
from gansynth_zoo import command_line
from gansynth_zoo.dsp import griffin_lim
from gansynth_zoo.dsp import phase_forest
from gansynth_zoo.dsp import phase_gradient
from gansynth_zoo.dsp import stft as stft_
from gansynth_zoo.evaluation import consistency

_ARCHIVES = ("sc09", "sc09_fsdd", "mancini_piano")
_SAMPLES = 16384
_STFT = stft_.Stft("gaussian", 512, 128, circular=True)
# What TiFGAN keeps of the log magnitude.
_RANGE = 10.0
_LONG = 30 * 16000 // _STFT.hop


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "archives",
        None,
        "Folder with " + ", ".join(f"{name}.tar.gz" for name in _ARCHIVES),
        flag_values=values,
    )
    flags.mark_flag_as_required("archives", flag_values=values)
    flags.DEFINE_multi_enum(
        "part",
        ["quality", "time", "memory"],
        ["quality", "time", "memory"],
        "What is measured; may be given more than once.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "clips",
        64,
        "Clips of each kind; no batch is larger.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_multi_integer(
        "batch_size",
        [1, 16, 64],
        "Clips at once; may be given more than once.",
        lower_bound=1,
        flag_values=values,
    )
    timing.define_flags(values)
    flags.adopt_module_key_flags(timing, values)


def main(values=flags.FLAGS):
    """Prints the tables.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    methods = make_methods()
    sets = _magnitudes(pathlib.Path(values.archives), values.clips)
    if "quality" in values.part:
        rows = [_quality_row(*item, sets) for item in methods.items()]
        timing.print_table(("dB", *sets), rows)
    if "time" in values.part:
        level, _ = sets["sc09"]
        rows = [
            row
            for batch_size in values.batch_size
            for row in _time_rows(methods, level[:batch_size], values)
        ]
        timing.print_table(("batch", "method", "ms/clip", "CPU ms/clip"), rows)
    if "memory" in values.part:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, context) as process:
            grown = process.submit(_memory).result()
        print(f"30 s, forest and 8 fast steps: {grown / 2**20:,.0f} MiB")
    return 0


def make_methods():
    """Name -> function: log magnitude -> waveforms, both NumPy batches."""
    methods = {"forest": _in_tensorflow(_forest, 0, 0.0)}
    for start, name, counts in (
        (_forest, "forest", (2, 4, 8, 16)),
        (_random, "random", (16, 60)),
    ):
        for momentum, kind in ((0.0, "GL"), (0.99, "fast GL")):
            for steps in counts:
                methods[f"{name} + {steps} {kind}"] = _in_tensorflow(
                    start, steps, momentum
                )
    has = importlib.util.find_spec
    if has("numba"):
        import numba

        compiled = numba.njit(heap_integration.integrate)
        methods["heap, numba"] = _in_numpy(compiled, _heap)
    else:
        methods["heap, Python"] = _in_numpy(heap_integration.integrate, _heap)
    if has("tifresi"):
        from tifresi.phase import pghi

        methods["tifresi"] = _in_numpy(pghi.pghi, _tifresi)
    if has("pghipy"):
        import pghipy

        methods["pghipy"] = _in_numpy(pghipy.pghi, _pghipy)
    if has("librosa"):
        for momentum, kind in ((0.0, "GL"), (0.99, "fast GL")):
            for steps in (16, 60):
                methods[f"librosa {steps} {kind}"] = functools.partial(
                    _librosa, steps, momentum
                )
    return methods


def _magnitudes(folder, count):
    """Set -> (log magnitude, the magnitude that is compared with)."""
    sets = {}
    for name in _ARCHIVES:
        waveforms = _read(folder / f"{name}.tar.gz", count)
        magnitude = np.abs(_STFT.analyse(waveforms).numpy())
        sets[name] = _clip(np.log(np.maximum(magnitude, 1e-12))), magnitude
    level, clean = sets["sc09"]
    noise = np.random.default_rng(0).normal(0.0, 0.2, level.shape)
    sets["noisy"] = _clip(level + np.float32(noise)), clean
    blurred = np.pad(level, [(0, 0), (1, 1), (1, 1)], "edge")
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(blurred, 3, axis)
        blurred = windows.mean(axis=-1)
    sets["blurred"] = _clip(blurred), clean
    return sets


def _clip(level):
    return np.maximum(level, level.max(axis=(1, 2), keepdims=True) - _RANGE)


def _read(path, count):
    """As many clips, float32 `[batch, samples]`, from all over an archive."""
    with tarfile.open(path) as archive:
        members = [m for m in archive.getmembers() if m.name.endswith(".wav")]
        members = members[:: max(1, len(members) // count)][:count]
        each = -(-count // len(members))
        clips = []
        for member in members:
            file = io.BytesIO(archive.extractfile(member).read())
            waveform, _ = soundfile.read(file, dtype="float32")
            last = max(0, len(waveform) - _SAMPLES)
            for start in np.linspace(0, last, each + 2)[1:-1].astype(int):
                clip = waveform[start : start + _SAMPLES]
                before = (_SAMPLES - len(clip)) // 2
                after = _SAMPLES - len(clip) - before
                clips.append(np.pad(clip, (before, after)))
    return np.stack(clips[:count])


def _quality_row(name, method, sets):
    return name, *(
        _printed(
            consistency.spectral_convergence(_STFT, clean, method(level)).mean()
        )
        for level, clean in sets.values()
    )


def _printed(decibels):
    return f"{decibels:6.2f}"


def _time_rows(methods, level, values):
    best = timing.best_in_turns(
        {
            name: functools.partial(
                timing.measure, functools.partial(method, level)
            )
            for name, method in methods.items()
        },
        values.rounds,
        values.seconds,
    )
    return [
        (
            len(level),
            name,
            1e3 * sample.seconds / len(level),
            1e3 * sample.cpu_seconds / len(level),
        )
        for name, sample in best.items()
    ]


def _memory():
    """Bytes by which the process grows; in a process of its own."""
    method = _in_tensorflow(_forest, 8, 0.99)
    noise = np.random.default_rng(0).normal(size=[1, _LONG, _STFT.bins])
    method(np.float32(noise[:, :128]))
    before = trials.largest()
    method(np.float32(noise))
    return trials.largest() - before


def _in_tensorflow(start, steps, momentum):
    @tf.function(input_signature=[tf.TensorSpec([None, None, _STFT.bins])])
    def waveform(level):
        return griffin_lim.griffin_lim(
            _STFT, tf.exp(level), start(level), steps, momentum
        )

    return lambda level: waveform(level).numpy()


def _forest(level):
    increments = phase_gradient.increments_of_magnitude(_STFT, level)
    return phase_forest.integrate(level, *increments, _random(level))


def _random(level):
    return _STFT.random_phase(tf.shape(level)[1])


# The functions below are of one clip, `[frames, bins]`, in NumPy.


def _in_numpy(integrate, phase_of):
    """A method from a library's integration and a function that calls it."""

    def waveforms(level):
        return np.stack(
            [_inverse(np.exp(x), phase_of(integrate, x)) for x in level]
        )

    return waveforms


def _inverse(magnitude, phase):
    frames = np.fft.irfft(magnitude * np.exp(1j * phase)) * _dual()
    hops = frames.shape[1] // _STFT.hop
    blocks = frames.reshape(-1, hops, _STFT.hop)
    return sum(
        np.roll(blocks[:, k], k - hops // 2, axis=0) for k in range(hops)
    ).ravel()


@functools.cache
def _dual():
    window = stft_.gaussian_window(_STFT.frame_length, _STFT.gamma)
    return stft_.dual_window(window, _STFT.hop)


def _gradients(level):
    """Per frame and per bin, without carriers: gamma is that of the bins."""
    in_time = np.zeros_like(level)
    in_time[:, 1:-1] = (level[:, 2:] - level[:, :-2]) / 2
    longer = np.pad(level, [(1, 1), (0, 0)], "edge")
    return in_time, (longer[:-2] - longer[2:]) / 2


def _heap(integrate, level):
    time, frequency = _gradients(level)
    time = (time[1:] + time[:-1]) / 2 + _STFT.time_carrier
    frequency = (frequency[:, 1:] + frequency[:, :-1]) / 2
    quiet = level <= level.max() - phase_forest.THRESHOLD
    return integrate(
        np.where(quiet, -np.inf, level),
        time,
        frequency + _STFT.frequency_carrier,
        _noise(len(level)),
    )


@functools.cache
def _noise(frames):
    return _STFT.random_phase(frames).numpy()


def _tifresi(integrate, level):
    time, frequency = _gradients(level)
    hop, length = _STFT.hop, _STFT.frame_length
    n, m = np.ogrid[: level.shape[0], : level.shape[1]]
    samples = hop * level.shape[0]
    # In samples of frequency and of time, and without the frames' own turns.
    phase = integrate(
        np.ascontiguousarray(np.exp(level).T, np.float64),
        np.ascontiguousarray(time.T, np.float64) * samples / (2 * np.pi * hop),
        np.ascontiguousarray(-frequency.T, np.float64) * length / (2 * np.pi),
        hop,
        length,
        samples,
    ).T
    return phase + 2 * np.pi * hop / length * n * m - np.pi * m


def _pghipy(integrate, level):
    # An even length makes its turn by pi per bin that of the frame's start.
    return integrate(
        np.exp(level), _STFT.frame_length, _STFT.hop, gamma=_STFT.gamma
    )


def _librosa(steps, momentum, level):
    import librosa

    window = stft_.gaussian_window(_STFT.frame_length, _STFT.gamma)
    magnitude = np.exp(level).transpose(0, 2, 1)
    # It knows no circle: some frames more at both ends, and cut.
    around = 4
    magnitude = np.pad(
        magnitude, [(0, 0), (0, 0), (around, around + 1)], "wrap"
    )
    waveform = librosa.griffinlim(
        magnitude,
        n_iter=steps,
        hop_length=_STFT.hop,
        window=window,
        momentum=momentum,
        random_state=0,
    )
    start = around * _STFT.hop
    return waveform[:, start : start + _STFT.hop * level.shape[1]]


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
