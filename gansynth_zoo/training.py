"""Training: the loop, on one device or many."""

import contextlib
import json
import signal
import time

import keras
import numpy as np
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import callbacks as run_callbacks
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import health
from gansynth_zoo import memory
from gansynth_zoo import monitors
from gansynth_zoo import pipeline
from gansynth_zoo import profiling
from gansynth_zoo import strategies

# A call of the compiled loop aims at so many seconds: long enough that its
# start costs nothing, short enough that Ctrl-C and previews do not wait.
_CALL_SECONDS = 0.5


def train(preset, run, strategy=None, report=print, profile=None):
    """Trains a run to its last step, from where it stands.

    Of many workers each calls it, and the chief alone writes to the run.

    Args:
      preset: a `config.Preset`.
      run: a `runs.Run`; the caller, of many workers the chief, holds its lock.
      strategy: a `tf.distribute.Strategy`; None is one device.
      report: function that is told, in a line, what happens.
      profile: (first, last) of the steps to profile, None for none.

    Returns:
      Whether the run is done; not so after Ctrl-C or SIGTERM.

    Raises:
      ZooError: where the data, the configuration or the disk is at fault, the
        memory is too small, a loss is not finite, or workers differ.
    """
    strategy = strategy or tf.distribute.get_strategy()
    clips = clip_sources.load_clips(preset)
    preset = assemble.fit_labels(preset, clips)
    labelled = preset.model.classes > 0
    windows = pipeline.Windows(clips, preset.audio, preset.data, labelled)
    _tell_of_sounds(clips, windows, labelled, report)
    preset = assemble.fit_representation(preset, pipeline.every_window(windows))
    # Before the weights are made, which may be what does not fit.
    memory.check(preset, _bytes(clips), strategy, report)
    with strategy.scope():
        gan = assemble.make_gan(preset)
    if strategies.is_chief(strategy):
        _write_facts(run, preset, clips, report)
    first_step = run.restore(gan, report)
    strategies.check_same(strategy, _what_is_shared(preset, clips, first_step))
    report(
        f"Generator {_count(gan.generator)}, discriminator "
        f"{_count(gan.discriminator)} parameters."
    )
    if first_step >= preset.train.steps:
        report(f"The run has its {first_step} steps; --steps=N goes on.")
        return True
    dataset = distribute(preset, windows, gan, strategy, first_step)
    with contextlib.ExitStack() as stack:
        shown = run_callbacks.Progress(first_step, preset.train.steps)
        callbacks = [run_callbacks.StopOnNonFinite(), shown]
        if strategies.is_chief(strategy):
            if profile:  # before others, whose time is none of the steps
                callbacks.insert(0, profiling.Profile(run, *profile, report))
            writer = tf.summary.create_file_writer(str(run.summaries))
            stack.enter_context(contextlib.closing(writer))
            callbacks += _chiefs_callbacks(
                preset, run, windows, writer, first_step, shown.above(report)
            )
        stack.enter_context(_interruptible(gan, report))
        run_loop(gan, iter(dataset), preset.train.steps, strategy, callbacks)
    return int(gan.step.numpy()) >= preset.train.steps


def _tell_of_sounds(clips, windows, labelled, report):
    report(
        f"{clips.about['name']}: {len(clips)} clips, {clips.seconds():.0f} s, "
        f"{len(windows)} windows an epoch."
    )
    unlabelled = int(np.sum(clips.index["label"] < 0))
    if labelled and unlabelled:
        report(f"Left out: {unlabelled} clips that have no label.")


def _write_facts(run, preset, clips, report):
    about = {**clips.about, "clips": len(clips), "seconds": clips.seconds()}
    # Not before all that may be wrong with the settings was found: a run whose
    # first start failed may be started again with other ones.
    if run.exists() and run.read_data() != about:
        report("The sounds are not those that the run was started with.")
    run.write_data(about)
    run.write_preset(preset)


def _what_is_shared(preset, clips, first_step):
    """What workers must have in common, as text."""
    facts = json.loads(config.to_json(preset))
    # The folders of the same sounds may have other names.
    del facts["data"]
    return json.dumps([facts, len(clips), clips.seconds(), first_step])


def _chiefs_callbacks(preset, run, windows, writer, first_step, report):
    """What goes on beside training and writes to the run."""
    train = preset.train
    watch = health.Health(
        preset, windows, run.path / "health.txt", writer, report
    )
    return [
        run_callbacks.Summaries(writer),
        watch,
        monitors.Monitors(
            run,
            windows,
            preset.audio.sample_rate,
            train.evaluate_every,
            first_step,
            writer,
            report,
        ),
        run_callbacks.Checkpoints(
            run, train.checkpoint_seconds, train.keep_checkpoints, report
        ),
        run_callbacks.Previews(
            run.previews,
            writer,
            preset.audio.sample_rate,
            train.preview_seconds,
            listeners=[watch.listen],
        ),
    ]


def run_loop(gan, iterator, steps, strategy, callbacks):
    """Runs training steps until there were `steps` of them.

    Args:
      gan: a compiled `audio_gan.AudioGAN`, made in the strategy's scope.
      iterator: yields what `train_step` takes.
      steps: steps at the end, those that were done before included.
      strategy: a `tf.distribute.Strategy`.
      callbacks: Keras callbacks. One epoch is one stage of networks that grow,
        the only one of others. One batch is one call of several steps, the
        number of the batch is that of the steps done, and each logged value is
        an array with a value for every step of the call.
    """
    callback_list = keras.callbacks.CallbackList(callbacks, model=gan)
    everyone = strategies.Everyone(strategy)
    gan.stop_training = False
    callback_list.on_train_begin()
    stopped = False
    while gan.step.numpy() < steps and not stopped:
        end = min(steps, gan.enter_stage() or steps)
        callback_list.on_epoch_begin(gan.stage)
        stopped = _run_stage(
            gan, iterator, end, strategy, callback_list, everyone
        )
        callback_list.on_epoch_end(gan.stage)
    callback_list.on_train_end()
    # Workers leave together: one that is missed is taken for dead.
    everyone(0)


def _run_stage(gan, iterator, steps, strategy, callback_list, everyone):
    """Runs training steps of one stage until there were `steps` of all.

    Returns:
      Whether a worker is to stop, by `gan.stop_training`, before.
    """
    call = _make_call(gan, iterator, strategy)
    done = int(gan.step.numpy())
    count = 1
    stopped = False
    while done < steps and not stopped:
        callback_list.on_train_batch_begin(done)
        start = time.monotonic()
        logs = {k: v.numpy() for k, v in call(tf.constant(count)).items()}
        speed = count / (time.monotonic() - start)
        done += count
        callback_list.on_train_batch_end(done, logs)
        stops, speeds = everyone(gan.stop_training, speed)
        stopped = stops.any()
        # The first call also traces: it says nothing about the speed.
        wanted = max(1, min(2 * count, int(speeds.min() * _CALL_SECONDS)))
        count = min(wanted, steps - done)
    return stopped


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

        history = {
            name: tf.TensorArray(tf.float32, count, element_shape=[])
            for name in gan.logged
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
    """Ctrl-C and SIGTERM end the loop after the steps in hand.

    A second one ends it at once.
    """
    before = {}

    def stop(signum, frame):
        del frame
        report("Stopping after the steps in hand; once more stops at once.")
        gan.stop_training = True
        signal.signal(signum, before[signum])

    try:
        for signum in (signal.SIGINT, signal.SIGTERM):
            before[signum] = signal.signal(signum, stop)
    except ValueError:  # not the main thread: no signals to be had
        yield
        return
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _count(network):
    return f"{sum(np.prod(v.shape) for v in network.trainable_variables):,}"


def _bytes(clips):
    return 2 * clips.channels * int(clips.index["length"].sum())
