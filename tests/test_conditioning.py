import dataclasses
import functools
import math
import random

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from gansynth_zoo import assemble
from gansynth_zoo import conditioning
from gansynth_zoo import layers
from gansynth_zoo import memory
from gansynth_zoo import model_config
from gansynth_zoo.models import wavegan

UNITS, CLASSES = 5, 3
LABELS = np.array([2, 0, 1, 2], np.int32)
NAMES = ("one", "three", "two")


def make_settings(kind):
    return model_config.WaveGANConfig(conditioning=kind, label_names=NAMES)


@pytest.fixture
def make_head(rng):
    """Function: kind of conditioning -> a head with random weights."""

    def make(kind):
        dense = functools.partial(layers.dense, rng=random.Random(0))
        head = conditioning.Head(make_settings(kind), dense)
        head(tf.zeros([1, UNITS]), LABELS[:1])
        for weight in head.weights:
            weight.assign(rng.normal(size=weight.shape))
        return head

    return make


@pytest.fixture
def hidden(rng):
    return rng.normal(size=[4, UNITS]).astype(np.float32)


def affine(layer, x):
    kernel, bias = (np.asarray(weight) for weight in layer.weights)
    return x @ kernel + bias


def test_a_generator_reads_latents_and_one_of_many():
    latents = np.array([[0.5, -1.0], [2.0, 3.0]], np.float32)
    joined = conditioning.concatenate(latents, np.array([2, 0]), 3)
    np.testing.assert_array_equal(
        joined, [[0.5, -1.0, 0, 0, 1], [2.0, 3.0, 1, 0, 0]]
    )
    assert joined.dtype == tf.float32


def test_without_classes_latents_stay_as_they_are():
    latents = tf.constant([[0.5, -1.0]])
    assert conditioning.concatenate(latents, None, 0) is latents


@tf.function
def drawn(counts, seeds):
    return conditioning.labels_from_seeds(counts, seeds)


@pytest.mark.parametrize("counts", [(1, 1), (50, 30, 20), (1, 9, 90, 7)])
def test_a_label_is_drawn_as_often_as_it_is_in_the_data(counts):
    seeds = tf.range(4000, dtype=tf.int64)
    found = np.bincount(drawn(counts, seeds), minlength=len(counts))
    expected = 4000 * np.array(counts) / sum(counts)
    assert stats.chisquare(found, expected).pvalue > 0.001


def test_a_label_without_sounds_is_never_drawn():
    labels = drawn((0, 3, 0, 2, 0), tf.range(200, dtype=tf.int64))
    assert set(labels.numpy()) == {1, 3}


def test_a_label_hangs_on_its_own_seed_alone():
    seeds = np.array([7, 2**40, -3, 7, 12], np.int64)
    labels = conditioning.labels_from_seeds((1,) * 1000, seeds).numpy()
    assert labels.dtype == np.int32
    for seed, label in zip(seeds, labels, strict=True):
        alone = conditioning.labels_from_seeds((1,) * 1000, np.array([seed]))
        assert alone.numpy() == [label]
    assert len(set(labels)) == 4


def test_without_labels_all_are_zero():
    labels = conditioning.labels_from_seeds((), tf.constant([5, 6], tf.int64))
    assert labels.dtype == tf.int32
    np.testing.assert_array_equal(labels, [0, 0])


def test_an_auxiliary_head_scores_and_classifies(make_head, hidden):
    head = make_head("auxiliary")
    scores, logits = head(hidden, LABELS)
    assert head.classifies
    np.testing.assert_allclose(
        scores, affine(head.score, hidden)[:, 0], rtol=1e-5
    )
    np.testing.assert_allclose(logits, affine(head.by_label, hidden), rtol=1e-5)


def test_a_projection_head_adds_how_the_label_suits(make_head, hidden):
    head = make_head("projection")
    scores, logits = head(hidden, LABELS)
    assert not head.classifies
    assert logits.shape == (4, 0)
    kernel, bias = (np.asarray(weight) for weight in head.by_label.weights)
    expected = [
        affine(head.score, x)[0] + x @ kernel[:, label] + bias[label]
        for x, label in zip(hidden, LABELS, strict=True)
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_a_head_without_labels_scores_alone(make_head, hidden):
    head = make_head("none")
    scores, logits = head(hidden, None)
    assert not head.classifies
    assert logits.shape == (4, 0)
    np.testing.assert_allclose(
        scores, affine(head.score, hidden)[:, 0], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "weights"), [("none", 2), ("auxiliary", 4), ("projection", 4)]
)
def test_a_head_has_one_more_layer_for_labels(make_head, kind, weights):
    head = make_head(kind)
    assert len(head.trainable_variables) == weights
    layer = UNITS + 1
    more = CLASSES * layer if weights == 4 else 0
    assert head.count_params() == layer + more


@pytest.mark.parametrize("kind", ["auxiliary", "projection"])
def test_the_label_may_be_told_by_the_mean_of_positions(rng, kind):
    dense = functools.partial(layers.dense, rng=random.Random(0))
    head = conditioning.Head(make_settings(kind), dense)
    hidden = rng.normal(size=[4, UNITS]).astype(np.float32)
    positions = rng.normal(size=[4, 3, 2]).astype(np.float32)
    scores, logits = head(hidden, LABELS, positions)
    alone = affine(head.score, hidden)[:, 0]
    by_label = affine(head.by_label, positions.mean(1))
    if kind == "auxiliary":
        np.testing.assert_allclose(scores, alone, rtol=1e-5)
        np.testing.assert_allclose(logits, by_label, rtol=1e-5)
    else:
        expected = alone + by_label[np.arange(4), LABELS]
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


# WaveGAN's label is told by the mean over the positions that the score sees.
@pytest.mark.parametrize(
    ("model", "positions"),
    [("wavegan", wavegan.START), ("specgan", 1), ("tifgan", 1)],
)
def test_labels_add_one_row_a_class_to_both_networks(tiny, model, positions):
    preset = tiny(f"{model}_sc09_small")
    told = dataclasses.replace(
        preset.model, conditioning="projection", label_names=NAMES
    )
    sizes = [
        [network.parameters for network in memory.measure_networks(changed)]
        for changed in (preset, dataclasses.replace(preset, model=told))
    ]
    more_of_generator, more_of_discriminator = np.subtract(*reversed(sizes))
    with tf.Graph().as_default():
        generator = assemble.make_generator(preset, random.Random(0))
        generator(tf.zeros([1, 100]), None)
        discriminator = assemble.make_discriminator(preset, random.Random(0))
        shape = assemble.make_representation(preset).feature_shape
        shifts = tf.zeros([1, discriminator.shuffles.count], tf.int32)
        discriminator(tf.zeros([1, *shape]), None, shifts)
    assert more_of_generator == CLASSES * generator.start.kernel.shape[1]
    units = math.prod(discriminator.head.score.kernel.shape) // positions
    assert more_of_discriminator == CLASSES * (units + 1)
