"""The optimizers of TensorFlow 1, with which the papers' models were trained.

Keras' own have another epsilon, and begin otherwise.
"""

import keras
import tensorflow as tf


def adam(recipe, learning_rate):
    """Adam; `recipe` is a `config.Recipe`."""
    return keras.optimizers.Adam(
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


def reset(optimizer):
    """Lets an optimizer start anew; its learning rate stays."""
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
    if isinstance(optimizer, RMSprop):
        optimizer.start()


OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop}
