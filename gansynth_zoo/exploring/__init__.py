"""The explorer: a model as an instrument, and what its latents mean."""
