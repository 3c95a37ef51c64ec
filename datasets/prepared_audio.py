"""The base of all builders: audio decoded once, stored as exact int16."""

import collections
import inspect
import typing

import numpy as np
import tensorflow_datasets as tfds

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo.datasets import sources

SPLITS = ("train", "validation", "test")
_BYTES_PER_SAMPLE = 2
# What a stored clip takes besides its samples.
_BYTES_PER_CLIP = 512
# TFDS writes a set to files that it then sorts into others.
_COPIES = 2


class Clip(typing.NamedTuple):
    """A recording that is to be part of a set.

    Attributes:
      split: one of `SPLITS`.
      source: the folder or archive that it is a member of.
      name: that member's name.
      id: what it is known by in the set; of one split no two may be the same.
      features: its values of the features besides `audio` and `id`.
    """

    split: str
    source: typing.Any
    name: str
    id: str
    features: dict


class PreparedAudio(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builder of examples with `audio`, `id` and labels.

    `audio` is mono, int16 `[samples]`, its length that of the recording. All
    examples have the rate `SAMPLE_RATE`, found again in
    `info.metadata["sample_rate"]`; `info.metadata["licence"]` says what may be
    done with them, `["left_out"]` which files are not among them and why, and
    `["silent"]` lists the ids of those in which nothing is heard.

    A subclass says how its source is laid out, in `arrange`.

    Attributes:
      SOURCE: what to get and from where, words to follow "needs".
      EMBEDDED: whether the clips come with the package, in the folder `clips`
        beside the builder.
      TEXTS: names of the text files that `arrange` looks into.
      OVERLAP: how many clips a sample of a recording is part of.
      DOWNLOAD: how many clips, and seconds of them, come from `url`.
      watch: function of (bytes done, bytes in all, what is done), called while
        the source is looked through and while examples are made.

    Args:
      archives: paths of the folders and archives to prepare the set from; none
        is needed to read one that is prepared.
      **kwargs: arguments of every TFDS builder: `data_dir`, `config` and
        `version`.
    """

    SAMPLE_RATE = 16000
    SOURCE = ""
    EMBEDDED = False
    TEXTS = ()
    OVERLAP = 1
    DOWNLOAD = (0, 0.0)

    def __init__(self, *, archives=(), **kwargs):
        self.watch = lambda done, total, text: None
        self._archives = tuple(str(path) for path in archives)
        self._plans = {}
        super().__init__(**kwargs)
        # What TFDS makes the builder from again, as after pickling.
        self._original_state["archives"] = self._archives

    def __init_subclass__(cls, **kwargs):
        """Tells TFDS that the subclass's files lie beside its module.

        It would infer the paths from the import name, and in an editable
        install the folder has another name. Inferring also needs the package
        importlib_resources, which TFDS does not require on newer Pythons.
        """
        cls.code_path = tfds.core.Path(inspect.getfile(cls))
        cls.pkg_dir_path = cls.code_path.parent
        super().__init_subclass__(**kwargs)

    def make_info(self, label_features, licence):
        """Describes the examples; description and citation come from files.

        Args:
          label_features: TFDS feature by name, besides `audio` and `id`.
          licence: terms of the audio, in words.

        Returns:
          `tfds.core.DatasetInfo`.
        """
        # A plain audio feature stores 64-bit integers, three times the bytes.
        audio = tfds.features.Tensor(
            shape=(None,), dtype=np.int16, encoding="bytes"
        )
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"audio": audio, "id": tfds.features.Text(), **label_features}
            ),
            metadata=tfds.core.MetadataDict(
                sample_rate=self.SAMPLE_RATE,
                licence=licence,
                left_out={},
                silent=[],
            ),
            license=licence,
        )

    @property
    def left_out(self):
        """Files of the source that are not in the set: name -> reason."""
        return self.info.metadata["left_out"]

    @property
    def url(self):
        """Where the source is downloaded from if none is given, or None."""
        return None

    @property
    def layout(self):
        """How the source is expected to be laid out, in words."""
        raise NotImplementedError

    def open_source(self, path):
        """Lists what lies at one of the given paths."""
        return sources.open_source(path, self.TEXTS, self.watch)

    def arrange(self, listed, left_out):
        """Chooses the recordings of the set and their splits.

        Args:
          listed: list of what `open_source` returned.
          left_out: dictionary to note in what is not chosen though it should
            be: name -> reason.

        Yields:
          `Clip`. Where a split has an id twice, the second is left out.

        Raises:
          ZooError: if a source is not what the set is made of.
        """
        raise NotImplementedError

    def bytes_needed(self):
        """Room on the disk that preparing takes, estimated on the safe side.

        Returns:
          Number of bytes, of what is kept and what is temporary.

        Raises:
          ZooError: if there is no source, or it is not what it should be.
        """
        if self.url and not self._archives:
            return self.url_infos[self.url].size + self._stored(*self.DOWNLOAD)
        clips = sum(self._plan(self._given()).clips.values(), [])
        found = [clip.source.members[clip.name] for clip in clips]
        seconds = sum(member.seconds for member in found)
        # A member of an archive is copied before it is read.
        return max(member.size for member in found) + self._stored(
            len(clips), seconds
        )

    def _stored(self, clips, seconds):
        samples = seconds * self.SAMPLE_RATE * self.OVERLAP
        return _COPIES * int(
            samples * _BYTES_PER_SAMPLE + clips * _BYTES_PER_CLIP
        )

    def _given(self):
        """Paths of the sources that are at hand."""
        if self._archives:
            return self._archives
        if self.EMBEDDED:
            return (str(self.pkg_dir_path / "clips"),)
        name = self.info.full_name.rpartition("/")[0]  # Without the version.
        raise errors.ZooError(
            f"{name} needs {self.SOURCE}; get it and run `python -m "
            f"gansynth_zoo.datasets.build --dataset={name} --archive=PATH`."
        )

    def _downloaded(self, dl_manager):
        """Path of the source, from the network or from an earlier download."""
        try:
            return str(dl_manager.download(self.url))
        except Exception as error:  # Some of TFDS' have no public name.
            reason = str(error).partition("\n")[0].rstrip(":. ")
            raise errors.ZooError(
                f"{self.url} was not downloaded ({reason}); try again, or get "
                "it another way and give it with --archive=PATH."
            ) from error

    def _plan(self, paths):
        """Lists the sources and arranges them; the second time it knows."""
        if paths not in self._plans:
            listed = [self.open_source(path) for path in paths]
            left_out, clips, seen = {}, {}, set()
            for source in listed:
                left_out.update(source.left_out)
            for clip in self.arrange(listed, left_out):
                if (clip.split, clip.id) in seen:
                    left_out[clip.name] = f"{clip.id!r} is there already"
                    continue
                seen.add((clip.split, clip.id))
                clips.setdefault(clip.split, []).append(clip)
            if "train" not in clips:
                raise self.wrong_source(paths, left_out)
            self._plans[paths] = _Plan(clips, left_out)
        return self._plans[paths]

    def wrong_source(self, paths, left_out):
        """The error for sources in which nothing to train on was found."""
        first = next((f" ({k}: {v})" for k, v in left_out.items()), "")
        return errors.ZooError(
            f"Expected {self.layout}, received {', '.join(map(repr, paths))} "
            f"without any such file{first}; give --archive the right one."
        )

    def _split_generators(self, dl_manager):
        clips = self.begin(dl_manager)
        return {
            split: self._generate_examples(split, clips[split])
            for split in SPLITS
            if split in clips
        }

    def begin(self, dl_manager):
        """Gets ready to make examples.

        Args:
          dl_manager: `tfds.download.DownloadManager`.

        Returns:
          Dictionary of split -> list of `Clip`.

        Raises:
          ZooError: if there is no source, or it is not what it should be.
        """
        if self.url and not self._archives:
            plan = self._plan((self._downloaded(dl_manager),))
        else:
            plan = self._plan(self._given())
        self.info.metadata.update(left_out=dict(plan.left_out), silent=[])
        self._done = 0
        self._total = sum(
            clip.source.members[clip.name].size
            for clip in sum(plan.clips.values(), [])
        )
        return plan.clips

    def _generate_examples(self, split, clips):
        made = 0
        for clip, samples in self.decode(split, clips):
            made += 1
            yield clip.id, self.example(clip.id, samples, clip.features)
        if not made:
            raise self.nothing_left(split)

    def nothing_left(self, split):
        """The error for a split of which no file can be used."""
        name, reason = next(iter(self.left_out.items()))
        return errors.ZooError(
            f"Expected sounds for the split {split!r} of {self.name}, received "
            f"files of which none can be used, such as {name!r}: {reason}."
        )

    def example(self, name, samples, features):
        """Makes an example, and notes if it is silent.

        Args:
          name: its id.
          samples: int16 `[samples]`.
          features: values of its other features.

        Returns:
          Dictionary by feature.
        """
        # int16 has no magnitude for its lowest value.
        if samples.max() <= 1 and samples.min() >= -1:
            self.info.metadata["silent"].append(name)
        return {"audio": samples, "id": name, **features}

    def decode(self, split, clips):
        """Decodes recordings; what cannot be decoded is left out.

        Args:
          split: what to tell `watch`.
          clips: list of `Clip`.

        Yields:
          Pairs of a `Clip` and int16 `[samples]`, in the order of the sources.
        """
        by_source = collections.defaultdict(dict)
        for clip in clips:
            by_source[clip.source][clip.name] = clip
        for source, by_name in by_source.items():
            for name, path in source.read(tuple(by_name)):
                try:
                    samples = self.read_audio(path)
                except errors.ZooError as error:
                    self.left_out[name] = str(error)
                else:
                    yield by_name[name], samples
                del by_name[name]
                self._done += source.members[name].size
                self.watch(self._done, self._total, f"preparing {split}")
            for name in by_name:
                self.left_out[name] = "it is gone since it was listed"

    def read_audio(self, path):
        """Decodes one file to mono at `SAMPLE_RATE`.

        Args:
          path: audio file.

        Returns:
          int16 `[samples]`; of a 16-bit mono file of that rate its very
          sample values.

        Raises:
          ZooError: if the file cannot be used; it gives the reason alone.
        """
        try:
            waveform, _ = audio_files.read(path, self.SAMPLE_RATE, channels=1)
        except errors.ZooError as error:
            # Without the path, which may be that of a copy.
            raise errors.ZooError(str(error.__cause__ or error)) from error
        if audio_files.is_cut_off(path):
            raise errors.ZooError("it is cut off")
        if not len(waveform):
            raise errors.ZooError("it has no samples")
        if not np.isfinite(waveform).all():
            raise errors.ZooError("it has samples that are no numbers")
        return to_int16(waveform[:, 0])


class _Plan(typing.NamedTuple):
    """What preparing will read: clips by split, and what it will not."""

    clips: dict
    left_out: dict


def to_int16(waveform):
    """Converts a waveform to 16 bits, undoing the scale of `audio_files`.

    Args:
      waveform: float `[samples]`, full scale 1; what leaves the 16 bits is
        clipped.

    Returns:
      int16 `[samples]`.
    """
    return np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
