"""Memory: what a run will need, told before it starts.

The estimate is a sum of parts, each counted in float32:

- the program: `_PROGRAM_PER_UPDATE` for each update of a step, which are
  compiled one by one;
- weights: the generator twice, since its average is kept beside it, the
  discriminator, and the optimiser's slots of each weight that is trained;
- gradients: of the larger network, with the values between in the optimiser
  and the copies that convolutions make of their weights, together
  `_GRADIENT_COPIES` times its parameters;
- batches: the examples of a step, `_BATCHES` times on their way here;
- activations: what the operations of a network put out in a forward pass,
  counted in a graph that is never run. An update of the discriminator holds
  its own for real and for fake and, where there is a penalty, once more for
  the slopes and their gradients, which are not there all at once; besides
  those of the generator. An update of the generator holds those of both
  networks and their gradients. The larger of the two counts, for the batch.

The constants were fitted to the largest memory of runs on a processor;
`python -m benchmarks.memory` prints both side by side. They have not been
compared with a GPU. The clips are mapped from disk: they need none.
"""

import contextlib
import dataclasses
import math
import random

import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import config
from gansynth_zoo import convolutions
from gansynth_zoo import errors
from gansynth_zoo import machine

_FLOAT = 4
_MIB = 2**20
_GIB = 2**30
# Fitted; see above.
_PROGRAM_PER_UPDATE = 60 * _MIB
_GRADIENT_COPIES = 5.5
# Being read, waiting twice, and used.
_BATCHES = 4
# Values that an optimiser keeps for each weight.
_SLOTS = {"adam": 2, "rmsprop": 1, "sgd": 0}
# Operations that give a tensor another name or shape, but no memory.
_FREE = frozenset(
    {"Const", "EnsureShape", "ExpandDims", "Identity", "IdentityN", "Reshape"}
    | {"Squeeze", "StopGradient", "ReadVariableOp", "VarHandleOp"}
    # Done in place, on what the operation before it put out.
    | {"BiasAdd"}
    # Used at once, and kept for no gradient.
    | {"Square", "Tile"}
)


@dataclasses.dataclass(frozen=True)
class Network:
    """The size of a network.

    Attributes:
      parameters: how many.
      activations: bytes that its operations put out for one example.
    """

    parameters: int
    activations: int


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Bytes that a run needs on one machine, or on one device.

    Attributes:
      program: of the compiled graph.
      weights: parameters and optimiser slots.
      gradients: of the larger network.
      batches: of the examples.
      activations: of the larger update.
    """

    program: int
    weights: int
    gradients: int
    batches: int
    activations: int

    @property
    def total(self):
        """All of it."""
        return sum(dataclasses.astuple(self))


def measure_networks(preset):
    """Sizes of a preset's networks, of which nothing is allocated.

    Args:
      preset: a `config.Preset`.

    Returns:
      Generator and discriminator, each a `Network`.
    """
    rng = random.Random(0)
    # What the fast ways rearrange is not kept for the gradients.
    with tf.Graph().as_default(), convolutions.plain():
        generator = assemble.make_generator(preset, rng)
        latents = tf.zeros([1, preset.model.latent_size])
        labels = tf.zeros([1], tf.int32)
        features, made = _traced(generator, latents, labels)
        discriminator = assemble.make_discriminator(preset, rng)
        shifts = tf.zeros([1, discriminator.shuffles.count], tf.int32)
        _, judged = _traced(discriminator, features, labels, shifts)
        return (
            Network(_count(generator), made),
            Network(_count(discriminator), judged),
        )


def _traced(network, *inputs):
    """What the network returns, and bytes that its operations put out."""
    network(*inputs)  # makes the weights, which are not to be counted here
    before = len(tf.compat.v1.get_default_graph().get_operations())
    outputs = network(*inputs)
    operations = tf.compat.v1.get_default_graph().get_operations()[before:]
    # What is made of weights alone does not grow with the batch.
    reached, total = {tensor.ref() for tensor in inputs}, 0
    for operation in operations:
        if any(tensor.ref() in reached for tensor in operation.inputs):
            reached.update(tensor.ref() for tensor in operation.outputs)
            total += output_bytes(operation)
    return outputs, total


def output_bytes(operation):
    """Bytes of the floats that a graph's operation puts out; 0 if unknown."""
    if operation.type in _FREE:
        return 0
    return sum(
        tensor.dtype.size * tensor.shape.num_elements()
        for tensor in operation.outputs
        # Indices are small beside what they point to.
        if tensor.dtype.is_floating and tensor.shape.is_fully_defined()
    )


def _count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def estimate(preset, replicas=1, share=1.0):
    """What a run will need.

    Args:
      preset: a `config.Preset`.
      replicas: replicas whose memory is meant; each holds all weights.
      share: part of the batch that they see.

    Returns:
      An `Estimate`.
    """
    return _sum_up(measure_networks(preset), preset, replicas, share)


def _sum_up(networks, preset, replicas=1, share=1.0):
    generator, discriminator = networks
    recipe = preset.recipe
    examples = preset.train.batch_size * share
    trained = generator.parameters + discriminator.parameters
    kept = (1 + _SLOTS[recipe.optimizer]) * trained + generator.parameters
    largest = max(generator.parameters, discriminator.parameters)
    values = math.prod(assemble.make_representation(preset).feature_shape)
    passes = 3 if assemble.find_loss(preset).penalty else 2
    activations = max(
        generator.activations + passes * discriminator.activations,
        2 * (generator.activations + discriminator.activations),
    )
    return Estimate(
        program=replicas * (recipe.n_critic + 1) * _PROGRAM_PER_UPDATE,
        weights=replicas * _FLOAT * kept,
        gradients=replicas * _FLOAT * _GRADIENT_COPIES * largest,
        batches=int(_BATCHES * examples * recipe.n_critic * _FLOAT * values),
        activations=int(examples * activations / preset.train.batch_parts),
    )


def largest_batch(preset, total, replicas=1, share=1.0, step=1):
    """The largest batch that fits into so many bytes.

    Args:
      preset: a `config.Preset`.
      total: bytes.
      replicas: as of `estimate`.
      share: as of `estimate`.
      step: the batch is a multiple of it.

    Returns:
      Its size; 0 if none fits.
    """
    networks = measure_networks(preset)

    def need(size):
        changed = config.replace(preset, {"batch_size": size})
        return _sum_up(networks, changed, replicas, share).total

    each = (need(1001) - need(1)) / 1000
    size = int((total - need(1)) // each) + 1 if need(1) <= total else 0
    return size // step * step


def check(preset, clips_bytes, strategy, report, room=None):
    """Says what a run will need, and refuses one that cannot fit.

    On a processor a run that needs more than the whole machine is refused; on
    a GPU, for which the estimate was not fitted, it is advised against. One
    that needs more than is free now is warned of.

    Args:
      preset: a `config.Preset`.
      clips_bytes: size of the clips on disk.
      strategy: the `tf.distribute.Strategy` that will train.
      report: function that is told a line.
      room: a `machine.Room`; that of the strategy's devices unless given.

    Raises:
      ZooError: if the machine is too small; it names what would fit.
    """
    gpus, replicas = machine.on_gpus(strategy), strategy.num_replicas_in_sync
    # Each GPU has its own memory; processors have one together, with the
    # program that runs already.
    local, running = (
        (1, 0) if gpus else (len(machine.devices(strategy)), machine.resident())
    )
    here = {"replicas": local, "share": local / replicas}
    need = estimate(preset, **here)
    need = dataclasses.replace(need, program=need.program + running)
    room = room or machine.find_room(strategy)
    report(_line(need, room, preset.train.batch_size, clips_bytes))
    if room is None or need.total - running <= room.available:
        return
    if need.total <= room.total:
        report(
            f"Warning: only {size_text(room.available)} of {room.where} are "
            "free now; close other programs if training is stopped or slow."
        )
        return
    advice = _advice(preset, room.total - running, here, replicas)
    sentence = (
        f"Expected a run that fits into the {size_text(room.total)} of "
        f"{room.where}, received one that needs about "
        f"{size_text(need.total)}; {advice}."
    )
    if not gpus:
        raise errors.ZooError(sentence)
    report(f"Warning: {sentence}")


def _line(need, room, batch_size, clips_bytes):
    of = f" of {size_text(room.total)}" if room else ""
    return (
        f"Memory: about {size_text(need.total)}{of}: program "
        f"{size_text(need.program)}, weights and optimisers "
        f"{size_text(need.weights + need.gradients)}, activations of a batch "
        f"of {batch_size} {size_text(need.batches + need.activations)}; clips "
        f"are read from disk ({size_text(clips_bytes)})."
    )


def _advice(preset, total, here, replicas):
    """What would fit, as flags."""
    fitting = []
    size = largest_batch(preset, total, **here, step=replicas)
    if size:
        fitting.append(f"--batch_size={size}")
    for name, value in (
        ("dim", preset.model.dim),
        ("num_samples", preset.audio.num_samples),
    ):
        # A network that short is refused.
        with contextlib.suppress(errors.ZooError):
            while value > 1:
                value //= 2
                smaller = config.replace(preset, {name: value})
                if estimate(smaller, **here).total <= total:
                    fitting.append(f"--{name}={value}")
                    break
    if not fitting:
        return "train on a larger one"
    return f"the largest that fits is {', or '.join(fitting)}"


def size_text(count):
    """Bytes for people: in GiB from 1 GiB on, else in MiB."""
    if count >= _GIB:
        return f"{count / _GIB:.1f} GiB"
    return f"{count / _MIB:.{1 if count < 10 * _MIB else 0}f} MiB"
