"""Sampler packs: their sounds, their keys, and the files that players read."""

import re
import struct
import zipfile

import numpy as np
import pytest
import soundfile
from absl import flags
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from gansynth_zoo import errors
from gansynth_zoo.evaluation import tone
from gansynth_zoo.export import sampler_pack
from gansynth_zoo.export import sampler_sounds
from gansynth_zoo.export import saved_model

RATE = 16000


def sine(hz, seconds, rate=RATE, level=0.5, phase=0.0):
    time = np.arange(round(seconds * rate)) / rate
    return level * np.sin(2 * np.pi * hz * time + phase)[:, np.newaxis]


def read_sfz(path):
    """The regions of an SFZ file as dictionaries, by the rules of version 1.

    `<group>` starts a set of values that the regions after it have as well; a
    value ends where the next opcode begins, or the line.
    """
    text = re.sub("//.*", "", path.read_text("ascii"))
    group, regions = {}, []
    for header, body in re.findall(r"<(\w+)>([^<]*)", text):
        opcodes = dict(re.findall(r"(\w+)=(.+?)(?=\s+\w+=|\n|$)", body))
        if header == "group":
            group = opcodes
        else:
            assert header == "region"
            regions.append({**group, **opcodes})
    return regions


def read_sampler_chunk(path):
    """Unity note and loop of a WAV file's chunk `smpl`."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    place = 12
    while place < len(data):
        name, size = data[place : place + 4], data[place + 4 : place + 8]
        size = struct.unpack("<I", size)[0]
        if name == b"smpl":
            body = struct.unpack(f"<{size // 4}I", data[place + 8 :][:size])
            assert len(body) == 9 + 6 * body[7]
            return body[3], body[11:13] if body[7] else None
        place += 8 + size + size % 2
    return None


def test_the_loudness_is_that_of_the_standard():
    # ITU-R BS.1770-5: 997 Hz at full scale on one channel is -3.01 LKFS.
    full = sine(997, 2, 48000, 1.0)
    assert sampler_sounds.loudness(full, 48000) == pytest.approx(
        -3.01, abs=0.02
    )
    both = np.repeat(full, 2, axis=1)
    assert sampler_sounds.loudness(both, 48000) == pytest.approx(0.0, abs=0.02)
    # At 100 Hz the filters are 1.1 dB below what they are at 1 kHz.
    assert sampler_sounds.loudness(
        sine(100, 2, 44100, 1.0), 44100
    ) == pytest.approx(-4.81, abs=0.1)


def test_a_short_sound_counts_by_its_energy():
    # A tenth of the 0.4 seconds: 10 dB less.
    long, short = (sine(997, seconds, 48000) for seconds in (0.4, 0.04))
    difference = sampler_sounds.loudness(long, 48000)
    difference -= sampler_sounds.loudness(short, 48000)
    assert difference == pytest.approx(10.0, abs=0.1)


def test_silence_is_cut_off_and_the_ends_are_faded():
    quiet = np.zeros((RATE, 2))
    heard = np.repeat(sine(440, 0.5), 2, axis=1)
    trimmed = sampler_sounds.trim(np.concatenate([quiet, heard, quiet]), RATE)
    assert len(trimmed) == pytest.approx(len(heard), abs=0.002 * RATE)
    assert np.abs(trimmed[[0, -1]]).max() < 1e-6
    np.testing.assert_allclose(trimmed[2000:3000, 0], trimmed[2000:3000, 1])
    assert np.abs(trimmed).max() == pytest.approx(0.5, rel=0.01)


@given(
    amplitudes=strategies.lists(
        strategies.floats(0.01, 1.0), min_size=1, max_size=4
    ),
    seed=strategies.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_sounds_are_brought_to_one_loudness_below_full_scale(amplitudes, seed):
    noise = np.random.default_rng(seed)
    sounds = [
        amplitude * noise.standard_normal((noise.integers(500, 20000), 1))
        for amplitude in amplitudes
    ]
    matched = sampler_sounds.match(sounds, RATE)
    measured = [sampler_sounds.loudness(sound, RATE) for sound in matched]
    assert np.ptp(measured) < 1e-6
    peaks = [np.abs(sound).max() for sound in matched]
    assert max(peaks) == pytest.approx(10 ** (-1 / 20))


@given(
    hz=strategies.floats(60, 2000),
    phase=strategies.floats(0, 6),
    overtone=strategies.floats(0, 0.4),
)
@settings(max_examples=30, deadline=None)
def test_the_seam_of_a_loop_is_a_step_like_others(hz, phase, overtone):
    sound = sine(hz, 1, phase=phase) + sine(3 * hz, 1, level=overtone)
    looped, (start, end) = sampler_sounds.loop(sound, RATE)
    steps = np.abs(np.diff(looped[start - 100 : start + 100, 0]))
    seam = np.abs(looped[start, 0] - looped[end, 0])
    assert seam <= steps.max() + 1e-12
    # And it goes on as it did before: there is no step elsewhere.
    assert np.abs(np.diff(looped[:, 0])).max() <= 1.2 * steps.max()
    assert end - start > 0.1 * len(sound)
    # Whole periods: a repeated tone is the tone.
    again = np.concatenate([looped[: end + 1], looped[start:]])[:, 0]
    spectrum = np.abs(np.fft.rfft(again * np.hanning(len(again))))
    found = np.argmax(spectrum) * RATE / len(again)
    assert found == pytest.approx(hz, abs=2 * RATE / len(again))


def test_noise_and_short_sounds_have_no_loop(rng):
    for sound in (
        rng.standard_normal((RATE, 1)),
        sine(440, 0.02),
        np.ones((RATE, 1)),
    ):
        looped, places = sampler_sounds.loop(sound, RATE)
        assert places is None
        np.testing.assert_array_equal(looped, sound)


def test_notes_reach_halfway_to_their_neighbours():
    samples = sampler_pack.plan("keys", [3, 4], ["72", "48", "55"], True)
    sounds = [sine(440, 1) for _ in samples]
    kept, _ = sampler_pack.edit(samples, sounds, RATE, 44100, True)
    for seed in (3, 4):
        notes = [s for s in kept if s.seed == seed]
        assert [s.key for s in notes] == [48, 55, 72]
        assert [s.keys for s in notes] == [(0, 51), (52, 63), (64, 127)]


def test_what_is_silent_is_named_and_left_out():
    samples = sampler_pack.plan("kit", [3, 4, 5], [""], False)
    sounds = [sine(440, 0.1), np.zeros((100, 1)), sine(220, 0.2)]
    told = []
    kept, edited = sampler_pack.edit(
        samples, sounds, RATE, 48000, False, told.append
    )
    assert [s.seed for s in kept] == [3, 5] and len(edited) == 2
    (line,) = told
    assert "000004" in line and "silent" in line
    with pytest.raises(errors.ZooError, match="received 1 that are silent"):
        sampler_pack.edit(
            samples[:1], sounds[1:2], RATE, 48000, False, told.append
        )


def test_too_many_sounds_for_the_keyboard_are_refused():
    assert len(sampler_pack.plan("kit", list(range(92)), [""], False)) == 92
    with pytest.raises(errors.ZooError, match="92 sounds at most.*received 93"):
        sampler_pack.plan("kit", list(range(93)), [""], False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two packs of the same tones: one-shots, and notes."""
    hertz = {"": [110, 440, 1500], "notes": [130.81, 261.63, 523.25]}
    folders = {}
    facts = {
        "preset": "tiny",
        "sample_rate": RATE,
        "versions": {"gansynth_zoo": "0"},
        "data": {"licence": "CC0 1.0", "name": "tones"},
    }
    for kind, tones in hertz.items():
        folder = tmp_path_factory.mktemp("packs") / (kind or "kit")
        labels = ["48", "60", "72"] if kind else ["odd name = // <x>"]
        seeds = [5] if kind else [1, 5, 9]
        samples = sampler_pack.plan(folder.name, seeds, labels, bool(kind))
        silence = np.zeros((1000, 1))
        sounds = [
            np.concatenate(
                [silence, sine(hz, 1, level=0.02 * hz**0.5), silence]
            )
            for hz in tones
        ]
        samples, sounds = sampler_pack.edit(
            samples, sounds, RATE, 44100, bool(kind)
        )
        about = sampler_pack.readme(facts, samples, 44100, "python ...")
        sampler_pack.write(folder, samples, sounds, 44100, bool(kind), about)
        folders[kind] = folder
    return folders


@pytest.mark.parametrize("kind", ["", "notes"])
def test_the_files_are_what_a_sampler_reads(made, kind):
    (instrument,) = made[kind].glob("*.sfz")
    regions = read_sfz(instrument)
    files = [made[kind] / region["sample"] for region in regions]
    assert sorted(files) == sorted(made[kind].glob("*.wav"))
    loudnesses = []
    for file in files:
        info = soundfile.info(file)
        assert (info.subtype, info.samplerate) == ("PCM_24", 44100)
        assert re.fullmatch("[A-Za-z0-9_.-]+", file.name)
        sound, _ = soundfile.read(file, always_2d=True)
        assert np.abs(sound).max() < 1.0
        # Of the second of sound and the silence about it, the second is left.
        assert len(sound) == pytest.approx(44100, abs=300)
        loudnesses.append(sampler_sounds.loudness(sound, 44100))
    assert np.ptp(loudnesses) < 0.1
    keys = [
        key
        for region in regions
        for key in range(int(region["lokey"]), int(region["hikey"]) + 1)
    ]
    assert keys == (list(range(128)) if kind else [36, 37, 38])
    for region in regions:
        centre = int(region["pitch_keycenter"])
        assert int(region["lokey"]) <= centre <= int(region["hikey"])


def test_one_shots_sound_to_their_ends(made):
    (instrument,) = made[""].glob("*.sfz")
    for region in read_sfz(instrument):
        assert region["loop_mode"] == "one_shot"
        assert read_sampler_chunk(made[""] / region["sample"]) is None


def test_notes_have_their_pitch_and_loop_in_both_files(made):
    (instrument,) = made["notes"].glob("*.sfz")
    for region in read_sfz(instrument):
        file = made["notes"] / region["sample"]
        pitch, loop = read_sampler_chunk(file)
        assert pitch == int(region["pitch_keycenter"])
        assert region["loop_mode"] == "loop_continuous"
        assert loop == (int(region["loop_start"]), int(region["loop_end"]))
        sound, rate = soundfile.read(file, always_2d=True)
        assert 0 < loop[0] < loop[1] < len(sound)
        hertz, _ = tone.strongest(sound[None], rate)
        assert hertz == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=2)


def test_the_readme_says_how_to_make_each_sound_again(made):
    text = (made[""] / "README.txt").read_text()
    assert "CC0 1.0" in text and "tones" in text
    for seed, file in zip(
        (1, 5, 9), sorted(made[""].glob("*.wav")), strict=True
    ):
        assert f"{file.name}, {seed}, odd name" in text


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(errors.ZooError, match="choose another --out"):
        sampler_pack.write(tmp_path, [], [], 44100, False, "")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def run(*arguments):
    values = flags.FlagValues()
    sampler_pack.define_flags(values)
    values(["sampler_pack", *arguments])
    sampler_pack.main(values)


def test_the_command_makes_the_same_bytes_of_the_same_seeds(
    pitched, tmp_path, capsys
):
    archives = []
    for number in range(2):
        out = tmp_path / str(number) / "pack"
        run(f"--source={pitched.path}", "--seeds=4,2", f"--out={out}", "--zip")
        assert "Wrote 6 sounds at 44100 Hz" in capsys.readouterr().out
        assert len(list(out.glob("*.sfz"))) == 2
        archives.append(out.with_name("pack.zip"))
    first, second = (path.read_bytes() for path in archives)
    assert first == second
    with zipfile.ZipFile(archives[0]) as archive:
        assert len(archive.namelist()) == 6 + 2 + 1


def test_each_sound_is_that_of_its_seed_and_label(pitched):
    module = saved_model.module_of(pitched)
    samples = sampler_pack.plan("keys", [7, 3], ["64", "60"], True)
    made = sampler_pack.make(module, module.facts, samples)
    for sample, sound in zip(samples, made, strict=True):
        alone = module.generate(1, sample.seed, [sample.label])[0]
        np.testing.assert_allclose(sound, alone, atol=1e-5)
    # Without a label, that of the seed.
    samples = sampler_pack.plan("kit", [7, 3], [""], False)
    made = list(sampler_pack.make(module, module.facts, samples))
    np.testing.assert_allclose(made[1], module.generate(1, 3)[0], atol=1e-5)


def test_a_label_is_asked_for_and_the_rate_chosen(pitched, tmp_path):
    out = tmp_path / "pack"
    run(
        f"--source={pitched.path}",
        "--count=2",
        "--labels=62",
        "--rate=48000",
        f"--out={out}",
    )
    assert len(list(out.glob("*.sfz"))) == 2
    for path in out.glob("*.wav"):
        assert soundfile.info(path).samplerate == 48000
        assert read_sampler_chunk(path)[0] == 62


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds=1,x"], "whole numbers with commas between, received x"),
        (["--labels=61"], "labels out of 60, 62, 64 for this model"),
        (["--source=nowhere/at/all"], "no saved_model.pb is found"),
    ],
)
def test_wrong_flags(pitched, tmp_path, arguments, words):
    out = tmp_path / "pack"
    with pytest.raises(errors.ZooError, match=words):
        run(f"--source={pitched.path}", f"--out={out}", *arguments)
    assert not out.exists()
