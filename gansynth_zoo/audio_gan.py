"""AudioGAN: two networks, a representation, and the only training step."""

import keras
import tensorflow as tf

from gansynth_zoo import draws
from gansynth_zoo import latents as latent_priors
from gansynth_zoo import spectral_norm


class AudioGAN(keras.Model):
    """A generator and a discriminator that are trained against each other.

    Calling it maps latents `[batch, latent]` to features
    `[batch, *feature_shape]` by the averaged generator.

    Args:
      generator: latents -> features.
      discriminator: (features, shifts) -> scores `[batch]`; its attribute
        `shuffles` is a `layers.Shuffles`.
      average: a generator of the same shape, whose weights follow those of
        `generator`.
      representation: the pair `to_features`, `to_waveform`.
      latent_size: dimensions of the latents.
      latent_prior: "uniform" or "normal".
      latent_truncation: largest coordinate of the latents that sounds are made
        of; None for no limit. Training has none.
    """

    def __init__(
        self,
        generator,
        discriminator,
        average,
        representation,
        latent_size,
        latent_prior,
        latent_truncation=None,
    ):
        super().__init__(name="audio_gan")
        self.generator = generator
        self.discriminator = discriminator
        self.average = average
        self.average.trainable = False
        self.representation = representation
        self.latent_size = latent_size
        self.latent_prior = latent_prior
        self.latent_truncation = latent_truncation
        self.step = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._make_weights()

    def _make_weights(self):
        """Makes all weights; the averaged generator starts as a copy."""
        latents = tf.zeros([1, self.latent_size])
        features = self.generator(latents)
        shifts = tf.zeros([1, self.discriminator.shuffles.count], tf.int32)
        self.discriminator(features, shifts)
        self.average(latents)
        self.average.set_weights(self.generator.get_weights())
        self(latents)

    def compile(
        self,
        loss,
        recipe,
        generator_optimizer,
        discriminator_optimizer,
        *,
        batch_size,
        ema_decay,
        seed,
    ):
        """Sets how the networks are trained.

        Args:
          loss: a `losses.Loss`.
          recipe: a `config.Recipe`.
          generator_optimizer: a Keras optimizer.
          discriminator_optimizer: another one.
          batch_size: size of the global batch, over all replicas.
          ema_decay: decay of the averaged generator; 0 copies the weights.
          seed: the run's seed.
        """
        super().compile(jit_compile=False)
        self.adversarial_loss = loss
        self.recipe = recipe
        self.batch_size = batch_size
        self.ema_decay = ema_decay
        self.seed = seed
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        # Slots that are first made inside a distributed step crash.
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, latents):
        return self.average(latents, training=False)

    def seeded_latents(self, seeds):
        """Seeds, int64 `[batch]` -> latents `[batch, latent]`, one each."""
        return latent_priors.from_seeds(
            self.latent_prior, self.latent_size, seeds, self.latent_truncation
        )

    def generate(self, latents):
        """Latents `[batch, latent]` -> `[batch, samples, channels]`."""
        return self.representation.to_waveform(self(latents))

    def train_step(self, batch):
        """Updates the discriminator n_critic times, the generator once.

        Args:
          batch: dictionary of "features", `[batch, n_critic, *feature_shape]`,
            and "rows", int `[batch]`: where these examples stand in the global
            batch.

        Returns:
          Dictionary of scalars; their sum over all replicas is the mean over
          the global batch.
        """
        rows = batch["rows"]
        logs = []
        for update in range(self.recipe.n_critic):
            real = batch["features"][:, update]
            logs.append(self._discriminator_step(real, rows, update))
        generator_loss = self._generator_step(rows, self.recipe.n_critic)
        self._update_average()
        self.step.assign_add(1)
        means = {
            key: tf.add_n([log[key] for log in logs]) / len(logs)
            for key in logs[0]
        }
        return {**means, "generator_loss": generator_loss}

    def _discriminator_step(self, real, rows, update):
        random = self._draws(rows, update)
        fake = self.generator(self._latents(random), training=True)
        loss, gradients = self._discriminator_gradients(
            lambda: self.adversarial_loss.discriminator(
                # Real and fake apart: joining them in one call gains nothing.
                self._score(random, draws.SHIFTS_REAL)(real),
                self._score(random, draws.SHIFTS_FAKE)(fake),
            )
        )
        penalty, more = self._penalty_gradients(random, real, fake, update)
        gradients = [a + b for a, b in zip(gradients, more, strict=True)]
        weights = self.discriminator.trainable_variables
        _apply(self.discriminator_optimizer, gradients, weights)
        self._clip_weights()
        spectral_norm.update(self.discriminator)
        return {"discriminator_loss": loss, "penalty": penalty}

    def _clip_weights(self):
        """Clips the discriminator's weights, where the recipe says so."""
        limit = self.recipe.weight_clip
        if not limit:
            return

        def update(strategy):
            for weight in self.discriminator.trainable_variables:
                strategy.extended.update(
                    weight.value,
                    lambda w: w.assign(tf.clip_by_value(w, -limit, limit)),
                )

        # Mirrored variables can only be assigned to across all replicas.
        tf.distribute.get_replica_context().merge_call(update)

    def _discriminator_gradients(self, values):
        """Mean of `[batch]` values, and its gradient for each weight."""
        weights = [w.value for w in self.discriminator.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            mean = self._mean(values())
        return mean, tape.gradient(
            mean, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def _penalty_gradients(self, random, real, fake, update):
        """The weighted penalty at the updates that have one, else zeros."""
        interval = self.recipe.penalty_interval
        score = self._score(random, draws.SHIFTS_PENALTY)

        def penalty():
            factor = interval * self.recipe.penalty_weight
            return self._discriminator_gradients(
                lambda: (
                    factor
                    * self.adversarial_loss.penalty(
                        score, real, fake, random.factors()
                    )
                )
            )

        def nothing():
            weights = self.discriminator.trainable_variables
            return 0.0, [tf.zeros_like(weight.value) for weight in weights]

        if self.adversarial_loss.penalty is None:
            return nothing()
        if interval == 1:
            return penalty()
        index = self.step * self.recipe.n_critic + update
        return tf.cond(index % interval == 0, penalty, nothing)

    def _generator_step(self, rows, update):
        random = self._draws(rows, update)
        weights = self.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in weights])
            fake = self.generator(self._latents(random), training=True)
            scores = self._score(random, draws.SHIFTS_FAKE)(fake)
            loss = self._mean(self.adversarial_loss.generator(scores))
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        _apply(self.generator_optimizer, gradients, weights)
        spectral_norm.update(self.generator)
        return loss

    def _update_average(self):
        """Moves the averaged generator; a short memory at the start.

        State that is not trained, as of batch norm, is copied.
        """
        step = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))

        def follow(average, weight):
            average.assign_sub((1.0 - decay) * (average - weight))

        def copy(average, state):
            average.assign(state)

        def update(strategy):
            pairs = zip(
                self.average.variables, self.generator.variables, strict=True
            )
            for average, weight in pairs:
                strategy.extended.update(
                    average.value,
                    follow if weight.trainable else copy,
                    args=(weight.value,),
                )

        tf.distribute.get_replica_context().merge_call(update)

    def _score(self, random, use):
        shifts = random.shifts(use, self.discriminator.shuffles)
        return lambda features: self.discriminator(
            features, shifts, training=True
        )

    def _draws(self, rows, update):
        return draws.Draws(self.seed, self.step, update, rows, self.batch_size)

    def _latents(self, random):
        return random.latents(self.latent_prior, self.latent_size)

    def _mean(self, values):
        return tf.reduce_sum(values) / self.batch_size


def _apply(optimizer, gradients, weights):
    """Updates weights, the first of them only when all gradients are there.

    Without the wait, a run on a busy machine ends with other weights now and
    then: the optimised graph starts to update some while others' gradients are
    still computed from them.
    """
    with tf.control_dependencies(gradients):
        gradients = [tf.identity(gradient) for gradient in gradients]
    optimizer.apply(gradients, weights)
