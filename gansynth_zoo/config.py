"""What a run is made of: frozen dataclasses, plain data, no TensorFlow.

Each field is declared once, with its help text and limits; flags, checks and
the JSON of a run folder follow from the declaration.
"""

import dataclasses
import json

from gansynth_zoo import errors
from gansynth_zoo import model_config
from gansynth_zoo import settings


@dataclasses.dataclass(frozen=True)
class AudioConfig(settings.Checked):
    """The waveform a model makes."""

    sample_rate: int = settings.setting(16000, "Sample rate in Hz.", minimum=1)
    num_samples: int = settings.setting(
        16384, "Length of a generated sound in samples.", minimum=1
    )
    channels: int = settings.setting(1, "1 is mono, 2 is stereo.", minimum=1)


@dataclasses.dataclass(frozen=True)
class DataConfig(settings.Checked):
    """Where the training sounds are, and how windows are cut from them."""

    dataset: str = settings.setting(
        "",
        "Prepared data set, NAME or NAME/CONFIG: of gansynth_zoo.datasets, "
        "whose build command prepares it, or any other that TFDS prepared.",
    )
    audio_dir: str = settings.setting(
        "",
        "Folder of your own sounds, with its sub-folders; takes the place of "
        "dataset. WAV, FLAC, MP3, OGG and AIFF, of any rate.",
    )
    trim_silence: bool = settings.setting(
        False, "Cut the silence before each sound of audio_dir."
    )
    keep_silent: bool = settings.setting(
        False, "Train on silent sounds too, which are left out otherwise."
    )
    data_dir: str = settings.setting(
        "",
        "Folder of prepared data sets; empty is one in the cache folder, and "
        "TFDS's own for a data set that is not of gansynth_zoo.datasets.",
        resumable=True,
    )
    window: str = settings.setting(
        "first",
        "What is taken of a clip: its first num_samples, as many random "
        "windows an epoch as fit into it, or all that follow one another with "
        "an overlap. What is shorter is padded with zeros.",
        choices=("first", "random", "overlap"),
    )
    overlap: float = settings.setting(
        0.0,
        "Share of its samples, from 0 to below 1, that a window has in common "
        "with the next one; for --window=overlap.",
        minimum=0,
    )
    normalize: str = settings.setting(
        "file",
        "Scale to a peak of 1: each file, the set as a whole, or nothing.",
        choices=("file", "set", "none"),
    )
    vary_speed: float = settings.setting(
        0.0,
        "Play each sound faster or slower by up to this share, anew each time "
        "it is trained on: 0.06 is a semitone. For few sounds, which a "
        "discriminator would know by heart.",
        minimum=0,
    )

    def __post_init__(self):
        super().__post_init__()
        for name in ("overlap", "vary_speed"):
            if getattr(self, name) >= 1:
                raise errors.ZooError(
                    f"Expected {name} to be at least 0 and less than 1, "
                    f"received {getattr(self, name)!r}."
                )


@dataclasses.dataclass(frozen=True)
class Recipe(settings.Checked):
    """How the two networks are trained against each other."""

    loss: str = settings.setting(
        "wgan-gp", "A row of gansynth_zoo.losses.LOSSES."
    )
    n_critic: int = settings.setting(
        5, "Discriminator updates for each generator update.", minimum=1
    )
    penalty_weight: float = settings.setting(
        10.0, "Weight of the gradient penalty; gamma of R1.", minimum=0
    )
    penalty_interval: int = settings.setting(
        1,
        "Penalise at each so-manyth discriminator update, that much stronger.",
        minimum=1,
    )
    weight_clip: float = settings.setting(
        0.0,
        "Clip the discriminator's weights to plus or minus this after each of "
        "its updates; 0 does not.",
        minimum=0,
    )
    label_weight: float = settings.setting(
        10.0,
        "Weight of the loss of the auxiliary classifier, in both networks; for "
        "--conditioning=auxiliary.",
        minimum=0,
    )
    drift_weight: float = settings.setting(
        0.0,
        "Weight of the squared scores of real examples in the discriminator's "
        "loss.",
        minimum=0,
    )
    optimizer: str = settings.setting(
        "adam",
        "Optimizer of both networks; rmsprop has a decay of 0.9, sgd is plain "
        "gradient descent.",
        choices=("adam", "rmsprop", "sgd"),
    )
    discriminator_learning_rate: float = settings.setting(
        1e-4, "Learning rate of the discriminator.", minimum=0
    )
    generator_learning_rate: float = settings.setting(
        1e-4, "Learning rate of the generator.", minimum=0
    )
    beta_1: float = settings.setting(
        0.5, "Decay of Adam's first moment.", minimum=0
    )
    beta_2: float = settings.setting(
        0.9, "Decay of Adam's second moment.", minimum=0
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig(settings.Checked):
    """How long, how large, how often."""

    steps: int = settings.setting(
        200_000,
        "Generator updates until the run is done.",
        minimum=1,
        resumable=True,
    )
    batch_size: int = settings.setting(
        64, "Examples of an update, over all devices.", minimum=1
    )
    batch_parts: int = settings.setting(
        1,
        "Parts of a batch (on each device) whose gradients are computed one "
        "after the other and added: less memory, nearly the same weights.",
        minimum=1,
    )
    recompute: bool = settings.setting(
        False,
        "Compute what lies within a layer again for its gradient, where it "
        "would be kept in memory; for long sounds.",
    )
    precision: str = settings.setting(
        "float32",
        "Type of the convolutions and of what lies between them; the gradient "
        "penalty stays in float32. The other two are for graphics cards, "
        "bfloat16 also for processors with AMX.",
        choices=("float32", "bfloat16", "float16"),
    )
    xla: bool = settings.setting(
        False,
        "Compile the gradients by XLA; for graphics cards, on processors it "
        "is slower.",
    )
    seed: int = settings.setting(
        0, "Seed of all that is random in a run.", minimum=0
    )
    ema_decay: float = settings.setting(
        0.999,
        "Decay of the averaged generator that is listened to and exported; "
        "0 switches averaging off.",
        minimum=0,
    )
    evaluate_every: int = settings.setting(
        1000,
        "Steps between two measurements of what is generated, by which the "
        "best checkpoint is kept; 0 for none.",
        minimum=0,
        resumable=True,
    )
    checkpoint_seconds: float = settings.setting(
        300, "Seconds between checkpoints.", minimum=0, resumable=True
    )
    keep_checkpoints: int = settings.setting(
        3, "Checkpoints that are kept.", minimum=1, resumable=True
    )
    preview_seconds: float = settings.setting(
        120, "Seconds between previews.", minimum=0, resumable=True
    )


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named configuration, complete: data, model, recipe and run."""

    name: str
    description: str
    audio: AudioConfig
    data: DataConfig
    representation: model_config.RepresentationConfig
    model: model_config.ModelConfig
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
    changed, remaining = change_fields(preset, changes, settings.of)
    if remaining:
        raise errors.ZooError(
            f"Preset {preset.name} has no setting "
            f"{', '.join(sorted(remaining))}: it belongs to another model."
        )
    return changed


def change_fields(preset, changes, fields_of):
    """A preset with other values of some fields of its sections.

    Args:
      preset: a `Preset`.
      changes: name of a field -> value.
      fields_of: function of a section that lists the fields to choose from.

    Returns:
      A new `Preset`, and those of the changes that are to no such field.

    Raises:
      ZooError: if a value is wrong.
    """
    remaining = dict(changes)
    changed = {}
    for name, section in sections(preset).items():
        known = {field.name for field in fields_of(section)}
        here = {k: remaining.pop(k) for k in known & set(remaining)}
        changed[name] = dataclasses.replace(section, **here)
    return dataclasses.replace(preset, **changed), remaining


def differences(preset, other):
    """Names of the settings in which two presets of one model differ.

    Settings that may change when a run is continued are left out.
    """
    theirs = sections(other)
    return [
        field.name
        for name, section in sections(preset).items()
        for field in settings.of(section)
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
    # A model or a representation is one of a few kinds, each with its name.
    kinds = {other.name: other for other in kind.__subclasses__()}
    kind = kinds[values["name"]] if kinds else kind
    fields = {field.name: field.type for field in _fields(kind)}
    return kind(
        **{
            name: _decode(fields[name], value)
            if isinstance(value, dict)
            else tuple(value)
            if isinstance(value, list)
            else value
            for name, value in values.items()
        }
    )
