"""Spectral norm: kernels divided by an estimate of their largest stretch.

Source: Miyato, Kataoka, Koyama and Yoshida 2018, section 2 and appendix A.
"""

import keras
import tensorflow as tf


class SpectralNorm(keras.layers.Layer):
    """A convolution whose kernel is divided by its largest singular value.

    The kernel is taken as a matrix `[taps·channels, columns]`, with its last
    axis as the columns, as in TiFGAN's code. One power iteration from the
    vector `u` finds the singular value; its two vectors are constants to the
    gradient. The iteration is not kept, so all calls between two of `update`
    have the same kernel, in training or not.

    Args:
      layer: a `layers.Convolution`. Its other weights are not divided.
      rng: the `random.Random` that seeds `u`.
    """

    def __init__(self, layer, rng):
        super().__init__(autocast=False)
        self.layer = layer
        self._initializer = keras.initializers.RandomNormal(
            stddev=1.0, seed=rng.getrandbits(31)
        )

    def build(self, input_shape):
        self.layer.build(input_shape)
        self.u = self.add_weight(
            shape=self.layer.kernel.shape[-1:],
            initializer=self._initializer,
            trainable=False,
            # It depends on the weights alone: the same on every replica.
            aggregation="only_first_replica",
            name="u",
        )

    def call(self, x, training=False):
        sigma, _ = self._iterate()
        kernel = self.layer.kernel.value / sigma
        return self.layer(x, training=training, kernel=kernel)

    def update(self):
        """Keeps the vector of one power iteration."""
        _, u = self._iterate()
        self.u.assign(u)

    def _iterate(self):
        """One power iteration: the singular value, and the next `u`."""
        kernel = self.layer.kernel.value
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        v = tf.math.l2_normalize(tf.linalg.matvec(matrix, self.u.value))
        v = tf.stop_gradient(v)
        product = tf.linalg.matvec(matrix, v, transpose_a=True)
        u = tf.stop_gradient(tf.math.l2_normalize(product))
        return tf.tensordot(u, product, 1), u


def update(network):
    """One power iteration for each `SpectralNorm` among a network's layers.

    Call it after each update of the network's weights, outside of the tape.
    A network without any is left as it is.

    Args:
      network: a `keras.Model`.
    """
    for layer in network.layers:
        if isinstance(layer, SpectralNorm):
            layer.update()
