"""Signed notes (https://c2sp.org/signed-note) with Ed25519 keys, and checkpoints (https://c2sp.org/tlog-checkpoint)."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from esign_evidence.domain.merkle import HASH_SIZE

ED25519 = b"\x01"
MAX_NOTE = 1 << 20
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note is malformed, or not signed by the expected key."""


def key_id(name: str, public_key: bytes) -> bytes:
    """Key ID of an Ed25519 key: the first four bytes of SHA-256(name || 0x0A || 0x01 || key)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A log's public key as others are given it: `<name>+<key ID, hex>+<base64 of 0x01 and the key>` (a vkey)."""

    name: str
    public_key: bytes

    @property
    def vkey(self) -> str:
        """The encoded key."""
        encoded = base64.b64encode(ED25519 + self.public_key).decode()
        return f"{self.name}+{key_id(self.name, self.public_key).hex()}+{encoded}"

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Raises NoteError when `vkey` is not a well-formed Ed25519 verifier key."""
        try:
            name, identifier, encoded = vkey.split("+", 2)
            key = base64.b64decode(encoded, validate=True)
            found = bytes.fromhex(identifier)
        except ValueError as error:
            raise NoteError("not a verifier key") from error
        if not _NAME.fullmatch(name) or key[:1] != ED25519 or len(key) != 33 or found != key_id(name, key[1:]):
            raise NoteError("not an Ed25519 verifier key")
        return cls(name, key[1:])

    def open(self, note: str) -> str:
        """The text of a note that this key has signed. Raises NoteError otherwise."""
        text, signatures = _parse(note)
        known = key_id(self.name, self.public_key)
        verified = False
        for name, identifier, signature in signatures:
            if name != self.name or identifier != known:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
            except InvalidSignature:
                raise NoteError("the note's signature does not verify") from None
            verified = True
        if not verified:
            raise NoteError("the note is not signed by the expected key")
        return text


class Signer:
    """Signs notes as `name` with an Ed25519 key."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Raises NoteError when `name` is empty or holds white space or a plus sign."""
        if not _NAME.fullmatch(name):
            raise NoteError("not a key name")
        self._key = key
        self.verifier = Verifier(name, key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """A signed note with `text`, which ends in a newline. The same text always gives the same note."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise NoteError("a note's text ends in a newline and has no other control characters")
        name = self.verifier.name
        blob = key_id(name, self.verifier.public_key) + self._key.sign(text.encode())
        return f"{text}\n— {name} {base64.b64encode(blob).decode()}\n"


def _parse(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text and its signatures (name, key ID, signature)."""
    if len(note) > MAX_NOTE or _CONTROL.search(note) or not note.endswith("\n"):
        raise NoteError("not a signed note")
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail:
        raise NoteError("the note has no signatures")
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
            raise NoteError("a malformed signature line")
        try:
            blob = base64.b64decode(parts[2], validate=True)
        except binascii.Error as error:
            raise NoteError("a malformed signature") from error
        if len(blob) < 5:
            raise NoteError("a signature is too short")
        signatures.append((parts[1], blob[:4], blob[4:]))
    return head + "\n", signatures


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's origin, its number of leaves and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text, three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a checkpoint's text; extension lines are ignored. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteError("a checkpoint has at least three lines, none of them empty")
        if not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1], re.ASCII):
            raise NoteError("not a tree size")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error as error:
            raise NoteError("not a root hash") from error
        if len(root) != HASH_SIZE or base64.b64encode(root).decode() != lines[2]:
            raise NoteError("not a root hash")
        return cls(lines[0], int(lines[1]), root)
