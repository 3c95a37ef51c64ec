"""Training on a folder of sounds, however messy it is."""

import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import pytest
import soundfile
from scipy import signal

from gansynth_zoo import audio_files
from gansynth_zoo import audio_folder
from gansynth_zoo import clip_sources
from gansynth_zoo import errors
from gansynth_zoo import folder_sounds

FORMATS = {
    ".wav": "PCM_16",
    ".flac": "PCM_16",
    ".mp3": "MPEG_LAYER_III",
    ".ogg": "VORBIS",
    ".aiff": "PCM_24",
}
RATES = (16000, 22050, 44100, 48000)
WANTED = folder_sounds.Wanted(16000)


def tone(seconds=0.4, sample_rate=16000, frequency=440.0):
    """A faded sine, float32 `[samples, 1]`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sine = 0.5 * np.sin(2 * np.pi * frequency * time) * np.hanning(len(time))
    return sine[:, np.newaxis].astype(np.float32)


def from_archive(archives, name, count):
    """Waveforms `[samples, 1]` of 16 kHz of an archive, the first ones."""
    with tarfile.open(archives / name) as archive:
        members = [m for m in archive if m.name.endswith(".wav")][:count]
        for member in members:
            content = io.BytesIO(archive.extractfile(member).read())
            yield soundfile.read(content, dtype="float32", always_2d=True)[0]


@pytest.fixture(params=["generated", "archives"])
def sounds(request):
    """20 short waveforms and a long one, `[samples, 1]` of 16 kHz."""
    if request.param == "generated":
        short = [tone(0.1 + 0.02 * i, 16000, 200 + 90 * i) for i in range(20)]
        return [*short, tone(90)]
    archives = request.getfixturevalue("archives")
    short = list(from_archive(archives, "drums.tar.gz", 20))
    return short + list(from_archive(archives, "mancini_piano.tar.gz", 1))


def write_mixed(folder, sounds):
    """Five formats, four rates, mono and stereo; the last sound is long."""
    for i, sound in enumerate(sounds):
        extension = list(FORMATS)[i % len(FORMATS)]
        rate = RATES[i % len(RATES)]
        sound = signal.resample_poly(0.9 * sound, rate, 16000)
        if i % 3 == 0:
            sound = np.concatenate([sound, 0.5 * sound], axis=1)
        path = folder / f"kind{i % 2}" / f"{i:02d}{extension}"
        audio_files.write(path, sound, rate, FORMATS[extension])


def write_broken(folder):
    """Files that cannot be used: name -> a word of the reason."""
    folder.mkdir(parents=True)
    audio_files.write(folder / "good.wav", tone(), 16000)
    good = (folder / "good.wav").read_bytes()
    (folder / "good.wav").unlink()
    wrong = {"nan": np.nan, "infinite": np.inf, "huge": 3e38}
    for name, value in wrong.items():
        waveform = tone()
        waveform[100] = value
        soundfile.write(folder / f"{name}.wav", waveform, 16000, "FLOAT")
    audio_files.write(folder / "silent.flac", np.zeros(999), 16000)
    sides = tone() * np.array([1, -1])
    audio_files.write(folder / "cancels.wav", sides, 16000)
    (folder / "empty.wav").touch()
    (folder / "header.wav").write_bytes(good[:44])
    (folder / "half a header.wav").write_bytes(good[:20])
    (folder / "list.wav").write_text("bread, butter\n" * 99)
    (folder / "list.mp3").write_text("bread, butter\n" * 9999)
    (folder / "song.m4a").write_text("x")
    os.mkfifo(folder / "pipe.wav")
    (folder / "nowhere.wav").symlink_to("nothing")
    (folder / "itself.wav").symlink_to("itself.wav")
    (folder / "circle").symlink_to("..")
    (folder / "rate.wav").write_bytes(
        good[:24] + bytes([1, 0, 0, 0]) + good[28:]
    )
    return {
        "nan.wav": "no numbers",
        "infinite.wav": "no numbers",
        "huge.wav": "values up to 3e+38",
        "silent.flac": "silent",
        "cancels.wav": "nothing is left",
        "empty.wav": "empty",
        "header.wav": "no samples",
        "half a header.wav": "decoded",
        "list.wav": "no audio",
        "list.mp3": "no audio",
        "song.m4a": "convert",
        "pipe.wav": "plain file",
        "nowhere.wav": "No such file",
        "itself.wav": "symbolic links",
        "circle": "read already",
        "rate.wav": "1 Hz cannot be right",
    }


@pytest.fixture
def folder(tmp_path):
    """A folder with three sounds, one in a sub-folder."""
    for name in ("a.wav", "b.wav", "sub/c.wav"):
        audio_files.write(tmp_path / "sounds" / name, tone(), 16000)
    return tmp_path / "sounds"


@pytest.fixture
def load(tiny, monkeypatch, tmp_path):
    """Function: folder and settings -> clips, from a cache of its own."""
    monkeypatch.setenv("GANSYNTH_ZOO_CACHE", str(tmp_path / "cache"))

    def load(folder, **changes):
        return clip_sources.load_clips(tiny(audio_dir=str(folder), **changes))

    return load


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that are decoded, as it happens."""
    names = []
    decode = folder_sounds.decode

    def count(path, name, wanted):
        names.append(name)
        return decode(path, name, wanted)

    monkeypatch.setattr(folder_sounds, "decode", count)
    return names


def stored(clips, number):
    """A clip as float32 `[samples, channels]`."""
    row = clips.index[number]
    scale = row["scale"] / np.float32(32768)
    return clips.window(number, 0, row["length"]) * scale


def test_a_mixed_folder_is_cached_and_the_broken_are_named(
    tmp_path, sounds, load, capfd
):
    folder = tmp_path / "sounds"
    write_mixed(folder, sounds)
    broken = write_broken(folder / "broken")
    clips = load(folder)
    assert len(clips) == len(sounds)
    assert (clips.sample_rate, clips.channels) == (16000, 1)
    assert clips.labels == ["kind0", "kind1"]
    left_out = {pathlib.Path(n).name: why for n, why in clips.left_out.items()}
    assert set(left_out) == set(broken)
    out, err = capfd.readouterr()
    assert err == ""
    assert (
        f"Left out: {len(broken)}; python -m gansynth_zoo.inspect_audio" in out
    )
    for name, word in broken.items():
        assert word in left_out[name]
        assert f"  broken/{name}: {left_out[name]}\n" in out
    check_equals_reference(folder, clips)


def check_equals_reference(folder, clips):
    """Against libsndfile without blocks, and SciPy's resampler."""
    paths = [
        p for p in audio_files.list_audio(folder) if "broken" not in str(p)
    ]
    for number, path in enumerate(paths):
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sides = waveform.shape[1]
        waveform = waveform.mean(axis=1, keepdims=True)
        got = stored(clips, number)
        exact = path.suffix in (".wav", ".flac") and sides == 1
        if rate == 16000 and exact:
            np.testing.assert_array_equal(got, waveform)
            continue
        wanted = signal.resample_poly(waveform, 16000, rate)
        assert abs(len(got) - len(wanted)) <= 1
        count = min(len(got), len(wanted))
        # Near its edge the band is left to each resampler.
        low = signal.butter(8, 5000, fs=16000, output="sos")
        difference = signal.sosfiltfilt(low, got[:count] - wanted[:count], 0)
        assert np.abs(difference).max() <= 0.01 * np.abs(wanted).max()


def test_a_known_folder_is_opened_and_a_changed_one_is_decoded_anew(
    folder, load, decoded, capsys
):
    (folder / "empty.wav").touch()
    load(folder)
    assert decoded == ["a.wav", "b.wav", "empty.wav", "sub/c.wav"]
    capsys.readouterr()
    again = load(folder)
    assert len(decoded) == 4
    assert set(again.left_out) == {"empty.wav"}
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "Left out: 1;" in out
    audio_files.write(folder / "d.wav", tone(), 16000)
    assert len(load(folder)) == 4
    (folder / "a.wav").unlink()
    assert len(load(folder)) == 3
    audio_files.write(folder / "b.wav", tone(0.8), 16000)
    assert load(folder).seconds() == pytest.approx(1.6)
    assert len(decoded) == 4 + 5 + 4 + 4


@pytest.mark.parametrize(
    "change", [{"sample_rate": 8000}, {"channels": 2}, {"trim_silence": True}]
)
def test_other_settings_are_decoded_anew(folder, load, decoded, change):
    load(folder)
    load(folder, **change)
    load(folder, **change, window="overlap", normalize="none")
    assert len(decoded) == 6


def test_a_half_written_cache_is_not_used(folder, load, monkeypatch, tmp_path):
    def stop(path, name, wanted):
        if name == "sub/c.wav":
            raise KeyboardInterrupt
        return folder_sounds.Report(name), tone()

    with monkeypatch.context() as patched:
        patched.setattr(folder_sounds, "decode", stop)
        with pytest.raises(KeyboardInterrupt):
            load(folder)
    assert list((tmp_path / "cache/clips").iterdir()) == []
    assert len(load(folder)) == 3


def test_an_audio_dir_takes_the_place_of_a_data_set(folder, load):
    assert len(load(folder, dataset="drums_mini")) == 3


def test_a_folder_has_no_test_split(folder, tiny):
    with pytest.raises(errors.ZooError, match="Expected the split 'train'"):
        clip_sources.load_clips(tiny(audio_dir=str(folder)), "test")


def test_labels_are_the_first_sub_folders(folder, load):
    audio_files.write(folder / "kick/deep/d.wav", tone(), 16000)
    (folder / "wrong").mkdir()
    (folder / "wrong/empty.wav").touch()
    clips = load(folder)
    assert clips.labels == ["kick", "sub"]
    np.testing.assert_array_equal(clips.index["label"], [-1, -1, 0, 1])


def test_what_is_left_out_does_not_travel_with_the_set(folder, load, tmp_path):
    (folder / "private.wav").touch()
    clips = load(folder)
    assert "private" not in json.dumps(clips.about)
    assert clips.about["name"] == "sounds"
    (about,) = (tmp_path / "cache/clips").glob("*/about.json")
    assert json.loads(about.read_text())["left_out"].keys() == {"private.wav"}


@pytest.mark.parametrize(
    "name", ["音楽 ドラム.wav", "new\nline.wav", os.fsdecode(b"\xff\xfe.wav")]
)
def test_any_name_is_read_and_printed_in_one_line(folder, load, capsys, name):
    audio_files.write(folder / "x.wav", tone(), 16000)
    os.rename(folder / "x.wav", folder / name)
    assert len(load(folder)) == 4
    (folder / name).write_bytes(b"")
    clips = load(folder)
    assert set(clips.left_out) == {name}
    shown = audio_folder.one_line(name)
    assert f"\n  {shown}: an empty file\n" in capsys.readouterr().out
    assert shown == name or "\\" in shown


def test_a_long_list_of_files_is_cut(folder, load, capsys):
    for i in range(25):
        (folder / f"empty{i:02d}.wav").touch()
    load(folder)
    out = capsys.readouterr().out
    assert out.count("an empty file") == 20
    assert "  and 5 more\n" in out


@pytest.mark.parametrize("extension", [".wav", ".aiff"])
def test_a_cut_off_file_is_named_and_used_as_far_as_it_goes(
    folder, load, capsys, extension
):
    path = folder / f"cut{extension}"
    audio_files.write(path, tone(1.0), 16000)
    path.write_bytes(path.read_bytes()[:16044])
    clips = load(folder)
    assert len(clips) == 4
    assert clips.damaged == {path.name: "it ends early, after 0.50 s"}
    assert f"  {path.name}: it ends early" in capsys.readouterr().out


def test_a_flac_file_is_used_up_to_where_it_is_damaged(folder):
    path = folder / "long.flac"
    audio_files.write(
        path, np.random.default_rng(0).uniform(-1, 1, 200000), 16000
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report, waveform = folder_sounds.decode(path, path.name, WANTED)
    assert len(waveform) == 65536
    assert "lost sync; its first 4.10 s are used" in report.note


@pytest.fixture
def anyone():
    """Lets the test run without the rights of root."""
    root = os.geteuid() == 0
    # Folders of pytest are closed to all but their owner.
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name), lambda: root and os.seteuid(65534)
        if root:
            os.seteuid(0)


def test_what_may_not_be_read_is_named(anyone):
    folder, become = anyone
    for name in ("a.wav", "b.wav", "closed/c.wav"):
        audio_files.write(folder / name, tone(), 16000)
    (folder / "b.wav").chmod(0)
    (folder / "closed").chmod(0)
    become()
    try:
        listing = audio_folder.scan(folder)
        with audio_folder.decoding(listing, WANTED) as sounds:
            reasons = {report.name: report.reason for report, _ in sounds}
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        (folder / "closed").chmod(0o755)
    assert reasons["a.wav"] == ""
    assert "Permission denied" in reasons["b.wav"]
    assert "cannot be read: Permission" in listing.problems["closed"]
    (folder / "b.wav").chmod(0o644)
    changed = audio_folder.scan(folder)
    assert changed.digest(WANTED) != listing.digest(WANTED)


def test_a_folder_of_which_nothing_can_be_used_is_refused(
    tmp_path, load, capsys
):
    with pytest.raises(errors.ZooError, match="'.*none' with none; it takes"):
        (tmp_path / "none").mkdir()
        load(tmp_path / "none")
    write_broken(tmp_path / "broken")
    with pytest.raises(errors.ZooError, match="none can be used .*13 more"):
        load(tmp_path / "broken")
    assert list((tmp_path / "cache/clips").iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(folder, load, tmp_path):
    disk = tmp_path / "cache"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        audio_files.write(folder / "long.wav", tone(60), 16000)
        with pytest.raises(
            errors.ZooError, match="No space left.*another disk"
        ):
            load(folder)
        assert list((disk / "clips").iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_silence_is_cut_on_request(folder, load):
    late = np.concatenate([np.zeros((8000, 1)), tone()]).astype(np.float32)
    late[:4000] += 1e-5
    audio_files.write(folder / "late.wav", late, 16000, "FLOAT")
    lengths = load(folder).index["length"]
    np.testing.assert_array_equal(lengths, [6400, 6400, 14400, 6400])
    onset = np.flatnonzero(np.abs(late) >= 1e-3 * np.abs(late).max())[0]
    trimmed = load(folder, trim_silence=True)
    assert trimmed.index["length"][2] == 14400 - (onset - 80)
    np.testing.assert_allclose(
        stored(trimmed, 2), late[onset - 80 :], atol=2e-5
    )


def test_integers_in_a_float_file_are_used(folder, load):
    path = folder / "integers.wav"
    soundfile.write(path, 2.0**31 * tone(), 16000, "FLOAT")
    clips = load(folder)
    np.testing.assert_allclose(stored(clips, 2), 2.0**31 * tone(), atol=2**17)


def test_few_files_are_decoded_ahead(folder, decoded, monkeypatch):
    for i in range(20):
        audio_files.write(folder / f"{i:02d}.wav", tone(), 16000)
    listing = audio_folder.scan(folder)
    monkeypatch.setattr(audio_folder, "_AHEAD", 4 * listing.files[0][1])
    with audio_folder.decoding(listing, WANTED) as sounds:
        for number, (report, _) in enumerate(sounds):
            assert report.name == listing.files[number][0]
            assert len(decoded) <= number + 4


def test_training_stops_with_a_sentence(tmp_path):
    folder = tmp_path / "sounds"
    write_broken(folder)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "gansynth_zoo.train"),
            "--preset=wavegan_drums_small",
            f"--audio_dir={folder}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: Expected a folder")
    assert str(folder) in last
