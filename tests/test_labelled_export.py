"""Exported modules of models with labels, and of one that still grows."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import hub
from gansynth_zoo import runs
from gansynth_zoo.export import saved_model

# Runs where nothing of the package can be imported.
LOAD_ALONE = """
import sys
sys.modules["gansynth_zoo"] = None
import numpy, tensorflow
module = tensorflow.saved_model.load(sys.argv[1])
sounds = module.generate(3, 7, ["64", "", "60"])
numpy.save(sys.argv[2], sounds.numpy())
"""
NAMES = ["64", "60", "62"]
NUMBERS = np.array([2, 0, 1], np.int32)
SEEDS = tf.range(5, 8, dtype=tf.int64)


@pytest.fixture(scope="module")
def folder(pitched, tmp_path_factory):
    return saved_model.export(pitched, tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def module(folder):
    return hub.load(folder)


@pytest.fixture(scope="module")
def expected(pitched):
    """The sounds of the seeds with the labels, by the networks themselves."""
    gan = assemble.make_gan(pitched.read_preset())
    pitched.restore(gan)
    latents, _ = gan.seeded(SEEDS)
    return gan.average(latents, NUMBERS)


@pytest.mark.parametrize(
    "labels",
    [
        NUMBERS.tolist(),
        NUMBERS,
        tf.constant(NUMBERS),
        NAMES,
        np.array(NAMES),
        np.array(NAMES, object),
        tf.constant(NAMES),
    ],
)
def test_labels_are_numbers_or_names(module, expected, labels):
    sounds = module.generate(3, 5, labels)
    np.testing.assert_allclose(sounds, expected, atol=1e-5)


def test_latents_go_with_numbers(module, expected):
    latents = module.latents(SEEDS)
    for make in (module, module.features):
        np.testing.assert_allclose(make(latents, NUMBERS), expected, atol=1e-5)


def test_a_label_changes_the_sound(module):
    one, other = (module.generate(2, 0, [name]) for name in ("60", "62"))
    assert np.all(np.abs(one - other).max(axis=(1, 2)) > 1e-3)


def test_one_label_is_that_of_all(module):
    np.testing.assert_array_equal(
        module.generate(3, 5, ["62"]), module.generate(3, 5, ["62"] * 3)
    )


def test_without_a_label_a_seed_draws_its_own(module):
    drawn = module.labels(SEEDS)
    assert drawn.dtype == tf.int32
    sounds = module.generate(3, 5)
    np.testing.assert_allclose(sounds, module.generate(3, 5, drawn), atol=1e-5)
    some = module.generate(3, 5, ["", NAMES[1], ""])
    np.testing.assert_allclose(some[::2], sounds[::2], atol=1e-5)
    # The sounds that were trained on have these labels twice, once, thrice.
    counts = np.bincount(module.labels(tf.range(600, dtype=tf.int64)))
    np.testing.assert_allclose(counts, [200, 100, 300], atol=40)


def test_a_number_that_is_too_large_or_too_small_is_the_nearest(module):
    for labels, nearest in (([3, 99, -1], [2, 2, 0]), ([2**31 - 1], [2])):
        np.testing.assert_array_equal(
            module.generate(3, 5, labels), module.generate(3, 5, nearest)
        )
    latents = module.latents(SEEDS)
    np.testing.assert_array_equal(
        module(latents, [-7, 3, 1]), module(latents, [0, 2, 1])
    )


@pytest.mark.parametrize("unknown", ["61", "6", "60 ", "sixty"])
def test_a_name_that_is_not_known_is_named(module, unknown):
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"Expected labels out of 60, 62, 64, received\] \[60 {unknown}",
    ):
        module.generate(2, 0, ["60", unknown])


def test_served_labels_are_names(module, expected, tmp_path):
    names = tf.constant(NAMES)
    served = module.signatures["generate"](seed=SEEDS, label=names)
    np.testing.assert_allclose(served["waveform"], expected, atol=1e-5)
    wavs = module.signatures["generate_wav"](seed=SEEDS, label=names)
    for wav, sound in zip(
        wavs["wav_bytes"].numpy(), expected.numpy(), strict=True
    ):
        (tmp_path / "sound.wav").write_bytes(wav)
        decoded, _ = soundfile.read(tmp_path / "sound.wav", always_2d=True)
        np.testing.assert_allclose(decoded, sound, atol=1.1 / 32768)
    with pytest.raises(tf.errors.InvalidArgumentError, match="61"):
        module.signatures["generate"](
            seed=SEEDS, label=tf.constant(["61", "", ""])
        )


def test_served_latents_go_with_numbers(module, expected):
    served = module.signatures["serving_default"](
        latents=module.latents(SEEDS), labels=tf.constant(NUMBERS)
    )
    np.testing.assert_allclose(served["waveform"], expected, atol=1e-5)


def test_every_served_tensor_has_a_batch_dimension(module):
    for signature in module.signatures.values():
        inputs = signature.structured_input_signature[1]
        assert {"label", "labels"} & set(inputs)
        outputs = signature.structured_outputs.values()
        for spec in [*inputs.values(), *outputs]:
            assert spec.shape[0] is None


def test_the_labels_travel_with_the_module(folder):
    assert hub.read_metadata(folder)["labels"] == ["60", "62", "64"]


def test_it_plays_the_same_without_the_package(folder, module, tmp_path):
    sounds = tmp_path / "sounds.npy"
    subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, str(folder), str(sounds)],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    ours = module.generate(3, 7, ["64", "", "60"])
    np.testing.assert_array_equal(np.load(sounds), ours)


@pytest.fixture(scope="module")
def growing(tiny, tmp_path_factory):
    """A run of random weights, whose second block is half faded in."""
    preset = tiny(
        "gansynth_nsynth_small",
        blocks=2,
        stable_examples=8,
        transition_examples=8,
    )
    preset = dataclasses.replace(
        preset,
        model=dataclasses.replace(
            preset.model, label_names=("60", "62"), label_counts=(1, 1)
        ),
        representation=dataclasses.replace(preset.representation, highest=2.0),
    )
    run = runs.Run(tmp_path_factory.mktemp("growing"))
    run.write_preset(preset)
    run.write_data({})
    gan = assemble.make_gan(preset)
    gan.step.assign(3)
    run.save(gan, keep=1)
    return run, gan


def test_a_model_is_exported_as_it_is_at_its_step(growing, tmp_path):
    run, gan = growing
    module = hub.load(saved_model.export(run, tmp_path))
    inputs = module.latents(SEEDS), NUMBERS % 2
    features = module.features(*inputs)
    half = gan.average(*inputs, stage=1, blend=0.5)
    np.testing.assert_allclose(features, half, atol=1e-5)
    for stage, blend in ((0, 1.0), (1, 0.25), (1, 1.0)):
        other = gan.average(*inputs, stage=stage, blend=blend)
        assert np.abs(features - other).max() > 1e-3
    assert module(*inputs).shape == (3, 256, 1)
