"""What a model generates, one file each: a pair to_features, to_waveform."""
