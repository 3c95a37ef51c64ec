"""Trains presets in a process of its own, on logical devices or as a worker.

A process can have but one strategy of several processors. It writes the
weights and losses, for `test_strategies` to compare.

  python tests/train_on_devices.py DEVICES STEPS PRESETS.json OUT.npz
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import pipeline
from gansynth_zoo import strategies
from gansynth_zoo import training

SGD = {
    "optimizer": "sgd",
    "discriminator_learning_rate": 1e-3,
    "generator_learning_rate": 1e-3,
}


class Losses(keras.callbacks.Callback):
    """Keeps all that is logged, one after another."""

    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(np.stack([logs[k] for k in sorted(logs)], axis=1))


def train(preset, strategy, steps):
    """First weights, last weights, losses `[steps, kinds]` of a training."""
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    sounds = windows.read(np.arange(len(windows)), np.full(len(windows), 0.5))
    preset = assemble.fit_representation(preset, [sounds])
    with strategy.scope():
        gan = assemble.make_gan(preset)
    dataset = training.distribute(preset, windows, gan, strategy, first_step=0)
    losses = Losses()
    first = weights_of(gan)
    training.run_loop(gan, iter(dataset), steps, strategy, [losses])
    return first, weights_of(gan), np.concatenate(losses.values)


def weights_of(gan):
    """All weights of the networks, one after another."""
    networks = (gan.generator, gan.discriminator, gan.average)
    return np.concatenate(
        [np.ravel(w) for network in networks for w in network.weights]
    )


def main(devices, steps, presets, out):
    """Trains each of the presets, the first by Adam too, writes the file."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    if devices > 1:
        names = [f"CPU:{number}" for number in range(devices)]
        strategy = tf.distribute.MirroredStrategy(names)
    else:
        strategy = strategies.make("auto")
    found = {}
    with open(presets, encoding="utf-8") as file:
        texts = json.load(file)
    for name, text in texts.items():
        # One model says enough of Adam, and graphs take long to make.
        for optimizer in ("sgd", "adam") if len(found) == 0 else ("sgd",):
            preset = config.from_json(text)
            if optimizer == "sgd":
                preset = config.replace(preset, SGD)
            first, last, losses = train(preset, strategy, steps)
            found[f"{name} {optimizer} first"] = first
            found[f"{name} {optimizer} weights"] = last
            found[f"{name} {optimizer} losses"] = losses
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
