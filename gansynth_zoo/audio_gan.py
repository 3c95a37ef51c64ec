"""AudioGAN: two networks, a representation, and the only training step."""

import dataclasses

import keras
import tensorflow as tf

from gansynth_zoo import computation
from gansynth_zoo import conditioning
from gansynth_zoo import draws
from gansynth_zoo import growth
from gansynth_zoo import latents as latent_priors
from gansynth_zoo import losses
from gansynth_zoo import optimizers
from gansynth_zoo import spectral_norm


class AudioGAN(keras.Model):
    """A generator and a discriminator that are trained against each other.

    Calling it maps latents `[batch, latent]` and labels, int `[batch]`, to
    features `[batch, *feature_shape]` by the averaged generator. Without
    labels in the training sounds, labels are of no use.

    Networks that grow have a `growth.Schedule`, and are used at `stage`, which
    `enter_stage` sets from the steps done; blending follows the steps.

    Args:
      generator: (latents, labels) -> features.
      discriminator: (features, labels, shifts) -> scores and logits, as of
        `conditioning.Head`; its attribute `shuffles` is a
        `phase_shuffle.Shuffles`.
      average: a generator of the same shape, whose weights follow those of
        `generator`.
      representation: the pair `to_features`, `to_waveform`.
      settings: a `model_config.ModelConfig`.
      schedule: a `growth.Schedule`, None for networks that do not grow.
    """

    def __init__(
        self,
        generator,
        discriminator,
        average,
        representation,
        settings,
        schedule=None,
    ):
        super().__init__(name="audio_gan")
        self.generator = generator
        self.discriminator = discriminator
        self.average = average
        self.average.trainable = False
        self.representation = representation
        self.latent_size = settings.latent_size
        self.latent_prior = settings.latent_prior
        # Of the latents that sounds are made of; training has no limit.
        self.latent_truncation = settings.latent_truncation or None
        if self.latent_prior == "uniform" and settings.latent_truncation >= 1:
            self.latent_truncation = None
        self.label_counts = settings.label_counts if settings.classes else ()
        self.schedule = schedule
        self.stage = 0
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
        labels = tf.zeros([1], tf.int32)
        features = self.generator(latents, labels)
        shifts = tf.zeros([1, self.discriminator.shuffles.count], tf.int32)
        self.discriminator(features, labels, shifts)
        self.average(latents, labels)
        self.average.set_weights(self.generator.get_weights())

    def compile(
        self,
        loss,
        recipe,
        generator_optimizer,
        discriminator_optimizer,
        *,
        train,
    ):
        """Sets how the networks are trained.

        Args:
          loss: a `losses.Loss`.
          recipe: a `config.Recipe`.
          generator_optimizer: a Keras optimizer.
          discriminator_optimizer: another one.
          train: a `config.TrainConfig`; its batch is the global one, over all
            replicas.
        """
        super().compile(jit_compile=False)
        self.adversarial_loss = loss
        self.recipe = recipe
        self.batch_size = train.batch_size
        self.ema_decay = train.ema_decay
        self.seed = train.seed
        self._parts = train.batch_parts
        self._xla = train.xla
        self._computation = computation.Computation(
            train.precision, train.recompute
        )
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        # Slots that are first made inside a distributed step crash.
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.enter_stage()

    @property
    def logged(self):
        """Names of the scalars that `train_step` returns."""
        names = ["discriminator_loss", "penalty", "generator_loss"]
        if self.discriminator.head.classifies:
            names += ["discriminator_label_loss", "generator_label_loss"]
        return names

    def call(self, latents, labels):
        return self.average(latents, labels, training=False, **self._growth())

    def seeded(self, seeds):
        """Seeds, int64 `[batch]` -> latents `[batch, latent]`, labels."""
        seeds = tf.cast(seeds, tf.int64)
        latents = latent_priors.from_seeds(
            self.latent_prior, self.latent_size, seeds, self.latent_truncation
        )
        labels = conditioning.labels_from_seeds(self.label_counts, seeds)
        return latents, labels

    def generate(self, latents, labels):
        """Latents and labels -> `[batch, samples, channels]`."""
        return self.representation.to_waveform(self(latents, labels))

    def enter_stage(self):
        """Sets the stage of the steps that were done.

        A stage that begins now has its optimizers start anew. What was
        compiled before is of the stage before.

        Returns:
          The step at which the stage ends, None for never.
        """
        if self.schedule is None:
            return None
        step = int(self.step.numpy())
        self.stage = self.schedule.stage(step * self._examples)
        first, last = (
            -(-self.schedule.start(stage) // self._examples)
            for stage in (self.stage, self.stage + 1)
        )
        if step == first and step > 0:
            optimizers.reset(self.generator_optimizer)
            optimizers.reset(self.discriminator_optimizer)
        ends = self.stage < growth.last_stage(self.schedule.blocks)
        return last if ends else None

    @property
    def _examples(self):
        """Real examples of a step."""
        return self.batch_size * self.recipe.n_critic

    def _growth(self):
        """Arguments of networks that grow."""
        if self.schedule is None:
            return {}
        examples = tf.cast(self.step * self._examples, tf.float32)
        blend = self.schedule.blend(self.stage, examples)
        return {"stage": self.stage, "blend": blend}

    def train_step(self, batch):
        """Updates the discriminator n_critic times, the generator once.

        Args:
          batch: dictionary of "features", `[batch, n_critic, *feature_shape]`,
            "labels", int `[batch, n_critic]`, and "rows", int `[batch]`: where
            these examples stand in the global batch.

        Returns:
          Dictionary of scalars; their sum over all replicas is the mean over
          the global batch.
        """
        rows = batch["rows"]
        logs = []
        for update in range(self.recipe.n_critic):
            real = batch["features"][:, update]
            labels = batch["labels"][:, update]
            # The names are what `profiling` knows the parts of a step by.
            with tf.name_scope("discriminator_update"):
                logs.append(
                    self._discriminator_step(real, labels, rows, update)
                )
        # Fakes are asked for with the labels of real examples, which are as
        # frequent as they are.
        with tf.name_scope("generator_update"):
            generator_logs = self._generator_step(labels, rows)
        self._update_average()
        self.step.assign_add(1)
        means = {
            key: tf.add_n([log[key] for log in logs]) / len(logs)
            for key in logs[0]
        }
        return {**means, **generator_logs}

    def _discriminator_step(self, real, labels, rows, update):
        def gradients(real, labels, random):
            with computation.use(self._computation):
                fake = self._fake(random, labels)
            if self.schedule:
                real = growth.blend_real(
                    real, self.schedule.blocks, **self._growth()
                )
            logs, slopes = self._loss_gradients(random, real, fake, labels)
            # One after the other: at once they would need memory for both.
            with tf.control_dependencies(
                slopes if self._computation.recompute else []
            ):
                penalty, more = self._penalty_gradients(
                    random, real, fake, labels, update
                )
            slopes = [a + b for a, b in zip(slopes, more, strict=True)]
            return {**logs, "penalty": penalty}, slopes

        logs, slopes = self._in_parts(
            gradients, (real, labels, self._draw(rows, update))
        )
        weights = self.discriminator.trainable_variables
        optimizers.apply(self.discriminator_optimizer, slopes, weights)
        self._clip_weights()
        spectral_norm.update(self.discriminator)
        return logs

    def _in_parts(self, gradients, batch):
        """What is told of a batch, and gradients, from one part after another.

        Args:
          gradients: function of the tensors of a batch -> (dictionary of
            scalars, list of tensors), both sums over the examples.
          batch: its arguments, nests of tensors `[batch, ...]`.
        """
        if self._xla or self._parts > 1:  # which has it traced but once
            gradients = tf.function(gradients, jit_compile=self._xla)
        if self._parts == 1:
            return gradients(*batch)
        size = tf.shape(tf.nest.flatten(batch)[0])[0] // self._parts

        def part(i):
            of_batch = slice(i * size, (i + 1) * size)
            return gradients(
                *tf.nest.map_structure(lambda x: x[of_batch], batch)
            )

        def add(i, sums):
            return i + 1, tf.nest.map_structure(tf.add, sums, part(i))

        # A loop, since parts of a graph that do not wait for each other are
        # computed, and in memory, at once.
        return tf.while_loop(
            lambda i, _: i < self._parts,
            add,
            (1, part(0)),
            parallel_iterations=1,
        )[1]

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

    def _with_labels(self, network, loss, logits, labels):
        """The total loss of a network, `[batch]`, and what is told of it."""
        logs = {f"{network}_loss": self._mean(loss)}
        if logits.shape[-1]:
            entropy = losses.cross_entropy(logits, labels)
            logs[f"{network}_label_loss"] = self._mean(entropy)
            loss += self.recipe.label_weight * entropy
        return loss, logs

    def _loss_gradients(self, random, real, fake, labels):
        """Of the discriminator's loss, without its penalty."""

        def loss():
            # Real and fake apart: joining them in one call gains nothing.
            judge = self._judge(random, labels, draws.SHIFTS_REAL)
            scores, logits = judge(real)
            judge = self._judge(random, labels, draws.SHIFTS_FAKE)
            fakes, _ = judge(fake)
            loss = self.adversarial_loss.discriminator(scores, fakes)
            if self.recipe.drift_weight:
                loss += self.recipe.drift_weight * losses.drift(scores)
            return self._with_labels("discriminator", loss, logits, labels)

        return self._gradients(loss, self.discriminator, self._computation)

    def _gradients(self, loss, network, how):
        """What a function tells, and gradients of the mean of its loss.

        They are multiplied by the loss scale, where float16 needs one.

        Args:
          loss: function without arguments -> (loss `[batch]`, what it tells).
          network: whose weights; those that are not used have zeros.
          how: a `computation.Computation`.
        """
        optimizer = (
            self.generator_optimizer
            if network is self.generator
            else self.discriminator_optimizer
        )
        weights = [weight.value for weight in network.trainable_variables]
        with (
            tf.GradientTape(watch_accessed_variables=False) as tape,
            computation.use(how),
        ):
            tape.watch(weights)
            values, logs = loss()
            mean = optimizer.scale_loss(self._mean(values))
        return logs, tape.gradient(
            mean, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def _penalty_gradients(self, random, real, fake, labels, update):
        """The weighted penalty at the updates that have one, else zeros."""
        interval = self.recipe.penalty_interval
        weights = self.discriminator.trainable_variables
        judge = self._judge(random, labels, draws.SHIFTS_PENALTY)

        def loss():
            values = self.adversarial_loss.penalty(
                lambda features: judge(features)[0],
                real,
                fake,
                random[draws.FACTORS],
            )
            values = interval * self.recipe.penalty_weight * values
            return values, self._mean(values)

        def penalty():
            # Squares of slopes of slopes are beyond the range of float16.
            how = dataclasses.replace(self._computation, dtype="float32")
            return self._gradients(loss, self.discriminator, how)

        def nothing():
            return 0.0, [tf.zeros_like(weight.value) for weight in weights]

        if self.adversarial_loss.penalty is None:
            return nothing()
        if interval == 1:
            return penalty()
        index = self.step * self.recipe.n_critic + update
        return tf.cond(index % interval == 0, penalty, nothing)

    def _generator_step(self, labels, rows):
        def gradients(labels, random):
            def loss():
                fake = self._fake(random, labels)
                judge = self._judge(random, labels, draws.SHIFTS_FAKE)
                scores, logits = judge(fake)
                loss = self.adversarial_loss.generator(scores)
                return self._with_labels("generator", loss, logits, labels)

            return self._gradients(loss, self.generator, self._computation)

        logs, slopes = self._in_parts(
            gradients, (labels, self._draw(rows, self.recipe.n_critic))
        )
        weights = self.generator.trainable_variables
        optimizers.apply(self.generator_optimizer, slopes, weights)
        spectral_norm.update(self.generator)
        return logs

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

    def _fake(self, random, labels):
        latents = random[draws.LATENTS]
        return self.generator(latents, labels, training=True, **self._growth())

    def _judge(self, random, labels, use):
        return lambda features: self.discriminator(
            features, labels, random[use], training=True, **self._growth()
        )

    def _draw(self, rows, update):
        """Random numbers of an update, `[batch, ...]`: use -> tensor.

        They are drawn ahead of what is compiled by XLA, which has others.
        """
        drawn = draws.Draws(self.seed, self.step, update, rows, self.batch_size)
        shuffles = self.discriminator.shuffles
        shifts = draws.SHIFTS_REAL, draws.SHIFTS_FAKE, draws.SHIFTS_PENALTY
        return {
            draws.LATENTS: drawn.latents(self.latent_prior, self.latent_size),
            draws.FACTORS: drawn.factors(),
            **{use: drawn.shifts(use, shuffles) for use in shifts},
        }

    def _mean(self, values):
        return tf.reduce_sum(values) / self.batch_size
