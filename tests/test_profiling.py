import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansynth_zoo import errors
from gansynth_zoo import profiling
from gansynth_zoo import runs
from gansynth_zoo import training


@pytest.mark.parametrize("text", ["", "3", "3:", "0:2", "4:3", "a:b", "-1:2"])
def test_wrong_ranges(text):
    with pytest.raises(errors.ZooError, match="Expected --profile=FIRST:LAST"):
        profiling.parse(text)


def test_a_range():
    assert profiling.parse("100:120") == (100, 120)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 20)).map(
            lambda span: (span[0], sum(span))
        )
    )
)
def test_union_length_counts_each_moment_once(spans):
    seen = np.zeros(80, bool)
    for start, end in spans:
        seen[start:end] = True
    assert profiling.union_length(spans) == seen.sum()


# Picoseconds: update 0-4 and 2-6, the generator's 5-9, a wait 8-10.
EVENTS = {
    "while/body/_1/while/discriminator_update/Conv2D:Conv2D": [(0, 4), (2, 6)],
    "while/body/_1/gradient_tape/while/discriminator_update_1/Mul:Mul": [
        (3, 5)
    ],
    "while/body/_1/while/generator_update/discriminator/Add:Add": [(5, 9)],
    "IteratorGetNextOp::DoCompute": [(8, 10)],
    "PyFuncStateless:PyFuncStateless": [(0, 30)],
}


def test_a_moment_counts_for_the_first_part_at_work(tmp_path):
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/host:CPU")
    for number, (name, spans) in enumerate(EVENTS.items()):
        plane.event_metadata[number].name = name
        line = plane.lines.add(timestamp_ns=7)
        for start, end in spans:
            line.events.add(
                metadata_id=number, offset_ps=start, duration_ps=end - start
            )
    file = tmp_path / "host.xplane.pb"
    file.write_bytes(space.SerializeToString())
    assert profiling.measure(file) == pytest.approx(
        {
            "discriminator updates": 6e-12,
            "generator update": 3e-12,
            "waiting for input": 1e-12,
        }
    )


def test_the_table_adds_up():
    parts = {"generator update": 1.0, "waiting for input": 0.5}
    text = profiling.summarise(parts, 2.0, first=11, last=20)
    assert text.splitlines() == [
        "Steps 11 to 20: 0.2 s a step.",
        "",
        "generator update         50.0 %  0.1 s a step",
        "waiting for input        25.0 %  0.05 s a step",
        "other                    25.0 %  0.05 s a step",
    ]


def test_a_run_is_profiled(tiny, tmp_path):
    run = runs.Run(tmp_path / "run")
    said = []
    preset = tiny(steps=8)
    training.train(preset, run, report=said.append, profile=(2, 3))
    assert f"Profiled: see {run.path / 'profile.txt'}." in said
    assert len(list(run.summaries.rglob("*.xplane.pb"))) == 1
    lines = (run.path / "profile.txt").read_text("utf-8").splitlines()
    assert lines[0].startswith("Steps 2 to ")
    rows = [line.split(" %")[0].rsplit(maxsplit=1) for line in lines[2:6]]
    shares = {name: float(share) for name, share in rows}
    assert list(shares) == [*profiling.PARTS, "other"]
    assert shares["discriminator updates"] > 0 < shares["generator update"]
    assert sum(shares.values()) == pytest.approx(100, abs=0.3)


def test_a_run_that_ends_before_is_not_profiled(tmp_path):
    said = []
    profile = profiling.Profile(runs.Run(tmp_path), 9, 10, said.append)
    profile.on_epoch_begin(0)
    for done in range(8):
        profile.on_train_batch_begin(done)
        profile.on_train_batch_end(done + 1)
    profile.on_train_end()
    assert said == ["Not profiled: no call began at step 9 or later."]
    assert not list(tmp_path.iterdir())
