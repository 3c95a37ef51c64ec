"""The optimizers of TensorFlow 1, with which the papers' models were trained.

Keras' own have another epsilon, and begin otherwise.
"""

import keras
import tensorflow as tf


def adam(recipe, learning_rate):
    """Adam; `recipe` is a `config.Recipe`."""
    return Adam(
        learning_rate,
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        epsilon=1e-8,
    )


def rmsprop(recipe, learning_rate):
    """RMSprop, which takes nothing more from the recipe."""
    del recipe
    # The epsilon is added under the root, by both.
    return RMSprop(learning_rate, rho=0.9, momentum=0.0, epsilon=1e-10)


def sgd(recipe, learning_rate):
    """Gradient descent, which takes nothing more from the recipe."""
    del recipe
    return keras.optimizers.SGD(learning_rate)


class Adam(keras.optimizers.Adam):
    """Adam whose update is one operation of TensorFlow.

    Keras has one for each term, which together read and write memory several
    times as often.
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class RMSprop(keras.optimizers.RMSprop):
    """RMSprop whose mean squares start at 1.

    Keras starts them at 0, by which its first updates are larger than the
    learning rate: three times for a decay of 0.9, whatever the gradient.
    """

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self.start()

    def start(self):
        """Sets the mean squares to what they start at."""
        for velocity in self._velocities:
            velocity.assign(tf.ones(velocity.shape))


def make(recipe, learning_rate, precision):
    """The optimizer of a network.

    Args:
      recipe: a `config.Recipe`.
      learning_rate: float.
      precision: that of `config.TrainConfig`. With "float16" gradients come
        multiplied by a loss scale, without which small ones would be 0. It is
        halved, and the update left out, where one is not finite.

    Returns:
      A Keras optimizer.

    Source: Micikevicius et al. 2018, section 3.2, for the loss scale.
    """
    optimizer = OPTIMIZERS[recipe.optimizer](recipe, learning_rate)
    if precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def apply(optimizer, gradients, weights):
    """Updates weights, the first of them only when all gradients are there.

    Without the wait, a run on a busy machine ends with other weights now and
    then: the optimised graph starts to update some while others' gradients are
    still computed from them.
    """
    with tf.control_dependencies(gradients):
        gradients = [tf.identity(gradient) for gradient in gradients]
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        gradients = _agree(gradients)
    optimizer.apply(gradients, weights)


def _agree(gradients):
    """Makes gradients NaN that are not finite on another replica.

    An update is left out where they are not finite, which Keras looks at
    before it sums over the replicas: each would decide for itself.
    """
    nothing = tf.add_n([tf.reduce_sum(0.0 * g) for g in gradients])
    replica = tf.distribute.get_replica_context()
    return [gradients[0] + replica.all_reduce("SUM", nothing), *gradients[1:]]


def reset(optimizer):
    """Lets an optimizer start anew; learning rate and loss scale stay."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
    if isinstance(optimizer, RMSprop):
        optimizer.start()


OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}
