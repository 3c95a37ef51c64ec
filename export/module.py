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
from gansynth_zoo import latents as latent_priors


class GeneratorModule(tf.Module):
    """What `hub.load` gives back.

    `module(latents)` maps float32 `[batch, latent]` to waveforms `[batch,
    samples, channels]`. `module.generate(count, seed)` makes the sounds of the
    seeds seed, seed + 1, ..., so that a sound has one number, whatever it is
    made beside. `module.interpolate(start, end, position)` makes sounds on the
    way from seeds to seeds, int64 `[batch]` or `[1]`: float32 `[batch]`, 0 is
    at the start and 1 at the end, with what is beyond taken for the nearer of
    these. `module.latents(seeds)` gives the latents of seeds, int64 `[batch]`.
    `module.features(latents)` is what the generator makes before it becomes a
    waveform. `module.metadata()` returns JSON.

    A model that was trained with labels also takes labels: `module(latents,
    labels)`, `module.features(latents, labels)` with numbers, `[batch]`, in the
    order of the metadata's "labels"; and `module.generate(count, seed, labels)`
    and `module.interpolate(start, end, position, labels)` with numbers or
    names, `[batch]` or `[1]`. A number beyond the last is taken for the last,
    one below 0 for 0; a name that is not known is an error, and "" leaves the
    label to the seed at the start, as no labels do. Names are a list or an
    array of str, numbers a list of int or an array of int32 or int64.
    `module.labels(seeds)` tells the labels of seeds.

    Where the representation cannot make waveforms, as of an imported SpecGAN
    without its moments, features stand in their place, and the metadata's
    "output" is "features".

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
        invertible = gan.representation.invertible
        self._output = "waveform" if invertible else "features"
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
            "output": self._output,
            "parameters": gan.average.count_params(),
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
        return self._make_sounds(latents, self._numbers(labels, latents))

    @tf.function
    def features(self, latents, labels=None):
        return self._make_features(latents, self._numbers(labels, latents))

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
        return self._of_seeds(seeds, labels)

    @tf.function
    def interpolate(self, start, end, position, labels=None):
        shape = tf.shape(position)
        if labels is not None:
            labels = tf.broadcast_to(labels, shape)
        start, end = (tf.broadcast_to(seeds, shape) for seeds in (start, end))
        return self._between(start, end, position, labels)

    @tf.function(input_signature=[])
    def metadata(self):
        return tf.constant(self._metadata)

    # Whoever asks for a sound calls these, which are in the module once.
    @tf.function
    def _make_sounds(self, latents, labels):
        if self._output == "features":
            return self._make_features(latents, labels)
        return self._gan_of().generate(latents, labels)

    @tf.function
    def _make_features(self, latents, labels):
        return self._gan_of()(latents, labels)

    @tf.function
    def _latents_between(self, start, end, position):
        """Seeds and positions between them -> latents `[batch, latent]`."""
        prior = self._gan_of().latent_prior
        size = self._gan_of().latent_size
        return tf.map_fn(
            lambda leg: latent_priors.interpolate(
                prior, leg[0], leg[1], leg[2][tf.newaxis]
            )[0],
            (
                self.latents(start),
                self.latents(end),
                tf.clip_by_value(position, 0.0, 1.0),
            ),
            fn_output_signature=tf.TensorSpec([size], tf.float32),
        )

    def _of_seeds(self, seeds, labels):
        """Seeds and labels, None or numbers or names -> waveforms."""
        return self._labelled(self.latents(seeds), labels, seeds)

    def _between(self, start, end, position, labels):
        """Seeds, positions between them and labels -> waveforms."""
        latents = self._latents_between(start, end, position)
        return self._labelled(latents, labels, start)

    def _labelled(self, latents, labels, seeds):
        """Latents and labels, None for those of seeds -> waveforms."""
        if labels is None:
            labels = self.labels(seeds)
        elif labels.dtype == tf.string:
            labels = self._named(labels, self.labels(seeds))
        return self._make_sounds(latents, self._numbers(labels, latents))

    def _numbers(self, labels, latents):
        if labels is None:
            return tf.zeros([tf.shape(latents)[0]], tf.int32)
        last = max(0, len(self._names) - 1)
        return tf.cast(tf.clip_by_value(labels, 0, last), tf.int32)

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
        return {self._output: self(latents, labels)}

    def serve_seeds(self, seed, label=None):
        """Signature `generate`: seeds, int64 `[batch]`, names -> waveform."""
        return {self._output: self._of_seeds(seed, label)}

    def serve_between(self, start, end, position, label=None):
        """Signature `interpolate`: seeds, positions, names -> waveform."""
        return {self._output: self._between(start, end, position, label)}

    def serve_wav(self, seed, label=None):
        """Signature `generate_wav`: seeds, names -> the bytes of WAV files."""
        rate = tf.constant(self.facts["sample_rate"], tf.int32)
        wav = tf.map_fn(
            lambda sound: tf.audio.encode_wav(
                # Quieter rather than clipped.
                sound / tf.maximum(tf.reduce_max(tf.abs(sound)), 1.0),
                rate,
            ),
            self._of_seeds(seed, label),
            fn_output_signature=tf.string,
        )
        return {"wav_bytes": wav}

    def signatures(self):
        """Signatures for TF Serving; each has a batch dimension."""
        names = [tf.TensorSpec([None], tf.string, "label")]
        names = names if self._names else []
        seeds = [tf.TensorSpec([None], tf.int64, "seed")]
        served = {
            "serving_default": (self.serve_latents, self._inputs()),
            "generate": (self.serve_seeds, seeds + names),
            "generate_wav": (self.serve_wav, seeds + names),
            "interpolate": (self.serve_between, _legs() + names),
        }
        if self._output != "waveform":
            del served["generate_wav"]
        return {
            name: tf.function(serve).get_concrete_function(*inputs)
            for name, (serve, inputs) in served.items()
        }

    def _inputs(self, kind=tf.int32):
        """What the generator takes: latents, and labels where it has any."""
        size = self.facts["latent_size"]
        inputs = [tf.TensorSpec([None, size], tf.float32, "latents")]
        if self._names:
            inputs.append(tf.TensorSpec([None], kind, "labels"))
        return inputs

    def _trace(self):
        """Fixes the shapes and types that a loaded module accepts."""
        # NumPy counts in int64.
        numbers = (tf.int32, tf.int64) if self._names else (tf.int32,)
        for kind in numbers:
            self.__call__.get_concrete_function(*self._inputs(kind))
            self.features.get_concrete_function(*self._inputs(kind))
        seeds = tf.TensorSpec([None], tf.int64, "seeds")
        self.latents.get_concrete_function(seeds)
        self.labels.get_concrete_function(seeds)
        run = [
            tf.TensorSpec([], tf.int32, "count"),
            tf.TensorSpec([], tf.int64, "seed"),
        ]
        for make, inputs in (
            (self.generate, run),
            (self.interpolate, _legs()),
        ):
            make.get_concrete_function(*inputs)
            for kind in (*numbers, tf.string) if self._names else ():
                labels = tf.TensorSpec([None], kind, "labels")
                make.get_concrete_function(*inputs, labels)


def _legs():
    """What tells of points on the way from seeds to seeds."""
    return [
        tf.TensorSpec([None], tf.int64, "start"),
        tf.TensorSpec([None], tf.int64, "end"),
        tf.TensorSpec([None], tf.float32, "position"),
    ]
