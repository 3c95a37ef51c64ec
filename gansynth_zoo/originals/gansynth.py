"""GANSynth: the names and shapes of its checkpoints, and its experiment.json.

A checkpoint is of one stage, and holds the blocks that were trained by then;
blocks count from 1 there, and from 0 here.

Source: magenta/magenta, models/gansynth.
"""

import dataclasses
import json
import math

from gansynth_zoo import errors
from gansynth_zoo.originals import reading

PRESET = "gansynth_nsynth"
ROOTS = {"generator": "Generator/", "discriminator": "Discriminator/"}
AVERAGE = "/ExponentialMovingAverage"
UNUSED = f"{AVERAGE}$"
_GENERATOR = "Generator/progressive_gan_generator/progressive_gan_block_{}"
_DISCRIMINATOR = (
    "Discriminator/progressive_gan_discriminator/progressive_gan_block_{}"
)
_LABELS = "Discriminator/discriminator_cond/classification_logits"
# MIDI pitch of the first label.
_LOWEST_PITCH = 24
# What the published training, mel_prog_hires, sets.
_PUBLISHED = {
    "fmap_base": 4096,
    "fmap_max": 256,
    "stable_stage_num_images": 800_000,
    "transition_stage_num_images": 800_000,
}
# What a flag that experiment.json leaves out was.
_DEFAULTS = {
    "data_type": "mel",
    "fmap_base": 512,
    "fmap_max": 128,
    "num_resolutions": 7,
    "train_progressive": True,
    "stable_stage_num_images": 32,
    "transition_stage_num_images": 32,
    "mag_normalizer_a": 0.0661371661726,
    "mag_normalizer_b": 0.113718730221,
    "audio_length": 64_000,
    "sample_rate": 16_000,
}
# Flags of which only this value can be imported, which is the default.
_ONLY = {
    "fmap_decay": 1.0,
    "kernel_size": 3,
    "scale_base": 2,
    "scale_mode": "ALL",
    "simple_arch": False,
    "to_rgb_activation": "tanh",
    "g_fn": "specgram",
    "d_fn": "specgram",
    "data_normalizer": "specgrams_prespecified_normalizer",
    "p_normalizer_a": 0.8,
    "p_normalizer_b": 0.0,
    "train_time_limit": None,
}
_FEATURES = {"mel": "mel_original", "linear": "frequency", "phase": "phase"}
# Level of silence, log(1e-6), and what the features make of it.
_SILENCE = math.log(1e-6)
_MARGIN = 0.8


def settings(checkpoint, given):
    """The settings that a checkpoint and experiment.json tell.

    The file is looked for beside the checkpoint and one folder up; without it
    the training is taken for the published one.

    Args:
      checkpoint: a `reading.Checkpoint`.
      given: setting -> value, those that the user gives.

    Returns:
      Dictionary of a setting's name to its value.

    Raises:
      ZooError: if it is of something else, or of a kind that is not known.
    """
    del given
    flags = _experiment(checkpoint.prefix)
    blocks, here = flags["num_resolutions"], _blocks(checkpoint)
    name = f"{_GENERATOR.format(1)}/conv0/conv2d/kernel"
    frames, bins, inputs, _ = checkpoint.shape(name, 4)
    classes = checkpoint.shape(f"{_LABELS}/dense/kernel", 2)[1]
    stable = flags["stable_stage_num_images"]
    transition = flags["transition_stage_num_images"]
    if not flags["train_progressive"]:
        stable = transition = 0
    _check_stage(checkpoint.step(), here, blocks, stable, transition)
    dim = int(min(flags["fmap_base"] / 2**blocks, flags["fmap_max"]))
    if here == blocks:
        name = f"{_GENERATOR.format(here)}/conv1/conv2d/kernel"
        dim = checkpoint.shape(name, 4)[-1]
    name = f"{_DISCRIMINATOR.format(1)}/logits/dense/kernel"
    fft_length = 2 * (bins << (blocks - 1))
    return {
        "dim": dim,
        "max_dim": checkpoint.shape(name, 2)[0],
        "blocks": blocks,
        "latent_size": inputs - classes,
        "conditioning": "auxiliary",
        "label_names": tuple(str(_LOWEST_PITCH + i) for i in range(classes)),
        # How many sounds had each pitch is not told.
        "label_counts": (1,) * classes,
        "stable_examples": stable,
        "transition_examples": transition,
        "fft_length": fft_length,
        "hop": fft_length // 4,
        "num_samples": flags["audio_length"],
        "sample_rate": flags["sample_rate"],
        "channels": 1,
        "features": _FEATURES[flags["data_type"]],
        "highest": _highest(flags),
        "griffin_lim_steps": 0,
    }


def _experiment(prefix):
    """The flags of the training."""
    folders = (prefix.parent, prefix.parent.parent)
    files = [folder / "experiment.json" for folder in folders]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        return {**_DEFAULTS, **_PUBLISHED}
    try:
        found = dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise errors.ZooError(
            f"Expected the flags of a GANSynth training as JSON, received "
            f"{str(path)!r}, which is not ({error})."
        ) from error
    flags = {name: found.get(name, value) for name, value in _DEFAULTS.items()}
    wrong = [
        f"{name}={found[name]!r}"
        for name, value in _ONLY.items()
        if found.get(name, value) != value
    ] + [
        f"{name}={flags[name]!r}"
        for name, value in _DEFAULTS.items()
        if not isinstance(flags[name], type(value) | int)
    ]
    if flags["data_type"] not in _FEATURES:
        wrong.append(f"data_type={flags['data_type']!r}")
    if wrong:
        raise errors.ZooError(
            "Expected a training whose networks and features are those of the "
            f"published one, received {str(path)!r} with {', '.join(wrong)}."
        )
    return flags


def _check_stage(images, here, blocks, stable, transition):
    """Refuses stages by which other blocks would be in use."""
    before_last = (here - 2) * (stable + transition) + stable
    first = before_last if here > 1 else 0
    last = (here - 1) * (stable + transition) + stable
    if here > blocks or images < first or (here < blocks and images > last):
        raise errors.ZooError(
            f"Expected a checkpoint with the blocks that are trained after "
            f"{images} images, of {blocks} blocks, received one with {here}; "
            "put the experiment.json of its training one folder above it."
        )


def _highest(flags):
    """The level that features have at their upper end."""
    scale, offset = flags["mag_normalizer_a"], flags["mag_normalizer_b"]
    if not scale > 0 or abs(scale * _SILENCE + offset + _MARGIN) > 1e-3:
        raise errors.ZooError(
            "Expected normalizers of the magnitude that take silence to "
            f"-{_MARGIN}, received {scale} and {offset}."
        )
    return (_MARGIN - offset) / scale


def recipe(checkpoint):
    """The name of the only recipe that was published."""
    del checkpoint
    return "gansynth"


def step(checkpoint, preset):
    """The step of a run of `preset`; images are what is counted there."""
    examples = preset.train.batch_size * preset.recipe.n_critic
    return checkpoint.step() // examples


def generator(network, checkpoint):
    """Where a generator's weights stand; as `wavegan.generator`.

    Blocks that the checkpoint does not have yet keep their first weights.
    """
    weights = []
    for i in range(min(_blocks(checkpoint), network.blocks)):
        block = _GENERATOR.format(i + 1)
        weights += _layer(network.first[i], f"{block}/conv0", i == 0)
        weights += _layer(network.second[i], f"{block}/conv1")
        weights += _layer(network.to_rgb[i], f"{block}/to_rgb")
    return weights


def discriminator(network, checkpoint):
    """As `generator`, of a discriminator."""
    weights = []
    for i in range(min(_blocks(checkpoint), network.blocks)):
        block = _DISCRIMINATOR.format(i + 1)
        weights += _layer(network.from_rgb[i], f"{block}/from_rgb")
        weights += _layer(network.first[i], f"{block}/conv0")
        if i > 0:
            weights += _layer(network.second[i], f"{block}/conv1")
    block = _DISCRIMINATOR.format(1)
    name = f"{_GENERATOR.format(1)}/conv0/conv2d/kernel"
    start = checkpoint.shape(name, 4)[:2]
    dense = network.second[0].kernel
    rows, columns = dense.shape
    return weights + [
        reading.Weight(
            dense,
            f"{block}/conv1/conv2d/kernel",
            (*start, rows // math.prod(start), columns),
            lambda value: value.reshape(rows, columns),
        ),
        reading.Weight(network.second[0].bias, f"{block}/conv1/bias"),
        *_layer(network.head.score, f"{block}/logits", kind="dense"),
        *_layer(network.head.by_label, _LABELS, kind="dense"),
    ]


def _blocks(checkpoint):
    return checkpoint.count(f"{_GENERATOR}/", first=1)


def _layer(layer, scope, start=False, kind="conv2d"):
    """Kernel and bias; `start` is the layer that makes the first picture."""
    kernel = reading.Weight(layer.kernel, f"{scope}/{kind}/kernel")
    if start:
        inputs, frames, bins, filters = layer.kernel.shape
        # The one pixel between zeros meets the kernel's last tap first.
        kernel = dataclasses.replace(
            kernel,
            shape=(frames, bins, inputs, filters),
            convert=lambda k: k[::-1, ::-1].transpose(2, 0, 1, 3),
        )
    return [kernel, reading.Weight(layer.bias, f"{scope}/bias")]
