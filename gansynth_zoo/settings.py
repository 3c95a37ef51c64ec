"""How the configuration declares a setting, once, with its help and limits."""

import dataclasses

from gansynth_zoo import errors


def setting(default, text, *, choices=None, minimum=None, resumable=False):
    """Declares one field.

    Args:
      default: value where a preset says nothing.
      text: help text of the flag.
      choices: values that are accepted; None accepts all.
      minimum: smallest number that is accepted.
      resumable: whether a run may be continued with another value, because
        the weights do not depend on it.

    Returns:
      A dataclass field.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": text,
            "choices": choices,
            "minimum": minimum,
            "resumable": resumable,
        },
    )


class Checked:
    """Checks every field against its declaration."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check_value(field, getattr(self, field.name))


def _check_value(field, value):
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise errors.ZooError(
            f"Expected {field.name} to be one of {', '.join(choices)}, "
            f"received {value!r}."
        )
    minimum = field.metadata.get("minimum")
    # Written so that NaN, which compares false with all, is refused too.
    if minimum is not None and not value >= minimum:
        raise errors.ZooError(
            f"Expected {field.name} to be at least {minimum}, received "
            f"{value!r}."
        )


def of(section):
    """The fields of a section that can be set by a flag."""
    return [f for f in dataclasses.fields(section) if "help" in f.metadata]
