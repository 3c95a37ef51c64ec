"""WaveGAN: the names and shapes of its checkpoints, and of SpecGAN's.

Source: chrisdonahue/wavegan.
"""

from gansynth_zoo import errors
from gansynth_zoo.originals import reading

PRESET = "wavegan_sc09"
ROOTS = {"generator": "G/", "discriminator": "D/"}
# A discriminator always uses the statistics of the batch.
UNUSED = r"^D/.*/moving_(mean|variance)$"
AVERAGE = None
_START = "G/z_project/dense/kernel"
_FILTER = "G/pp_filt/conv1d/kernel"
_NORM = "batch_normalization"


def settings(checkpoint, given):
    """The settings of a WaveGAN that a checkpoint tells.

    Args:
      checkpoint: a `reading.Checkpoint`.
      given: setting -> value, those that the user gives.

    Returns:
      Dictionary of a setting's name to its value.

    Raises:
      ZooError: if it is of something else, or does not tell enough.
    """
    found, layers = network_settings(checkpoint, axes=1)
    filtered = _FILTER in checkpoint
    found["post_filter_length"] = (
        checkpoint.shape(_FILTER, 3)[0] if filtered else 0
    )
    if layers == 5:
        found["num_samples"] = 16384
    elif given.get("num_samples") not in (32768, 65536):
        raise errors.ZooError(
            "Expected --num_samples=32768 or --num_samples=65536 beside a "
            f"checkpoint of {layers} layers, which does not tell which, "
            f"received {given.get('num_samples')}; the file args.txt in the "
            "folder of the training has it as data_slice_len."
        )
    return found


def recipe(checkpoint):
    """The name of the recipe that a checkpoint was most likely trained by."""
    if any(name.endswith("/RMSProp") for name in checkpoint.shapes):
        return "lsgan"
    return "dcgan" if _normalised(checkpoint) else "wgan-gp"


def step(checkpoint, preset):
    """The step of a run of `preset`; a generator's update is one in both."""
    del preset
    return checkpoint.step()


def network_settings(checkpoint, axes):
    """What both models tell, and how many layers the generator has.

    Args:
      checkpoint: a `reading.Checkpoint`.
      axes: of what a convolution slides over, 1 or 2.

    Returns:
      Dictionary of a setting's name to its value, and an int.
    """
    layers = checkpoint.count("G/upconv_{}/")
    last = max(0, layers - 1)
    nearest = f"G/upconv_{last}/conv{axes}d/kernel"
    if nearest in checkpoint:
        taps, *_, width, channels = checkpoint.shape(nearest, axes + 2)
    else:
        name = f"G/upconv_{last}/conv2d_transpose/kernel"
        _, taps, channels, width = checkpoint.shape(name, 4)
    found = {
        "dim": width,
        "channels": channels,
        "latent_size": checkpoint.shape(_START, 2)[0],
        "kernel_size": taps,
        "upsample": "nearest" if nearest in checkpoint else "zeros",
        "batch_norm": _normalised(checkpoint),
        # One shift was drawn for all of a batch.
        "shuffle_per": "batch",
        "conditioning": "none",
    }
    return found, layers


def _normalised(checkpoint):
    return f"G/z_project/{_NORM}/gamma" in checkpoint


def generator(network, checkpoint):
    """Where a generator's weights stand.

    Args:
      network: a `WaveGANGenerator` or `SpecGANGenerator`.
      checkpoint: a `reading.Checkpoint`.

    Returns:
      List of `reading.Weight`.
    """
    weights = _dense(network.start, "G/z_project/dense")
    for i, layer in enumerate(network.convolutions):
        layer = getattr(layer, "convolution", layer)
        scope = f"G/upconv_{i}"
        shape = tuple(layer.kernel.shape)
        if f"{scope}/conv{len(shape) - 2}d/kernel" in checkpoint:
            weights += _dense(layer, f"{scope}/conv{len(shape) - 2}d")
        else:
            # One of the two axes of WaveGAN's has a single tap.
            longer = (1,) * (4 - len(shape)) + shape
            weights += _dense(layer, f"{scope}/conv2d_transpose", longer)
    scopes = ["z_project"] + [f"upconv_{i}" for i in range(len(network.norms))]
    weights += _norms(network.norms, [f"G/{scope}" for scope in scopes])
    if hasattr(network, "post_filter") and _FILTER in checkpoint:
        weights.append(reading.Weight(network.post_filter.kernel, _FILTER))
    return weights


def discriminator(network, checkpoint):
    """As `generator`, of a discriminator."""
    del checkpoint
    weights = _dense(network.head.score, "D/output/dense")
    scopes = [f"D/downconv_{i}" for i in range(len(network.convolutions))]
    for scope, layer in zip(scopes, network.convolutions, strict=True):
        axes = len(layer.kernel.shape) - 2
        weights += _dense(layer, f"{scope}/conv{axes}d")
    return weights + _norms(network.norms, scopes)


def _dense(layer, scope, shape=None):
    """Kernel and bias of a layer; `shape` is that of the kernel there."""
    shape = shape or tuple(layer.kernel.shape)
    ours = layer.kernel.shape
    return [
        reading.Weight(
            layer.kernel,
            f"{scope}/kernel",
            shape,
            lambda value: value.reshape(ours),
        ),
        reading.Weight(layer.bias, f"{scope}/bias"),
    ]


def _norms(norms, scopes):
    """All that batch norms have; where there is none, nothing."""
    return [
        reading.Weight(variable, f"{scope}/{_NORM}/{variable.name}")
        for norm, scope in zip(norms, scopes, strict=False)
        for variable in norm.variables
    ]
