r"""Serves a page to explore a model: listen, walk, mix and keep.

  python -m gansynth_zoo.explore --source=wavegan_drums
  python -m gansynth_zoo.explore --source=my_drums --reference=drums \
      --port=8502

Then open the address that it prints. The page shows a map of sounds, changes
the chosen one by sliders, and finds the sound that is nearest to one of yours;
with --reference it tells which training sounds are nearest. The map is made
once for each version of a model.
"""

import contextlib

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import hub
from gansynth_zoo.exploring import explorer as explorers
from gansynth_zoo.exploring import instrument as instruments
from gansynth_zoo.exploring import nearest
from gansynth_zoo.exploring import remote
from gansynth_zoo.exploring import sound_map
from gansynth_zoo.export import rest_model
from gansynth_zoo.export import serve
from gansynth_zoo.export import sources


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_module(values)
    flags.DEFINE_integer(
        "count",
        2000,
        "Sounds on the map.",
        lower_bound=2,
        upper_bound=20_000,
        flag_values=values,
    )
    for name, text in (
        (
            "reference",
            "Training sounds, of which the nearest are shown: a prepared data "
            "set, or a folder.",
        ),
        (
            "data_dir",
            "Folder of prepared data sets; empty is one in the cache folder.",
        ),
        (
            "serving",
            "Address of a TF Serving that makes the sounds, as "
            "http://host:8501; map and searches are still made here.",
        ),
    ):
        flags.DEFINE_string(name, "", text, flag_values=values)
    serve.define_server_flags(values, 8502)
    flags.adopt_module_key_flags(serve, values)


def main(values=flags.FLAGS):
    """Serves until it is told to end.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    with contextlib.ExitStack() as opened:

        def open_app(limits, token):
            # Their packages are installed apart.
            from gansynth_zoo.exploring import routes
            from gansynth_zoo.export import rest

            folder = hub.find(values.source)
            model = rest_model.Model(folder)
            explorer = _open(model, folder, values)
            opened.callback(explorer.close)
            if values.serving:
                model = remote.Remote(model, values.serving)
            app = rest.app([model], limits, token, values.allow_origin)
            routes.add(app, explorer, limits)
            return app, [(f"Explore {model.name} on", "/")]

        serve.run(values, open_app)


def _open(model, folder, values):
    instrument = instruments.Instrument(model.module, model.facts)
    training = None
    if values.reference:
        training = nearest.TrainingSounds(
            model.facts, values.reference, values.data_dir
        )
    return explorers.Explorer(
        instrument,
        sound_map.SoundMap(
            instrument, values.count, sound_map.checksum(folder)
        ),
        training,
    )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
