"""What listeners can be asked: THE table of tasks."""

import dataclasses

DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
CANNOT_TELL = "none"


@dataclasses.dataclass(frozen=True)
class Task:
    """A question, asked of each trial.

    Attributes:
      question: what the listener reads.
      options: answer that is stored -> what the listener reads.
      sounds: how many a trial has.
      measure: "label" if there is a right answer, "rating" for numbers,
        "preference" for two sources set against each other.
      numbers: answer -> number, of ratings and preferences.
      note: what listeners have to know of the trials that check on them.
    """

    question: str
    options: dict
    sounds: int
    measure: str
    numbers: dict = dataclasses.field(default_factory=dict)
    note: str = ""

    @property
    def metric(self):
        """How far apart two answers are, as `estimates.alpha` has it."""
        return "interval" if self.measure == "rating" else "nominal"


def _rating(question, lowest_to_highest, sounds=1):
    options = {str(i + 1): text for i, text in enumerate(lowest_to_highest)}
    numbers = {answer: int(answer) for answer in options}
    note = "Some sounds are there to check that the test works."
    return Task(question, options, sounds, "rating", numbers, note)


TASKS = {
    # As Donahue et al., ICLR 2019, asked; so are quality, ease and diversity.
    "digits": Task(
        "Which digit do you hear?",
        {str(i): str(i) for i in range(10)} | {CANNOT_TELL: "Cannot tell"},
        1,
        "label",
        note="Now and then you hear beeps instead: count them, and answer "
        "with their number.",
    ),
    # The scale of ITU-T P.800.
    "quality": _rating(
        "How good is the quality of the sound?",
        ("Bad", "Poor", "Fair", "Good", "Excellent"),
    ),
    "ease": _rating(
        "How easily do you understand what is said?",
        ("Not at all", "Hardly", "With effort", "Easily", "At once"),
    ),
    "diversity": _rating(
        "How different are these sounds from one another?",
        ("All the same", "Alike", "Somewhat", "Different", "Very different"),
        sounds=6,
    ),
    # Marafioti et al., ICML 2019.
    "preference": Task(
        "Which of the two sounds better?",
        {"a": "A", "b": "B"},
        2,
        "preference",
        {"a": 1, "b": -1},
    ),
    # Engel et al., ICLR 2019.
    "comparison": Task(
        "Which of the two sounds better?",
        {
            "a2": "A, clearly",
            "a1": "A, a little",
            "0": "No difference",
            "b1": "B, a little",
            "b2": "B, clearly",
        },
        2,
        "preference",
        {"a2": 2, "a1": 1, "0": 0, "b1": -1, "b2": -2},
    ),
}
