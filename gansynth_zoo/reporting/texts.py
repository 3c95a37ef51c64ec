"""The words and numbers of a report."""

# Column -> how it is called, and which way is better.
TITLES = {
    "kernel_distance": "log-mel kernel distance ↓",
    "frechet_log_mel": "log-mel Frechet distance ↓",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "density": "density ↑",
    "coverage": "coverage ↑",
    "diversity": "diversity, real = 1",
    "D_self": "|D| self",
    "D_train": "|D| train",
    "D_self_relative": "|D| self, real = 1",
    "D_train_relative": "|D| train, real = 1",
    "ndb": "NDB / bins ↓",
    "ndb_divergence": "NDB divergence ↓",
    "inception_score": "inception score ↑",
    "modified_inception_score": "modified inception score ↑",
    "am_score": "AM score ↓",
    "entropy": "class entropy",
    "accuracy": "class accuracy ↑",
    "frechet_logits": "Frechet distance, logits ↓",
    "frechet_features": "Frechet distance, features ↓",
    "spectral_convergence": "projection error, dB ↓",
    "spectral_convergence_real": "the same of real sounds, dB",
    "rho": "consistency rho",
    "rho_real": "the same of real sounds",
    "whine_db": "whine, dB",
    "level_db": "level, dB",
    "silent": "silent",
    "clipped": "clipped samples",
    "dc_offset": "DC offset",
}


def title(column):
    """How a column is called."""
    return TITLES[column]


def columns(report):
    """Columns that a row of the report has, in their order."""
    there = set().union(*report["rows"].values())
    return [name for name in TITLES if name in there]


def cell(value):
    """A value, or a mean and its deviation, as text."""
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return f"{value[0]:.3g} ± {value[1]:.2g}"
    return f"{value:.3g}"


def about(report):
    """Sentences on how the report was made."""
    lines = [
        f"{report['count']} sounds of each model, seed {report['seed']}; "
        f"reference {report['reference']}, held out: {report['held_out']}. "
        "Distances are to the training sounds; the row of these "
        "compares one half of them with the other."
    ]
    classifier = report["classifier"]
    if classifier:
        lines.append(
            f"Classifier {classifier['name']} ({classifier['id']}), "
            f"{classifier['accuracy']}. Scores of different classifiers do "
            "not compare."
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
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
