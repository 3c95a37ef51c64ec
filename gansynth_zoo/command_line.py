"""How every command line starts and ends."""

import sys

from absl import app
from absl import logging

from gansynth_zoo import errors


def run(main):
    """Runs a command line.

    A `ZooError`, and a file that cannot be read or written, end it with one
    sentence on stderr and exit status 1; Ctrl-C ends it with status 130.

    Args:
      main: function of no arguments; what it returns is the exit status.
    """

    def guarded(arguments):
        if len(arguments) > 1:
            _fail(
                f"Expected flags only, received {arguments[1]!r}; a flag is "
                "written --name=value, and --help lists them."
            )
        try:
            sys.exit(main())
        except errors.ZooError as error:
            _fail(str(error))
        except OSError as error:
            _fail(
                f"A file cannot be read or written ({error}); mend that and "
                "start the same command again."
            )
        except KeyboardInterrupt:
            sys.exit(130)

    logging.set_verbosity(logging.ERROR)
    app.run(guarded)


def _fail(sentence):
    print(f"Error: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(1)
