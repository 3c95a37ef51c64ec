"""Training: the loop, on one device or many."""

import contextlib
import signal
import time

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import callbacks as run_callbacks
from gansynth_zoo import clip_sources
from gansynth_zoo import health
from gansynth_zoo import memory
from gansynth_zoo import monitors
from gansynth_zoo import pipeline
from gansynth_zoo import progress

# A call of the compiled loop aims at so many seconds: long enough that its
# start costs nothing, short enough that Ctrl-C and previews do not wait.
_CALL_SECONDS = 0.5


def train(preset, run, strategy=None, report=print):
    """Trains a run to its last step, from where it stands.

    Args:
      preset: a `config.Preset`.
      run: a `runs.Run`; the caller holds its lock.
      strategy: a `tf.distribute.Strategy`; None is one device.
      report: function that is told, in a line, what happens.

    Returns:
      Whether the run is done; not so after Ctrl-C.

    Raises:
      ZooError: where the data, the configuration or the disk is at fault, the
        memory is too small, or a loss is not finite.
    """
    strategy = strategy or tf.distribute.get_strategy()
    clips = clip_sources.load_clips(preset)
    windows = pipeline.Windows(clips, preset.audio, preset.data)
    about = {**clips.about, "clips": len(clips), "seconds": clips.seconds()}
    report(
        f"{about['name']}: {len(clips)} clips, {clips.seconds():.0f} s, "
        f"{len(windows)} windows an epoch."
    )
    preset = assemble.fit_representation(preset, _every_window(windows))
    # Before the weights are made, which may be what does not fit.
    memory.check(preset, _bytes(clips), strategy, report)
    with strategy.scope():
        gan = assemble.make_gan(preset)
    # Not before all that may be wrong with the settings was found: a run whose
    # first start failed may be started again with other ones.
    if run.exists() and run.read_data() != about:
        report("The sounds are not those that the run was started with.")
    run.write_data(about)
    run.write_preset(preset)
    first_step = run.restore(gan, report)
    report(
        f"Generator {_count(gan.generator)}, discriminator "
        f"{_count(gan.discriminator)} parameters."
    )
    if first_step >= preset.train.steps:
        report(f"The run has its {first_step} steps; --steps=N goes on.")
        return True
    dataset = distribute(preset, windows, gan, strategy, first_step)
    writer = tf.summary.create_file_writer(str(run.summaries))
    callbacks = _callbacks(preset, run, windows, writer, first_step, report)
    with _interruptible(gan, report), contextlib.closing(writer):
        run_loop(gan, iter(dataset), preset.train.steps, strategy, callbacks)
    return int(gan.step.numpy()) >= preset.train.steps


def _callbacks(preset, run, windows, writer, first_step, report):
    """What goes on beside training; first what may stop it, then saving."""
    train = preset.train
    shown = run_callbacks.Progress(first_step, train.steps)
    watch = health.Health(
        preset,
        windows,
        run.path / "health.txt",
        writer,
        shown.above(report),
    )
    return [
        run_callbacks.StopOnNonFinite(),
        shown,
        run_callbacks.Summaries(writer),
        watch,
        monitors.Monitors(
            run,
            windows,
            preset.audio.sample_rate,
            train.evaluate_every,
            first_step,
            writer,
            shown.above(report),
        ),
        run_callbacks.Checkpoints(
            run, train.checkpoint_seconds, train.keep_checkpoints
        ),
        run_callbacks.Previews(
            run.previews,
            writer,
            preset.audio.sample_rate,
            train.preview_seconds,
            listeners=[watch.listen],
        ),
    ]


def _every_window(windows, batch_size=64):
    """All windows once, float32 `[batch, samples, channels]`."""
    shown = progress.Progress(len(windows))
    for start in range(0, len(windows), batch_size):
        numbers = np.arange(start, min(start + batch_size, len(windows)))
        yield windows.read(numbers, np.full(len(numbers), 0.5))
        shown.update(numbers[-1] + 1, "Measuring the spectra of the sounds")
    shown.close()


def run_loop(gan, iterator, steps, strategy, callbacks):
    """Runs training steps until there were `steps` of them.

    Args:
      gan: a compiled `audio_gan.AudioGAN`, made in the strategy's scope.
      iterator: yields what `train_step` takes.
      steps: steps at the end, those that were done before included.
      strategy: a `tf.distribute.Strategy`.
      callbacks: Keras callbacks. One batch is one call of several steps, the
        number of the batch is that of the steps done, and each logged value is
        an array with a value for every step of the call.
    """
    callback_list = keras.callbacks.CallbackList(callbacks, model=gan)
    call = _make_call(gan, iterator, strategy)
    gan.stop_training = False
    done = int(gan.step.numpy())
    count = 1
    callback_list.on_train_begin()
    while done < steps and not gan.stop_training:
        callback_list.on_train_batch_begin(done)
        start = time.monotonic()
        logs = {k: v.numpy() for k, v in call(tf.constant(count)).items()}
        speed = count / (time.monotonic() - start)
        done += count
        callback_list.on_train_batch_end(done, logs)
        # The first call also traces: it says nothing about the speed.
        wanted = max(1, min(2 * count, int(speed * _CALL_SECONDS)))
        count = min(wanted, steps - done)
    callback_list.on_train_end()


def _make_call(gan, iterator, strategy):
    """A compiled function: number of steps -> scalars of each step."""

    @tf.function
    def call(count):
        def one_step():
            logs = strategy.run(gan.train_step, args=(next(iterator),))
            return {
                name: strategy.reduce("SUM", value, axis=None)
                for name, value in logs.items()
            }

        names = ("discriminator_loss", "generator_loss", "penalty")
        history = {
            name: tf.TensorArray(tf.float32, count, element_shape=[])
            for name in names
        }
        for i in tf.range(count):
            logs = one_step()
            history = {k: a.write(i, logs[k]) for k, a in history.items()}
        return {name: array.stack() for name, array in history.items()}

    return call


def distribute(preset, windows, gan, strategy, first_step):
    """Batches for every replica of a strategy, from a step on."""

    def make(context):
        local = context.num_replicas_in_sync // context.num_input_pipelines
        return pipeline.make_dataset(
            windows,
            gan.representation.to_features,
            preset.recipe,
            preset.train,
            first_step=first_step,
            share=pipeline.Share(
                context.num_replicas_in_sync,
                local,
                context.input_pipeline_id * local,
            ),
        )

    return strategy.distribute_datasets_from_function(make)


@contextlib.contextmanager
def _interruptible(gan, report):
    """Ctrl-C ends the loop after the steps in hand; a second one, at once."""

    def stop(signum, frame):
        del frame
        report("Stopping after the steps in hand; once more stops at once.")
        gan.stop_training = True
        signal.signal(signum, before)

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread: no signals to be had
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _count(network):
    return f"{sum(np.prod(v.shape) for v in network.trainable_variables):,}"


def _bytes(clips):
    return 2 * clips.channels * int(clips.index["length"].sum())
