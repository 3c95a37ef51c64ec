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

    Args:
      gan: an `audio_gan.AudioGAN`.
      preset: its `config.Preset`.
      about: dictionary that is added to the metadata.
    """

    def __init__(self, gan, preset, about):
        super().__init__(name="gansynth_zoo_module")
        self._gan_of = lambda: gan
        # Keras keeps its variables out of sight of tf.Module.
        self.weights = [v.value for v in gan.average.variables]
        facts = {
            "preset": preset.name,
            "model": preset.model.name,
            "sample_rate": preset.audio.sample_rate,
            "num_samples": preset.audio.num_samples,
            "channels": preset.audio.channels,
            "latent_size": preset.model.latent_size,
            "latent_prior": preset.model.latent_prior,
            "latent_truncation": gan.latent_truncation,
            "labels": [],
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
    def __call__(self, latents):
        return self._gan_of().generate(latents)

    @tf.function
    def features(self, latents):
        return self._gan_of()(latents)

    @tf.function
    def latents(self, seeds):
        return self._gan_of().seeded_latents(seeds)

    @tf.function
    def generate(self, count, seed):
        seeds = seed + tf.range(tf.cast(count, tf.int64))
        return self(self.latents(seeds))

    @tf.function(input_signature=[])
    def metadata(self):
        return tf.constant(self._metadata)

    def serve_latents(self, latents):
        """Signature `serving_default`: latents -> waveform."""
        return {"waveform": self(latents)}

    def serve_seeds(self, seed):
        """Signature `generate`: seeds, int64 `[batch]` -> waveform."""
        return {"waveform": self(self.latents(seed))}

    def serve_wav(self, seed):
        """Signature `generate_wav`: seeds -> the bytes of WAV files."""
        rate = tf.constant(self.facts["sample_rate"], tf.int32)
        wav = tf.map_fn(
            lambda sound: tf.audio.encode_wav(
                tf.clip_by_value(sound, -1.0, 1.0), rate
            ),
            self(self.latents(seed)),
            fn_output_signature=tf.string,
        )
        return {"wav_bytes": wav}

    def signatures(self):
        """Signatures for TF Serving; each has a batch dimension."""
        seed = tf.TensorSpec([None], tf.int64, "seed")
        return {
            "serving_default": tf.function(
                self.serve_latents
            ).get_concrete_function(self._latents_spec()),
            "generate": tf.function(self.serve_seeds).get_concrete_function(
                seed
            ),
            "generate_wav": tf.function(self.serve_wav).get_concrete_function(
                seed
            ),
        }

    def _latents_spec(self):
        size = self.facts["latent_size"]
        return tf.TensorSpec([None, size], tf.float32, "latents")

    def _trace(self):
        """Fixes the shapes and types that a loaded module accepts."""
        self.__call__.get_concrete_function(self._latents_spec())
        self.features.get_concrete_function(self._latents_spec())
        self.latents.get_concrete_function(
            tf.TensorSpec([None], tf.int64, "seeds")
        )
        self.generate.get_concrete_function(
            tf.TensorSpec([], tf.int32, "count"),
            tf.TensorSpec([], tf.int64, "seed"),
        )
