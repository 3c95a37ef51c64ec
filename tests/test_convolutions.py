import random
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from gansynth_zoo import convolution_ways
from gansynth_zoo import convolutions
from gansynth_zoo import layers

PLAIN, BLOCKS, COLUMNS = WAYS = (
    convolution_ways.Plain,
    convolution_ways.Blocks,
    convolution_ways.Columns,
)
LENGTHS = st.integers(1, 13)
TAPS = st.integers(1, 9)
STRIDES = st.integers(1, 4)
AXES = st.builds(convolution_ways.Axis, LENGTHS, TAPS, STRIDES)
# Of one dimension, but for the last.
NO_AXIS = convolution_ways.Axis(1, 1, 1)


def all_orders(function, *arguments):
    """A result, its gradients, and those of a penalty on them."""
    with tf.GradientTape() as outer:
        outer.watch(arguments)
        with tf.GradientTape() as inner:
            inner.watch(arguments)
            out = function(*arguments)
            value = tf.reduce_sum(tf.tanh(out))
        first = inner.gradient(value, arguments)
        penalty = tf.add_n([tf.reduce_sum(slope**2) for slope in first])
    return [out, *first, *outer.gradient(penalty, arguments)]


def check_close(ours, theirs, tolerance):
    """Relative to the largest value, or to 1 where sums cancel out."""
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        scale = np.max(np.abs(other), initial=1.0)
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def is_right_in_the_library(axes):
    """Of unequal strides and one position, TensorFlow 2.21's oneDNN is not.

    No network has such a layer: in two dimensions strides are equal.
    """
    height, width = axes
    return (
        height.length == 1
        or height.stride == width.stride
        or min(height.positions, width.positions) > 1
    )


PAIRS = st.tuples(st.one_of(AXES, st.just(NO_AXIS)), AXES).filter(
    is_right_in_the_library
)


def normal(rng, *shape, dtype=tf.float64):
    """Numbers that single precision has, so that both begin with the same."""
    return tf.constant(rng.normal(size=shape).astype(np.float32), dtype)


@settings(deadline=None, max_examples=80)
@given(
    axes=PAIRS,
    ways=st.tuples(*[st.sampled_from(WAYS)] * 3),
    channels=st.integers(1, 3),
    filters=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_all_ways_equal_tensorflow_up_to_second_derivatives(
    dtype, axes, ways, channels, filters, seed
):
    rng = np.random.default_rng(seed)
    height, width = axes
    strides = height.stride, width.stride
    x = normal(rng, 2, height.length, width.length, channels)
    w = normal(rng, height.taps, width.taps, channels, filters)

    # The reference is TensorFlow's in double precision.
    def by_tensorflow(x, w):
        return tf.nn.conv2d(x, w, strides, "SAME")

    expected = all_orders(by_tensorflow, x, w)
    assert tuple(expected[0].shape[1:3]) == (height.positions, width.positions)
    x, w = tf.cast(x, dtype), tf.cast(w, dtype)
    # A slope near 1, less 1, is what rounding counts most in.
    tolerance = 3e-5 if dtype == tf.float32 else 1e-12
    for kind in (convolutions.Operators, convolutions.Ways):
        ours = all_orders(kind(axes, ways).forward, x, w)
        check_close(ours, expected, tolerance)


@settings(deadline=None, max_examples=40)
@given(
    positions=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    taps=st.tuples(TAPS, TAPS),
    strides=st.tuples(STRIDES, STRIDES),
    way=st.sampled_from(WAYS),
    training=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_transposed_equals_tensorflow_up_to_second_derivatives(
    positions, taps, strides, way, training, seed
):
    rng = np.random.default_rng(seed)
    x, w = normal(rng, 2, *positions, 3), normal(rng, *taps, 2, 3)
    sides = [p * s for p, s in zip(positions, strides, strict=True)]

    def ours(x, w):
        with mock.patch.object(
            convolutions, "choose", lambda *shape: (way, way, way)
        ):
            return convolutions.convolve_transposed(x, w, strides, training)

    def by_tensorflow(x, w):
        return tf.nn.conv2d_transpose(x, w, [2, *sides, 2], strides, "SAME")

    check_close(all_orders(ours, x, w), all_orders(by_tensorflow, x, w), 1e-12)


# Layers of which `choose` makes something: thin, with many taps, deep.
CHOSEN = {
    "thin and long": ((64, 1), (25, 1, 4), 4),
    "many taps": ((64, 9), (25, 9, 4), 4),
    "deep": ((16, 128), (25, 128, 1024), 4),
    "thin picture": ((8, 12, 2), (3, 12, 2, 4), (2, 2)),
    "deep picture": ((4, 4, 160), (5, 5, 160, 1024), (2, 2)),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_layers_as_they_are_chosen_equal_the_plain_ones(name, rng):
    sides, kernel, strides = CHOSEN[name]
    x, w = normal(rng, 3, *sides), normal(rng, *kernel)
    # A power of two, by which nothing is rounded.
    w *= 2.0 ** -round(np.log2(np.prod(kernel[:-1])) / 2)

    def convolve(x, w):
        return convolutions.convolve(x, w, strides, True)

    ours = all_orders(convolve, tf.cast(x, tf.float32), tf.cast(w, tf.float32))
    with mock.patch.object(convolutions, "PLAIN", True):
        plain = all_orders(convolve, x, w)
    check_close(ours, plain, 1e-5)


def axes_of(*numbers):
    """Axes with these lengths, taps and strides."""
    axes = [convolution_ways.Axis(*axis) for axis in numbers]
    return (NO_AXIS, *axes) if len(axes) == 1 else tuple(axes)


@pytest.mark.parametrize(
    ("axes", "channels", "filters", "ways"),
    [
        # WaveGAN of dim 64, from the sound to the scores.
        (axes_of((16384, 25, 4)), 1, 64, (PLAIN, BLOCKS, BLOCKS)),
        (axes_of((4096, 25, 4)), 64, 128, (PLAIN, PLAIN, BLOCKS)),
        (axes_of((256, 25, 4)), 256, 512, (COLUMNS, PLAIN, COLUMNS)),
        (axes_of((64, 25, 4)), 512, 1024, (COLUMNS, COLUMNS, COLUMNS)),
        # Pictures.
        (axes_of((128, 5, 2), (128, 5, 2)), 1, 64, (PLAIN, BLOCKS, PLAIN)),
        (axes_of((32, 5, 2), (32, 5, 2)), 128, 256, (PLAIN, PLAIN, PLAIN)),
        (axes_of((8, 5, 2), (8, 5, 2)), 512, 1024, (COLUMNS,) * 3),
        (axes_of((128, 3, 1), (128, 3, 1)), 2, 32, (PLAIN, PLAIN, PLAIN)),
    ],
)
def test_choice_by_shape(axes, channels, filters, ways):
    assert convolutions.choose(axes, channels, filters) == ways


def test_plain_everywhere_if_asked_for_or_with_a_graphics_card(monkeypatch):
    deep = axes_of((64, 25, 4)), 512, 1024
    with mock.patch.object(convolutions, "PLAIN", True):
        assert convolutions.choose(*deep) == (PLAIN,) * 3
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert convolutions.choose(*deep) == (PLAIN,) * 3


def operations(function, *shapes):
    """What a function computes for an unknown batch, and its operations."""
    traced = tf.function(function).get_concrete_function(
        *[tf.TensorSpec(shape, tf.float32) for shape in shapes]
    )
    return traced, traced.graph.get_operations()


def test_second_derivatives_stay_on_the_chosen_ways():
    operators = convolutions.Operators(
        axes_of((64, 25, 4)), (COLUMNS, COLUMNS, COLUMNS)
    )
    _, found = operations(
        lambda x, w: all_orders(operators.forward, x, w),
        [None, 1, 64, 3],
        [1, 25, 3, 5],
    )
    types = {operation.type for operation in found}
    assert "MatMul" in types
    assert not any(kind.startswith("Conv2D") for kind in types)


MAKERS = (
    (layers.conv1d, layers.conv1d_transpose, (16, 3), 9, 4),
    (layers.conv2d, layers.conv2d_transpose, (6, 8, 3), (3, 4), (2, 2)),
)
KERAS = {
    layers.conv1d: keras.layers.Conv1D,
    layers.conv1d_transpose: keras.layers.Conv1DTranspose,
    layers.conv2d: keras.layers.Conv2D,
    layers.conv2d_transpose: keras.layers.Conv2DTranspose,
}
LAYERS = [
    (maker, sides, taps, strides)
    for *makers, sides, taps, strides in MAKERS
    for maker in makers
]


@pytest.mark.parametrize(("maker", "sides", "taps", "strides"), LAYERS)
def test_layers_equal_those_of_keras(maker, sides, taps, strides, rng):
    layer = maker(5, taps, strides, random.Random(7))
    seed = random.Random(7).getrandbits(31)
    theirs = KERAS[maker](
        5,
        taps,
        strides,
        padding="same",
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
    )
    x = normal(rng, 2, *sides, dtype=tf.float32)
    layer(x), theirs(x)
    for one, other in zip(layer.weights, theirs.weights, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one, other)
    layer.bias.assign(rng.normal(size=5))
    theirs.bias.assign(layer.bias)
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), theirs(x), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(("maker", "sides", "taps", "strides"), LAYERS)
def test_a_batch_of_unknown_size(maker, sides, taps, strides, rng):
    layer = maker(5, taps, strides, random.Random(7))
    layer(tf.zeros([1, *sides]))
    for training in (True, False):
        traced, found = operations(
            lambda x, training=training: layer(x, training=training),
            [None, *sides],
        )
        for size in (1, 3):
            x = normal(rng, size, *sides, dtype=tf.float32)
            assert None not in traced.structured_outputs.shape[1:]
            np.testing.assert_allclose(traced(x), layer(x), atol=1e-6)
        # A SavedModel would keep the first derivative of such a gradient.
        custom = [op for op in found if "_gradient_op_type" in op.node_def.attr]
        assert bool(custom) == training


def test_a_saved_layer_needs_tensorflow_alone(tmp_path, rng):
    layer = layers.conv1d_transpose(1, 25, 4, random.Random(0))
    x = normal(rng, 2, 16, 6, dtype=tf.float32)
    expected = layer(x)
    module = tf.Module()
    module.weights = [weight.value for weight in layer.weights]
    module.call = tf.function(
        layer, input_signature=[tf.TensorSpec([None, 16, 6])]
    )
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        there, here = loaded.call(x), layer(x)
    np.testing.assert_allclose(there, expected, atol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(there, x), tape.gradient(here, x), atol=1e-5
    )
