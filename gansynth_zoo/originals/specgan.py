"""SpecGAN: what its checkpoints tell; names and shapes are as WaveGAN's.

Source: chrisdonahue/wavegan.
"""

from gansynth_zoo.originals import wavegan

PRESET = "specgan_sc09"
ROOTS, UNUSED, AVERAGE = wavegan.ROOTS, wavegan.UNUSED, wavegan.AVERAGE
generator, discriminator = wavegan.generator, wavegan.discriminator
recipe, step = wavegan.recipe, wavegan.step


def settings(checkpoint, given):
    """The settings that a checkpoint tells; as `wavegan.settings`.

    A file does not tell "nearest" from other ways to resize; the published
    command line accepts no other.
    """
    found, _ = wavegan.network_settings(checkpoint, axes=2)
    return {
        **found,
        # The published code has no phase shuffle for pictures.
        "shuffle_radius": given.get("shuffle_radius", 0),
        "num_samples": 16384,
        "fft_length": 256,
        "hop": 128,
        "phase_start": "zero",
        "griffin_lim_steps": 16,
        "griffin_lim_momentum": 0.0,
    }
