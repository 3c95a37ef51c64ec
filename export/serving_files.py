r"""Writes what TF Serving reads to serve all modules of a folder.

  python -m gansynth_zoo.export.serving_files --zoo_dir=zoo
  docker run -p 8500:8500 -p 8501:8501 -v "$PWD/zoo:/models" \
      tensorflow/serving --model_config_file=/models/models.config \
      --enable_batching --batching_parameters_file=/models/batching.config

`models.config` names the modules, of each of which the newest version is
served; `batching.config` says how requests of several clients are put together.
They are written beside the modules, and are yours to edit.
"""

import json
import pathlib

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import storage

MODELS, BATCHING = "models.config", "batching.config"

# Of BatchingParameters: no request waits longer than 2 ms for others.
_BATCHING = """\
max_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 100 }
"""


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    flags.DEFINE_string(
        "zoo_dir",
        None,
        "Folder of the modules; GANSYNTH_ZOO_DIR, or one in the cache folder, "
        "unless given.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "base_path",
        "/models",
        "Where the server finds that folder, as in a container.",
        flag_values=values,
    )


def write(zoo_dir, base_path):
    """Writes the files into a folder of modules.

    Args:
      zoo_dir: the folder.
      base_path: where the server finds it.

    Returns:
      Names of the modules.

    Raises:
      ZooError: if there are no modules.
    """
    zoo_dir = pathlib.Path(zoo_dir)
    folders = sorted(p for p in zoo_dir.glob("*") if hub.is_name(p.name))
    names = [folder.name for folder in folders if hub.versions(folder)]
    if not names:
        raise errors.ZooError(
            f"Expected a folder of modules, received {str(zoo_dir)!r}, which "
            "has none; python -m gansynth_zoo.export --zoo_dir makes one."
        )
    storage.write_text(zoo_dir / MODELS, models_config(names, base_path))
    storage.write_text(zoo_dir / BATCHING, _BATCHING)
    return names


def models_config(names, base_path):
    """A `tensorflow.serving.ModelServerConfig` as text.

    Args:
      names: of modules.
      base_path: where the server finds their folders.

    Returns:
      The text.
    """
    base_path = base_path.rstrip("/")
    rows = [
        "  config {\n"
        f"    name: {_quoted(name)}\n"
        f"    base_path: {_quoted(f'{base_path}/{name}')}\n"
        '    model_platform: "tensorflow"\n'
        "  }\n"
        for name in names
    ]
    return f"model_config_list {{\n{''.join(rows)}}}\n"


def _quoted(text):
    # Protocol buffers read the quotes and escapes of JSON.
    return json.dumps(text, ensure_ascii=False)


def main(values=flags.FLAGS):
    """Writes, and says how to start the server.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    zoo_dir = pathlib.Path(values.zoo_dir or storage.zoo_folder()).resolve()
    names = write(zoo_dir, values.base_path)
    base = values.base_path.rstrip("/")
    print(
        f"Wrote {MODELS} and {BATCHING} in {zoo_dir}, of {', '.join(names)}.\n"
        "Serve them:  docker run -p 8500:8500 -p 8501:8501 "
        f'-v "{zoo_dir}:{base}" tensorflow/serving '
        f"--model_config_file={base}/{MODELS} --enable_batching "
        f"--batching_parameters_file={base}/{BATCHING}"
    )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
