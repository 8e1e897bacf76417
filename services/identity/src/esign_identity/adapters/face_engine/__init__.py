"""Sees faces: our own face channel's models, run in worker processes of their own."""
