"""The table of presets: name -> everything a run needs to know."""

import difflib

from gansynth_zoo import config
from gansynth_zoo import errors

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


def _wavegan(dataset, sounds, window):
    return config.Preset(
        name=f"wavegan_{dataset}",
        description=f"WaveGAN of the paper: {sounds}.",
        audio=config.AudioConfig(),
        data=config.DataConfig(dataset=dataset, window=window),
        representation=config.WaveformConfig(),
        model=config.WaveGANConfig(),
        recipe=RECIPES["wgan-gp"],
        train=config.TrainConfig(),
    )


def _wavegan_small(dataset, sounds, window):
    return config.Preset(
        name=f"wavegan_{dataset}_small",
        description=f"WaveGAN for a processor: {sounds}.",
        audio=config.AudioConfig(),
        data=config.DataConfig(dataset=dataset, window=window),
        representation=config.WaveformConfig(),
        model=config.WaveGANConfig(dim=16),
        recipe=RECIPES["fast"],
        train=config.TrainConfig(steps=20_000, batch_size=32),
    )


PRESETS = {
    "wavegan_sc09": _wavegan("sc09", "spoken digits", "first"),
    "wavegan_sc09_small": _wavegan_small("sc09", "spoken digits", "first"),
    "wavegan_drums": _wavegan("drums", "drum sounds", "first"),
    "wavegan_drums_small": _wavegan_small("drums", "drum sounds", "first"),
    "wavegan_birds": _wavegan("birds", "bird song", "random"),
    "wavegan_birds_small": _wavegan_small("birds", "bird song", "random"),
    "wavegan_piano": _wavegan("piano", "Bach on the piano", "random"),
    "wavegan_piano_small": _wavegan_small(
        "piano", "Bach on the piano", "random"
    ),
    "wavegan_timit": _wavegan("timit", "speech of many words", "random"),
    "wavegan_timit_small": _wavegan_small(
        "timit", "speech of many words", "random"
    ),
}


def get(name):
    """The preset of a name.

    Raises:
      ZooError: if there is none; it lists those there are.
    """
    return _lookup(PRESETS, "preset", name)


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
