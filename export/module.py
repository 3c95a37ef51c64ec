"""The module that is exported: latents or seeds in, sound out.

It holds core TensorFlow operations alone, so that it runs where TensorFlow is
and nothing of this package.
"""

import dataclasses
import json
import platform

import keras
import tensorflow as tf

import gansynth_zoo


class GeneratorModule(tf.Module):
    """What `hub.load` gives back.

    `module(latents)` maps float32 `[batch, latent]` to waveforms `[batch,
    samples, channels]`. `module.generate(count, seed)` makes the sounds of the
    seeds seed, seed + 1, ..., so that a sound has one number, whatever it is
    made beside. `module.latents(seeds)` gives the latents of seeds, int64
    `[batch]`. `module.features(latents)` is what the generator makes before it
    becomes a waveform. `module.metadata()` returns JSON.

    A model that was trained with labels also takes labels: `module(latents,
    labels)`, `module.features(latents, labels)` with numbers, int32 `[batch]`,
    in the order of the metadata's "labels"; and `module.generate(count, seed,
    labels)` with numbers or names, `[count]` or `[1]`. A number beyond the last
    is taken for the last, one below 0 for 0; a name that is not known is an
    error, and "" leaves the label to the seed, as `generate` without labels
    does. Names are a list or an array of str, numbers a list of int or an array
    of int32: a loaded module refuses int64. `module.labels(seeds)` tells the
    labels of seeds.

    Args:
      gan: an `audio_gan.AudioGAN`.
      preset: its `config.Preset`.
      about: dictionary that is added to the metadata.
    """

    def __init__(self, gan, preset, about):
        super().__init__(name="gansynth_zoo_module")
        self._gan_of = lambda: gan
        # Keras keeps its variables out of sight of tf.Module. Where a block of
        # a growing network is faded in, the step says how far.
        self.weights = [v.value for v in gan.average.variables] + [gan.step]
        self._names = list(preset.model.label_names if gan.label_counts else ())
        facts = {
            "preset": preset.name,
            "model": preset.model.name,
            "sample_rate": preset.audio.sample_rate,
            "num_samples": preset.audio.num_samples,
            "channels": preset.audio.channels,
            "latent_size": preset.model.latent_size,
            "latent_prior": preset.model.latent_prior,
            "latent_truncation": gan.latent_truncation,
            "labels": self._names,
            "config": dataclasses.asdict(preset),
            "versions": {
                "gansynth_zoo": gansynth_zoo.__version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "python": platform.python_version(),
            },
            **about,
        }
        # As text, since tf.Module would make a dictionary of its own kind.
        self._metadata = json.dumps(facts, indent=2)
        self._trace()

    @property
    def facts(self):
        """The metadata as a dictionary."""
        return json.loads(self._metadata)

    @tf.function
    def __call__(self, latents, labels=None):
        return self._gan_of().generate(latents, self._numbers(labels, latents))

    @tf.function
    def features(self, latents, labels=None):
        return self._gan_of()(latents, self._numbers(labels, latents))

    @tf.function
    def latents(self, seeds):
        return self._gan_of().seeded(seeds)[0]

    @tf.function
    def labels(self, seeds):
        return self._gan_of().seeded(seeds)[1]

    @tf.function
    def generate(self, count, seed, labels=None):
        seeds = seed + tf.range(tf.cast(count, tf.int64))
        if labels is not None:
            labels = tf.broadcast_to(labels, [count])
        return self._sounds(seeds, labels)

    @tf.function(input_signature=[])
    def metadata(self):
        return tf.constant(self._metadata)

    def _sounds(self, seeds, labels):
        """Seeds and labels, None or numbers or names -> waveforms."""
        latents, drawn = self._gan_of().seeded(seeds)
        if labels is None:
            labels = drawn
        elif labels.dtype == tf.string:
            labels = self._named(labels, drawn)
        return self._gan_of().generate(latents, self._numbers(labels, latents))

    def _numbers(self, labels, latents):
        if labels is None:
            return tf.zeros([tf.shape(latents)[0]], tf.int32)
        return tf.clip_by_value(labels, 0, max(0, len(self._names) - 1))

    def _named(self, names, drawn):
        """Numbers of names `[batch]`, those that were drawn for ""."""
        same = names[:, tf.newaxis] == tf.constant(self._names)
        known = tf.reduce_any(same, axis=1) | (names == "")
        listed = ", ".join(self._names)
        check = tf.debugging.Assert(
            tf.reduce_all(known),
            [f"Expected labels out of {listed}, received", names],
        )
        with tf.control_dependencies([check]):
            numbers = tf.argmax(same, axis=1, output_type=tf.int32)
        return tf.where(names == "", drawn, numbers)

    def serve_latents(self, latents, labels=None):
        """Signature `serving_default`: latents, and labels -> waveform."""
        return {"waveform": self(latents, labels)}

    def serve_seeds(self, seed, label=None):
        """Signature `generate`: seeds, int64 `[batch]`, names -> waveform."""
        return {"waveform": self._sounds(seed, label)}

    def serve_wav(self, seed, label=None):
        """Signature `generate_wav`: seeds, names -> the bytes of WAV files."""
        rate = tf.constant(self.facts["sample_rate"], tf.int32)
        wav = tf.map_fn(
            lambda sound: tf.audio.encode_wav(
                tf.clip_by_value(sound, -1.0, 1.0), rate
            ),
            self._sounds(seed, label),
            fn_output_signature=tf.string,
        )
        return {"wav_bytes": wav}

    def signatures(self):
        """Signatures for TF Serving; each has a batch dimension."""
        seeds = [tf.TensorSpec([None], tf.int64, "seed")]
        if self._names:
            seeds.append(tf.TensorSpec([None], tf.string, "label"))
        served = {
            "serving_default": (self.serve_latents, self._inputs()),
            "generate": (self.serve_seeds, seeds),
            "generate_wav": (self.serve_wav, seeds),
        }
        return {
            name: tf.function(serve).get_concrete_function(*inputs)
            for name, (serve, inputs) in served.items()
        }

    def _inputs(self):
        """What the generator takes: latents, and labels where it has any."""
        size = self.facts["latent_size"]
        inputs = [tf.TensorSpec([None, size], tf.float32, "latents")]
        if self._names:
            inputs.append(tf.TensorSpec([None], tf.int32, "labels"))
        return inputs

    def _trace(self):
        """Fixes the shapes and types that a loaded module accepts."""
        self.__call__.get_concrete_function(*self._inputs())
        self.features.get_concrete_function(*self._inputs())
        seeds = tf.TensorSpec([None], tf.int64, "seeds")
        self.latents.get_concrete_function(seeds)
        self.labels.get_concrete_function(seeds)
        run = (
            tf.TensorSpec([], tf.int32, "count"),
            tf.TensorSpec([], tf.int64, "seed"),
        )
        self.generate.get_concrete_function(*run)
        for kind in (tf.int32, tf.string) if self._names else ():
            self.generate.get_concrete_function(
                *run, tf.TensorSpec([None], kind, "labels")
            )
