"""What importing reads, what it refuses, and what the run is good for."""

import functools
import json
import os
import pickle

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from hypothesis import strategies

from gansynth_zoo import assemble
from gansynth_zoo import audio_files
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import import_checkpoint
from gansynth_zoo import runs
from gansynth_zoo import training
from gansynth_zoo.export import saved_model
from gansynth_zoo.export import sources
from gansynth_zoo.originals import gansynth
from gansynth_zoo.originals import moments
from gansynth_zoo.originals import reading
from gansynth_zoo.originals import wavegan

v1 = tf.compat.v1


def wavegan_values(rng, layers=5):
    """Variables of a WaveGAN of width 1, in the original's names."""
    top = 1 << (layers - 1)
    outs = [*(top >> i for i in range(1, layers)), 1]
    ins = [top, *outs[:-1]]
    shapes = {"G/z_project/dense/kernel": (100, 16 * top)}
    shapes["G/z_project/dense/bias"] = (16 * top,)
    shapes["D/output/dense/kernel"] = (16 * top, 1)
    shapes["D/output/dense/bias"] = (1,)
    for i in range(layers):
        up, down = f"G/upconv_{i}/conv2d_transpose", f"D/downconv_{i}/conv1d"
        shapes[f"{up}/kernel"] = (1, 25, outs[i], ins[i])
        shapes[f"{up}/bias"] = (outs[i],)
        shapes[f"{down}/kernel"] = (25, ([1, *ins[::-1]])[i], ins[::-1][i])
        shapes[f"{down}/bias"] = (ins[::-1][i],)
    values = {
        name: rng.normal(0, 0.3, shape).astype("f4")
        for name, shape in shapes.items()
    }
    return {**values, "global_step": np.int64(12)}


def specgan_values(rng):
    """The same of a SpecGAN."""
    values = wavegan_values(rng)
    for name, value in list(values.items()):
        axes = {"conv1d": 2, "conv2d_transpose": 2}
        if name.endswith("/kernel") and name.split("/")[-2] in axes:
            del values[name]
            shape = (5, 5, *value.shape[-2:])
            name = name.replace("conv1d", "conv2d")
            values[name] = rng.normal(0, 0.3, shape).astype("f4")
        elif "conv1d" in name:
            values[name.replace("conv1d", "conv2d")] = values.pop(name)
    return values


def write(prefix, values):
    """Writes a TensorFlow 1 checkpoint."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default(), v1.Session() as session:
        made = [v1.Variable(value, name=n) for n, value in values.items()]
        session.run(v1.global_variables_initializer())
        v1.train.Saver(made).save(session, str(prefix), write_meta_graph=False)
    return prefix


def run_of(folder, **given):
    """What the command line makes of flags."""
    values = flags.FlagValues()
    import_checkpoint.define_flags(values)
    given = {"run_dir": folder / "run", **given}
    values(["", *(f"--{name}={value}" for name, value in given.items())])
    assert import_checkpoint.main(values) == 0
    return runs.Run(given["run_dir"])


@pytest.fixture
def sounds(tmp_path, rng):
    """Folder of two sounds whose peak is 1."""
    for name in ("a", "b"):
        sound = rng.uniform(-0.5, 0.5, (16384, 1)).astype("f4")
        sound[7] = 1.0
        audio_files.write(tmp_path / "sounds" / f"{name}.wav", sound, 16000)
    return tmp_path / "sounds"


def test_an_imported_run_trains_on(tmp_path, rng, sounds):
    values = wavegan_values(rng)
    run = run_of(
        tmp_path,
        format="wavegan",
        checkpoint=write(tmp_path / "model.ckpt-12", values),
        audio_dir=sounds,
        recipe="fast",
    )
    preset = run.read_preset()
    short = config.replace(
        preset, {"steps": 13, "batch_size": 2, "evaluate_every": 0}
    )
    assert training.train(short, run, report=lambda _: None)
    assert run.steps() == [13, 12]
    gan = assemble.make_gan(preset)
    run.restore(gan)
    before = values["G/z_project/dense/kernel"]
    change = np.abs(np.asarray(gan.generator.start.kernel) - before)
    # Adam's first update is as large as the learning rate.
    np.testing.assert_allclose(change.max(), 2e-4, rtol=0.01)


def test_an_imported_run_is_exported(tmp_path, rng):
    prefix = write(tmp_path / "model.ckpt-12", wavegan_values(rng))
    run = run_of(tmp_path, format="wavegan", checkpoint=prefix)
    folder = saved_model.export(run, tmp_path / "zoo")
    module = tf.saved_model.load(str(folder))
    facts = json.loads(module.metadata().numpy())
    assert facts["preset"] == "wavegan_imported"
    assert facts["step"] == 12
    assert facts["data"]["checkpoint"] == "model.ckpt-12"
    latents = rng.uniform(-1, 1, (2, 100)).astype("f4")
    gan = assemble.make_gan(run.read_preset())
    run.restore(gan)
    np.testing.assert_allclose(
        module(latents), gan.generator(latents, None), atol=1e-5
    )


def test_without_moments_there_are_spectrograms_alone(tmp_path, rng, capsys):
    prefix = write(tmp_path / "best_score-12", specgan_values(rng))
    run = run_of(tmp_path, format="specgan", checkpoint=prefix)
    assert "no waveforms" in capsys.readouterr().out
    folder = saved_model.export(run, tmp_path / "zoo")
    module = tf.saved_model.load(str(folder))
    facts = json.loads(module.metadata().numpy())
    assert facts["output"] == "features"
    assert "no waveforms" in facts["data"]["notes"]
    assert "no waveforms" in (folder / "README.md").read_text()
    latents = rng.uniform(-1, 1, (2, 100)).astype("f4")
    served = module.signatures["serving_default"](tf.constant(latents))
    assert served["features"].shape == (2, 128, 128, 1)
    np.testing.assert_array_equal(served["features"], module(latents))
    assert "generate_wav" not in module.signatures
    with pytest.raises(errors.ZooError, match="makes spectrograms"):
        sources.open_source(folder)


def test_moments_are_found_from_sounds(tmp_path, rng, sounds):
    prefix = write(tmp_path / "model.ckpt-12", specgan_values(rng))
    run = run_of(
        tmp_path, format="specgan", checkpoint=prefix, audio_dir=sounds
    )
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    logs = []
    for path in sounds.iterdir():
        sound, _ = audio_files.read(path)
        padded = np.pad(sound[:, 0], (0, 128))
        frames = np.lib.stride_tricks.sliding_window_view(padded, 256)[::128]
        logs.append(np.log(np.abs(np.fft.rfft(frames * window)) + 1e-6))
    found = run.read_preset().representation
    np.testing.assert_allclose(found.mean, np.mean(logs, (0, 1)), atol=1e-4)
    np.testing.assert_allclose(found.deviation, np.std(logs, (0, 1)), atol=1e-4)


def test_what_does_not_match_is_listed(tmp_path, rng):
    values = wavegan_values(rng)
    for i in range(5):
        del values[f"G/upconv_{i}/conv2d_transpose/bias"]
    values["G/z_project/dense/bias"] = np.zeros(3, "f4")
    values["G/attention/kernel"] = np.zeros(3, "f4")
    values["G/attention/kernel/Adam"] = np.zeros(3, "f4")
    prefix = write(tmp_path / "model.ckpt-12", values)
    with pytest.raises(errors.ZooError) as raised:
        run_of(tmp_path, format="wavegan", checkpoint=prefix)
    sentence = str(raised.value)
    assert "G/upconv_3/conv2d_transpose/bias and 1 more" in sentence
    assert "G/z_project/dense/bias [3] instead of [256]" in sentence
    assert "not expected: G/attention/kernel." in sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("format_", ["specgan", "tifgan", "gansynth"])
def test_a_checkpoint_of_another_original_is_refused(format_, tmp_path, rng):
    prefix = write(tmp_path / "model.ckpt-12", wavegan_values(rng))
    with pytest.raises(
        errors.ZooError, match="Expected .* received model.ckpt"
    ):
        run_of(tmp_path, format=format_, checkpoint=prefix)


@pytest.mark.parametrize("end", [".index", ".data-00000-of-00001"])
def test_a_damaged_checkpoint_is_refused(end, tmp_path, rng):
    prefix = write(tmp_path / "model.ckpt-12", wavegan_values(rng))
    file = tmp_path / f"model.ckpt-12{end}"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(errors.ZooError, match="cannot be read .*once more"):
        run_of(tmp_path, format="wavegan", checkpoint=prefix)
    assert not (tmp_path / "run").exists()


def test_a_folder_stands_for_its_newest_checkpoint(tmp_path):
    for step in (9, 10):
        write(tmp_path / f"model.ckpt-{step}", {"v": np.zeros(1, "f4")})
    listing = tmp_path / "checkpoint"
    listing.write_text('model_checkpoint_path: "/far/away/model.ckpt-9"\n')
    assert reading.find(tmp_path).name == "model.ckpt-9"
    for file in tmp_path.glob("model.ckpt-10.*"):
        assert reading.find(file).name == "model.ckpt-10"
    for text in ("", 'model_checkpoint_path: "gone"\n'):
        listing.write_text(text)
        assert reading.find(tmp_path).name == "model.ckpt-10"
    with pytest.raises(errors.ZooError, match="where there is none"):
        reading.find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("names", "recipe"),
    [
        ([], "wgan-gp"),
        (["G/z_project/dense/bias/Adam"], "wgan-gp"),
        (["G/z_project/batch_normalization/gamma"], "dcgan"),
        (["G/z_project/dense/bias/RMSProp"], "lsgan"),
    ],
)
def test_the_recipe_follows_from_the_variables(names, recipe, tmp_path):
    values = dict.fromkeys([*names, "v"], np.zeros(1, "f4"))
    checkpoint = reading.Checkpoint(write(tmp_path / "model.ckpt-1", values))
    assert wavegan.recipe(checkpoint) == recipe


def test_what_the_file_does_not_tell_is_asked_for(tmp_path, rng):
    prefix = write(tmp_path / "model.ckpt-12", wavegan_values(rng, layers=6))
    with pytest.raises(errors.ZooError, match="--num_samples=32768 or"):
        run_of(tmp_path, format="wavegan", checkpoint=prefix)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_samples": 32768}, "--num_samples=16384, which the checkpoint"),
        ({"moments": "m.pkl"}, "--format=specgan"),
        ({"recipe": "wgangp"}, "did you mean wgan-gp"),
        ({"run_dir": "."}, "new or empty"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(given, words, tmp_path, rng):
    prefix = write(tmp_path / "model.ckpt-12", wavegan_values(rng))
    with pytest.raises(errors.ZooError, match=words):
        run_of(tmp_path, format="wavegan", checkpoint=prefix, **given)


def gansynth_checkpoint(folder, blocks, start=(2, 16), images=11_000_000):
    """A checkpoint with the variables by which GANSynth's sizes are told."""
    root = "progressive_gan_block_{}"
    made = f"Generator/progressive_gan_generator/{root}"
    judged = "Discriminator/progressive_gan_discriminator/"
    labels = "Discriminator/discriminator_cond/classification_logits"
    values = {
        f"{made.format(b)}/conv1/conv2d/kernel": np.zeros((3, 3, 2, 2), "f4")
        for b in range(1, blocks + 1)
    }
    name = f"{made.format(1)}/conv0/conv2d/kernel"
    values[name] = np.zeros((*start, 66, 2), "f4")
    name = f"{judged}{root.format(1)}/logits/dense/kernel"
    values[name] = np.zeros((4, 1), "f4")
    values[f"{labels}/dense/kernel"] = np.zeros((4, 61), "f4")
    values["global_step"] = np.int64(images)
    prefix = write(folder / "stage_00012" / "model.ckpt-1", values)
    return reading.Checkpoint(prefix)


@pytest.mark.parametrize(
    ("start", "lengths"), [((2, 16), (2048, 512)), ((4, 8), (1024, 256))]
)
def test_the_published_gansynth_needs_no_experiment(start, lengths, tmp_path):
    checkpoint = gansynth_checkpoint(tmp_path, 7, start)
    found = gansynth.settings(checkpoint, {})
    assert (found["fft_length"], found["hop"]) == lengths
    assert (found["latent_size"], found["dim"], found["max_dim"]) == (5, 2, 4)
    assert found["label_names"][::60] == ("24", "84")
    assert found["stable_examples"] == 800_000
    # The range that the published normalizers were made for.
    np.testing.assert_allclose(found["highest"], 10.377, atol=1e-3)


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        ("[1]", "is not"),
        ("{", "is not"),
        ('{"simple_arch": true}', "simple_arch=True"),
        ('{"data_type": "wave"}', "data_type='wave'"),
        ('{"num_resolutions": "7"}', "num_resolutions='7'"),
        ('{"num_resolutions": 8}', "received one with 7"),
        ('{"mag_normalizer_b": 0.2}', "normalizers of the magnitude"),
    ],
)
def test_other_kinds_of_gansynth_are_refused(experiment, words, tmp_path):
    checkpoint = gansynth_checkpoint(tmp_path, 7)
    (tmp_path / "experiment.json").write_text(experiment)
    with pytest.raises(errors.ZooError, match=words):
        gansynth.settings(checkpoint, {})


def python_2(arrays):
    """The oldest protocol, as Python 2 wrote strings of bytes with it."""

    def text(data):
        return f"S{repr(data)[1:]}\n".encode()

    def array(values):
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt"
            + text(b"b")
            + b"tR(I1\n(I129\ntcnumpy\ndtype\np1\n("
            + text(values.dtype.str.lstrip("<>").encode())
            + b"I0\nI1\ntR(I3\n"
            + text(values.dtype.str[:1].encode())
            + b"NNNI-1\nI-1\nI0\ntbI00\n"
            + text(values.tobytes())
            + b"tb"
        )

    return b"(" + b"".join(map(array, arrays)) + b"t."


WAYS = [
    python_2,
    *(functools.partial(pickle.dumps, protocol=p) for p in range(6)),
]


@pytest.mark.parametrize("dump", WAYS)
@pytest.mark.parametrize("kind", ["<f4", ">f8"])
def test_moments_are_read(dump, kind, tmp_path, rng):
    pair = rng.normal(size=(2, 129)).astype(kind)
    path = tmp_path / "moments.pkl"
    path.write_bytes(dump(tuple(pair)))
    np.testing.assert_array_equal(moments.read(path), pair)


class Call:
    """What calls a function where it is unpickled."""

    def __init__(self, function, *arguments):
        self._reduced = function, arguments

    def __reduce__(self):
        return self._reduced


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_anything_is_refused(protocol, tmp_path):
    witness = tmp_path / "witness"
    path = tmp_path / "moments.pkl"
    call = Call(os.system, f"touch {witness}")
    path.write_bytes(pickle.dumps((np.zeros(129), call), protocol))
    with pytest.raises(errors.ZooError, match="it names .*system"):
        moments.read(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "made",
    [
        (np.zeros(129),),
        (np.zeros(129), np.zeros(128)),
        (np.zeros(129), np.full(129, np.nan)),
        (np.zeros(129), np.zeros(129, "i4")),
        (np.zeros(129), np.array([None] * 129)),
        (np.zeros(129), 5),
        {"mean": np.zeros(129)},
        7,
    ],
)
def test_other_pickles_are_refused(made, tmp_path):
    path = tmp_path / "moments.pkl"
    path.write_bytes(pickle.dumps(made))
    with pytest.raises(errors.ZooError, match="a pickle of two NumPy arrays"):
        moments.read(path)


GOOD = pickle.dumps(tuple(np.ones((2, 129), "f4")))


@hypothesis.given(
    strategies.integers(0, len(GOOD) - 1), strategies.binary(max_size=9)
)
def test_a_damaged_pickle_is_read_or_refused(tmp_path_factory, place, bytes_):
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(GOOD[:place] + bytes_ + GOOD[place + len(bytes_) :])
    try:
        assert np.shape(moments.read(path)) == (2, 129)
    except errors.ZooError:
        pass
