"""Fixtures of every test: the kit's pytest plugin."""

pytest_plugins = ["esign_kit.testing"]
