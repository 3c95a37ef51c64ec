import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import config
from gansynth_zoo import optimizers
from gansynth_zoo import presets
from gansynth_zoo import settings


def updated(make_optimizer, recipe, rate, gradients):
    """A weight after each of some gradients."""
    weight = tf.Variable([1.0, -2.0])
    optimizer = make_optimizer(recipe, rate)
    optimizer.build([weight])
    values = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [weight])
        values.append(weight.numpy())
    return values


def test_rmsprop_is_that_of_tensorflow_1(rng):
    # The second weight's gradients are so small that the epsilon counts.
    gradients = rng.normal(size=(300, 2)) * [1.0, 1e-5]
    weight, square = np.array([1.0, -2.0]), np.ones(2)
    expected = []
    for gradient in gradients:
        square = 0.9 * square + 0.1 * gradient**2
        weight = weight - 0.01 * gradient / np.sqrt(square + 1e-10)
        expected.append(weight)
    result = updated(optimizers.rmsprop, config.Recipe(), 0.01, gradients)
    np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_rmsprop_begins_where_tensorflow_1_does():
    (weight,) = updated(optimizers.rmsprop, config.Recipe(), 0.1, [[2.0, 0.0]])
    np.testing.assert_allclose(weight, [1 - 0.2 / np.sqrt(1.3), -2], rtol=1e-6)


def test_adam_is_that_of_tensorflow_1(rng):
    recipe = presets.get_recipe("dcgan")
    gradients = rng.normal(size=(50, 2)) * [1.0, 1e-7]
    weight, first, second = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    expected = []
    for step, gradient in enumerate(gradients, 1):
        first = 0.5 * first + 0.5 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.5**step)
        weight = weight - rate * first / (np.sqrt(second) + 1e-8)
        expected.append(weight)
    result = updated(optimizers.adam, recipe, 0.01, gradients)
    np.testing.assert_allclose(result, expected, rtol=1e-4)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_reset_is_starting_anew_at_the_same_rate(name, rng):
    gradients = [
        tf.constant(gradient, tf.float32)
        for gradient in rng.normal(size=(8, 2))
    ]
    weight = tf.Variable([1.0, -2.0])
    optimizer = optimizers.OPTIMIZERS[name](config.Recipe(), 0.01)
    optimizer.build([weight])
    optimizer.learning_rate.assign(0.02)
    for gradient in gradients[:5]:
        optimizer.apply([gradient], [weight])
    optimizers.reset(optimizer)
    assert int(optimizer.iterations) == 0
    other = tf.Variable(weight)
    anew = optimizers.OPTIMIZERS[name](config.Recipe(), 0.02)
    for gradient in gradients[5:]:
        optimizer.apply([gradient], [weight])
        anew.apply([gradient], [other])
        np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize(
    ("name", "optimizer", "rate", "clip"),
    [
        ("wgan-gp", "adam", 1e-4, 0.0),
        ("wgan", "rmsprop", 5e-5, 0.01),
        ("lsgan", "rmsprop", 1e-4, 0.0),
        ("dcgan", "adam", 2e-4, 0.0),
    ],
)
def test_recipes_of_the_paper(name, optimizer, rate, clip):
    recipe = presets.get_recipe(name)
    assert (recipe.loss, recipe.optimizer) == (name, optimizer)
    assert recipe.generator_learning_rate == rate
    assert recipe.discriminator_learning_rate == rate
    assert (recipe.weight_clip, recipe.n_critic) == (clip, 5)


def test_every_optimizer_of_the_configuration_is_there():
    (field,) = (
        field
        for field in settings.of(config.Recipe())
        if field.name == "optimizer"
    )
    assert set(field.metadata["choices"]) == set(optimizers.OPTIMIZERS)
