"""How well a model can be explored: its map, its directions, the search.

  python -m benchmarks.exploring --source=my_drums

Along each direction of a descriptor, sounds that the map does not have are
moved from one end of its range to the other; the rank correlation of the
descriptor, measured in each of them, with the place says whether it rises all
the way. The search is for a sound of the model's own, and begins without its
seed.
"""

import os
import tempfile
import time
from unittest import mock

import numpy as np
from absl import flags

from benchmarks import timing
from gansynth_zoo import command_line
from gansynth_zoo import hub
from gansynth_zoo.exploring import descriptors
from gansynth_zoo.exploring import directions
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import sound_map
from gansynth_zoo.exploring import target
from gansynth_zoo.export import sources

_PLACES = 9
_MINUTES = 10


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_module(values)
    for name, default, text in (
        ("count", 2000, "Sounds on the map."),
        ("moved", 50, "Sounds that are moved along each direction."),
        ("steps", target.STEPS, "Steps of the search."),
    ):
        flags.DEFINE_integer(
            name, default, text, lower_bound=1, flag_values=values
        )


def main(values=flags.FLAGS):
    """Prints what was measured.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.
    """
    folder = hub.find(values.source)
    instrument = instruments.Instrument(
        hub.load(folder), hub.read_metadata(folder)
    )
    found, seconds = _map(instrument, values.count)
    print(f"The map of {values.count} sounds took {seconds:.0f} s.")
    seeds = values.count + np.arange(values.moved)
    latents, labels = instrument.of_seeds(seeds)
    rows = [
        (
            direction.name,
            direction.correlation,
            *_moved(instrument, direction, latents, labels),
        )
        for direction in found
        if direction.kind == "descriptor"
    ]
    header = ("direction", "held out", "mean", "least", "0.8 or more")
    if rows:
        timing.print_table(header, rows)
    sound = instrument.sounds(latents[-1:], labels[-1:])[0]
    start = time.monotonic()
    *_, best = target.search(instrument, sound, values.steps)
    print(
        f"The search took {time.monotonic() - start:.0f} s: from "
        f"{best.start_loss:.3g} to {best.loss:.3g}, "
        f"{best.loss / max(best.start_loss, 1e-12):.2f} of it."
    )
    return 0


def _map(instrument, count):
    """Directions, and seconds in which a map is made that is not kept."""
    with (
        tempfile.TemporaryDirectory() as cache,
        mock.patch.dict(os.environ, GANSYNTH_ZOO_CACHE=cache),
    ):
        start = time.monotonic()
        made = sound_map.SoundMap(instrument, count, "benchmark")
        made.job.wait(60 * _MINUTES)
        seconds = time.monotonic() - start
    return made.directions, seconds


def _moved(instrument, direction, latents, labels):
    """Mean and least rank correlation, and the share of 0.8 or more."""
    places = np.linspace(*direction.range, _PLACES)
    rate, found = instrument.facts["sample_rate"], []
    for base, label in zip(latents, labels, strict=True):
        moves = places - base @ direction.vector
        moved = base + moves[:, np.newaxis] * direction.vector
        sounds = instrument.sounds(
            instrument.keep_inside(moved.astype(np.float32)),
            np.repeat(label, _PLACES),
        )
        heard = descriptors.measure(sounds, rate)[direction.id]
        known = np.isfinite(heard)
        if known.sum() > 2:
            found.append(
                directions.rank_correlation(places[known], heard[known])
            )
    share = np.mean(np.array(found) >= 0.8)
    return f"{np.mean(found):.2f}", f"{np.min(found):.2f}", f"{share:.0%}"


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
