"""The words and numbers of a report."""

# Column -> how it is called, with an arrow to where it is better, and what it
# says.
_COLUMNS = {
    "sounds": ("sounds", "How many were measured."),
    "kernel_distance": (
        "log-mel kernel distance ↓",
        "How far the sounds are from the training sounds as a whole, mean and "
        "deviation over subsets; 0 for sounds of the same kind.",
    ),
    "frechet_log_mel": (
        "log-mel Frechet distance ↓",
        "The same by means and covariances; needs many sounds.",
    ),
    "frechet_per_class": (
        "log-mel Frechet distance per class ↓",
        "The same of each class to its real sounds, in as many dimensions as "
        "its sounds allow: mean and deviation over the classes.",
    ),
    "precision": (
        "precision ↑",
        "Share of the sounds that lie among real ones; a single odd real sound "
        "may let in many, which density shows.",
    ),
    "recall": (
        "recall ↑",
        "Share of the real sounds that lie among these.",
    ),
    "density": (
        "density ↑",
        "How densely they lie where real ones are; 1 as real ones do.",
    ),
    "coverage": (
        "coverage ↑",
        "Share of the real sounds that have one of these nearby.",
    ),
    "diversity": (
        "diversity, real = 1",
        "Mean distance between two of the sounds; near 0 if all are alike.",
    ),
    "nearest_relative": (
        "nearest training sound, real = 1",
        "Distance of a sound to the training sound that is most like it, over "
        "that of real sounds that are held out, in what can be heard: 0 for "
        "copies, more than 1 for what is unlike real sounds.",
    ),
    "D_self": (
        "|D| self",
        "Mean distance of a sound to the nearest other one of its set, by its "
        "first 1.02 seconds, of 1000 sounds at the most.",
    ),
    "D_train": (
        "|D| train",
        "The same to the nearest training sound; near 0 for copies. Here "
        "loudness counts, and what is too faint to be heard.",
    ),
    "D_self_relative": (
        "|D| self, real = 1",
        "|D| self over that of real sounds that are held out.",
    ),
    "D_train_relative": (
        "|D| train, real = 1",
        "|D| train over that of real sounds that are held out.",
    ),
    "ndb": (
        "NDB / bins ↓",
        "Share of the kinds of sound that are too frequent or too rare; about "
        "0.05 by chance.",
    ),
    "ndb_divergence": (
        "NDB divergence ↓",
        "How far the shares of all kinds are from the real ones, in nats.",
    ),
    "inception_score": (
        "inception score ↑",
        "How sure the classifier is of each sound and how many classes it "
        "hears, mean and deviation over 10 groups.",
    ),
    "modified_inception_score": (
        "modified inception score ↑",
        "The same between pairs of sounds.",
    ),
    "am_score": (
        "AM score ↓",
        "How unsure the classifier is, and how far its classes are from those "
        "of real sounds, in nats.",
    ),
    "entropy": (
        "class entropy",
        "How unsure the classifier is of a sound, in nats.",
    ),
    "accuracy": (
        "class accuracy ↑",
        "Share of the sounds that the classifier hears as what they are.",
    ),
    "frechet_logits": (
        "Frechet distance, logits ↓",
        "Of what the classifier says.",
    ),
    "frechet_features": (
        "Frechet distance, features ↓",
        "Of what it hears before it decides, in few dimensions.",
    ),
    "spectral_convergence": (
        "projection error, dB ↓",
        "How far the spectra of the sounds are from those that the model made.",
    ),
    "spectral_convergence_real": (
        "projection error of real sounds, dB",
        "The same for real sounds in this model's representation.",
    ),
    "rho": (
        "consistency rho",
        "Whether the spectra that the model made can be those of sounds: as "
        "near to that of real ones as possible.",
    ),
    "rho_real": (
        "rho of real sounds",
        "The same for real sounds in this model's representation.",
    ),
    "whine_db": (
        "whine, dB",
        "The loudest tone at a multiple of a quarter of the sample rate, above "
        "its surroundings: what transposed convolutions leave.",
    ),
    "level_db": ("level, dB", "Median; 0 is full scale."),
    "silent": ("silent", "Share of the sounds below -60 dB."),
    "clipped": ("clipped samples", "Share of the samples at full scale."),
    "dc_offset": ("DC offset", "Mean over the sounds; 1 is full scale."),
}


def title(column):
    """How a column is called."""
    return _COLUMNS[column][0]


def meaning(column):
    """What a column says, a sentence."""
    return _COLUMNS[column][1]


def columns(report):
    """Columns that a row of the report has, in their order."""
    there = set().union(*report["rows"].values())
    return [name for name in _COLUMNS if name in there]


def cell(value):
    """A value, or a mean and its deviation, as text."""
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return f"{value[0]:.3g} ± {value[1]:.2g}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def about(report):
    """Sentences on how the report was made."""
    sound = report["sound"]
    lines = [
        f"{report['count']} sounds of each model, seed {report['seed']}, of "
        f"{sound['num_samples']} samples at {sound['sample_rate']} Hz. "
        f"Reference: {report['reference']}, held out: {report['held_out']}. "
        "Distances are to the training sounds; the row of these "
        "compares one half of them with the other. Frechet distances and NDB "
        f"are of features in {report['dimensions']} dimensions, NDB has "
        f"{report['bins']} bins: both are fewer where there are few sounds, "
        "and values of reports in which they differ do not compare.",
    ]
    lines += [
        f"{name}: {', '.join(f'{k} {v}' for k, v in facts.items())}."
        for name, facts in report["sources"].items()
    ]
    if report["classifier"]:
        lines.append(
            f"Scores by {report['classifier']['description']}; those of "
            "different classifiers do not compare."
        )
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    return [*lines, f"Made with {versions}."]


def table(report):
    """The table as text, a column of the report in each line."""
    names = list(report["rows"])
    lines = [["", *names]]
    for column in columns(report):
        cells = [cell(report["rows"][n].get(column)) for n in names]
        lines.append([title(column), *cells])
    widths = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
