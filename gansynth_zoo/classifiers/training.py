"""Trains the network of a classifier."""

import random

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import progress
from gansynth_zoo.classifiers import augmentation
from gansynth_zoo.classifiers import network

_LEARNING_RATE = 1e-3
# Sounds that are classified at a time.
_MEASURED = 32
# How often it is seen whether the weights are the best ones yet.
_CHOICES = 20


def train(learned, chosen, design, *, steps, batch_size=64, seed=0):
    """Learns from some sounds, and keeps the weights that are best on others.

    Adam, with a learning rate that falls from 0.001 to 0 along a cosine.

    Args:
      learned: sounds to learn from: they have `labels`, int32 `[batch]`, and
        `read(places)`, which gives float32 `[batch, samples]`.
      chosen: sounds to choose by, of the same kind.
      design: a `network.Design`.
      steps: batches to learn from, 1 or more.
      batch_size: sounds in each.
      seed: of the first weights, the order and the changes to the sounds; the
        weights are a function of it and the other arguments.

    Returns:
      Float32 arrays: name -> array.
    """
    net = network.Network(design, random.Random(seed))
    update = _make_update(net, steps)
    predict = tf.function(net)
    every = max(1, steps // _CHOICES)
    shown = progress.Progress(steps)
    best, kept, text = (-1.0, 0.0), None, ""
    batches = _batches(len(learned.labels), steps, batch_size, seed)
    for step, rows in enumerate(batches, 1):
        update(
            learned.read(rows), learned.labels[rows], tf.constant([seed, step])
        )
        if step % every == 0 or step == steps:
            score = _score(predict, chosen)
            if score > best:
                best, kept = score, _values(net)
            text = f", validation accuracy {score[0]:.3f}"
        shown.update(step, f"Step {step} of {steps}{text}")
    shown.close()
    return kept


def confusion(scores, labels):
    """How sounds of each class were classified.

    Args:
      scores: float `[batch, labels]`.
      labels: int `[batch]`, their classes.

    Returns:
      Int64 `[labels, labels]`: sounds of a class, by the likeliest class.
    """
    counts = np.zeros((scores.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, scores.argmax(axis=1)), 1)
    return counts


def _make_update(net, steps):
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)
    )
    optimizer.build(net.trainable_variables)

    @tf.function
    def update(waveforms, labels, seed):
        waveforms = augmentation.augment(waveforms, seed)
        with tf.GradientTape() as tape:
            loss = _loss(net(waveforms, training=True), labels)
        gradients = tape.gradient(loss, net.trainable_variables)
        optimizer.apply(gradients)

    return update


def _loss(scores, labels):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    )


def _batches(count, steps, batch_size, seed):
    """Places of the sounds of each batch `[steps, batch]`, in epochs."""
    rng = np.random.default_rng(seed)
    total = steps * batch_size
    epochs = -(-total // count)
    order = np.concatenate([rng.permutation(count) for _ in range(epochs)])
    return order[:total].reshape(steps, batch_size)


def _score(predict, chosen):
    """Accuracy, and where that is equal, the smaller loss: larger is better."""
    count = len(chosen.labels)
    scores = np.concatenate(
        [
            predict(chosen.read(np.arange(i, min(i + _MEASURED, count))))
            for i in range(0, count, _MEASURED)
        ]
    )
    accuracy = np.mean(scores.argmax(axis=1) == chosen.labels)
    return float(accuracy), -float(_loss(scores, chosen.labels))


def _values(net):
    named = net.named_variables().items()
    return {name: variable.numpy() for name, variable in named}
