"""The priors of the latents: how to draw them and how to walk between them."""

import math

import tensorflow as tf

# Philox by name: "auto" may choose another generator on another device.
RANDOM = {"alg": "philox"}


def sample(prior, shape, seed, truncation=None):
    """Draws latents.

    Args:
      prior: "uniform" on [-1, 1] or "normal", standard.
      shape: shape of the result.
      seed: int32 or int64 `[2]`; the same seed draws the same numbers.
      truncation: largest absolute value of a number, whose distribution is
        that of drawing again whatever is larger (Brock, Donahue and Simonyan
        2019, section 3.1). None for no limit.

    Returns:
      Float32 tensor of that shape.
    """
    if prior == "uniform":
        edge = 1.0 if truncation is None else truncation
        return tf.random.stateless_uniform(shape, seed, -edge, edge, **RANDOM)
    if truncation is None:
        return tf.random.stateless_normal(shape, seed, **RANDOM)
    # By the inverse of the distribution function: no loop, whose length would
    # depend on the numbers.
    inside = math.erf(truncation / math.sqrt(2.0))
    uniform = tf.random.stateless_uniform(
        shape, seed, -inside, inside, **RANDOM
    )
    normal = math.sqrt(2.0) * tf.math.erfinv(uniform)
    return tf.clip_by_value(normal, -truncation, truncation)


def from_seeds(prior, latent_size, seeds, truncation=None):
    """Latents that depend on one number each, whatever stands beside it.

    Args:
      prior: "uniform" or "normal".
      latent_size: dimensions of the latents.
      seeds: int64 `[batch]`.
      truncation: as in `sample`.

    Returns:
      Float32 `[batch, latent]`.
    """
    return tf.map_fn(
        lambda seed: sample(
            prior, [latent_size], tf.stack([seed, 0]), truncation
        ),
        tf.cast(seeds, tf.int64),
        fn_output_signature=tf.TensorSpec([latent_size], tf.float32),
    )


def interpolate(prior, first, second, fractions):
    """Points on the way from one latent to another.

    On a straight line for the uniform prior, which keeps it inside the cube;
    on the arc of a great circle for the normal prior, whose samples lie near
    a sphere (White 2016, section 2.1).

    Args:
      prior: "uniform" or "normal".
      first: float32 `[latent]`.
      second: float32 `[latent]`.
      fractions: float32 `[batch]`; 0 is `first`, 1 is `second`.

    Returns:
      Float32 `[batch, latent]`.
    """
    t = tf.convert_to_tensor(fractions, tf.float32)[:, tf.newaxis]
    straight = (1.0 - t) * first + t * second
    if prior == "uniform":
        return straight
    a, b = tf.linalg.normalize(first)[0], tf.linalg.normalize(second)[0]
    # atan2, since acos loses all accuracy near parallel vectors.
    angle = 2.0 * tf.atan2(tf.norm(a - b), tf.norm(a + b))
    sine = tf.sin(angle)
    arc = tf.math.divide_no_nan(
        tf.sin((1.0 - t) * angle) * first + tf.sin(t * angle) * second, sine
    )
    return tf.where(sine > 1e-4, arc, straight)
