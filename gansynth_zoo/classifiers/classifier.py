"""A trained classifier: what it makes of sounds, and its folder.

The folder holds `weights.npz`, and `classifier.json` with what is known of it.
"""

import dataclasses
import hashlib
import json
import pathlib
import random
import zipfile

import numpy as np
import tensorflow as tf

from gansynth_zoo import audio_files
from gansynth_zoo import errors
from gansynth_zoo import storage
from gansynth_zoo.classifiers import network

_FACTS, _WEIGHTS = "classifier.json", "weights.npz"
# The published network fills 0.3 GB with the first stage of so many.
_BATCH = 32
_INT16 = 32767.0


class Classifier:
    """Tells the classes of sounds.

    Attributes:
      design: its `network.Design`.
      labels: tuple of the names of its classes, in the order of the scores.
      sample_rate: in Hz, of the sounds that it hears.
      num_samples: their length.
      weights: float32 arrays: name -> array.
      id: twelve hexadecimal digits that no other classifier has. Scores of
        classifiers that differ in it cannot be compared.
      about: dictionary of plain values: "accuracy" on each split, the "data"
        that it learned from, and so on.

    Args:
      design: a `network.Design`.
      weights: arrays by the names of `network.Network.named_variables`.
      about: see above.

    Raises:
      ZooError: if the weights are not those of the design, or not finite.
    """

    sample_rate = network.SAMPLE_RATE

    def __init__(self, design, weights, about):
        self.design = design
        self.labels = design.labels
        self.num_samples = design.num_samples
        self.about = about
        self._network = network.Network(design, random.Random(0))
        variables = self._network.named_variables()
        self.weights = {name: _weight(weights, name) for name in variables}
        for name, variable in variables.items():
            _check(self.weights[name], name, tuple(variable.shape))
            variable.assign(self.weights[name])
        self.id = _digest(design, self.weights)
        self._features = tf.function(
            self._network.features,
            input_signature=[tf.TensorSpec([None, self.num_samples])],
        )

    def scores(self, waveforms, sample_rate, *, rounded=False):
        """Logits: their softmax is the probability of each class.

        Args:
          waveforms: float `[batch, samples, channels]`, any length. They are
            mixed to one channel, resampled, and cut or padded with zeros at
            the end.
          sample_rate: in Hz, of the waveforms.
          rounded: whether to round as writing 16-bit WAV files would, which
            published scores do.

        Returns:
          Float32 `[batch, labels]`.

        Raises:
          ZooError: if the waveforms are of another shape, or not finite.
        """
        return self.scores_of_features(
            self.features(waveforms, sample_rate, rounded=rounded)
        )

    def features(self, waveforms, sample_rate, *, rounded=False):
        """What the classifier makes of sounds before it decides.

        They are the outputs of the last pooling, flattened. The arguments are
        those of `scores`.

        Returns:
          Float32 `[batch, features]`; of WaveGAN's network, for one second,
          8192.
        """
        mono = self._prepare(waveforms, sample_rate)
        if rounded:
            mono = np.rint(np.clip(mono, -1, 1) * _INT16) / _INT16
        mono = mono.astype(np.float32)
        return np.concatenate(
            [
                self._features(mono[i : i + _BATCH]).numpy()
                for i in range(0, len(mono), _BATCH)
            ]
        )

    def scores_of_features(self, features):
        """`scores` of sounds whose `features` are known already."""
        return self._network.logits(features).numpy()

    def describe(self):
        """Its id, and how often it is right on which sounds: for each score."""
        test = self.about["accuracy"]["test"]
        return (
            f"classifier {self.id}, right on {test['share']:.1%} of "
            f"{test['sounds']} sounds ({test['of']})"
        )

    def save(self, folder):
        """Writes the folder of this classifier, whole or not at all.

        Args:
          folder: path of a folder that is not there, or empty.

        Raises:
          ZooError: if there is something.
        """
        check_free(folder)
        facts = {
            "id": self.id,
            **dataclasses.asdict(self.design),
            "sample_rate": self.sample_rate,
            **self.about,
        }
        with storage.folder_written_whole(folder) as partial:
            np.savez(partial / _WEIGHTS, **self.weights)
            storage.write_text(
                partial / _FACTS, json.dumps(facts, indent=2) + "\n"
            )

    def _prepare(self, waveforms, sample_rate):
        """Float32 `[batch, num_samples]` of `[batch, samples, channels]`."""
        waveforms = np.asarray(waveforms, np.float32)
        if waveforms.ndim != 3 or not len(waveforms):
            raise errors.ZooError(
                "Expected sounds of shape [batch, samples, channels], "
                f"received shape {list(waveforms.shape)}; give one or more."
            )
        if not np.isfinite(waveforms).all():
            raise errors.ZooError(
                "Expected finite sounds, received NaN or infinite samples; "
                "leave those sounds out."
            )
        prepared = np.zeros((len(waveforms), self.num_samples), np.float32)
        for row, waveform in zip(prepared, waveforms, strict=True):
            mono = audio_files.convert(
                [waveform], sample_rate, self.sample_rate, channels=1
            )[: self.num_samples, 0]
            row[: len(mono)] = mono
        return prepared


def check_free(folder):
    """Refuses a folder that something lies in, with a `ZooError`."""
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise errors.ZooError(
            f"Expected a folder that is new or empty, received {str(folder)!r}"
            "; remove it or choose another --out."
        )


def shipped():
    """The classifiers that come with the package: name -> folder."""
    folders = pathlib.Path(__file__).parent.glob(f"*/{_FACTS}")
    return {file.parent.name: file.parent for file in sorted(folders)}


def load(source):
    """Loads a classifier.

    Args:
      source: name of one that comes with the package, or a folder that
        `python -m gansynth_zoo.train_classifier` made.

    Returns:
      A `Classifier`.

    Raises:
      ZooError: if there is none, or its files are damaged.
    """
    folder = shipped().get(str(source), pathlib.Path(source))
    if not (folder / _FACTS).is_file():
        raise errors.ZooError(
            f"Unknown classifier {str(source)!r}: it is no folder with a "
            f"{_FACTS}, as python -m gansynth_zoo.train_classifier makes, and "
            f"those known by name are {', '.join(shipped()) or 'none'}."
        )
    try:
        about = json.loads((folder / _FACTS).read_text("utf-8"))
        known_id = about.pop("id")
        about.pop("sample_rate")
        fields = [field.name for field in dataclasses.fields(network.Design)]
        values = {name: about.pop(name) for name in fields}
        values["labels"] = tuple(values["labels"])
        with open(folder / _WEIGHTS, "rb") as file:
            # Never a pickle, which could run what it likes.
            weights = dict(np.load(file, allow_pickle=False))
        classifier = Classifier(network.Design(**values), weights, about)
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise _damaged(folder, error) from error
    if classifier.id != known_id:
        raise _damaged(folder, f"its id is {classifier.id}, not {known_id}")
    return classifier


def _damaged(folder, reason):
    return errors.ZooError(
        f"The classifier in {str(folder)!r} is damaged ({reason}); make it "
        "anew with python -m gansynth_zoo.train_classifier."
    )


def _weight(weights, name):
    if name not in weights:
        raise errors.ZooError(
            f"Expected the classifier's weights {name}, received none of that "
            "name; they are of another network."
        )
    return np.asarray(weights[name], np.float32)


def _check(weight, name, shape):
    if weight.shape != shape:
        raise errors.ZooError(
            f"Expected the classifier's weights {name} of shape {list(shape)}, "
            f"received {list(weight.shape)}; they are of another network."
        )
    if not np.isfinite(weight).all():
        raise errors.ZooError(
            f"Expected finite weights, received NaN or infinity in {name}; "
            "make the classifier anew."
        )


def _digest(design, weights):
    text = json.dumps(dataclasses.asdict(design), sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].astype("<f4").tobytes())
    return digest.hexdigest()[:12]
