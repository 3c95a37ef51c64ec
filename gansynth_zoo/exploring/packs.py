"""Picked sounds as a zip: of WAVs, or of an instrument for a sampler."""

import io
import json
import pathlib
import re
import tempfile
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from gansynth_zoo import errors
from gansynth_zoo import storage
from gansynth_zoo.export import sampler_pack

KINDS = ("wav", "sampler")
RATES = (44100, 48000)
# Sounds of a pack at the most.
SOUNDS = 128


class Pick(NamedTuple):
    """A sound that was picked.

    Attributes:
      latents: float32 `[latent]`.
      label: number of its label.
      name: as somebody calls it.
    """

    latents: np.ndarray
    label: int
    name: str


def make(instrument, picks, kind, rate):
    """Makes a pack, with what each of its sounds can be made of again.

    A sampler's instrument has a key for each sound; where labels are MIDI
    pitches, each sound is an instrument of its own, with all pitches.

    Args:
      instrument: an `instrument.Instrument`.
      picks: list of `Pick`.
      kind: "wav", sounds as they are, or "sampler", an SFZ pack.
      rate: sample rate of the files in Hz.

    Returns:
      Bytes of a zip, in one folder.

    Raises:
      ZooError: if there are too many sounds, or all of them are silent.
    """
    several = len(instrument.names) if _at_all_pitches(instrument, kind) else 1
    if not 1 <= len(picks) * several <= SOUNDS:
        each = f", each at {several} pitches" if several > 1 else ""
        raise errors.ZooError(
            f"Expected a pack of 1 to {SOUNDS} sounds, received {len(picks)}"
            f"{each}; make several packs."
        )
    name = instrument.facts.get("name", instrument.facts["preset"])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder, f"{name}_picks")
        if kind == "wav":
            folder.mkdir()
            _write_waves(folder, instrument, picks, rate)
        else:
            _write_sampler(folder, instrument, picks, rate)
        storage.write_text(
            folder / "picks.json", _picks_text(instrument, picks)
        )
        return sampler_pack.zip_folder(folder).read_bytes()


def wave_bytes(waveform, rate, subtype="PCM_16"):
    """A WAV file's bytes of float `[samples, channels]`."""
    file = io.BytesIO()
    clipped = np.clip(waveform, -1.0, 1.0)
    soundfile.write(file, clipped, rate, subtype, format="WAV")
    return file.getvalue()


def _at_all_pitches(instrument, kind):
    return kind == "sampler" and instrument.pitched


def _sounds(instrument, picks):
    return instrument.sounds(
        np.stack([pick.latents for pick in picks]),
        np.array([pick.label for pick in picks]),
    )


def _write_waves(folder, instrument, picks, rate):
    sounds = _sounds(instrument, picks)
    for number, (pick, sound) in enumerate(zip(picks, sounds, strict=True), 1):
        plain = re.sub(r"[^A-Za-z0-9-]+", "-", pick.name)[:40].strip("-")
        path = folder / f"{number:03d}_{plain or 'sound'}.wav"
        sound = soxr.resample(
            sound.astype("f8"), instrument.facts["sample_rate"], rate, "VHQ"
        )
        path.write_bytes(wave_bytes(sound, rate, "PCM_24"))


def _write_sampler(folder, instrument, picks, rate):
    facts, pitched = instrument.facts, instrument.pitched
    # In the place of seeds, which picks need not have, stand their numbers.
    samples = sampler_pack.plan(
        facts.get("name", facts["preset"]),
        range(len(picks)),
        instrument.names if pitched else [""],
        pitched,
    )
    asked = [picks[sample.seed] for sample in samples]
    if pitched:
        numbers = map(instrument.names.index, (s.label for s in samples))
        asked = [
            pick._replace(label=n)
            for pick, n in zip(asked, numbers, strict=True)
        ]
    left_out = []
    samples, sounds = sampler_pack.edit(
        samples,
        _sounds(instrument, asked),
        facts["sample_rate"],
        rate,
        pitched,
        left_out.append,
    )
    about = sampler_pack.readme(
        facts, samples, rate, "python -m gansynth_zoo.explore"
    )
    about += "\n".join(
        [
            "",
            "The numbers under seed are those of picks.json, from 0 on.",
            *left_out,
            "",
        ]
    )
    sampler_pack.write(folder, samples, sounds, rate, pitched, about)


def _picks_text(instrument, picks):
    facts = instrument.facts
    listed = [
        {
            "name": pick.name,
            "label": pick.label,
            "latents": np.asarray(pick.latents, np.float64).tolist(),
        }
        for pick in picks
    ]
    about = {
        "model": facts.get("name", facts["preset"]),
        "version": facts.get("version"),
        "labels": instrument.names,
        "picks": listed,
    }
    return json.dumps(about, indent=1) + "\n"
