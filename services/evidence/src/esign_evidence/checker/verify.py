"""The checks."""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MAX_PACKAGE = 256 << 20
MAX_CONTENT = 512 << 20
MAX_FILES = 20000
HEX64 = re.compile(r"[0-9a-f]{64}")

CHECKS = ("package", "text", "checkpoint", "records", "signatures", "document", "anchor")
"""In this order; a package that is not whole is not looked into."""


class Wrong(Exception):
    """Something does not hold: a stable code, and where."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail


@dataclass
class Report:
    """The outcome: `checks` by name, `problems` as (check, code, detail), and facts to compare with the chain."""

    checks: dict[str, bool] = field(default_factory=dict)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything was checked and everything holds."""
        return not self.problems and all(self.checks.values()) and set(self.checks) == set(CHECKS)

    @property
    def codes(self) -> list[str]:
        """The problems' codes, each once."""
        return list(dict.fromkeys(code for _, code, _ in self.problems))

    @contextmanager
    def check(self, name: str) -> Iterator[Callable[[Wrong], None]]:
        """Run a check: what it raises, or hands to the given function, is a problem of it."""
        before = len(self.problems)

        def add(wrong: Wrong) -> None:
            self.problems.append((name, wrong.code, wrong.detail))

        try:
            yield add
        except Wrong as wrong:
            add(wrong)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            add(Wrong(f"{name.upper()}_MALFORMED", type(error).__name__))
        self.checks[name] = len(self.problems) == before


def check(
    package: bytes,
    *,
    document_sha256: str = "",
    log_key: str = "",
    activation_keys: list[bytes] | None = None,
) -> Report:
    """Check a package. `log_key` (a vkey) and `activation_keys` (PEM), when given, are trusted instead of the package's own.

    Never raises for what the package contains.
    """
    report = Report()
    with report.check("package") as problem:
        files = _read_zip(package)
        _check_manifest(files, problem)
    if not report.checks["package"]:
        return report
    manifest = json.loads(files["manifest.json"])
    text: dict[str, Any] = {}
    with report.check("text"):
        text = _check_text(files, manifest)
    if not report.checks["text"]:
        return report
    report.facts = {
        "contract_id": text.get("contract_id"),
        "document_number": text.get("document_number"),
        "document_sha256": text.get("document_sha256"),
        "text_hash": manifest["text_hash"],
        "evidence_number": manifest["evidence_number"],
        "log_key": files["keys/log.vkey"].decode(errors="replace").strip(),
    }
    with report.check("checkpoint"):
        if log_key and log_key != report.facts["log_key"]:
            raise Wrong("LOG_KEY_UNEXPECTED", report.facts["log_key"])
        report.facts["tree_size"] = _check_checkpoint(files, text, report.facts["log_key"])
    records: dict[int, dict[str, Any]] = {}
    with report.check("records") as problem:
        records = _check_records(files, text, problem)
        if json.loads(files["receipts.json"]) != _receipts(records):
            problem(Wrong("RECEIPTS_DIFFER", "receipts.json"))
    with report.check("signatures") as problem:
        keys = activation_keys or [
            content for path, content in sorted(files.items()) if path.startswith("keys/activation-")
        ]
        if not text["signatures"]:
            raise Wrong("SIGNATURE_MISSING")
        for signature in text["signatures"]:
            try:
                _check_signature(files, text, records, signature, keys)
            except Wrong as wrong:
                problem(wrong)
    with report.check("document") as problem:
        _check_document(text, records, document_sha256, problem)
    with report.check("anchor"):
        report.facts |= _check_anchor(files, manifest)
    if not log_key:
        report.notes.append("LOG_KEY_NOT_PINNED")
    if not activation_keys:
        report.notes.append("ACTIVATION_KEY_NOT_PINNED")
    if not document_sha256:
        report.notes.append("DOCUMENT_NOT_GIVEN")
    report.notes += ["CHAIN_NOT_ASKED", "PDF_SIGNATURES_NOT_VALIDATED"]
    return report


def _read_zip(package: bytes) -> dict[str, bytes]:
    if len(package) > MAX_PACKAGE:
        raise Wrong("PACKAGE_TOO_LARGE")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(infos) > MAX_FILES or sum(info.file_size for info in infos) > MAX_CONTENT:
                raise Wrong("PACKAGE_TOO_LARGE")
            if len(set(names)) != len(names):
                raise Wrong("FILE_TWICE")
            return {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        # A CRC that does not fit is a BadZipFile too: the file was altered where it lies.
        raise Wrong("PACKAGE_UNREADABLE", str(error)) from error


def _check_manifest(files: dict[str, bytes], problem: Callable[[Wrong], None]) -> None:
    if "manifest.json" not in files:
        raise Wrong("FILE_MISSING", "manifest.json")
    manifest = json.loads(files["manifest.json"])
    if manifest["type"] != "esign.evidence-package" or manifest["v"] != 1:
        raise Wrong("MANIFEST_UNKNOWN")
    listed = {}
    for item in manifest["files"]:
        listed[item["path"]] = item
        content = files.get(item["path"])
        if content is None:
            problem(Wrong("FILE_MISSING", item["path"]))
        elif hashlib.sha256(content).hexdigest() != item["sha256"] or len(content) != item["size"]:
            problem(Wrong("FILE_ALTERED", item["path"]))
    for path in sorted(set(files) - set(listed) - {"manifest.json"}):
        problem(Wrong("FILE_UNLISTED", path))
    for path in ("text-evidence.json", "checkpoint", "anchor.json", "receipts.json", "keys/log.vkey"):
        if path not in listed:
            problem(Wrong("FILE_MISSING", path))


def _check_text(files: dict[str, bytes], manifest: dict[str, Any]) -> dict[str, Any]:
    content = files["text-evidence.json"]
    if base64.b64encode(hashlib.sha256(content).digest()).decode() != manifest["text_hash"]:
        raise Wrong("TEXT_HASH_DIFFERS")
    text: dict[str, Any] = json.loads(content)
    if text["type"] != "esign.text-evidence" or text["v"] != 1:
        raise Wrong("TEXT_UNKNOWN")
    for name in ("contract_id", "document_sha256"):
        if text[name] != manifest[name]:
            raise Wrong("MANIFEST_DIFFERS", name)
    return text


def _check_checkpoint(files: dict[str, bytes], text: dict[str, Any], vkey: str) -> int:
    """The tree's size."""
    origin, size, root = _open_checkpoint(files["checkpoint"].decode(), vkey)
    if (origin, size, root) != (
        text["log"]["origin"],
        text["log"]["tree_size"],
        base64.b64decode(text["log"]["root_hash"]),
    ):
        raise Wrong("CHECKPOINT_DIFFERS")
    return size


def _open_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that `vkey` has signed."""
    name, identifier, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    known = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if key[:1] != b"\x01" or len(key) != 33 or known.hex() != identifier:
        raise Wrong("LOG_KEY_MALFORMED")
    head, separator, tail = note.rpartition("\n\n")
    signed = head + "\n"
    for line in tail.splitlines() if separator else []:
        dash, signer, blob = line.split(" ")
        raw = base64.b64decode(blob, validate=True)
        if dash != "—" or signer != name or raw[:4] != known:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], signed.encode())
        except InvalidSignature:
            raise Wrong("CHECKPOINT_SIGNATURE_INVALID") from None
        lines = signed.split("\n")
        return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    raise Wrong("CHECKPOINT_NOT_SIGNED")


def _check_records(
    files: dict[str, bytes], text: dict[str, Any], problem: Callable[[Wrong], None]
) -> dict[int, dict[str, Any]]:
    """The records by leaf index; only those that are proven."""
    note = files["checkpoint"].decode()
    size, root = text["log"]["tree_size"], base64.b64decode(text["log"]["root_hash"])
    proven = {}
    expected = set()
    for index in text["leaves"]:
        name = f"{index:012d}"
        paths = (f"records/{name}.json", f"records/{name}.payload", f"proofs/{name}.tlog-proof")
        expected |= set(paths)
        if absent := [path for path in paths if path not in files]:
            problem(Wrong("RECORD_MISSING", absent[0]))
            continue
        entry, payload, proof = (files[path] for path in paths)
        try:
            _check_inclusion(index, size, root, entry, proof.decode(), note)
            record = json.loads(entry)
            if record["payload_sha256"] != hashlib.sha256(payload).hexdigest():
                raise Wrong("PAYLOAD_ALTERED", paths[1])
            if record.get("contract_id") != text["contract_id"]:
                raise Wrong("RECORD_OF_ANOTHER_CONTRACT", paths[0])
            proven[index] = record
        except Wrong as wrong:
            problem(wrong)
    for path in sorted(path for path in files if path.startswith(("records/", "proofs/")) and path not in expected):
        problem(Wrong("RECORD_UNLISTED", path))
    return proven


def _check_inclusion(index: int, size: int, root: bytes, entry: bytes, proof: str, note: str) -> None:
    """RFC 9162, 2.1.3.2, over a tlog-proof."""
    where = f"records/{index:012d}.json"
    head, _, checkpoint = proof.partition("\n\n")
    lines = head.split("\n")
    if lines[:2] != ["c2sp.org/tlog-proof@v1", f"index {index}"] or checkpoint != note:
        raise Wrong("PROOF_MALFORMED", where)
    if not 0 <= index < size:
        raise Wrong("INCLUSION_INVALID", where)
    node, last = index, size - 1
    result = hashlib.sha256(b"\x00" + entry).digest()
    for line in lines[2:]:
        sibling = base64.b64decode(line, validate=True)
        if last == 0:
            raise Wrong("INCLUSION_INVALID", where)
        if node & 1 or node == last:
            result = hashlib.sha256(b"\x01" + sibling + result).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = hashlib.sha256(b"\x01" + result + sibling).digest()
        node, last = node >> 1, last >> 1
    if last or result != root:
        raise Wrong("INCLUSION_INVALID", where)


def _receipts(records: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = ("VerificationSmsPassed", "VerificationFacePassed", "MessageSent")
    return [
        {"leaf": index, "type": record["type"], "facts": record["facts"]}
        for index, record in sorted(records.items())
        if record["type"].rsplit(".", 1)[-1] in kinds
    ]


def _facts(records: dict[int, dict[str, Any]], index: int, kind: str) -> dict[str, Any]:
    """The facts of a proven record of the expected type."""
    record = records.get(index)
    if record is None or record["type"] != kind:
        raise Wrong("RECORD_MISSING", f"{kind} at {index}")
    facts: dict[str, Any] = record["facts"]
    return facts


def _check_signature(
    files: dict[str, bytes],
    text: dict[str, Any],
    records: dict[int, dict[str, Any]],
    signature: dict[str, Any],
    keys: list[bytes],
) -> None:
    activation = signature["activation_id"]
    leaves = signature["leaves"]
    issued = _facts(records, leaves["activation"], "esign.identity.v1.ActivationIssued")
    report = _facts(records, leaves["signature"], "esign.signer.v1.DocumentSigned")
    party = _facts(records, leaves["party"], "esign.contract.v1.PartySigned")
    logged = {
        **{name: issued.get(name) for name in ("statement_sha256", "seal_sha256")},
        **{name: report.get(name) for name in ("source_sha256", "certificate_sha256", "level", "signed_at")},
        "result_sha256": report.get("document", {}).get("sha256"),
        "signer": {name: issued[name] for name in ("person_id", "policy_id") if name in issued},
        "party_id": party.get("party_id"),
    }
    if any(facts.get("activation_id") != activation for facts in (issued, report, party)):
        raise Wrong("SIGNATURE_FACTS_DIFFER", f"{activation} activation_id")
    for name, value in logged.items():
        if signature[name] != value:
            raise Wrong("SIGNATURE_FACTS_DIFFER", f"{activation} {name}")
    statement = files.get(f"activations/{activation}.jws")
    if statement is None:
        raise Wrong("ACTIVATION_MISSING", activation)
    if hashlib.sha256(statement).hexdigest() != signature["statement_sha256"]:
        raise Wrong("ACTIVATION_ALTERED", activation)
    claims = _open_jws(statement, keys, activation)
    expected = {
        "jti": activation,
        "contract_id": text["contract_id"],
        "party_id": signature["party_id"],
        "document_sha256": signature["source_sha256"],
        "seal_sha256": signature["seal_sha256"],
        **signature["signer"],
    }
    for name, value in expected.items():
        if claims.get(name) != value:
            raise Wrong("ACTIVATION_DIFFERS", f"{activation} {name}")


def _open_jws(statement: bytes, keys: list[bytes], activation: str) -> dict[str, Any]:
    """The claims of a JWS (compact, EdDSA) that one of the keys has signed."""
    head, body, encoded = statement.decode("ascii").split(".")
    signature = _unpad(encoded)
    algorithm = json.loads(_unpad(head))["alg"]
    signed = f"{head}.{body}".encode()
    for pem in keys:
        key = load_pem_public_key(pem)
        try:
            if algorithm == "EdDSA" and isinstance(key, Ed25519PublicKey):
                key.verify(signature, signed)
            else:
                continue
        except InvalidSignature:
            continue
        claims: dict[str, Any] = json.loads(_unpad(body))
        return claims
    raise Wrong("ACTIVATION_SIGNATURE_INVALID", activation)


def _unpad(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _check_document(
    text: dict[str, Any], records: dict[int, dict[str, Any]], given: str, problem: Callable[[Wrong], None]
) -> None:
    final = text["document_sha256"]
    if given and given != final:
        problem(Wrong("DOCUMENT_DIFFERS", given))
    completed = _facts(records, text["completion_leaf"], "esign.contract.v1.ContractCompleted")
    if completed.get("document_sha256") != final or completed.get("completed_at") != text["completed_at"]:
        problem(Wrong("COMPLETION_DIFFERS"))
    released = _facts(records, text["release"]["leaf"], "esign.signer.v1.DocumentReleased")
    if released.get("document", {}).get("sha256") != final:
        problem(Wrong("RELEASE_DIFFERS"))
    # Each signature takes up the document that another one left, but for the first.
    made = {signature["source_sha256"]: signature["result_sha256"] for signature in text["signatures"]}
    starts = set(made) - set(made.values())
    steps = 0
    current = next(iter(starts), None)
    while current in made and steps < len(made):
        current = made[current]
        steps += 1
    if len(starts) != 1 or steps != len(text["signatures"]):
        problem(Wrong("DOCUMENT_CHAIN_BROKEN"))


def _check_anchor(files: dict[str, bytes], manifest: dict[str, Any]) -> dict[str, Any]:
    anchor = json.loads(files["anchor.json"])
    if anchor["content"] != manifest["text_hash"]:
        raise Wrong("ANCHOR_DIFFERS", "content")
    if anchor["tx_hash"] != manifest["evidence_number"]:
        raise Wrong("ANCHOR_DIFFERS", "tx_hash")
    if not HEX64.fullmatch(anchor["tx_hash"]) or not HEX64.fullmatch(anchor["block_hash"]):
        raise Wrong("ANCHOR_MALFORMED")
    if not isinstance(anchor["block_height"], int) or anchor["block_height"] < 1:
        raise Wrong("ANCHOR_MALFORMED", "block_height")
    return {name: anchor[name] for name in ("block_hash", "block_height", "anchored_at", "verification_url")}
