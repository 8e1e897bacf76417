"""Imported once, by the process from which the workers are forked: pyHanko and its like take a second to import."""

from esign_signer.adapters import keystore
from esign_signer.adapters.pdf import engine, gate, image, validation, worker

__all__ = ["engine", "gate", "image", "keystore", "validation", "worker"]
