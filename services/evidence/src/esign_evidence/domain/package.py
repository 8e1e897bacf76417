"""A contract's evidence package: a zip that anyone can check without us. The same evidence always gives the same bytes."""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from esign_evidence.domain.checkpoint import Checkpoint, Verifier
from esign_evidence.domain.dossier import RECEIPTS, text_hash
from esign_evidence.domain.merkle import Subtree, inclusion_proof
from esign_evidence.domain.record import Json, LoggedEvent, canonical, utc_text

PACKAGE_TYPE = "esign.evidence-package"
PACKAGE_VERSION = 1
MEDIA_TYPE = "application/zip"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"

_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class AnchorReceipt:
    """What the judicial chain answered for a content: the transaction and the block that holds it."""

    tx_hash: str
    transaction_id: str
    content: str
    block_hash: str
    block_height: int
    anchored_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that goes into a package. `note` is the signed checkpoint that `text` binds; keys are PEM."""

    contract_id: str
    text: bytes
    events: Sequence[LoggedEvent]
    note: str
    anchor: AnchorReceipt
    log_key: Verifier
    activation_keys: Sequence[bytes]
    verification_url: str


def tlog_proof(index: int, proof: Sequence[bytes], note: str) -> str:
    """A C2SP tlog-proof (https://c2sp.org/tlog-proof): index, inclusion proof, checkpoint."""
    lines = [PROOF_HEADER, f"index {index}", *(base64.b64encode(node).decode() for node in proof)]
    return "\n".join(lines) + "\n\n" + note


def build(evidence: Evidence, subtree: Subtree) -> bytes:
    """The package. `subtree` reads the log's tree, at least up to the checkpoint.

    Raises ValueError when a leaf lies outside the checkpoint or an activation id cannot be a file's name.
    """
    checkpoint = Checkpoint.parse(evidence.log_key.open(evidence.note))
    events = sorted(evidence.events, key=lambda event: event.index)
    files: dict[str, bytes] = {
        "text-evidence.json": evidence.text,
        "checkpoint": evidence.note.encode(),
        "anchor.json": canonical(_anchor(evidence)),
        "receipts.json": canonical(_receipts(events)),
        "keys/log.vkey": f"{evidence.log_key.vkey}\n".encode(),
    }
    for name in ("__init__.py", "__main__.py", "verify.py"):
        files[f"checker/{name}"] = resources.files("esign_evidence.checker").joinpath(name).read_bytes()
    for name in ("README.en.md", "README.zh-CN.md"):
        files[name] = resources.files("esign_evidence.domain").joinpath("texts", name).read_bytes()
    for number, key in enumerate(evidence.activation_keys, 1):
        files[f"keys/activation-{number}.pem"] = key
    for event in events:
        proof = inclusion_proof(event.index, checkpoint.size, subtree)
        files[f"records/{event.index:012d}.json"] = event.entry
        files[f"records/{event.index:012d}.payload"] = event.payload
        files[f"proofs/{event.index:012d}.tlog-proof"] = tlog_proof(event.index, proof, evidence.note).encode()
        if event.statement:
            files[f"activations/{_file_name(event.facts.get('activation_id'))}.jws"] = event.statement.encode()
    document = json.loads(evidence.text)["document_sha256"]
    manifest: Json = {
        "v": PACKAGE_VERSION,
        "type": PACKAGE_TYPE,
        "contract_id": evidence.contract_id,
        "document_sha256": document,
        "text_hash": text_hash(evidence.text),
        "evidence_number": evidence.anchor.tx_hash,
        "files": [
            {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for path, content in sorted(files.items())
        ],
    }
    return _zip({"manifest.json": canonical(manifest), **dict(sorted(files.items()))})


def _file_name(value: Json) -> str:
    if not isinstance(value, str) or not _FILE_NAME.fullmatch(value):
        raise ValueError("an activation's id cannot be a file's name")
    return value


def _anchor(evidence: Evidence) -> Json:
    anchor = evidence.anchor
    return {
        "v": PACKAGE_VERSION,
        "chain": "AntChain TWC",
        "notary_type": "TEXT_RAW",
        "content": anchor.content,
        "tx_hash": anchor.tx_hash,
        "transaction_id": anchor.transaction_id,
        "block_hash": anchor.block_hash,
        "block_height": anchor.block_height,
        "anchored_at": utc_text(anchor.anchored_at),
        "verification_url": evidence.verification_url,
    }


def _receipts(events: Sequence[LoggedEvent]) -> Json:
    return [
        {"leaf": event.index, "type": event.type, "facts": event.facts} for event in events if event.type in RECEIPTS
    ]


def _zip(files: Mapping[str, bytes]) -> bytes:
    """Stored, in the given order, with fixed times and rights."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
