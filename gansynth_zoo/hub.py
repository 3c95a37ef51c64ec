"""Modules by name: `hub.load("wavegan_sc09")`.

A name is looked for in the user's zoo folder, then among the modules that ship
with the package, then on the mirror that `GANSYNTH_ZOO_URL` names, which is
fetched into the cache. Importing `gansynth_zoo` registers the names with
tensorflow_hub, whose `load` and `resolve` then know them too.
"""

import json
import pathlib
import re
import sys

import tensorflow_hub
from tensorflow_hub import registry
from tensorflow_hub import resolver

from gansynth_zoo import errors
from gansynth_zoo import manifest
from gansynth_zoo import mirror
from gansynth_zoo import presets
from gansynth_zoo import storage

_HANDLE = re.compile(r"(?P<name>\w[\w.-]*)(@(?P<version>\d{1,18}))?")
METADATA = "metadata.json"
SHIPPED = pathlib.Path(__file__).parent / "modules"


def roots():
    """Folders in which modules are looked for, in that order."""
    return [storage.zoo_folder(), SHIPPED]


def is_name(text):
    """Whether a text can be the name of a module."""
    return manifest.is_name(text)


def versions(folder):
    """Versions of a module in its folder, the newest first."""
    names = [
        p.parent.name for p in pathlib.Path(folder).glob("*/saved_model.pb")
    ]
    return sorted((int(n) for n in names if n.isdigit()), reverse=True)


def modules():
    """All modules that are found: name -> folder of the newest version."""
    found = {}
    for root in reversed(roots()):
        for folder in sorted(root.glob("*")):
            for version in versions(folder)[:1]:
                found[folder.name] = folder / str(version)
    return found


def find(handle):
    """The folder of a module, which is fetched where only a mirror has it.

    Args:
      handle: `name`, `name@version`, or the path of an exported module, with
        its version or without.

    Returns:
      `pathlib.Path` of a SavedModel.

    Raises:
      ZooError: if there is no such module; it says what there is. Or if a
        mirror has it and it cannot be fetched whole.
    """
    path = pathlib.Path(handle)
    if (path / "saved_model.pb").is_file():
        return path
    if versions(path):
        return path / str(versions(path)[0])
    match = _HANDLE.fullmatch(str(handle))
    if not match:
        raise errors.ZooError(
            f"Expected a module's name or folder, received {str(handle)!r}, "
            "in which no saved_model.pb is found."
        )
    name = match["name"]
    version = int(match["version"]) if match["version"] else None
    remote = mirror.configured()
    for candidate in (name, f"{name}_small"):
        folder = _find_here(candidate, version)
        if remote and not folder:
            folder = _find_there(remote, candidate, version)
        if folder:
            if candidate != name:
                print(
                    f"{name} is not found; {candidate} takes its place.",
                    file=sys.stderr,
                )
            return folder
    raise errors.ZooError(_not_found(name, version, remote))


def _find_here(name, version):
    """Folder of a version, the newest if it is None; None if it is missing."""
    for root in roots():
        there = versions(root / name)
        chosen = (there or [None])[0] if version is None else version
        if chosen in there:
            return root / name / str(chosen)
    return None


def _find_there(remote, name, version):
    """The same of a mirror, which is not asked for a version that is cached."""
    cached = versions(remote.folder / name)
    if version in cached:
        return remote.folder / name / str(version)
    offered = remote.offered(name)
    chosen = version
    if version is None:
        chosen = max(offered or cached, default=None)
    if chosen in cached:
        return remote.folder / name / str(chosen)
    return remote.fetch(offered[chosen]) if chosen in offered else None


def _not_found(name, version, remote):
    there = {v for root in roots() for v in versions(root / name)}
    known = list(modules())
    if remote:
        there |= {*remote.offered(name), *versions(remote.folder / name)}
        known += sorted({e.name for e in remote.entries} - {*known})
    if there:
        return (
            f"Module {name} has no version {version}; found are "
            f"{', '.join(map(str, sorted(there)))}."
        )
    if remote and remote.trouble:
        return (
            f"Module {name} is not on this machine, and the mirror "
            f"{remote.url} cannot be read ({remote.trouble})."
        )
    if name in presets.PRESETS:
        return (
            f"Module {name} was not exported yet; make it with python -m "
            f"gansynth_zoo.train --preset={name} --run_dir=runs/{name} and "
            f"python -m gansynth_zoo.export --run_dir=runs/{name}."
        )
    return (
        f"Unknown module {name!r}: found are {', '.join(known) or 'none'}; "
        f"presets to make one of are {', '.join(presets.PRESETS)}, and python "
        "-m gansynth_zoo.train makes them."
    )


def mirror_lines():
    """Lines that say what the mirror offers; none if no mirror is named."""
    remote = mirror.configured()
    if not remote:
        return
    yield f"\nMirror {remote.url} (hub.load(NAME) fetches into the cache)"
    try:
        entries = remote.entries
    except errors.ZooError as error:
        yield f"  {error}"
        return
    for entry in sorted(entries):
        cached = entry.version in versions(remote.folder / entry.name)
        yield (
            f"  {entry.name}@{entry.version}  "
            f"{'cached' if cached else mirror.megabytes(entry.size)}, "
            f"{entry.licence}"
        )


def load(handle):
    """Loads a module.

    Args:
      handle: `name`, `name@version` or a path.

    Returns:
      The loaded module: `module(latents)`, `module.generate(count, seed)`.

    Raises:
      ZooError: if there is no such module.
    """
    return tensorflow_hub.load(str(find(handle)))


def read_metadata(folder):
    """Sample rate, latents, preset and so on of a module's folder."""
    return json.loads((pathlib.Path(folder) / METADATA).read_text("utf-8"))


def licence_of(facts):
    """Terms of what a module learned from, in words; "unknown" if none are."""
    return (facts.get("data") or {}).get("licence") or "unknown"


def inputs_of(module, labelled, seeds):
    """What a module makes the sounds of seeds from.

    Args:
      module: a module, loaded or in memory.
      labelled: whether the model has labels.
      seeds: int64 `[batch]`.

    Returns:
      List of latents, and labels where the model has any: the arguments of
      `module` and `module.features`.
    """
    labels = [module.labels(seeds)] if labelled else []
    return [module.latents(seeds), *labels]


class _ZooResolver(resolver.Resolver):
    """Answers for every bare word, which no other resolver understands."""

    def is_supported(self, handle):
        return bool(_HANDLE.fullmatch(handle)) and not (
            pathlib.Path(handle).exists()
        )

    def __call__(self, handle):
        return str(find(handle))


def register():
    """Lets `tensorflow_hub.load` find modules by name; once is enough."""
    implementations = registry.resolver._impls
    if not any(type(i).__name__ == "_ZooResolver" for i in implementations):
        registry.resolver.add_implementation(_ZooResolver())
