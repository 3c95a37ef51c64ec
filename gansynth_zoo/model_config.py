"""What can be set of each representation and each model: plain data.

A new kind is a dataclass here, found by its name.
"""

import dataclasses

from gansynth_zoo import errors
from gansynth_zoo import settings


@dataclasses.dataclass(frozen=True)
class RepresentationConfig(settings.Checked):
    """What a model generates, and how that becomes a waveform."""


@dataclasses.dataclass(frozen=True)
class WaveformConfig(RepresentationConfig):
    """Features are the waveform, with or without emphasis and mu-law."""

    name: str = "waveform"
    pre_emphasis: float = settings.setting(
        0.0,
        "Share of the sample before that is taken from each, so that high "
        "tones are seen beside low ones; speech has 0.9 or so, and 0 is the "
        "waveform itself. Features are fainter then: see --mu_law.",
        minimum=0,
    )
    mu_law: float = settings.setting(
        0.0,
        "Mu of the mu-law that features are companded by, so that faint noise "
        "is seen and made as exactly as loud sound; 0 is the waveform itself.",
        minimum=0,
    )

    def __post_init__(self):
        super().__post_init__()
        # From 1 on, a constant grows without end on the way back.
        if self.pre_emphasis >= 1:
            raise errors.ZooError(
                "Expected pre_emphasis to be less than 1, received "
                f"{self.pre_emphasis!r}."
            )


def _fft_length(default):
    return settings.setting(
        default, "Taps of a frame, a power of 2; half as many bins.", minimum=32
    )


def _hop(default=128):
    return settings.setting(
        default, "Samples from one frame to the next.", minimum=1
    )


def _griffin_lim_steps(default, paper):
    return settings.setting(
        default,
        "Griffin-Lim steps that follow the first phase when a sound is made; "
        f"the paper has {paper}.",
        minimum=0,
        resumable=True,
    )


def _griffin_lim_momentum(default):
    return settings.setting(
        default,
        "Momentum of the Griffin-Lim steps: 0 is the plain method, 0.99 the "
        "fast one.",
        minimum=0,
        resumable=True,
    )


@dataclasses.dataclass(frozen=True)
class LogSpectrogramConfig(RepresentationConfig):
    """Standardised log magnitudes (SpecGAN).

    `mean` and `deviation` are those of each bin's log magnitude over the
    training sounds; they are found when a run starts and stay with it.
    """

    name: str = "log_spectrogram"
    fft_length: int = _fft_length(256)
    hop: int = _hop()
    phase_start: str = settings.setting(
        "pghi",
        "Phase that Griffin-Lim starts with: zero as in the paper, random, or "
        "integrated from the gradients of the magnitude.",
        choices=("zero", "random", "pghi"),
        resumable=True,
    )
    griffin_lim_steps: int = _griffin_lim_steps(16, 16)
    griffin_lim_momentum: float = _griffin_lim_momentum(0.99)
    magnitude_floor: float = settings.setting(
        1e-6,
        "Added to magnitudes before their logarithm, so that what nobody hears "
        "takes no room from what is heard; 0.001 hides what lies some 95 dB "
        "below a full sine.",
        minimum=1e-6,
    )
    mean: tuple = ()
    deviation: tuple = ()


@dataclasses.dataclass(frozen=True)
class StftFeaturesConfig(RepresentationConfig):
    """Log magnitudes of a Gabor transform, with phase derivatives (TiFGAN)."""

    name: str = "stft_features"
    fft_length: int = _fft_length(512)
    hop: int = _hop()
    log_range: float = settings.setting(
        10.0,
        "Nats below a sound's largest magnitude that are told apart.",
        minimum=1,
    )
    derivatives: bool = settings.setting(
        False, "Generate the derivatives of the phase too, as TiFGAN-MTF does."
    )
    phase_from: str = settings.setting(
        "magnitude",
        "What the phase is integrated from: the magnitude's gradients, or the "
        "generated derivatives.",
        choices=("magnitude", "derivatives"),
        resumable=True,
    )
    frequency_scale: str = settings.setting(
        "linear",
        "Spacing of the bins: linear, or erb, even on the scale of the ear.",
        choices=("linear", "erb"),
    )
    griffin_lim_steps: int = _griffin_lim_steps(4, 0)
    griffin_lim_momentum: float = _griffin_lim_momentum(0.0)

    def __post_init__(self):
        super().__post_init__()
        if self.phase_from == "derivatives" and not self.derivatives:
            raise errors.ZooError(
                "Expected --phase_from=magnitude for a model without phase "
                "derivatives, received 'derivatives'; add --derivatives."
            )
        if self.derivatives and self.frequency_scale != "linear":
            raise errors.ZooError(
                "Expected --frequency_scale=linear beside phase derivatives, "
                f"received {self.frequency_scale!r}; derivatives of the phase "
                "have no meaning between bins."
            )


@dataclasses.dataclass(frozen=True)
class InstantaneousFrequencyConfig(RepresentationConfig):
    """Log magnitudes, and phases or instantaneous frequencies (GANSynth).

    `highest` is the highest level of the training sounds; it is found when a
    run starts and stays with it.
    """

    name: str = "instantaneous_frequency"
    fft_length: int = _fft_length(2048)
    hop: int = _hop(512)
    features: str = settings.setting(
        "mel",
        "What is generated: log magnitudes beside their phase or its "
        "frequency, or both in mel bands; mel_original has the bands and the "
        "phase of the published code, for its checkpoints.",
        choices=("phase", "frequency", "mel", "mel_original"),
    )
    griffin_lim_steps: int = _griffin_lim_steps(1, 0)
    griffin_lim_momentum: float = _griffin_lim_momentum(0.0)
    highest: float | None = None

    def __post_init__(self):
        super().__post_init__()
        length, hop = self.fft_length, self.hop
        if length & (length - 1) or length % hop or 2 * hop > length:
            raise errors.ZooError(
                "Expected fft_length to be a power of 2, and hop a power of 2 "
                f"that is at most half of it, received {length} and {hop}."
            )


def _conditioning(default):
    return settings.setting(
        default,
        "How labels are learned, where sounds have them: the discriminator "
        "classifies (auxiliary) or weighs each sound against its label "
        "(projection).",
        choices=("none", "auxiliary", "projection"),
    )


def _group_size(default):
    return settings.setting(
        default,
        "Consecutive examples whose deviation the discriminator sees, which "
        "knows sounds that are all alike by it; 1 has it see none. The part of "
        "a batch on each device is a multiple of it.",
        minimum=1,
    )


def _latent_truncation(default):
    return settings.setting(
        default,
        "Sounds are made of latents whose coordinates lie within plus or "
        "minus this: fewer kinds, more of them good. 0 takes any, and so does "
        "training.",
        minimum=0,
        resumable=True,
    )


@dataclasses.dataclass(frozen=True)
class ModelConfig(settings.Checked):
    """The shape of the two networks.

    `label_names` and `label_counts` are the labels of the training sounds and
    how many sounds each has; they are found when a run starts and stay with
    it.
    """

    dim: int = settings.setting(64, "Width of the networks.", minimum=1)
    latent_size: int = settings.setting(
        100, "Dimensions of the latents.", minimum=1
    )
    latent_truncation: float = _latent_truncation(0.0)
    conditioning: str = _conditioning("none")
    group_size: int = _group_size(1)
    label_names: tuple = ()
    label_counts: tuple = ()

    @property
    def classes(self):
        """Number of labels that the networks are told of."""
        return 0 if self.conditioning == "none" else len(self.label_names)


def _latent_prior(default):
    return settings.setting(
        default,
        "Distribution of the latents: uniform on [-1, 1] or standard normal.",
        choices=("uniform", "normal"),
    )


def _kernel_size(default):
    return settings.setting(
        default, "Taps of each convolution, each way.", minimum=1
    )


def _shuffle_radius(default):
    return settings.setting(
        default,
        "Phase shuffle shifts by up to so many samples, or frames.",
        minimum=0,
    )


def _shuffle_per():
    return settings.setting(
        "example",
        "Phase shuffle draws a shift for each example or for the batch.",
        choices=("example", "batch"),
    )


def _upsample(choices):
    return settings.setting(
        "zeros",
        "What the generator enlarges with: zeros is a transposed convolution, "
        "the others come before a convolution.",
        choices=choices,
    )


def _batch_norm():
    return settings.setting(
        False,
        "Batch norm in both networks. Each device normalises its own part of "
        "the batch. Not for a loss with a gradient penalty.",
    )


@dataclasses.dataclass(frozen=True)
class WaveGANConfig(ModelConfig):
    """WaveGAN (Donahue, McAuley and Puckette 2018, section 3)."""

    name: str = "wavegan"
    latent_prior: str = _latent_prior("uniform")
    kernel_size: int = _kernel_size(25)
    shuffle_radius: int = _shuffle_radius(2)
    shuffle_per: str = _shuffle_per()
    upsample: str = _upsample(("zeros", "nearest"))
    batch_norm: bool = _batch_norm()
    post_filter_length: int = settings.setting(
        0,
        "Taps of a learned filter after the generator, one filter for each "
        "channel; the paper's has 512, 0 is none.",
        minimum=0,
    )


@dataclasses.dataclass(frozen=True)
class SpecGANConfig(ModelConfig):
    """SpecGAN (Donahue, McAuley and Puckette 2018, section 3.4)."""

    name: str = "specgan"
    latent_prior: str = _latent_prior("uniform")
    kernel_size: int = _kernel_size(5)
    shuffle_radius: int = _shuffle_radius(1)
    shuffle_per: str = _shuffle_per()
    upsample: str = _upsample(("zeros", "nearest", "bilinear", "bicubic"))
    batch_norm: bool = _batch_norm()


@dataclasses.dataclass(frozen=True)
class TiFGANConfig(ModelConfig):
    """TiFGAN (Marafioti, Holighaus, Perraudin and Majdak 2019, section 4)."""

    name: str = "tifgan"
    latent_prior: str = _latent_prior("normal")
    latent_truncation: float = _latent_truncation(2.5)
    kernel_shape: str = settings.setting(
        "12x3",
        "Taps of each convolution, frequency by time.",
        choices=("12x3", "6x6"),
    )


@dataclasses.dataclass(frozen=True)
class GANSynthConfig(ModelConfig):
    """GANSynth (Engel et al. 2019, section 3 and appendix A)."""

    name: str = "gansynth"
    dim: int = settings.setting(
        32,
        "Width of the last block; each one before has twice as much.",
        minimum=1,
    )
    latent_size: int = settings.setting(
        256, "Dimensions of the latents.", minimum=1
    )
    conditioning: str = _conditioning("auxiliary")
    latent_prior: str = _latent_prior("normal")
    max_dim: int = settings.setting(256, "Limit of all widths.", minimum=1)
    blocks: int = settings.setting(
        7,
        "Blocks of the networks, each of which doubles frames and bins.",
        minimum=1,
    )
    group_size: int = _group_size(8)
    stable_examples: int = settings.setting(
        800_000,
        "Real examples of a stage in which no block is faded in.",
        minimum=0,
    )
    transition_examples: int = settings.setting(
        800_000,
        "Real examples of a stage in which a block is faded in; 0 for both "
        "trains all blocks from the start.",
        minimum=0,
    )
