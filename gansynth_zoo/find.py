r"""Finds the latents whose sound is nearest to a sound of yours.

  python -m gansynth_zoo.find --source=wavegan_drums --target=snare.wav \
      --out=found

It writes best.wav; target.wav, your sound as it was compared, with the model's
sample rate and length; and find.json with the latents. Ctrl-C ends the search
and keeps the best.
"""

import json
import pathlib

from absl import flags

import gansynth_zoo
from gansynth_zoo import audio_files
from gansynth_zoo import command_line
from gansynth_zoo import progress
from gansynth_zoo import storage
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import target as targets
from gansynth_zoo.export import sources


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_source(values)
    sources.define_checkpoint(values)
    flags.adopt_module_key_flags(sources, values)
    flags.DEFINE_string(
        "target",
        None,
        "Sound that is looked for: WAV, FLAC, MP3, OGG or AIFF.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "steps",
        targets.STEPS,
        "Steps from each start; more come nearer.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "out", "found", "Folder to write to.", flag_values=values
    )


def main(values=flags.FLAGS):
    """Searches, and writes what was found.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0, or 130 after Ctrl-C.
    """
    module, facts = sources.open_source(values.source, values.checkpoint)
    instrument = instruments.Instrument(module, facts)
    path = pathlib.Path(values.target)
    waveform = targets.read(path, path.name, facts)
    losses, ended = [], 0
    shown = best = None
    try:
        for best in targets.search(instrument, waveform, values.steps):
            shown = shown or progress.Progress(best.of)
            shown.update(
                best.step,
                f"Step {best.step} of {best.of}, distance {best.loss:.3f}",
            )
            losses.append(best.loss)
    except KeyboardInterrupt:
        if best is None:
            raise
        ended = 130
    shown.close()
    sound = instrument.sounds(best.latents[None], [best.label])[0]
    out, rate = pathlib.Path(values.out), facts["sample_rate"]
    audio_files.write(out / "target.wav", waveform, rate)
    audio_files.write(out / "best.wav", sound, rate)
    about = {
        "source": values.source,
        "target": values.target,
        **_describe(best, instrument),
        "losses": losses,
        "version": gansynth_zoo.__version__,
    }
    storage.write_text(out / "find.json", json.dumps(about, indent=1) + "\n")
    print(
        f"The distance shrank from {best.start_loss:.3f}, that of the best "
        f"start, to {best.loss:.3f}, which is "
        f"{best.loss / max(best.start_loss, 1e-12):.0%} of it."
    )
    print(f"Wrote best.wav, target.wav and find.json to {out}.")
    return ended


def _describe(best, instrument):
    return {
        "preset": instrument.facts["preset"],
        "latents": best.latents.tolist(),
        "label": best.label,
        "label_name": (instrument.names or [""])[best.label],
        "seed": best.seed,
        "start_loss": best.start_loss,
        "loss": best.loss,
    }


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
