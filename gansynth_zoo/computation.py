"""How networks are computed in training: in which type, and what is kept.

It is set around the calls that a training step traces, and read by the layers.
Outside, as where sounds are generated, all is float32 and kept.
"""

import contextlib
import contextvars
import dataclasses

import keras
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Computation:
    """How a network is computed.

    Attributes:
      dtype: of convolutions and of what lies between them: "float32",
        "bfloat16" or "float16". Weights are float32 in any case, and so are
        norms, dense layers and what a network puts out.
      recompute: whether a gradient makes the values within a `segment` again,
        where they would be kept from the forward pass otherwise.
    """

    dtype: str = "float32"
    recompute: bool = False


# One for each thread, since each replica of a strategy is traced by its own.
_CURRENT = contextvars.ContextVar("computation")
_OUTSIDE = Computation()


@contextlib.contextmanager
def use(computation):
    """Has networks that are called inside computed so."""
    token = _CURRENT.set(computation)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def cast(x):
    """A tensor in the type of convolutions."""
    return tf.cast(x, _CURRENT.get(_OUTSIDE).dtype)


def segment(function, layers, x):
    """`function(x)`, whose values between need not be kept for its gradient.

    Args:
      function: tensor -> tensor, by some layers and no other variables.
      layers: those layers; they have their weights already, and assign to
        none.
      x: float tensor.

    Returns:
      What the function returns.

    Source: Chen, Xu, Zhang and Guestrin 2016; here for derivatives of any
    order, as a gradient penalty takes them.
    """
    current = _CURRENT.get(_OUTSIDE)
    if not current.recompute:
        return function(x)
    weights = [w for layer in layers for w in layer.trainable_weights]

    # Of all it depends on, so that the gradient may be made again as well.
    def pure(x, *values):
        scope = keras.StatelessScope(list(zip(weights, values, strict=True)))
        with use(current), scope:
            return function(x)

    values = [tf.convert_to_tensor(weight.value) for weight in weights]
    return _recomputed(pure)(x, *values)


def _recomputed(function):
    """A function of tensors, whose gradient keeps nothing but its inputs."""

    @tf.custom_gradient
    def call(*inputs):
        def gradient(*upstream):
            # As one more such function: its own gradient keeps no more.
            return _recomputed(_pullback(function, len(upstream)))(
                *upstream, *inputs
            )

        return function(*inputs), gradient

    return call


def _pullback(function, outputs):
    """(gradients of the outputs, inputs) -> gradients of the inputs."""

    def pullback(*tensors):
        upstream, inputs = tensors[:outputs], tensors[outputs:]
        # Not before they are needed, and not taken for the forward pass, which
        # the optimised graph would keep.
        with tf.control_dependencies(upstream):
            inputs = [tf.identity(tensor) for tensor in inputs]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = function(*inputs)
        return tape.gradient(
            tf.nest.flatten(result),
            inputs,
            list(upstream),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    return pullback
