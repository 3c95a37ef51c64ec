"""Checkpoints of the originals give runs that compute what their graphs do.

The graphs are written here, with the originals' names and shapes, and small.
"""

import json
import math
import pickle

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from gansynth_zoo import assemble
from gansynth_zoo import import_checkpoint
from gansynth_zoo import runs
from gansynth_zoo.originals import gansynth

v1 = tf.compat.v1


class Original:
    """A graph whose variables are random, and the checkpoint of them."""

    def __init__(self, prefix, rng):
        self.prefix = prefix
        self._rng = rng
        self._made = []

    def variable(self, name, shape, spread=None, about=0.0):
        """A variable; its spread keeps what a layer gives as large."""
        fan_in = math.prod(shape[:-1]) or 1
        value = self._rng.normal(about, spread or fan_in**-0.5, shape)
        return self.constant(name, value.astype("f4"))

    def constant(self, name, value):
        self._made.append(v1.Variable(value, name=name))
        return self._made[-1]

    def dense(self, x, scope, units):
        kernel = self.variable(f"{scope}/kernel", [x.shape[-1], units])
        return x @ kernel + self.variable(f"{scope}/bias", [units], 0.3)

    def norm(self, x, scope, of_batch=False):
        scope = f"{scope}/batch_normalization"
        size = x.shape[-1:]
        gamma = self.variable(f"{scope}/gamma", size, 0.3, 1.0)
        beta = self.variable(f"{scope}/beta", size, 0.3)
        mean = self.variable(f"{scope}/moving_mean", size, 0.3)
        variance = self._rng.uniform(0.5, 2.0, size).astype("f4")
        variance = self.constant(f"{scope}/moving_variance", variance)
        if of_batch:
            mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)

    def save(self, *results):
        """Writes the checkpoint; returns the values of some tensors."""
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            self.prefix.parent.mkdir(parents=True, exist_ok=True)
            v1.train.Saver(self._made).save(
                session, str(self.prefix), write_meta_graph=False
            )
            return session.run(results)


def upsampled(original, x, scope, channels, taps, stride, nearest):
    """A layer of the generators of WaveGAN and SpecGAN, one axis or two."""
    axes, width = len(x.shape) - 2, x.shape[-1]
    scope += f"/conv{axes}d" if nearest else "/conv2d_transpose"
    bias = original.variable(f"{scope}/bias", [channels], 0.3)
    if nearest:
        for axis in range(1, axes + 1):
            x = tf.repeat(x, stride, axis)
        shape = [taps] * axes + [width, channels]
        kernel = original.variable(f"{scope}/kernel", shape)
        return tf.nn.convolution(x, kernel, padding="SAME") + bias
    # The kernel of a sound is kept as one of a picture of one row.
    row = [1] * (2 - axes)
    shape = [taps] * axes + [channels, width]
    spread = (taps**axes * width / stride**axes) ** -0.5
    kernel = original.variable(f"{scope}/kernel", row + shape, spread)
    kernel = tf.reshape(kernel, shape)
    size = [x.shape[0], *(n * stride for n in x.shape[1:-1]), channels]
    return tf.nn.conv_transpose(x, kernel, size, stride, "SAME") + bias


def donahue(
    original,
    latents,
    sounds,
    strides,
    *,
    dim=3,
    taps=25,
    nearest=False,
    norm=False,
    post_filter=0,
    discriminator=True,
):
    """WaveGAN's graph or, for pictures, SpecGAN's: sounds and scores."""
    axes = len(sounds.shape) - 2
    start = [16] if axes == 1 else [4, 4]
    widths = [dim << i for i in range(len(strides))]
    scope = "G/z_project"
    size = math.prod(start) * widths[-1]
    x = original.dense(latents, f"{scope}/dense", size)
    x = tf.reshape(x, [-1, *start, widths[-1]])
    outs = [*widths[-2::-1], sounds.shape[-1]]
    for i, (channels, stride) in enumerate(zip(outs, strides, strict=True)):
        x = tf.nn.relu(original.norm(x, scope) if norm else x)
        scope = f"G/upconv_{i}"
        x = upsampled(original, x, scope, channels, taps, stride, nearest)
    made = tf.tanh(x)
    if post_filter:
        kernel = original.variable(
            "G/pp_filt/conv1d/kernel", [post_filter, 1, 1]
        )
        made = tf.nn.conv1d(made, kernel, 1, "SAME")
    original.constant("global_step", np.int64(12))
    if not discriminator:
        return original.save(made)
    x = sounds
    for i, (channels, stride) in enumerate(zip(widths, strides, strict=True)):
        scope = f"D/downconv_{i}"
        conv = f"{scope}/conv{axes}d"
        shape = [taps] * axes + [x.shape[-1], channels]
        kernel = original.variable(f"{conv}/kernel", shape)
        x = tf.nn.convolution(x, kernel, [stride] * axes, "SAME")
        x += original.variable(f"{conv}/bias", [channels], 0.3)
        x = original.norm(x, scope, of_batch=True) if norm and i else x
        x = tf.nn.leaky_relu(x, 0.2)
        # What an optimizer keeps is beside it, and is none of the network.
        original.variable(f"{conv}/kernel/Adam_1", shape)
    x = tf.reshape(x, [x.shape[0], -1])
    scores = original.dense(x, "D/output/dense", 1)
    return original.save(made, scores[:, 0])


def run_of(folder, **given):
    """What the command line makes of flags."""
    values = flags.FlagValues()
    import_checkpoint.define_flags(values)
    given["run_dir"] = folder / "run"
    values(["", *(f"--{name}={value}" for name, value in given.items())])
    assert import_checkpoint.main(values) == 0
    return runs.Run(given["run_dir"])


def gan_of(run):
    gan = assemble.make_gan(run.read_preset())
    assert run.restore(gan) > 0
    gan.enter_stage()
    return gan


def check_equal(found, expected):
    found = np.asarray(found)
    scale = np.abs(expected).max()
    assert np.std(expected) > 0.01 * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


def check_networks(run, latents, sounds, expected):
    """Both generators and the discriminator give what the graph gave."""
    gan = gan_of(run)
    for generator in (gan.generator, gan.average):
        check_equal(generator(latents, None), expected[0])
    if len(expected) > 1:
        shuffles = gan.discriminator.shuffles
        shifts = tf.zeros([len(sounds), shuffles.count], tf.int32)
        check_equal(gan.discriminator(sounds, None, shifts)[0], expected[1])
    return gan


def inputs(rng, shape, size=100):
    latents = rng.uniform(-1, 1, (2, size)).astype("f4")
    return latents, rng.uniform(-1, 1, (2, *shape)).astype("f4")


# Strides after the first five, by length.
LAST_STRIDES = {16384: (), 32768: (2,), 65536: (4,)}


@pytest.mark.parametrize(
    ("samples", "channels", "latent", "options"),
    [
        (16384, 1, 100, {}),
        (16384, 2, 7, {"dim": 2, "taps": 24}),
        (32768, 2, 100, {"nearest": True, "norm": True}),
        (65536, 1, 100, {"norm": True}),
        (16384, 1, 100, {"post_filter": 512, "discriminator": False}),
    ],
)
def test_wavegan(samples, channels, latent, options, tmp_path, rng):
    latents, sounds = inputs(rng, (samples, channels), latent)
    strides = (4,) * 5 + LAST_STRIDES[samples]
    original = Original(tmp_path / "model.ckpt-12", rng)
    with tf.Graph().as_default():
        made = donahue(original, latents, sounds, strides, **options)
    # The length is refused where the file tells another.
    given = {} if samples == 16384 else {"num_samples": samples}
    run = run_of(
        tmp_path, format="wavegan", checkpoint=original.prefix, **given
    )
    gan = check_networks(run, latents, sounds, made)
    assert int(gan.step) == 12
    told = "no discriminator" in run.read_data()["notes"]
    assert told == (len(made) == 1)
    preset = run.read_preset()
    assert preset.model.shuffle_per == "batch"
    assert preset.recipe.loss == ("dcgan" if options.get("norm") else "wgan-gp")


@pytest.mark.parametrize(
    "options", [{}, {"dim": 2, "taps": 3, "nearest": True, "norm": True}]
)
def test_specgan(options, tmp_path, rng):
    latents, pictures = inputs(rng, (128, 128, 1))
    options = {"taps": 5, **options}
    original = Original(tmp_path / "train" / "model.ckpt-12", rng)
    with tf.Graph().as_default():
        made = donahue(original, latents, pictures, (2,) * 5, **options)
    mean, deviation = rng.uniform(0.5, 2, (2, 129)).astype("f4")
    (tmp_path / "moments.pkl").write_bytes(pickle.dumps((mean, deviation)))
    run = run_of(
        tmp_path,
        format="specgan",
        checkpoint=tmp_path / "train",
        moments=tmp_path / "moments.pkl",
    )
    gan = check_networks(run, latents, pictures, made)
    assert run.read_preset().model.shuffle_radius == 0
    np.testing.assert_allclose(
        gan.representation.log_magnitude(made[0])[..., :-1],
        3 * deviation[:-1] * made[0][..., 0] + mean[:-1],
        rtol=1e-5,
        atol=1e-5,
    )


def power_step(kernel, u):
    """TiFGAN's kernel and its vector, as they are used."""
    matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
    v = u @ tf.transpose(matrix)
    v /= tf.norm(v) + 1e-12
    u = v @ matrix
    u /= tf.norm(u) + 1e-12
    return kernel / (v @ matrix @ tf.transpose(u))[0, 0]


def marafioti(original, latents, pictures, dim, taps):
    """TiFGAN's graph, frequency by time: pictures and scores."""
    channels = pictures.shape[-1]
    matrix = original.variable("generator/0_full/Matrix", [100, 256 * dim])
    bias = original.variable("generator/0_full/bias", [256 * dim], 0.3)
    x = tf.reshape(tf.nn.relu(latents @ matrix + bias), [-1, 8, 4, 8 * dim])
    for i, width in enumerate([8 * dim, 4 * dim, 2 * dim, dim, channels]):
        scope = f"generator/{i}_deconv_2d"
        shape = [*taps, width, x.shape[-1]]
        kernel = original.variable(f"{scope}/w", shape)
        u = original.variable(f"{scope}/u", [1, shape[-1]])
        size = [2, x.shape[1] * 2, x.shape[2] * 2, width]
        x = tf.nn.conv2d_transpose(x, power_step(kernel, u), size, 2, "SAME")
        x += original.variable(f"{scope}/biases", [width], 0.3)
        x = tf.nn.relu(x) if i < 4 else tf.tanh(x)
    made, x = x, pictures
    for i in range(5):
        scope = f"discriminator/{i}_conv"
        shape = [*taps, x.shape[-1], dim << i]
        kernel = original.variable(f"{scope}/w", shape)
        u = original.variable(f"{scope}/u", [1, shape[-1]])
        x = tf.nn.conv2d(x, power_step(kernel, u), 2, "SAME")
        x += original.variable(f"{scope}/biases", [dim << i], 0.3)
        x = tf.nn.leaky_relu(x, 0.2)
    matrix = original.variable("discriminator/out/Matrix", [512 * dim, 1])
    scores = tf.reshape(x, [2, -1]) @ matrix
    scores += original.variable("discriminator/out/bias", [1], 0.3)
    original.constant("beta1_power", np.float32(0.5))
    return original.save(made, scores[:, 0])


@pytest.mark.parametrize(
    ("channels", "taps", "dim"), [(1, (12, 3), 2), (3, (6, 6), 3)]
)
def test_tifgan(channels, taps, dim, tmp_path, rng):
    latents, pictures = inputs(rng, (256, 128, channels))
    original = Original(tmp_path / "wgan-34", rng)
    with tf.Graph().as_default():
        made, scores = marafioti(original, latents, pictures, dim, taps)
    run = run_of(tmp_path, format="tifgan", checkpoint=original.prefix)
    gan = check_networks(
        run,
        latents,
        pictures.swapaxes(1, 2),
        (made.swapaxes(1, 2), scores),
    )
    assert int(gan.step) == 34
    assert run.read_preset().representation.derivatives == (channels == 3)


START = (4, 8)
WIDTHS = (16, 16, 16, 8)


def scaled(original, x, scope, shape, gain=1.0, padding="SAME", end=""):
    """GANSynth's layer; `end` is what its variables' names end with."""
    kind = "dense" if len(shape) == 2 else "conv2d"
    kernel = original.variable(f"{scope}/{kind}/kernel{end}", shape, 1.0)
    bias = original.variable(f"{scope}/bias{end}", shape[-1:], 0.3)
    scale = math.sqrt(gain / math.prod(shape[:-1]))
    if kind == "dense":
        return scale * (x @ kernel) + bias
    return scale * tf.nn.conv2d(x, kernel, 1, padding) + bias


def hidden(original, x, scope, shape, padding="SAME", end=""):
    x = scaled(original, x, scope, shape, 2.0, padding, end)
    return tf.nn.leaky_relu(x, 0.2)


def normed(x):
    power = tf.reduce_mean(x**2, -1, keepdims=True)
    return x / tf.sqrt(power + 1e-8)


def larger(x, factor):
    return tf.repeat(tf.repeat(x, factor, 1), factor, 2)


def smaller(x, factor):
    return tf.nn.avg_pool2d(x, factor, factor, "VALID")


def engel_pictures(original, latents, labels, progress, end=""):
    """Pictures of so many blocks as `progress` needs, of three."""
    x = normed(tf.concat([latents, tf.one_hot(labels, 3)], 1))
    shape, padding = [*START, x.shape[1], WIDTHS[1]], "VALID"
    x = x[:, tf.newaxis, tf.newaxis]
    x = tf.pad(x, [[0, 0], *([s - 1, s - 1] for s in START), [0, 0]])
    made = 0.0
    root = "Generator/progressive_gan_generator"
    for b in range(1, math.ceil(progress) + 2):
        scope = f"{root}/progressive_gan_block_{b}"
        after = WIDTHS[b]
        if b > 1:
            x = larger(x, 2)
            shape, padding = [3, 3, WIDTHS[b - 1], after], "SAME"
        x = normed(hidden(original, x, f"{scope}/conv0", shape, padding, end))
        shape = [3, 3, after, after]
        x = normed(hidden(original, x, f"{scope}/conv1", shape, end=end))
        shape = [1, 1, after, 2]
        rgb = scaled(original, x, f"{scope}/to_rgb", shape, end=end)
        weight = max(0.0, min(progress - (b - 2), b - progress))
        made += weight * larger(tf.tanh(rgb), 2 ** (3 - b))
    return made


def engel_scores(original, pictures, progress):
    """Scores and logits of so many blocks as `progress` needs, of three."""
    x = 0.0
    root = "Discriminator/progressive_gan_discriminator"
    for b in range(math.ceil(progress) + 1, 0, -1):
        scope = f"{root}/progressive_gan_block_{b}"
        after, width = WIDTHS[b - 1], WIDTHS[b]
        small = smaller(pictures, 2 ** (3 - b))
        rgb = hidden(original, small, f"{scope}/from_rgb", [1, 1, 2, width])
        part = min(max(b - progress, 0.0), 1.0)
        x = part * rgb + (1.0 - part) * x
        if b > 1:
            x = hidden(original, x, f"{scope}/conv0", [3, 3, width, width])
            x = hidden(original, x, f"{scope}/conv1", [3, 3, width, after])
            x = smaller(x, 2)
    _, variance = tf.nn.moments(x, [0])
    deviation = tf.reduce_mean(tf.sqrt(variance + 1e-6))
    x = tf.concat([x, deviation * tf.ones_like(x[..., :1])], -1)
    x = hidden(original, x, f"{scope}/conv0", [3, 3, width + 1, width])
    shape = [*START, width, after]
    x = hidden(original, x, f"{scope}/conv1", shape, "VALID")[:, 0, 0]
    scores = scaled(original, x, f"{scope}/logits", [after, 1])[:, 0]
    scope = "Discriminator/discriminator_cond/classification_logits"
    return scores, scaled(original, x, scope, [after, 3])


def engel(original, latents, labels, pictures, progress, images, ema):
    """GANSynth's graph: pictures of weights and averages, scores, logits."""
    ends = ("", gansynth.AVERAGE) if ema else ("",)
    made = [
        engel_pictures(original, latents, labels, progress, end) for end in ends
    ]
    scores = engel_scores(original, pictures, progress)
    original.constant("global_step", np.int64(images))
    original.constant("Variable", np.float32(5.0))
    original.variable("progressive_gan_train_ops/x/Adam", [3])
    return original.save(made[0], made[-1], *scores)


EXPERIMENT = {
    "fmap_base": 64,
    "fmap_max": 16,
    "num_resolutions": 3,
    "stable_stage_num_images": 16,
    "transition_stage_num_images": 32,
    "audio_length": 256,
    "batch_size_schedule": [8],
}


# The first block alone, a block that is faded in, all but the last, all.
@pytest.mark.parametrize(
    ("stage", "images", "progress", "ema"),
    [
        (0, 8, 0, False),
        (1, 24, 0.25, True),
        (2, 64, 1, True),
        (3, 88, 1.75, True),
        (4, 800, 2, True),
    ],
)
def test_gansynth(stage, images, progress, ema, tmp_path, rng):
    latents, pictures = inputs(rng, (16, 32, 2), 5)
    labels = np.array([2, 0])
    root = tmp_path / "root"
    (root / "stage_00000").mkdir(parents=True)
    (root / "experiment.json").write_text(json.dumps(EXPERIMENT))
    prefix = root / f"stage_{stage:05d}" / f"model.ckpt-{images}"
    original = Original(prefix, rng)
    with tf.Graph().as_default():
        made = engel(original, latents, labels, pictures, progress, images, ema)
    run = run_of(tmp_path, format="gansynth", checkpoint=root)
    gan = gan_of(run)
    growth = gan._growth()
    check_equal(gan.generator(latents, labels, **growth), made[0])
    check_equal(gan(latents, labels), made[1])
    scores, logits = gan.discriminator(pictures, labels, None, **growth)
    check_equal(scores, made[2])
    check_equal(logits, made[3])
    preset = run.read_preset()
    assert preset.model.label_names == ("24", "25", "26")
    assert preset.representation.fft_length == 64
    # What the original makes of the highest level, log power 10.38, is 0.8.
    level, _ = gan.representation._level_and_angle(np.full((1, 16, 32, 2), 0.1))
    np.testing.assert_allclose(
        level[0, 0, 0], (0.1 - 0.113718730221) / 0.0661371661726, rtol=1e-5
    )
