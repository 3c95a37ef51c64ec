"""TFDS builders of the audio data sets, one folder each."""
