"""The one exception that speaks to the user."""


class ZooError(ValueError):
    """What was expected, what was received and what to do, in one sentence.

    Library code raises it for wrong input; the command lines print its text on
    stderr without a traceback and exit with status 1.
    """
