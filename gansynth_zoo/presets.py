"""The table of presets: name -> everything a run needs to know."""

import dataclasses
import difflib

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import model_config

# "wgan-gp" is that of the WaveGAN paper (appendix D), and the three after it
# are the others of its code. "fast" gives more per processor minute: a
# non-saturating loss with R1 at every 8th update. "gansynth" is that of its
# paper (appendix A).
RECIPES = {
    "wgan-gp": config.Recipe(),
    "wgan": config.Recipe(
        loss="wgan",
        penalty_weight=0.0,
        weight_clip=0.01,
        optimizer="rmsprop",
        discriminator_learning_rate=5e-5,
        generator_learning_rate=5e-5,
    ),
    "lsgan": config.Recipe(
        loss="lsgan", penalty_weight=0.0, optimizer="rmsprop"
    ),
    "dcgan": config.Recipe(
        loss="dcgan",
        penalty_weight=0.0,
        discriminator_learning_rate=2e-4,
        generator_learning_rate=2e-4,
        beta_2=0.999,
    ),
    "fast": config.Recipe(
        loss="ns-r1",
        n_critic=1,
        penalty_weight=0.2,
        penalty_interval=8,
        label_weight=1.0,
        discriminator_learning_rate=4e-4,
        generator_learning_rate=2e-4,
        beta_1=0.0,
        beta_2=0.99,
    ),
    "gansynth": config.Recipe(
        n_critic=1,
        drift_weight=0.001,
        discriminator_learning_rate=8e-4,
        generator_learning_rate=8e-4,
        beta_1=0.0,
        beta_2=0.99,
    ),
}


@dataclasses.dataclass(frozen=True)
class _Model:
    """What the presets of one model have in common.

    Attributes:
      title: how the model is called.
      name: pattern of the presets' names.
      sounds: rows of `_SOUNDS` that it has a preset for.
      representation: a representation of `model_config`.
      networks: a model of `model_config`.
      small: settings of the small presets that go with the model: the penalty
        of the "fast" recipe, say, goes with the squared norm of what the
        discriminator sees.
      paper: settings of the full-size presets that go with the model.
      recipe: recipe of the full-size presets.
    """

    title: str
    name: str
    sounds: tuple
    representation: model_config.RepresentationConfig
    networks: model_config.ModelConfig
    small: dict
    paper: dict = dataclasses.field(default_factory=dict)
    recipe: str = "wgan-gp"


@dataclasses.dataclass(frozen=True)
class _Sounds:
    """A data set, what its sounds are, and which windows are cut from them."""

    dataset: str
    text: str
    window: str = "first"


_SOUNDS = {
    "sc09": _Sounds("sc09", "spoken digits"),
    "drums": _Sounds("drums", "drum sounds"),
    "birds": _Sounds("birds", "bird song", "random"),
    "piano": _Sounds("piano", "Bach on the piano", "random"),
    "timit": _Sounds("timit", "speech of many words", "random"),
    "bach": _Sounds("bach", "seconds of Bach on the piano"),
    "nsynth": _Sounds("nsynth_notes/gansynth", "notes of instruments"),
}

_LABELLED = {"conditioning": "auxiliary"}
_SMALL_WAVE = {"dim": 16, "penalty_weight": 0.2}
_SMALL_PICTURE = {"dim": 16, "penalty_weight": 2.0}

_MODELS = (
    _Model(
        "WaveGAN",
        "wavegan_{}",
        ("sc09", "drums", "birds", "piano", "timit"),
        model_config.WaveformConfig(),
        model_config.WaveGANConfig(),
        _SMALL_WAVE,
    ),
    _Model(
        "WaveGAN with labels",
        "wavegan_{}_labels",
        ("sc09",),
        model_config.WaveformConfig(),
        model_config.WaveGANConfig(**_LABELLED),
        _SMALL_WAVE,
    ),
    _Model(
        "SpecGAN",
        "specgan_{}",
        ("sc09", "drums", "birds", "piano", "timit"),
        model_config.LogSpectrogramConfig(),
        model_config.SpecGANConfig(),
        _SMALL_PICTURE,
    ),
    _Model(
        "SpecGAN with labels",
        "specgan_{}_labels",
        ("sc09",),
        model_config.LogSpectrogramConfig(),
        model_config.SpecGANConfig(**_LABELLED),
        _SMALL_PICTURE,
    ),
    _Model(
        "TiFGAN-M",
        "tifgan_{}",
        ("sc09", "bach"),
        model_config.StftFeaturesConfig(),
        model_config.TiFGANConfig(),
        _SMALL_PICTURE,
    ),
    _Model(
        "TiFGAN-MTF",
        "tifgan_{}_mtf",
        ("sc09", "bach"),
        model_config.StftFeaturesConfig(derivatives=True),
        model_config.TiFGANConfig(),
        _SMALL_PICTURE,
    ),
    _Model(
        "TiFGAN-M with labels",
        "tifgan_{}_labels",
        ("sc09",),
        model_config.StftFeaturesConfig(),
        model_config.TiFGANConfig(**_LABELLED),
        _SMALL_PICTURE,
    ),
    _Model(
        "GANSynth",
        "gansynth_{}",
        ("nsynth",),
        model_config.InstantaneousFrequencyConfig(),
        model_config.GANSynthConfig(),
        small={
            "num_samples": 16384,
            "fft_length": 512,
            "hop": 256,
            "dim": 8,
            "max_dim": 128,
            "blocks": 5,
            # Beside more latents a label is too small a part of what the
            # generator reads to be learned soon.
            "latent_size": 16,
            "stable_examples": 3200,
            "transition_examples": 3200,
            "penalty_weight": 5.0,
            "label_weight": 3.0,
            "discriminator_learning_rate": 2e-3,
            "generator_learning_rate": 3e-3,
            # No longer than a stage.
            "ema_decay": 0.99,
            "steps": 6000,
        },
        paper={"num_samples": 64_000, "batch_size": 8, "steps": 1_375_000},
        recipe="gansynth",
    ),
)


def _paper(model, sounds):
    row = _SOUNDS[sounds]
    preset = config.Preset(
        name=model.name.format(sounds),
        description=f"{model.title} of the paper: {row.text}.",
        audio=config.AudioConfig(),
        data=config.DataConfig(dataset=row.dataset, window=row.window),
        representation=model.representation,
        model=model.networks,
        recipe=RECIPES[model.recipe],
        train=config.TrainConfig(),
    )
    return config.replace(preset, model.paper)


def _small(model, sounds):
    preset = dataclasses.replace(
        _paper(model, sounds),
        name=f"{model.name.format(sounds)}_small",
        description=f"{model.title} for a processor: {_SOUNDS[sounds].text}.",
        recipe=RECIPES["fast"],
        train=config.TrainConfig(steps=20_000, batch_size=16),
    )
    return config.replace(preset, model.small)


PRESETS = {
    preset.name: preset
    for model in _MODELS
    for sounds in model.sounds
    for preset in (_paper(model, sounds), _small(model, sounds))
}


def get(name):
    """The preset of a name.

    Raises:
      ZooError: if there is none; it lists those there are.
    """
    return _lookup(PRESETS, "preset", name)


def for_dataset(dataset):
    """A preset whose windows suit a data set, NAME or NAME/CONFIG."""
    name = dataset.partition("/")[0]
    suited = [
        preset
        for preset in PRESETS.values()
        if preset.data.dataset.partition("/")[0] == name
    ]
    return (suited or list(PRESETS.values()))[0]


def get_recipe(name):
    """The recipe of a name.

    Raises:
      ZooError: if there is none; it lists those there are.
    """
    return _lookup(RECIPES, "recipe", name)


def _lookup(table, kind, name):
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise errors.ZooError(
        f"Unknown {kind} {name!r}: {hint}known are {', '.join(table)}."
    )
