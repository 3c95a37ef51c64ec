"""The table of presets: name -> everything a run needs to know."""

import dataclasses
import difflib

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import model_config

# "wgan-gp" is that of the WaveGAN paper (appendix D), and the three after it
# are the others of its code. "fast" gives more per processor minute: a
# non-saturating loss with R1 at every 8th update.
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
        discriminator_learning_rate=4e-4,
        generator_learning_rate=2e-4,
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
      datasets: data sets that it has a preset for.
      representation: a representation of `model_config`.
      networks: a model of `model_config`.
      small_penalty: weight of the penalty of the "fast" recipe; it goes with
        the squared norm of what the discriminator sees.
    """

    title: str
    name: str
    datasets: tuple
    representation: model_config.RepresentationConfig
    networks: model_config.ModelConfig
    small_penalty: float


# Data set -> what its sounds are, and which windows are cut from them.
_SOUNDS = {
    "sc09": ("spoken digits", "first"),
    "drums": ("drum sounds", "first"),
    "birds": ("bird song", "random"),
    "piano": ("Bach on the piano", "random"),
    "timit": ("speech of many words", "random"),
    "bach": ("seconds of Bach on the piano", "first"),
}

_MODELS = (
    _Model(
        "WaveGAN",
        "wavegan_{}",
        ("sc09", "drums", "birds", "piano", "timit"),
        model_config.WaveformConfig(),
        model_config.WaveGANConfig(),
        small_penalty=0.2,
    ),
    _Model(
        "SpecGAN",
        "specgan_{}",
        ("sc09", "drums", "birds", "piano", "timit"),
        model_config.LogSpectrogramConfig(),
        model_config.SpecGANConfig(),
        small_penalty=2.0,
    ),
    _Model(
        "TiFGAN-M",
        "tifgan_{}",
        ("sc09", "bach"),
        model_config.StftFeaturesConfig(),
        model_config.TiFGANConfig(),
        small_penalty=2.0,
    ),
    _Model(
        "TiFGAN-MTF",
        "tifgan_{}_mtf",
        ("sc09", "bach"),
        model_config.StftFeaturesConfig(derivatives=True),
        model_config.TiFGANConfig(),
        small_penalty=2.0,
    ),
)


def _paper(model, dataset):
    sounds, window = _SOUNDS[dataset]
    return config.Preset(
        name=model.name.format(dataset),
        description=f"{model.title} of the paper: {sounds}.",
        audio=config.AudioConfig(),
        data=config.DataConfig(dataset=dataset, window=window),
        representation=model.representation,
        model=model.networks,
        recipe=RECIPES["wgan-gp"],
        train=config.TrainConfig(),
    )


def _small(model, dataset):
    sounds, _ = _SOUNDS[dataset]
    return dataclasses.replace(
        _paper(model, dataset),
        name=f"{model.name.format(dataset)}_small",
        description=f"{model.title} for a processor: {sounds}.",
        model=dataclasses.replace(model.networks, dim=16),
        recipe=dataclasses.replace(
            RECIPES["fast"], penalty_weight=model.small_penalty
        ),
        train=config.TrainConfig(steps=20_000, batch_size=32),
    )


PRESETS = {
    preset.name: preset
    for model in _MODELS
    for dataset in model.datasets
    for preset in (_paper(model, dataset), _small(model, dataset))
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
    suited = [p for p in PRESETS.values() if p.data.dataset == name]
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
