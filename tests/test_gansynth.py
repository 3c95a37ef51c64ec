import collections
import random

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import errors
from gansynth_zoo import growth
from gansynth_zoo import model_config
from gansynth_zoo.models import gansynth

SHAPE, BLOCKS, CLASSES, LATENT = (8, 16, 2), 3, 3, 5
STAGES = range(growth.last_stage(BLOCKS) + 1)
LABELS = np.array([0, 2, 1, 2], np.int32)
NO_SHIFTS = tf.zeros([4, 0], tf.int32)


def make_settings(classes=CLASSES, **changes):
    small = {
        "blocks": BLOCKS,
        "dim": 4,
        "max_dim": 8,
        "latent_size": LATENT,
        "group_size": 2,
    }
    names = tuple(str(24 + number) for number in range(classes))
    return model_config.GANSynthConfig(
        label_names=names, **{**small, **changes}
    )


def make_networks(shape=SHAPE, seed=0, **changes):
    settings, rng = make_settings(**changes), random.Random(seed)
    return (
        gansynth.GANSynthGenerator(shape, settings, rng),
        gansynth.GANSynthDiscriminator(shape, settings, rng),
    )


@pytest.fixture(scope="module")
def networks():
    """Networks whose weights are random, biases too."""
    networks = make_networks()
    rng = np.random.default_rng(1)
    for network in networks:
        for weight in network.weights:
            weight.assign(rng.normal(scale=0.7, size=weight.shape))
    return networks


@pytest.fixture
def notes(rng):
    """Latents and labels of four notes."""
    latents = rng.normal(size=[4, LATENT]).astype(np.float32)
    return latents, LABELS


@pytest.fixture
def pictures(rng):
    return rng.uniform(-1, 1, size=[4, *SHAPE]).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "start"), [((128, 1024, 2), (2, 16)), ((256, 512, 2), (4, 8))]
)
def test_parameters_of_the_papers_networks(shape, start):
    with tf.Graph().as_default():  # no weights are drawn
        settings = model_config.GANSynthConfig(
            label_names=tuple(map(str, range(24, 85)))
        )
        networks = (
            gansynth.GANSynthGenerator(shape, settings, random.Random(0)),
            gansynth.GANSynthDiscriminator(shape, settings, random.Random(0)),
        )
    counts = [
        sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        for network in networks
    ]
    assert counts == [7_311_246, 6_831_230]
    generator, discriminator = networks
    assert generator.first[0].kernel.shape == (317, *start, 256)
    assert discriminator.first[0].kernel.shape == (3, 3, 257, 256)
    assert discriminator.second[0].kernel.shape == (32 * 256, 256)
    filters = [layer.kernel.shape[-1] for layer in generator.second]
    assert filters == [256, 256, 256, 256, 128, 64, 32]


def test_in_groups_of_one_a_score_hangs_on_its_own_sound(pictures):
    _, discriminator = make_networks(group_size=1)
    before, _ = discriminator(pictures, LABELS, NO_SHIFTS)
    others = np.concatenate([pictures[:1], 0.5 * pictures[1:]])
    after, _ = discriminator(others, LABELS, NO_SHIFTS)
    changed = np.abs(after - before) > 1e-6
    assert changed.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("sides", "blocks", "start"),
    [
        ((128, 1024), 7, (2, 16)),
        ((256, 512), 7, (4, 8)),
        ((48, 64), 5, (3, 4)),
        ((5, 7), 1, (5, 7)),
    ],
)
def test_start_sizes(sides, blocks, start):
    assert gansynth.start_for(*sides, blocks) == start


@pytest.mark.parametrize(
    ("sides", "blocks", "step", "most"),
    [((64, 96), 7, 64, 6), ((64, 100), 4, 8, 3), ((125, 128), 2, 2, 1)],
)
def test_other_sizes_are_told_how_many_blocks_fit(sides, blocks, step, most):
    message = f"of {step} .* at most {most} blocks"
    settings, rng = make_settings(blocks=blocks), random.Random(0)
    for network in (
        gansynth.GANSynthGenerator,
        gansynth.GANSynthDiscriminator,
    ):
        with pytest.raises(errors.ZooError, match=message):
            network((*sides, 2), settings, rng)
    gansynth.start_for(*sides, most)


@pytest.mark.parametrize(
    ("shape", "blocks"), [((8, 4, 1), 1), ((4, 8, 2), 2), ((24, 16, 3), 4)]
)
def test_shapes_at_every_stage(shape, blocks):
    generator, discriminator = make_networks(
        shape, blocks=blocks, dim=1, max_dim=4
    )
    for stage in range(growth.last_stage(blocks) + 1):
        features = generator(tf.zeros([4, LATENT]), LABELS, stage=stage)
        assert features.shape == (4, *shape)
        scores, logits = discriminator(features, LABELS, NO_SHIFTS, stage=stage)
        assert scores.shape == (4,)
        assert logits.shape == (4, CLASSES)
    assert discriminator.shuffles.count == 0


def normed(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)


def leaky(x):
    return np.maximum(x, 0.2 * x)


def weights_of(layer, fan_in, gain=2):
    kernel, bias = (w.numpy().astype(float) for w in layer.weights)
    return kernel * np.sqrt(gain / fan_in), bias


def convolved(x, layer, gain=2):
    kernel, bias = weights_of(layer, np.prod(layer.kernel.shape[:3]), gain)
    size, (height, width) = len(kernel), x.shape[1:3]
    edge = (size // 2, size // 2)
    x = np.pad(x, [(0, 0), edge, edge, (0, 0)])
    return bias + sum(
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(size)
        for j in range(size)
    )


def larger(x, factor):
    return x.repeat(factor, axis=1).repeat(factor, axis=2)


def smaller(x, f):
    batch, frames, bins, channels = x.shape
    squares = x.reshape(batch, frames // f, f, bins // f, f, channels)
    return squares.mean(axis=(2, 4))


def progress_of(stage, blend):
    return stage // 2 + (blend if stage % 2 else 0.0)


def generated(generator, latents, labels, progress):
    """Every block's picture with the weight that the progress gives it."""
    x = normed(np.concatenate([latents, np.eye(CLASSES)[labels]], axis=-1))
    kernel, bias = weights_of(generator.first[0], 2 * 4 * (LATENT + CLASSES))
    x = np.einsum("bi,itfo->btfo", x, kernel) + bias
    total = 0.0
    for b in range(1, BLOCKS + 1):
        if b > 1:
            x = convolved(larger(x, 2), generator.first[b - 1])
        x = normed(leaky(x))
        x = normed(leaky(convolved(x, generator.second[b - 1])))
        picture = np.tanh(convolved(x, generator.to_rgb[b - 1], gain=1))
        weight = max(0, min(progress - (b - 2), b - progress))
        total = total + weight * larger(picture, 2 ** (BLOCKS - b))
    return total


def discriminated(discriminator, features, progress):
    """From the top block down, whatever has no weight too."""

    def read(b):
        small = smaller(features, 2 ** (BLOCKS - b))
        return leaky(convolved(small, discriminator.from_rgb[b - 1]))

    x = read(BLOCKS)
    for b in range(BLOCKS, 1, -1):
        x = leaky(convolved(x, discriminator.first[b - 1]))
        x = smaller(leaky(convolved(x, discriminator.second[b - 1])), 2)
        weight = np.clip(b - 1 - progress, 0, 1)
        x = weight * read(b - 1) + (1 - weight) * x
    pairs = x.reshape(2, 2, *x.shape[1:])
    deviation = np.sqrt(np.var(pairs, axis=1) + 1e-6).mean(axis=(1, 2, 3))
    channel = np.ones([*x.shape[:3], 1]) * deviation.repeat(2).reshape(
        4, 1, 1, 1
    )
    x = leaky(convolved(np.append(x, channel, -1), discriminator.first[0]))
    heads = []
    x = x.reshape(4, -1)
    kernel, bias = weights_of(discriminator.second[0], x.shape[1])
    x = leaky(x @ kernel + bias)
    for head in (discriminator.head.score, discriminator.head.by_label):
        kernel, bias = weights_of(head, x.shape[1], gain=1)
        heads.append(x @ kernel + bias)
    return heads[0][:, 0], heads[1]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_generator_is_the_documented_mix(networks, notes, stage, blend):
    expected = generated(networks[0], *notes, progress_of(stage, blend))
    features = networks[0](*notes, stage=stage, blend=tf.constant(blend))
    np.testing.assert_allclose(features, expected, atol=1e-4)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_discriminator_is_the_documented_mix(networks, pictures, stage, blend):
    expected = discriminated(networks[1], pictures, progress_of(stage, blend))
    scores, logits = networks[1](
        pictures, LABELS, NO_SHIFTS, stage=stage, blend=tf.constant(blend)
    )
    np.testing.assert_allclose(scores, expected[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits, expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stage", [1, 3])
def test_a_stage_goes_on_where_the_one_before_ended(
    networks, notes, pictures, stage
):
    generator, discriminator = networks
    for blend, neighbour in [(0.0, stage - 1), (1.0, stage + 1)]:
        at, beside = ({"stage": stage, "blend": blend}, {"stage": neighbour})
        np.testing.assert_array_equal(
            generator(*notes, **at), generator(*notes, **beside)
        )
        for one, other in zip(
            discriminator(pictures, LABELS, NO_SHIFTS, **at),
            discriminator(pictures, LABELS, NO_SHIFTS, **beside),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_last_stage_is_the_default(networks, notes, pictures):
    generator, discriminator = networks
    np.testing.assert_array_equal(generator(*notes), generator(*notes, stage=4))
    np.testing.assert_array_equal(
        discriminator(pictures, LABELS, NO_SHIFTS)[0],
        discriminator(pictures, LABELS, NO_SHIFTS, stage=4)[0],
    )


def traced(network, stage, *inputs):
    """The graph of a stage, blend open, with its counts of operations."""
    compiled = tf.function(
        lambda blend, *inputs: network(*inputs, stage=stage, blend=blend)
    ).get_concrete_function(tf.constant(0.5), *inputs)
    operations = compiled.graph.get_operations()
    return collections.Counter(op.type for op in operations)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_computes_its_own_blocks_alone(
    networks, notes, pictures, stage
):
    # Two convolutions a block, but one of block 0 is a product of matrices;
    # one of 1 x 1 for the pictures, and one more while a block fades in.
    blocks = 1 + (stage + 1) // 2
    convolutions = 2 * blocks - 1 + 1 + stage % 2
    # The mean of each pixel norm is a product too: of latents and two a block.
    norms = 1 + 2 * blocks
    operations = traced(networks[0], stage, *notes)
    assert operations["Conv2D"] == convolutions
    assert operations["MatMul"] == 1 + norms
    operations = traced(networks[1], stage, pictures, LABELS, NO_SHIFTS)
    assert operations["Conv2D"] == convolutions
    assert operations["MatMul"] == 3


@pytest.mark.parametrize("stage", STAGES)
def test_gradients_reach_the_blocks_of_the_stage_alone(networks, notes, stage):
    generator, discriminator = networks
    weights = generator.trainable_variables + discriminator.trainable_variables
    with tf.GradientTape() as tape:
        fake = generator(*notes, stage=stage, blend=0.5)
        scores, logits = discriminator(
            fake, LABELS, NO_SHIFTS, stage=stage, blend=0.5
        )
        loss = tf.reduce_sum(scores) + tf.reduce_sum(logits[:, 0])
    gradients = tape.gradient(loss, [w.value for w in weights])
    trained = sum(gradient is not None for gradient in gradients)
    # Kernel and bias: of three layers a block, in each network, less the
    # 1 x 1 ones of blocks that are whole, and of the two heads.
    blocks, pictures = 1 + (stage + 1) // 2, 1 + stage % 2
    assert trained == 2 * (2 * (2 * blocks + pictures) + 2)


def test_all_weights_are_there_before_the_first_call():
    networks = make_networks()
    counts = [len(network.weights) for network in networks]
    assert counts == [2 * 3 * BLOCKS, 2 * (3 * BLOCKS + 2)]
    features = networks[0](tf.zeros([4, LATENT]), LABELS, stage=0)
    networks[1](features, LABELS, NO_SHIFTS, stage=0)
    assert counts == [len(network.weights) for network in networks]


def test_a_label_changes_the_sound(networks, notes):
    latents, labels = notes
    first = networks[0](latents, labels)
    second = networks[0](latents, (labels + 1) % CLASSES)
    assert np.all(np.max(np.abs(first - second), axis=(1, 2, 3)) > 1e-3)


def test_weights_depend_on_the_seed_alone():
    first, again, other = (make_networks(seed=seed) for seed in (0, 0, 1))
    for one, same, third in zip(first, again, other, strict=True):
        for a, b in zip(one.weights, same.weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(one.weights[0], third.weights[0])
