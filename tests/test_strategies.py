import dataclasses
import json
import pathlib
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import strategies

HERE = pathlib.Path(__file__).parent
# The benchmarks are not installed.
with mock.patch.object(sys, "path", [str(HERE.parent), *sys.path]):
    from benchmarks import local_workers

STEPS = 20
MODELS = (
    "wavegan_drums",
    "specgan_sc09",
    "tifgan_sc09",
    "gansynth_nsynth_small",
)
# Four devices are as two, and take long to make graphs of.
ON_FOUR = ("wavegan_drums", "gansynth_nsynth_small")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}',
        '{"cluster": {"worker": ["a:1"]}, "task": '
        '{"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": '
        '{"type": "worker", "index": 0}}',
    ],
)
def test_wrong_clusters(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(errors.ZooError, match="Expected TF_CONFIG to name"):
        strategies.make("multi_worker")


def test_auto_without_a_cluster_or_gpus_is_one_device(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert strategies.make("auto") is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    ("jobs", "task", "chief"),
    [
        (["worker"], ("worker", 0), True),
        (["worker"], ("worker", 1), False),
        (["worker", "chief"], ("worker", 0), False),
        (["worker", "chief"], ("chief", 0), True),
    ],
)
def test_the_chief(jobs, task, chief):
    cluster = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({job: ["a:1", "b:1"] for job in jobs}),
        task_type=task[0],
        task_id=task[1],
    )
    strategy = mock.Mock(cluster_resolver=cluster)
    assert strategies.is_chief(strategy) is chief


def test_alone_everyone_is_one():
    everyone = strategies.Everyone(tf.distribute.get_strategy())
    first, second = everyone(True, 2.5)
    assert first.tolist() == [1.0]
    assert second.tolist() == [2.5]


def test_workers_that_differ_are_refused(monkeypatch):
    one = tf.distribute.get_strategy()
    strategies.check_same(one, "alike")
    monkeypatch.setattr(
        strategies.Everyone, "__call__", lambda _, own: [[own, own + 1]]
    )
    with pytest.raises(errors.ZooError, match="the same flags, sounds"):
        strategies.check_same(one, "alike")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_lost_worker_is_told_where_there_are_others(workers):
    cluster = None if workers == 1 else mock.Mock()
    strategy = mock.Mock(cluster_resolver=cluster)
    kind = tf.errors.UnavailableError if workers == 1 else errors.ZooError
    with pytest.raises(kind):
        with strategies.lost_workers_explained(strategy):
            raise tf.errors.UnavailableError(None, None, "gone")


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    """Arrays of weights and losses: (set-up, model, optimizer) -> dictionary.

    Set-ups are logical devices, 1, 2 and 4, and one of two "workers".
    """
    folder = tmp_path_factory.mktemp("devices")
    presets = {}
    for name in MODELS:
        preset = tiny(name, batch_size=8)
        model = dataclasses.replace(preset.model, conditioning="none")
        if name.startswith("gansynth"):
            # One change of stage, from 6 steps on.
            model = dataclasses.replace(
                model, stable_examples=48, transition_examples=1000
            )
        preset = dataclasses.replace(preset, model=model)
        presets[name] = config.to_json(preset)
    (folder / "all.json").write_text(json.dumps(presets))
    few = {name: presets[name] for name in ON_FOUR}
    (folder / "few.json").write_text(json.dumps(few))

    def command(devices, out):
        script = HERE / "train_on_devices.py"
        chosen = "few.json" if devices == 4 else "all.json"
        return [
            *(sys.executable, script, str(devices), str(STEPS)),
            *(folder / chosen, folder / out),
        ]

    for devices in (1, 2, 4):
        subprocess.run(
            command(devices, f"{devices}.npz"),
            check=True,
            stderr=subprocess.DEVNULL,
        )
    outs = ("workers.npz", "second.npz")
    for worker in local_workers.start(
        [command(1, out) for out in outs], stderr=subprocess.DEVNULL
    ):
        assert worker.wait(timeout=300) == 0
    return {path.stem: np.load(path) for path in folder.glob("*.npz")}


@pytest.mark.parametrize(
    ("setup", "model"),
    [
        *(("2", model) for model in MODELS),
        *(("4", model) for model in ON_FOUR),
        *(("workers", model) for model in MODELS),
    ],
)
def test_devices_and_workers_give_the_weights_of_one(trained, setup, model):
    one, other = (
        trained[name][f"{model} sgd weights"] for name in ("1", setup)
    )
    largest = np.abs(one).max()
    assert np.abs(one - trained["1"][f"{model} sgd first"]).max() > 1e-3
    assert np.abs(one - other).max() / largest < 1e-6


@pytest.mark.parametrize("setup", ["2", "4", "workers"])
def test_devices_and_workers_have_the_losses_of_one_with_adam(trained, setup):
    name = "wavegan_drums adam losses"
    one, other = trained["1"][name], trained[setup][name]
    assert one.shape == (STEPS, 3)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-3)


def test_workers_end_with_the_same_bits(trained):
    for name in trained["workers"].files:
        np.testing.assert_array_equal(
            trained["workers"][name], trained["second"][name]
        )
