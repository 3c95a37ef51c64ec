"""Progressive growing: which pictures are trained when, and how they mix.

Networks of B blocks train in 2·B - 1 stages. In an even stage 2·k the blocks
0 .. k are trained, and pictures have the detail of block k. In the odd stage
2·k + 1 before the next one, block k + 1 is faded in: pictures are a mix of
the detail of both, and `blend`, 0 to 1, is the part of the new one. Pictures
have all their frames and bins at every stage; each block doubles the detail.

Source: Karras, Aila, Laine and Lehtinen 2018, section 2, as in GANSynth's
code.
"""

import dataclasses

import tensorflow as tf


def last_stage(blocks):
    """The stage in which all blocks are trained, and none is faded in."""
    return 2 * (blocks - 1)


def top_block(stage):
    """The number of the last block of a stage, from 0."""
    return (stage + 1) // 2


def fades(stage):
    """Whether the last block of a stage is faded in."""
    return stage % 2 == 1


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long each stage lasts, in real examples seen.

    Where a stage begins, GANSynth's code starts the optimizers anew: their
    averages and their count of steps are 0 again, as at the start of training.
    Weights, and their average, go on.

    Attributes:
      blocks: blocks of the networks.
      stable: examples of an even stage, but for the last, which never ends.
      transition: examples of an odd stage. With both at 0 all blocks are
        trained from the start.
    """

    blocks: int
    stable: int
    transition: int

    def start(self, stage):
        """Examples seen when a stage begins; the one before ends there."""
        pairs, odd = divmod(stage, 2)
        return pairs * (self.stable + self.transition) + odd * self.stable

    def stage(self, examples):
        """The stage after so many examples."""
        last = last_stage(self.blocks)
        if examples >= self.start(last):
            return last
        pairs, rest = divmod(examples, self.stable + self.transition)
        return 2 * pairs + (rest >= self.stable)

    def blend(self, stage, examples):
        """How far the last block of a stage is faded in, 0 to 1.

        Args:
          stage: the stage after `examples`.
          examples: int, or an integer tensor.

        Returns:
          Float, or a tensor; 1.0 at an even stage.
        """
        if not fades(stage):
            return 1.0
        return (examples - self.start(stage)) / self.transition


def blend_real(features, blocks, stage, blend):
    """Real examples with the detail that the generator has.

    Args:
      features: `[batch, frames, bins, channels]`, frames and bins multiples
        of 2^(blocks - 1).
      blocks: blocks of the networks.
      stage: the stage, a Python number.
      blend: float or scalar tensor in [0, 1]; of no use at an even stage.

    Returns:
      Tensor of the shape of `features`.
    """
    factor = 2 ** (blocks - 1 - top_block(stage))
    small = downscale(features, factor)
    if fades(stage):
        small = mix(upscale(downscale(small, 2), 2), small, blend)
    return upscale(small, factor)


def mix(before, new, blend):
    """`before` at blend 0, `new` at blend 1; both to the last bit."""
    blend = tf.cast(blend, new.dtype)
    return (1.0 - blend) * before + blend * new


def upscale(x, factor):
    """Repeats frames and bins: `[batch, t, b, c]` -> `[batch, f·t, f·b, c]`."""
    if factor == 1:
        return x
    _, frames, bins, channels = x.shape
    # TensorFlow's own resizing has gradients that differ from run to run on a
    # graphics card.
    # Tiles of the last axis would do as well, but OpenVINO gets them wrong.
    x = tf.concat([x] * factor, axis=-1)
    x = tf.reshape(x, [-1, frames, bins * factor * channels])
    x = tf.tile(x, [1, 1, factor])
    return tf.reshape(x, [-1, frames * factor, bins * factor, channels])


def downscale(x, factor):
    """Means of squares: `[batch, f·t, f·b, c]` -> `[batch, t, b, c]`."""
    if factor == 1:
        return x
    return tf.nn.avg_pool2d(x, factor, factor, "VALID")
