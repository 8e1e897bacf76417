"""Signed notes and checkpoints: vectors of golang.org/x/mod/sumdb/note and of C2SP signed-note and tlog-checkpoint."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign_evidence.domain.checkpoint import Checkpoint, NoteError, Signer, Verifier
from hypothesis import given
from hypothesis import strategies as st

# golang.org/x/mod/sumdb/note, package documentation and example_test.go.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
# The example of C2SP tlog-checkpoint.
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_published_note() -> None:
    signer = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
    assert signer.verifier.vkey == VKEY
    assert signer.sign(TEXT) == NOTE
    assert Verifier.parse(VKEY).open(NOTE) == TEXT


def test_other_signatures_are_ignored() -> None:
    other = Signer("witness.example", Ed25519PrivateKey.generate()).sign(TEXT).rpartition("\n\n")[2]
    same_name = Signer("PeterNeumann", Ed25519PrivateKey.generate()).sign(TEXT).rpartition("\n\n")[2]
    head, _, own = NOTE.rpartition("\n\n")
    assert Verifier.parse(VKEY).open(f"{head}\n\n{other}{same_name}{own}") == TEXT
    with pytest.raises(NoteError, match="not signed"):
        Verifier.parse(VKEY).open(f"{head}\n\n{other}{same_name}")


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("cryptography", "cryptographY"),
        NOTE.replace("x08go/ZJkuBS", "x08go/ZJkuBT"),
        NOTE.replace("— Peter", "- Peter"),
        NOTE.replace("\n\n—", "\n—"),
        NOTE[:-1],
        TEXT,
        TEXT + "\n",
        NOTE.replace("PeterNeumann x", "PeterNeumann  x"),
        NOTE.replace("If you", "If\tyou"),
        NOTE.replace("wJnAM=", "wJnAM=!"),
        NOTE + "\n",
        f"{TEXT}\n— PeterNeumann x08g\n",
    ],
)
def test_altered_or_malformed_notes(note: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(VKEY).open(note)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        VKEY.replace("c74f", "c74e"),
        VKEY.replace("Peter", "Petra"),
        VKEY[:-4],
        VKEY.replace("+ARpc", "+AhpC"),
    ],
)
def test_malformed_keys(vkey: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b"])
def test_key_names(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, Ed25519PrivateKey.generate())


def test_the_published_checkpoint() -> None:
    checkpoint = Checkpoint.parse(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == CHECKPOINT
    assert Checkpoint.parse(CHECKPOINT + "an extension\n") == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        CHECKPOINT[:-1],
        CHECKPOINT.replace("20852163", "020852163"),
        CHECKPOINT.replace("20852163", "-1"),
        CHECKPOINT.replace("20852163", "٣"),
        CHECKPOINT.replace("q2I=", "q2J="),
        CHECKPOINT.replace("CsUYapGG", ""),
        CHECKPOINT + "\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@given(st.integers(0, 2**60), st.binary(min_size=32, max_size=32))
def test_checkpoints_round_trip(size: int, root: bytes) -> None:
    signer = Signer("log.example/evidence", Ed25519PrivateKey.from_private_bytes(SEED))
    checkpoint = Checkpoint("log.example/evidence", size, root)
    assert Checkpoint.parse(signer.verifier.open(signer.sign(checkpoint.text))) == checkpoint
