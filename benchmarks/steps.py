"""Training steps of any preset, on random features; and their work."""

import dataclasses
import math

import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import config
from gansynth_zoo import convolutions
from gansynth_zoo import growth

# What a step may be of: an update of a network, or n_critic updates of the
# discriminator, one of the generator and the average.
PARTS = ("discriminator", "generator", "iteration")
LABELS = tuple(str(24 + i) for i in range(61))


def fitted(preset):
    """The preset with labels, and a level, that no sounds were asked for."""
    model, representation = preset.model, preset.representation
    if model.conditioning != "none":
        model = dataclasses.replace(
            model, label_names=LABELS, label_counts=(1,) * len(LABELS)
        )
    if hasattr(representation, "highest"):
        representation = dataclasses.replace(representation, highest=0.0)
    return dataclasses.replace(
        preset, model=model, representation=representation
    )


def enter_stage(gan, stage=None):
    """Moves networks that grow to the middle of a stage, the last by default.

    Args:
      gan: a compiled `audio_gan.AudioGAN`; one that does not grow stays as it
        is.
      stage: number of the stage.
    """
    schedule = gan.schedule
    if schedule is None:
        return
    if stage is None:
        stage = growth.last_stage(schedule.blocks)
    fades = growth.fades(stage)
    length = schedule.transition if fades else schedule.stable
    examples = gan.batch_size * gan.recipe.n_critic
    gan.step.assign((schedule.start(stage) + length // 2) // examples)
    gan.enter_stage()


def make_gan(preset, stage=None):
    """The networks of a preset, at a stage, compiled."""
    gan = assemble.make_gan(fitted(preset))
    enter_stage(gan, stage)
    return gan


def make_step(gan, part):
    """A step of a part as a traced function of no arguments.

    Args:
      gan: as `make_gan` makes it.
      part: one of `PARTS`.

    Returns:
      A function that returns a loss, with its `graph`.
    """
    size, critic = gan.batch_size, gan.recipe.n_critic
    features = tf.random.stateless_uniform(
        [size, critic, *gan.representation.feature_shape], [0, 0], -1.0, 1.0
    )
    labels = tf.zeros([size, critic], tf.int32)
    rows = tf.range(size, dtype=tf.int64)

    @tf.function
    def step():
        if part == "iteration":
            batch = {"features": features, "labels": labels, "rows": rows}
            return gan.train_step(batch)["generator_loss"]
        # The penalty may depend on the step.
        gan.step.assign_add(1)
        if part == "generator":
            return gan._generator_step(labels[:, 0], rows)["generator_loss"]
        logs = gan._discriminator_step(features[:, 0], labels[:, 0], rows, 0)
        return logs["discriminator_loss"]

    return step.get_concrete_function()


def count_multiply_adds(preset):
    """Multiplications, each with an addition, that the steps of a preset need.

    Those of convolutions and matrix products, counted in the graph of the
    networks with the library's convolutions, which do no more than needed.

    Args:
      preset: a `config.Preset`; how its batch is computed does not matter.

    Returns:
      Part -> a float, the mean of a step.
    """
    train = config.TrainConfig(batch_size=preset.train.batch_size)
    gan = make_gan(dataclasses.replace(preset, train=train))
    recipe = gan.recipe
    counts = {}
    with convolutions.plain():
        generator = graph_multiply_adds(make_step(gan, "generator").graph)
        # An interval keeps the penalty in a branch, which is not counted.
        for interval in (1, 2):
            gan.recipe = dataclasses.replace(recipe, penalty_interval=interval)
            graph = make_step(gan, "discriminator").graph
            counts[interval] = graph_multiply_adds(graph)
    penalty = (counts[1] - counts[2]) / recipe.penalty_interval
    discriminator = counts[2] + penalty
    return {
        "discriminator": discriminator,
        "generator": generator,
        "iteration": recipe.n_critic * discriminator + generator,
    }


def graph_multiply_adds(graph):
    """Multiply-adds of the operations that a function's graph has to run.

    Args:
      graph: a `FuncGraph` whose shapes are known; branches are left out.

    Returns:
      Int.
    """
    found = set()
    waiting = [t.op for t in graph.outputs] + list(graph.control_outputs)
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [t.op for t in operation.inputs]
            waiting += operation.control_inputs
    return sum(
        _MULTIPLY_ADDS[operation.type](operation)
        for operation in found
        if operation.type in _MULTIPLY_ADDS
    )


def _of_convolution(out, weights):
    return math.prod(out.shape) * math.prod(weights.shape[:3])


def _of_product(operation):
    inner = 0 if operation.get_attr("transpose_a") else 1
    left = operation.inputs[0].shape
    return left[inner] * math.prod(operation.outputs[0].shape)


_MULTIPLY_ADDS = {
    "Conv2D": lambda op: _of_convolution(op.outputs[0], op.inputs[1]),
    "Conv2DBackpropInput": lambda op: _of_convolution(
        op.inputs[2], op.inputs[1]
    ),
    "Conv2DBackpropFilter": lambda op: _of_convolution(
        op.inputs[2], op.outputs[0]
    ),
    "MatMul": _of_product,
}
