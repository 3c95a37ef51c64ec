import math
import pathlib
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from gansynth_zoo import assemble
from gansynth_zoo import clip_sources
from gansynth_zoo import config
from gansynth_zoo import errors
from gansynth_zoo import machine
from gansynth_zoo import memory
from gansynth_zoo import runs
from gansynth_zoo import training

# The benchmarks are not installed, and the checkout is not on the path: it
# would let `datasets` be imported under a second name.
ON_PATH = mock.patch.object(
    sys, "path", [str(pathlib.Path(__file__).parents[1]), *sys.path]
)
with ON_PATH:
    from benchmarks import memory as benchmark

ONE = tf.distribute.get_strategy()
GIB = 2**30


def room(total, available=None):
    return machine.Room("this machine", int(total), int(available or total))


def sizes(variables):
    return sum(math.prod(v.shape) for v in variables)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("wavegan_drums_small", {}),
        ("wavegan_drums_small", {"optimizer": "rmsprop"}),
        ("wavegan_drums_small", {"post_filter_length": 8}),
        ("gansynth_nsynth_small", {}),
    ],
)
def test_weights_are_those_that_a_run_makes(tiny, name, changes):
    preset = tiny(name, dim=8, **changes)
    gan = assemble.make_gan(preset)
    made = sum(sizes(network.weights) for network in gan_networks(gan))
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        # But for the two counters of each optimiser.
        made += sizes(v for v in optimizer.variables if v.shape.rank)
    assert memory.estimate(preset).weights == 4 * made


def gan_networks(gan):
    return gan.generator, gan.discriminator, gan.average


@pytest.mark.parametrize(
    "changes", [{"upsample": "nearest"}, {"batch_norm": True}]
)
def test_every_architecture_can_be_counted(tiny, changes):
    preset = tiny(**changes)
    generator, discriminator = memory.measure_networks(preset)
    plain = memory.measure_networks(tiny())
    assert generator.parameters >= plain[0].parameters
    assert discriminator.activations >= plain[1].activations


def test_activations_of_a_small_network_by_hand(tiny):
    # 256 samples are 16 · 4 · 4; the widths are 8, 4 and 1.
    generator, discriminator = memory.measure_networks(tiny(dim=4))
    start, inner, outer = 16 * 8, 64 * 4, 256 * 1
    # Dense and ReLU; convolution and ReLU; convolution and the hyperbolic
    # tangent. The biases are added in place.
    floats = 2 * start + 2 * inner + 2 * outer
    assert generator.activations == 4 * floats
    # Convolution, leaky ReLU and shuffle; convolution and leaky ReLU; the
    # score and its bias.
    floats = 3 * (64 * 4) + 2 * (16 * 8) + 2
    assert discriminator.activations == 4 * floats


def test_what_an_operation_puts_out():
    with tf.Graph().as_default():
        x = tf.zeros([3, 5])
        assert memory.output_bytes(tf.nn.relu(x).op) == 4 * 15
        assert memory.output_bytes(tf.cast(x, tf.float64).op) == 8 * 15
        assert memory.output_bytes(tf.reshape(x, [5, 3]).op) == 0


def test_a_penalty_takes_a_third_pass(tiny):
    generator, discriminator = memory.measure_networks(tiny())
    for loss, passes in (("ns-r1", 3), ("dcgan", 2)):
        preset = tiny(loss=loss, batch_size=7)
        expected = max(
            generator.activations + passes * discriminator.activations,
            2 * generator.activations + 2 * discriminator.activations,
        )
        assert memory.estimate(preset).activations == 7 * expected


def test_nothing_is_allocated_to_estimate(tiny):
    preset = tiny(dim=4096, num_samples=65536)
    assert memory.estimate(preset).weights > 1000 * GIB


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch_size", (4, 8, 64)),
        ("num_samples", (256, 512, 4096)),
        ("dim", (4, 8, 16)),
        ("n_critic", (1, 2, 5)),
    ],
)
def test_larger_needs_more(tiny, name, values):
    needs = [memory.estimate(tiny(**{name: value})).total for value in values]
    assert needs == sorted(set(needs))


def test_each_replica_has_the_weights_and_its_part_of_the_batch(tiny):
    one = memory.estimate(tiny(batch_size=8))
    both = memory.estimate(tiny(batch_size=8), replicas=2)
    half = memory.estimate(tiny(batch_size=8), share=0.5)
    assert both.weights == 2 * one.weights
    assert both.activations == one.activations == 2 * half.activations
    assert half.weights == one.weights


def test_the_largest_batch_fits_and_the_next_does_not(tiny):
    total = memory.estimate(tiny()).total + 50 * 2**20
    size = memory.largest_batch(tiny(), total)
    assert size > 100
    assert memory.estimate(tiny(batch_size=size)).total <= total
    assert memory.estimate(tiny(batch_size=size + 1)).total > total
    assert memory.largest_batch(tiny(), total, step=64) == size // 64 * 64
    assert memory.largest_batch(tiny(), 1000) == 0


def test_a_run_that_cannot_fit_is_refused_with_what_would(tiny):
    preset = tiny(dim=64, num_samples=16384, batch_size=512)
    lines = []
    with pytest.raises(errors.ZooError) as refusal:
        memory.check(preset, 0, ONE, lines.append, room(8 * GIB))
    sentence = str(refusal.value)
    assert "8.0 GiB of this machine" in sentence
    assert len(lines) == 1
    flags = dict(
        word.strip("-,.").split("=")
        for word in sentence.split()
        if word.startswith("--")
    )
    assert set(flags) == {"batch_size", "dim", "num_samples"}
    for name, value in flags.items():
        fitting = config.replace(preset, {name: int(value)})
        memory.check(fitting, 0, ONE, lines.append, room(8 * GIB))


def test_a_machine_too_small_for_anything_says_so(tiny):
    with pytest.raises(errors.ZooError, match="train on a larger one"):
        memory.check(tiny(), 0, ONE, lambda _: None, room(2**20))


def test_what_is_not_free_now_is_a_warning(tiny):
    lines = []
    memory.check(tiny(), 0, ONE, lines.append, room(64 * GIB, 2**20))
    assert lines[-1].startswith("Warning: only 1.0 MiB of this machine")
    memory.check(tiny(), 0, ONE, lines.append, room(64 * GIB))
    assert lines[-1].startswith("Memory: ")


def test_on_a_gpu_it_is_only_advised_against(tiny):
    lines = []
    on_gpus = mock.patch.object(machine, "devices", lambda _: ["/device:GPU:0"])
    with on_gpus:
        memory.check(
            tiny(), 0, ONE, lines.append, machine.Room("the GPU", 9, 9)
        )
    assert lines[-1].startswith("Warning: Expected a run that fits")


def test_a_run_says_what_it_needs(tiny, tmp_path):
    lines = []
    preset = tiny(steps=1)
    training.train(preset, runs.Run(tmp_path), report=lines.append)
    said = [line for line in lines if line.startswith("Memory: about ")]
    assert len(said) == 1
    assert "activations of a batch of 4 " in said[0]
    clips = clip_sources.load_clips(preset)
    on_disk = memory.size_text(clips.seconds() * clips.sample_rate * 2)
    assert f"clips are read from disk ({on_disk})" in said[0]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path):
    """A machine of 8 GiB, 6 of which are free."""
    write(
        tmp_path / "proc/meminfo",
        f"MemTotal: {8 * 2**20} kB\nMemFree: 1 kB\n"
        f"MemAvailable: {6 * 2**20} kB\n",
    )
    return tmp_path


def test_the_memory_of_the_machine(root):
    assert machine.machine_room(root) == room(8 * GIB, 6 * GIB)


def test_the_limit_of_a_control_group_counts_if_lower(root):
    write(root / "proc/self/cgroup", "0::/outer/inner\n")
    inner, outer = (
        root / "sys/fs/cgroup" / n for n in ("outer/inner", "outer")
    )
    write(inner / "memory.max", "max\n")
    write(outer / "memory.max", f"{4 * GIB}\n")
    write(outer / "memory.current", f"{3 * GIB}\n")
    write(outer / "memory.stat", f"anon 5\ninactive_file {GIB}\n")
    assert machine.machine_room(root) == room(4 * GIB, 2 * GIB)


def test_the_limit_of_an_old_control_group(root):
    write(root / "proc/self/cgroup", "3:cpu:/a\n2:memory:/not/seen/here\n")
    group = root / "sys/fs/cgroup/memory"
    write(group / "memory.limit_in_bytes", f"{2 * GIB}\n")
    write(group / "memory.usage_in_bytes", f"{GIB}\n")
    write(group / "memory.stat", "cache 5\n")
    assert machine.machine_room(root) == room(2 * GIB, GIB)


def test_a_system_without_these_files_still_has_a_size(tmp_path):
    found = machine.machine_room(tmp_path)
    assert found is None or found.total > 0
    assert machine.resident() >= 0


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0.0 MiB"), (1.9 * 2**20, "1.9 MiB"), (1.26 * GIB, "1.3 GiB")],
)
def test_sizes_are_said_in_words(count, text):
    assert memory.size_text(count) == text


def test_benchmark_command(capsys):
    values = benchmark.flags.FlagValues()
    benchmark.define_flags(values)
    values(
        ["", "--preset=wavegan_drums_small", "--dim=4", "--batch_size=4"]
        + ["--num_samples=256", "--steps=1"]
    )
    with ON_PATH:  # its process is started with it
        assert benchmark.main(values) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["preset", "dim", "batch", "samples"]
    measured, estimated, _ = (
        float(v.replace(",", "")) for v in row.split()[4:]
    )
    assert 0 < measured < 1000
    assert np.isfinite(estimated)
