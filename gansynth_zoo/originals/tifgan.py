"""TiFGAN: the names and shapes of its checkpoints.

Pictures are frequency by time there, and time by frequency here. A kernel is
stored before its spectral norm and with the vector from which that is found,
so what is made after an import is the first batch of the original, which goes
on to move the vector with every batch.

Source: tifgan/stftGAN.
"""

import numpy as np

from gansynth_zoo import errors
from gansynth_zoo.originals import reading

PRESET = "tifgan_sc09"
ROOTS = {"generator": "generator/", "discriminator": "discriminator/"}
UNUSED = AVERAGE = None
# Bins and frames of the smallest picture, in both networks.
_START = (8, 4)
_KERNELS = {(12, 3): "12x3", (6, 6): "6x6"}


def settings(checkpoint, given):
    """The settings that a checkpoint tells; as `wavegan.settings`."""
    del given
    last = max(0, checkpoint.count("generator/{}_deconv_2d/") - 1)
    name = f"generator/{last}_deconv_2d/w"
    *taps, channels, width = checkpoint.shape(name, 4)
    if tuple(taps) not in _KERNELS or channels not in (1, 3):
        raise errors.ZooError(
            f"Expected kernels of {' or '.join(_KERNELS.values())} taps and 1 "
            f"or 3 channels, received {name} of {taps} taps and {channels} "
            "channels."
        )
    derivatives = channels == 3
    return {
        "dim": width,
        "latent_size": checkpoint.shape("generator/0_full/Matrix", 2)[0],
        "kernel_shape": _KERNELS[tuple(taps)],
        "derivatives": derivatives,
        "phase_from": "derivatives" if derivatives else "magnitude",
        "griffin_lim_steps": 0,
        "num_samples": 16384,
        "channels": 1,
        "conditioning": "none",
    }


def recipe(checkpoint):
    """The name of the only recipe that was published."""
    del checkpoint
    return "wgan-gp"


def step(checkpoint, preset):
    """The step of a run of `preset`: the number in the checkpoint's name."""
    del preset
    return checkpoint.step()


def generator(network, checkpoint):
    """Where a generator's weights stand; as `wavegan.generator`."""
    del checkpoint
    dense = network.start
    latents, units = dense.kernel.shape

    def columns(value):
        picture = value.reshape(-1, *_START, units // np.prod(_START))
        return picture.swapaxes(1, 2).reshape(value.shape)

    weights = [
        reading.Weight(
            dense.kernel, "generator/0_full/Matrix", (latents, units), columns
        ),
        reading.Weight(dense.bias, "generator/0_full/bias", (units,), columns),
    ]
    scopes = [f"generator/{i}_deconv_2d" for i in range(_count(network))]
    return weights + _convolutions(network, scopes)


def discriminator(network, checkpoint):
    """As `generator`, of a discriminator."""
    del checkpoint
    dense = network.head.score

    def rows(value):
        picture = value.reshape(*_START, -1)
        return picture.swapaxes(0, 1).reshape(value.shape)

    weights = [
        reading.Weight(dense.kernel, "discriminator/out/Matrix", None, rows),
        reading.Weight(dense.bias, "discriminator/out/bias"),
    ]
    scopes = [f"discriminator/{i}_conv" for i in range(_count(network))]
    return weights + _convolutions(network, scopes)


def _count(network):
    return len(network.convolutions)


def _convolutions(network, scopes):
    weights = []
    for normalised, scope in zip(network.convolutions, scopes, strict=True):
        kernel = normalised.layer.kernel
        frames, bins, *rest = kernel.shape
        weights += [
            reading.Weight(
                kernel,
                f"{scope}/w",
                (bins, frames, *rest),
                lambda value: value.swapaxes(0, 1),
            ),
            reading.Weight(normalised.layer.bias, f"{scope}/biases"),
            reading.Weight(
                normalised.u,
                f"{scope}/u",
                (1, *normalised.u.shape),
                lambda value: value[0],
            ),
        ]
    return weights
