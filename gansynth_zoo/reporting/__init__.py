"""The report of `python -m gansynth_zoo.evaluate`: rows, columns and page."""
