"""Exported modules: SavedModels for TF Hub and TF Serving."""
