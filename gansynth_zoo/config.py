"""What a run is made of: frozen dataclasses, plain data, no TensorFlow.

Each field is declared once, with its help text and limits; flags, checks and
the JSON of a run folder follow from the declaration.
"""

import dataclasses
import json

from gansynth_zoo import errors


def setting(default, text, *, choices=None, minimum=None, resumable=False):
    """Declares one field.

    Args:
      default: value where a preset says nothing.
      text: help text of the flag.
      choices: values that are accepted; None accepts all.
      minimum: smallest number that is accepted.
      resumable: whether a run may be continued with another value, because
        the weights do not depend on it.

    Returns:
      A dataclass field.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": text,
            "choices": choices,
            "minimum": minimum,
            "resumable": resumable,
        },
    )


class _Checked:
    """Checks every field against its declaration."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check_value(field, getattr(self, field.name))


def _check_value(field, value):
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise errors.ZooError(
            f"Expected {field.name} to be one of {', '.join(choices)}, "
            f"received {value!r}."
        )
    minimum = field.metadata.get("minimum")
    # Written so that NaN, which compares false with all, is refused too.
    if minimum is not None and not value >= minimum:
        raise errors.ZooError(
            f"Expected {field.name} to be at least {minimum}, received "
            f"{value!r}."
        )


@dataclasses.dataclass(frozen=True)
class AudioConfig(_Checked):
    """The waveform a model makes."""

    sample_rate: int = setting(16000, "Sample rate in Hz.", minimum=1)
    num_samples: int = setting(
        16384, "Length of a generated sound in samples.", minimum=1
    )
    channels: int = setting(1, "1 is mono, 2 is stereo.", minimum=1)


@dataclasses.dataclass(frozen=True)
class DataConfig(_Checked):
    """Where the training sounds are, and how windows are cut from them."""

    dataset: str = setting("", "Name of a data set of gansynth_zoo.datasets.")
    audio_dir: str = setting(
        "",
        "Folder of your own sounds, with its sub-folders; takes the place of "
        "dataset. WAV, FLAC, MP3, OGG and AIFF, of any rate.",
    )
    trim_silence: bool = setting(
        False, "Cut the silence before each sound of audio_dir."
    )
    data_dir: str = setting(
        "",
        "Folder of prepared data sets; empty is one in the cache folder.",
        resumable=True,
    )
    window: str = setting(
        "first",
        "What is taken of a clip: its first num_samples, as many random "
        "windows an epoch as fit into it, or all that follow one another with "
        "an overlap. What is shorter is padded with zeros.",
        choices=("first", "random", "overlap"),
    )
    overlap: float = setting(
        0.0,
        "Share of its samples, from 0 to below 1, that a window has in common "
        "with the next one; for --window=overlap.",
        minimum=0,
    )
    normalize: str = setting(
        "file",
        "Scale to a peak of 1: each file, the set as a whole, or nothing.",
        choices=("file", "set", "none"),
    )

    def __post_init__(self):
        super().__post_init__()
        if self.overlap >= 1:
            raise errors.ZooError(
                "Expected overlap to be at least 0 and less than 1, received "
                f"{self.overlap!r}."
            )


@dataclasses.dataclass(frozen=True)
class WaveformConfig(_Checked):
    """Features are the waveform itself."""

    name: str = "waveform"


@dataclasses.dataclass(frozen=True)
class WaveGANConfig(_Checked):
    """WaveGAN (Donahue, McAuley and Puckette 2018, section 3)."""

    name: str = "wavegan"
    dim: int = setting(64, "Width of the networks.", minimum=1)
    kernel_size: int = setting(25, "Taps of each convolution.", minimum=1)
    latent_size: int = setting(100, "Dimensions of the latents.", minimum=1)
    latent_prior: str = setting(
        "uniform",
        "Distribution of the latents: uniform on [-1, 1] or standard normal.",
        choices=("uniform", "normal"),
    )
    shuffle_radius: int = setting(
        2, "Phase shuffle shifts by up to so many samples.", minimum=0
    )
    shuffle_per: str = setting(
        "example",
        "Phase shuffle draws a shift for each example or for the batch.",
        choices=("example", "batch"),
    )
    upsample: str = setting(
        "zeros",
        "What the generator makes longer sounds with: zeros is a transposed "
        "convolution, nearest repeats each sample before a convolution.",
        choices=("zeros", "nearest"),
    )
    batch_norm: bool = setting(
        False,
        "Batch norm in both networks. Each device normalises its own part of "
        "the batch. Not for a loss with a gradient penalty.",
    )
    post_filter_length: int = setting(
        0,
        "Taps of a learned filter after the generator, one filter for each "
        "channel; the paper's has 512, 0 is none.",
        minimum=0,
    )


@dataclasses.dataclass(frozen=True)
class Recipe(_Checked):
    """How the two networks are trained against each other."""

    loss: str = setting("wgan-gp", "A row of gansynth_zoo.losses.LOSSES.")
    n_critic: int = setting(
        5, "Discriminator updates for each generator update.", minimum=1
    )
    penalty_weight: float = setting(
        10.0, "Weight of the gradient penalty; gamma of R1.", minimum=0
    )
    penalty_interval: int = setting(
        1,
        "Penalise at each so-manyth discriminator update, that much stronger.",
        minimum=1,
    )
    weight_clip: float = setting(
        0.0,
        "Clip the discriminator's weights to plus or minus this after each of "
        "its updates; 0 does not.",
        minimum=0,
    )
    optimizer: str = setting(
        "adam",
        "Optimizer of both networks; rmsprop has a decay of 0.9.",
        choices=("adam", "rmsprop"),
    )
    discriminator_learning_rate: float = setting(
        1e-4, "Learning rate of the discriminator.", minimum=0
    )
    generator_learning_rate: float = setting(
        1e-4, "Learning rate of the generator.", minimum=0
    )
    beta_1: float = setting(0.5, "Decay of Adam's first moment.", minimum=0)
    beta_2: float = setting(0.9, "Decay of Adam's second moment.", minimum=0)


@dataclasses.dataclass(frozen=True)
class TrainConfig(_Checked):
    """How long, how large, how often."""

    steps: int = setting(
        200_000,
        "Generator updates until the run is done.",
        minimum=1,
        resumable=True,
    )
    batch_size: int = setting(
        64, "Examples of an update, over all devices.", minimum=1
    )
    seed: int = setting(0, "Seed of all that is random in a run.", minimum=0)
    ema_decay: float = setting(
        0.999,
        "Decay of the averaged generator that is listened to and exported; "
        "0 switches averaging off.",
        minimum=0,
    )
    checkpoint_seconds: float = setting(
        300, "Seconds between checkpoints.", minimum=0, resumable=True
    )
    keep_checkpoints: int = setting(
        3, "Checkpoints that are kept.", minimum=1, resumable=True
    )
    preview_seconds: float = setting(
        120, "Seconds between previews.", minimum=0, resumable=True
    )


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named configuration, complete: data, model, recipe and run."""

    name: str
    description: str
    audio: AudioConfig
    data: DataConfig
    representation: WaveformConfig
    model: WaveGANConfig
    recipe: Recipe
    train: TrainConfig


def sections(preset):
    """The dataclass fields of a preset: name -> instance."""
    values = {f.name: getattr(preset, f.name) for f in _fields(preset)}
    return {k: v for k, v in values.items() if dataclasses.is_dataclass(v)}


def replace(preset, changes):
    """A preset with some settings changed.

    Args:
      preset: a `Preset`.
      changes: setting name -> value.

    Returns:
      A new `Preset`.

    Raises:
      ZooError: if a setting is none of this preset's, or its value is wrong.
    """
    remaining = dict(changes)
    changed = {}
    for name, section in sections(preset).items():
        known = {field.name for field in settings(section)}
        here = {k: remaining.pop(k) for k in known & set(remaining)}
        changed[name] = dataclasses.replace(section, **here)
    if remaining:
        raise errors.ZooError(
            f"Preset {preset.name} has no setting "
            f"{', '.join(sorted(remaining))}: it belongs to another model."
        )
    return dataclasses.replace(preset, **changed)


def settings(section):
    """The fields of a section that can be set by a flag."""
    return [field for field in _fields(section) if "help" in field.metadata]


def differences(preset, other):
    """Names of the settings in which two presets of one model differ.

    Settings that may change when a run is continued are left out.
    """
    theirs = sections(other)
    return [
        field.name
        for name, section in sections(preset).items()
        for field in settings(section)
        if not field.metadata["resumable"]
        and getattr(section, field.name)
        != getattr(theirs[name], field.name, None)
    ]


def to_json(preset):
    """A preset as JSON text."""
    return json.dumps(dataclasses.asdict(preset), indent=2) + "\n"


def from_json(text):
    """The preset that `to_json` wrote.

    Raises:
      ZooError: if the text is not JSON of a preset of this version.
    """
    try:
        return _decode(Preset, json.loads(text))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise errors.ZooError(
            "Expected the JSON of a preset as this version writes it, "
            f"received something else ({error})."
        ) from error


def _fields(section):
    return dataclasses.fields(section)


def _decode(kind, values):
    fields = {field.name: field.type for field in _fields(kind)}
    return kind(
        **{
            name: _decode(fields[name], value)
            if isinstance(value, dict)
            else value
            for name, value in values.items()
        }
    )
