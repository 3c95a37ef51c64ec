"""The network of a classifier, its folder, and the one that ships."""

import json
import random
import shutil
import tarfile

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf
from absl import flags

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import train_classifier
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.classifiers import network
from gansynth_zoo.classifiers import wavegan_checkpoint

RATE = 16000
TINY = network.Design(("kick", "snare", "hat"), num_samples=2048, dim=2)


def numpy_images(waveforms):
    """Log-mel spectrograms in double precision, from the definitions."""
    padded = np.pad(waveforms.astype(np.float64), ((0, 0), (0, 1024)))
    starts = np.arange(0, waveforms.shape[1], 128)
    frames = padded[:, starts[:, np.newaxis] + np.arange(1024)]
    window = scipy.signal.get_window("hann", 1024)
    magnitudes = np.abs(np.fft.rfft(frames * window))

    def mel(hertz):
        return 1127.0 * np.log(1.0 + hertz / 700.0)

    edges = np.linspace(mel(40.0), mel(7800.0), 130)
    bins = mel(np.arange(513) * RATE / 1024)
    triangles = [
        np.interp(bins, edges[i : i + 3], [0, 1, 0]) for i in range(128)
    ]
    return np.log(magnitudes @ np.transpose(triangles) + 1e-6)


def numpy_forward(waveforms, weights):
    """Features and logits in double precision, with loops."""

    def norm(x, i):
        name = "batch_normalization" + (f"_{i}" if i else "")
        gamma, beta, mean, variance = (
            weights[f"{name}/{part}"].astype(np.float64)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    x = norm(numpy_images(waveforms), 0)[..., np.newaxis]
    for stage in range(4):
        x = norm(x, stage) if stage else x
        name = "conv2d" + (f"_{stage}" if stage else "")
        kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
        convolved = [
            sum(
                scipy.signal.correlate2d(
                    image[..., i], kernel[..., i, o], "same"
                )
                for i in range(image.shape[-1])
            )
            + bias[o]
            for image in x
            for o in range(kernel.shape[-1])
        ]
        t, b = x.shape[1:3]
        x = np.reshape(convolved, (len(x), -1, t // 2, 2, b // 2, 2))
        x = np.maximum(x, 0).max(axis=(3, 5)).transpose(0, 2, 3, 1)
    features = x.reshape(len(x), -1)
    dense = weights["dense/kernel"], weights["dense/bias"]
    return features, norm(features, 4) @ dense[0] + dense[1]


def random_weights(design, rng):
    net = network.Network(design, random.Random(1))
    return {
        name: rng.uniform(0.5, 1.5, variable.shape).astype(np.float32)
        if "variance" in name
        else rng.normal(0, 0.3, variable.shape).astype(np.float32)
        for name, variable in net.named_variables().items()
    }


@pytest.fixture
def tiny_classifier(rng):
    return classifiers.Classifier(
        TINY, random_weights(TINY, rng), {"accuracy": {}}
    )


def test_images_equal_numpy(rng):
    waveforms = rng.uniform(-1, 1, (2, 3000)).astype(np.float32)
    images = network.images(waveforms)
    assert images.shape == (2, 24, 128)
    np.testing.assert_allclose(images, numpy_images(waveforms), atol=2e-4)


def test_the_published_network_has_its_parameters():
    net = network.Network(network.Design(tuple("0123456789")), random.Random(0))
    norms = 4 * (128 + 3 * 128 + 8192)
    convolutions = (25 * 128 + 128) + 3 * (25 * 128 * 128 + 128)
    assert net.count_params() == norms + convolutions + 8192 * 10 + 10


def test_scores_equal_numpy(tiny_classifier, rng):
    waveforms = rng.uniform(-1, 1, (3, 2048)).astype(np.float32)
    features, logits = numpy_forward(waveforms, tiny_classifier.weights)
    sounds = waveforms[..., np.newaxis]
    found = tiny_classifier.features(sounds, RATE)
    assert found.shape == (3, 1 * 8 * 2)
    np.testing.assert_allclose(found, features, atol=1e-4)
    np.testing.assert_allclose(
        tiny_classifier.scores(sounds, RATE), logits, atol=1e-4
    )
    np.testing.assert_allclose(
        tiny_classifier.scores_of_features(found), logits, atol=1e-4
    )


def test_a_sound_scores_alike_in_every_batch(tiny_classifier, rng):
    sounds = rng.uniform(-1, 1, (130, 2048, 1)).astype(np.float32)
    together = tiny_classifier.scores(sounds, RATE)
    alone = [tiny_classifier.scores(sounds[[i]], RATE)[0] for i in (0, 64, 129)]
    np.testing.assert_allclose(together[[0, 64, 129]], alone, atol=1e-5)


def test_other_lengths_are_cut_or_padded_at_the_end(tiny_classifier, rng):
    sounds = rng.uniform(-1, 1, (2, 1500, 1)).astype(np.float32)
    exact = np.pad(sounds, ((0, 0), (0, 548), (0, 0)))
    longer = np.concatenate([exact, np.ones((2, 100, 1), np.float32)], axis=1)
    expected = tiny_classifier.scores(exact, RATE)
    for other in (sounds, longer):
        np.testing.assert_array_equal(
            tiny_classifier.scores(other, RATE), expected
        )


def test_channels_are_averaged(tiny_classifier, rng):
    stereo = rng.uniform(-1, 1, (2, 2048, 2)).astype(np.float32)
    np.testing.assert_allclose(
        tiny_classifier.scores(stereo, RATE),
        tiny_classifier.scores(stereo.mean(axis=2, keepdims=True), RATE),
        atol=1e-5,
    )


def test_other_sample_rates_are_resampled(tiny_classifier):
    def tone(rate):
        time = np.arange(round(0.1 * rate)) / rate
        sine = np.sin(2 * np.pi * 440 * time) * np.hanning(len(time))
        return sine[np.newaxis, :, np.newaxis]

    np.testing.assert_allclose(
        tiny_classifier.scores(tone(48000), 48000),
        tiny_classifier.scores(tone(RATE), RATE),
        atol=0.05,
    )


def test_rounding_is_that_of_a_wav_file(tiny_classifier, rng, tmp_path):
    sounds = rng.uniform(-1.1, 1.1, (1, 2048, 1))
    values = np.rint(np.clip(sounds, -1, 1) * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", values[0], RATE)
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="int16", always_2d=True)
    np.testing.assert_allclose(
        tiny_classifier.scores(sounds, RATE, rounded=True),
        tiny_classifier.scores(read[np.newaxis] / 32767.0, RATE),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("sounds", "word"),
    [
        (np.zeros((2, 2048)), "shape"),
        (np.zeros((0, 2048, 1)), "shape"),
        (np.full((1, 2048, 1), np.nan), "finite"),
    ],
)
def test_sounds_that_are_none_are_refused(tiny_classifier, sounds, word):
    with pytest.raises(errors.ZooError, match=word):
        tiny_classifier.scores(sounds, RATE)


@pytest.mark.parametrize(
    ("labels", "num_samples", "word"),
    [
        (("kick",), 2048, "two or more labels"),
        ((), 2048, "received 0"),
        (("kick", "snare"), 1920, "at least 1921"),
    ],
)
def test_designs_that_cannot_be_are_refused(labels, num_samples, word):
    with pytest.raises(errors.ZooError, match=word):
        network.Design(labels, num_samples)


def test_the_shortest_sounds_have_one_frame():
    design = network.Design(("kick", "snare"), 1921, 1)
    net = network.Network(design, random.Random(0))
    assert net.features(tf.zeros([1, 1921])).shape == (1, 8)


def test_a_saved_classifier_comes_back(tiny_classifier, tmp_path, rng):
    tiny_classifier.save(tmp_path / "made")
    loaded = classifiers.load(tmp_path / "made")
    sounds = rng.uniform(-1, 1, (2, 2048, 1))
    np.testing.assert_array_equal(
        loaded.scores(sounds, RATE), tiny_classifier.scores(sounds, RATE)
    )
    assert loaded.id == tiny_classifier.id
    assert loaded.labels == TINY.labels
    assert loaded.about == tiny_classifier.about
    with pytest.raises(errors.ZooError, match="new or empty"):
        tiny_classifier.save(tmp_path / "made")


def test_another_weight_or_label_is_another_id(tiny_classifier):
    weights = dict(tiny_classifier.weights)
    weights["dense/bias"] = weights["dense/bias"] + 1e-6
    other = network.Design(("kick", "snare", "tom"), 2048, 2)
    ids = {
        tiny_classifier.id,
        classifiers.Classifier(TINY, weights, {}).id,
        classifiers.Classifier(other, tiny_classifier.weights, {}).id,
    }
    assert len(ids) == 3


def break_weights(folder):
    data = bytearray((folder / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 255
    (folder / "weights.npz").write_bytes(data)


def cut_weights(folder):
    data = (folder / "weights.npz").read_bytes()
    (folder / "weights.npz").write_bytes(data[: len(data) // 2])


def pickle_weights(folder):
    np.savez(folder / "weights.npz", **{"dense/bias": np.array([{}])})


def drop_weight(folder):
    with np.load(folder / "weights.npz") as arrays:
        kept = {name: arrays[name] for name in list(arrays)[1:]}
    np.savez(folder / "weights.npz", **kept)


def change_label(folder):
    facts = json.loads((folder / "classifier.json").read_text("utf-8"))
    facts["labels"][0] = "clap"
    (folder / "classifier.json").write_text(json.dumps(facts), "utf-8")


def cut_facts(folder):
    (folder / "classifier.json").write_text('{"id": ', "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        break_weights,
        cut_weights,
        pickle_weights,
        drop_weight,
        change_label,
        cut_facts,
        lambda folder: (folder / "weights.npz").unlink(),
        lambda folder: (folder / "classifier.json").write_text("[]", "utf-8"),
    ],
)
def test_a_damaged_classifier_is_refused(tiny_classifier, tmp_path, damage):
    tiny_classifier.save(tmp_path / "made")
    damage(tmp_path / "made")
    with pytest.raises(errors.ZooError, match="is damaged"):
        classifiers.load(tmp_path / "made")


def test_an_unknown_classifier_lists_the_known_ones():
    with pytest.raises(errors.ZooError, match="by name are .*digits_small"):
        classifiers.load("digits_smal")


def write_tf1_checkpoint(prefix, weights, waveforms):
    """Saves weights under the published names; returns the graph's logits."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        made = {
            name: v1.Variable(value, name=f"classifier/{name}")
            for name, value in weights.items()
        }
        step = v1.Variable(np.int64(103005), name="global_step")

        def norm(x, name):
            parts = ("moving_mean", "moving_variance", "beta", "gamma")
            values = [made[f"{name}/{part}"] for part in parts]
            return tf.nn.batch_normalization(x, *values, 1e-3)

        image = tf.constant(numpy_images(waveforms), tf.float32)
        x = norm(image, "batch_normalization")[..., tf.newaxis]
        for end in ("", "_1", "_2", "_3"):
            x = norm(x, f"batch_normalization{end}") if end else x
            kernel = made[f"conv2d{end}/kernel"]
            x = tf.nn.conv2d(x, kernel, 1, "SAME") + made[f"conv2d{end}/bias"]
            x = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "SAME")
        x = norm(tf.reshape(x, [len(waveforms), -1]), "batch_normalization_4")
        logits = x @ made["dense/kernel"] + made["dense/bias"]
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver([*made.values(), step]).save(session, str(prefix))
            return session.run(logits)


def test_the_published_checkpoint_scores_as_its_graph(rng, tmp_path):
    design = network.Design(wavegan_checkpoint.DIGITS, dim=2)
    waveforms = rng.uniform(-1, 1, (2, 16384)).astype(np.float32)
    prefix = tmp_path / "best_acc-103005"
    logits = write_tf1_checkpoint(
        prefix, random_weights(design, rng), waveforms
    )
    for path in (prefix, f"{prefix}.index"):
        found, weights = wavegan_checkpoint.read(path)
        assert found == design
    made = classifiers.Classifier(found, weights, {})
    np.testing.assert_allclose(
        made.scores(waveforms[..., np.newaxis], RATE), logits, atol=1e-3
    )


def test_the_published_checkpoint_by_command(rng, tmp_path):
    design = network.Design(wavegan_checkpoint.DIGITS, dim=2)
    weights = random_weights(design, rng)
    waveforms = rng.uniform(-1, 1, (6, 16384)).astype(np.float32)
    write_tf1_checkpoint(tmp_path / "best_acc", weights, waveforms)
    for i, waveform in enumerate(waveforms):
        file = tmp_path / "sounds" / ("one", "zero")[i % 2] / f"{i}.wav"
        audio_files.write(file, waveform, RATE)
    values = flags.FlagValues()
    train_classifier.define_flags(values)
    values(
        [
            "",
            f"--wavegan_checkpoint={tmp_path / 'best_acc'}",
            f"--audio_dir={tmp_path / 'sounds'}",
            f"--out={tmp_path / 'made'}",
        ]
    )
    assert train_classifier.main(values) == 0
    made = classifiers.load(tmp_path / "made")
    assert made.labels == wavegan_checkpoint.DIGITS
    for name, weight in weights.items():
        np.testing.assert_array_equal(made.weights[name], weight)
    assert made.about["accuracy"]["test"]["sounds"] == 2


def test_other_checkpoints_are_refused(rng, tmp_path):
    with pytest.raises(errors.ZooError, match="where there is none"):
        wavegan_checkpoint.read(tmp_path / "none")
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "other"))
    with pytest.raises(errors.ZooError, match="which has no classifier/"):
        wavegan_checkpoint.read(tmp_path / "other")


def read_digits(archive, split):
    """Waveforms `[batch, samples, 1]` and words of an archive's split."""
    sounds, words = [], []
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if f"/{split}/" in member.name and name.endswith(".wav"):
                samples, rate = soundfile.read(
                    tar.extractfile(member), dtype="float32"
                )
                assert rate == RATE
                row = np.zeros((16384, 1), np.float32)
                row[: len(samples), 0] = samples[:16384]
                sounds.append(row)
                words.append(name.partition("_")[0].lower())
    return np.array(sounds), np.array(words)


def test_the_shipped_digits_are_as_accurate_as_they_say(archives):
    made = classifiers.load("digits_small")
    right, count = 0, 0
    for archive in ("sc09.tar.gz", "sc09_fsdd.tar.gz"):
        sounds, words = read_digits(archives / archive, "test")
        scores = made.scores(sounds, RATE)
        right += np.sum(np.array(made.labels)[scores.argmax(axis=1)] == words)
        count += len(words)
    stated = made.about["accuracy"]["test"]
    assert stated["sounds"] == count
    # Another machine may round a sound over the edge.
    assert abs(right - stated["share"] * count) < 1.5


def test_what_ships_is_small_and_whole(tmp_path):
    for name, folder in classifiers.shipped().items():
        assert (folder / "README.md").is_file()
        size = sum(file.stat().st_size for file in folder.iterdir())
        assert size < 1 << 20
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        assert classifiers.load(copy).id == classifiers.load(name).id
