"""Puts modules into a folder from which others fetch them: a mirror.

  python -m gansynth_zoo.export.publish --module=my_drums --out=mirror

Any web server or bucket can hold the folder. Whoever sets GANSYNTH_ZOO_URL to
its address loads the modules by name: hub.load("my_drums")
"""

import pathlib

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import manifest
from gansynth_zoo import mirror
from gansynth_zoo import module_archives
from gansynth_zoo import storage
from gansynth_zoo.export import sources


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_modules("module", values)
    flags.DEFINE_string(
        "out",
        None,
        "Folder of the mirror; made if it is missing.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_string(
        "licence",
        None,
        "Terms of the modules in words; that of their data unless given.",
        flag_values=values,
    )


def publish(folder, out, licence=None):
    """Adds a module to a mirror.

    The manifest is written last: until then, nobody knows of the archive.

    Args:
      folder: of the module.
      out: folder of the mirror.
      licence: terms of the module; those of its data unless given.

    Returns:
      `manifest.Entry`.

    Raises:
      ZooError: if the folder holds no module that may be published, or if the
        mirror has another one of its name and version.
    """
    out = pathlib.Path(out)
    name, version, licence = _described(folder, licence)
    file = f"{name}-{version}.tar.gz"
    partial = out / ".partial-archive"
    with storage.locked(
        out / ".lock", lambda: print("Waiting for another publisher.")
    ):
        there = {(e.name, e.version): e for e in _published(out)}
        try:
            unpacked_size = module_archives.pack(folder, partial)
            entry = manifest.Entry(
                name,
                version,
                file,
                storage.sha256(partial),
                partial.stat().st_size,
                unpacked_size,
                licence,
            )
            _check(entry, there.get((name, version), entry), folder)
            partial.replace(out / file)
        except module_archives.Refused as reason:
            raise errors.ZooError(
                f"Expected a module of plain files, received {str(folder)!r}, "
                f"which {reason}."
            ) from reason
        finally:
            partial.unlink(missing_ok=True)
        there[name, version] = entry
        storage.write_text(out / manifest.FILE, manifest.write(there.values()))
    return entry


def _described(folder, licence):
    """Name, version and licence of a module."""
    try:
        metadata = hub.read_metadata(folder)
        name, version = metadata["name"], metadata["version"]
        licence = licence or hub.licence_of(metadata)
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise errors.ZooError(
            f"Expected a module of python -m gansynth_zoo.export, received "
            f"{str(folder)!r}, of which {hub.METADATA} tells no name and "
            "version; export it again."
        ) from error
    if licence == "unknown":
        raise errors.ZooError(
            f"Expected a licence, received module {name}, whose data has none "
            "that is known; give --licence, in words."
        )
    return name, version, " ".join(licence.split())


def _published(out):
    file = out / manifest.FILE
    return manifest.parse(file.read_bytes(), file) if file.exists() else []


def _check(entry, there, folder):
    wrong = manifest.wrong_field(entry)
    if wrong:
        raise errors.ZooError(
            f"Expected a module that a manifest can list, received "
            f"{str(folder)!r}, of {wrong} {getattr(entry, wrong)!r}; export "
            "it again, or give another --licence."
        )
    if entry.sha256 != there.sha256:
        raise errors.ZooError(
            f"Expected a new version, received {entry.name}@{entry.version}, "
            "which was published with other contents; export it again, as a "
            "version that is not there yet."
        )


def main(values=flags.FLAGS):
    """Publishes, and says how others find it.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """
    for handle in values.module:
        entry = publish(hub.find(handle), values.out, values.licence)
        print(
            f"Published {entry.name}@{entry.version}, "
            f"{mirror.megabytes(entry.size)}; licence: {entry.licence}"
        )
    url = pathlib.Path(values.out).resolve().as_uri()
    print(
        f"Try it:  GANSYNTH_ZOO_URL={url} python -m gansynth_zoo.generate "
        f"--source={entry.name}"
    )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
