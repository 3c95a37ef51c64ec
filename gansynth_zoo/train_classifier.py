r"""Trains the classifier behind the scores of generated sounds.

  python -m gansynth_zoo.train_classifier --dataset=sc09 --out=digits

Its network is that of WaveGAN's inception score. The labels are those of the
data set, or the names of the sub-folders of --audio_dir. It ends with the
accuracy on sounds that it did not learn from.
"""

import numpy as np
from absl import flags

from gansynth_zoo import classifier_examples
from gansynth_zoo import command_line
from gansynth_zoo.classifiers import classifier as classifiers
from gansynth_zoo.classifiers import network
from gansynth_zoo.classifiers import training
from gansynth_zoo.classifiers import wavegan_checkpoint

# Classes that are named as the worst, and what each is taken for.
_NAMED = 3
# Flags that training takes as they are.
_TRAINING = ("steps", "batch_size", "seed")


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    for name, default, text in (
        ("dataset", "", "Prepared data set, NAME or NAME/CONFIG."),
        ("data_dir", "", "Folder of prepared data sets."),
        ("audio_dir", "", "Folder with a sub-folder of sounds for each label."),
        ("out", None, "Folder to write to, new or empty."),
        ("description", "", "A sentence to keep with the classifier."),
        (
            "wavegan_checkpoint",
            "",
            "Instead of training, take the weights of the classifier that was "
            "published with WaveGAN: the path of best_acc-103005. The data "
            "set then only serves to measure it.",
        ),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    for name, default, least, text in (
        ("dim", 128, 1, "Channels of each of the four convolutions."),
        ("num_samples", 16384, 1, "What it hears of a sound, at 16 kHz."),
        ("steps", 3000, 1, "Batches that it learns from."),
        ("batch_size", 64, 1, "Sounds of a batch."),
        ("seed", 0, 0, "Seed of all that is random."),
    ):
        flags.DEFINE_integer(name, default, text, least, flag_values=values)
    flags.mark_flag_as_required("out", values)


def main(values=flags.FLAGS):
    """Trains, measures and writes a classifier.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.

    Returns:
      0.

    Raises:
      ZooError: if the sounds cannot be learned from, or --out is in use.
    """
    classifiers.check_free(values.out)
    if values.wavegan_checkpoint:
        made = wavegan_checkpoint.read(values.wavegan_checkpoint)
        about = {"checkpoint": values.wavegan_checkpoint}
        classifier = classifiers.Classifier(*made, about)
        parts = _load(values, classifier.num_samples, classifier.labels)[1]
    else:
        labels, parts = _load(values, values.num_samples)
        design = network.Design(labels, values.num_samples, values.dim)
        about = {name: values[name].value for name in _TRAINING}
        weights = training.train(
            parts["train"],
            parts["validation"],
            design,
            **about,
        )
        classifier = classifiers.Classifier(design, weights, about)
    if values.description:
        about["description"] = values.description
    counts = {name: _measure(classifier, some) for name, some in parts.items()}
    about["accuracy"] = {
        name: {
            "share": float(np.trace(counts[name]) / counts[name].sum()),
            "sounds": int(counts[name].sum()),
            "of": parts[name].source,
        }
        for name in parts
    }
    classifier.save(values.out)
    _report(classifier, counts["test"], values.out)
    return 0


def _load(values, num_samples, labels=None):
    sounds = classifier_examples.Sounds.of(
        num_samples,
        dataset=values.dataset,
        data_dir=values.data_dir,
        audio_dir=values.audio_dir,
    )
    return classifier_examples.load(sounds, labels)


def _measure(classifier, examples):
    """Confusion of a classifier on some sounds, int64 `[labels, labels]`."""
    counts = 0
    for places in np.array_split(
        np.arange(len(examples)), -(-len(examples) // 256)
    ):
        scores = classifier.scores(
            examples.read(places)[..., np.newaxis], classifier.sample_rate
        )
        counts += training.confusion(scores, examples.labels[places])
    return counts


def _report(classifier, counts, folder):
    """Prints what the classifier is worth."""
    print(f"Classifier {classifier.id}, accuracy:")
    for part, row in classifier.about["accuracy"].items():
        print(
            f"  {part:10} {row['share']:6.1%} of {row['sounds']} sounds "
            f"({row['of']})"
        )
    for line in worst(counts, classifier.labels):
        print(f"  {line}")
    print(f"It is in {folder}.")


def worst(counts, labels):
    """The classes that are known worst, and what they are taken for.

    Args:
      counts: int `[labels, labels]`, see `training.confusion`.
      labels: names of the classes.

    Returns:
      List of sentences, the worst class first; none where all is right.
    """
    totals = counts.sum(axis=1)
    right = np.diag(counts)
    shares = right / np.maximum(totals, 1)
    lines = []
    for i in np.argsort(shares, kind="stable")[:_NAMED]:
        others = [j for j in np.argsort(-counts[i]) if counts[i, j] and j != i]
        if others:
            taken = ", ".join(
                f"{labels[j]} ({counts[i, j]})" for j in others[:_NAMED]
            )
            lines.append(
                f"{labels[i]}: {right[i]} of {totals[i]} right, taken for "
                f"{taken}"
            )
    return lines


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
