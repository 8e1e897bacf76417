"""Dossiers, packages and the independent checker: everything that may be tampered with, each in its own way."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from esign.contract.v1 import events_pb2 as contract_events
from esign.signer.v1 import events_pb2 as signer_events
from esign_evidence import checker
from esign_evidence.api.events import read
from esign_evidence.domain import dossier
from esign_evidence.domain.checkpoint import Checkpoint, Signer
from esign_evidence.domain.merkle import fold, leaf_hash, root
from esign_evidence.domain.package import AnchorReceipt, Evidence, build
from esign_evidence.domain.record import LoggedEvent, canonical
from esign_kit.bus import EventMeta
from google.protobuf.message import Message

from .story import activation_id, digest, document, story

ORIGIN = "esign.soho.example/evidence"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
IDENTITY_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
IDENTITY_PEM = IDENTITY_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SIGNER = Signer(ORIGIN, LOG_KEY)
AT = datetime(2026, 11, 23, 8, 0, 0, 0, UTC)
CONTRACT = "contract-1"
FINAL = document(CONTRACT, "final").sha256


def logged(messages: Sequence[Message], contract_id: str = CONTRACT) -> list[LoggedEvent]:
    """The events in a log, each followed by one of another contract."""
    found = []
    for number, message in enumerate(messages):
        payload = message.SerializeToString(deterministic=True)
        type_name = message.DESCRIPTOR.full_name
        meta = EventMeta(f"event-{number}", type_name, "test", AT + timedelta(seconds=number), contract_id, "", 1)
        event = read(payload, meta)
        found.append(LoggedEvent(2 * number, event.entry(), payload, event.statement))
    return found


@dataclass
class Log:
    """A whole log: the contract's records at even indexes, strangers' at odd ones."""

    events: list[LoggedEvent]

    def __post_init__(self) -> None:
        entries = [b""] * (2 * len(self.events))
        for event in self.events:
            entries[event.index] = event.entry
            entries[event.index + 1] = f"stranger {event.index}".encode()
        self.hashes = [leaf_hash(entry) for entry in entries]

    def tree(self, level: int, index: int) -> bytes:
        return fold(self.hashes[index << level : (index + 1) << level])

    def checkpoint(self, signer: Signer = SIGNER) -> tuple[Checkpoint, str]:
        found = Checkpoint(ORIGIN, len(self.hashes), root(len(self.hashes), self.tree))
        return found, signer.sign(found.text)


def evidence_of(events: list[LoggedEvent], **changes: Any) -> tuple[Evidence, Log]:
    log = Log(events)
    checkpoint, note = log.checkpoint()
    text = changes.pop("text", None) or dossier.text_evidence(CONTRACT, events, checkpoint)
    anchor = AnchorReceipt(
        "ab" * 32, "transaction-1", dossier.text_hash(text), "cd" * 32, 42, AT + timedelta(minutes=1)
    )
    evidence = Evidence(
        CONTRACT, text, events, note, anchor, SIGNER.verifier, [IDENTITY_PEM], "https://sign.example.com/verify"
    )
    return replace(evidence, **changes), log


def package_of(events: list[LoggedEvent], **changes: Any) -> bytes:
    evidence, log = evidence_of(events, **changes)
    return build(evidence, log.tree)


EVENTS = logged(story(CONTRACT, IDENTITY_KEY))
PACKAGE = package_of(EVENTS)


def files_of(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def resealed(files: dict[str, bytes]) -> bytes:
    """A package whose manifest has been made to fit: what a careful forger does."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in sorted(files.items())
        if path != "manifest.json"
    ]
    manifest["text_hash"] = base64.b64encode(hashlib.sha256(files["text-evidence.json"]).digest()).decode()
    return zipped({**files, "manifest.json": canonical(manifest)})


def test_a_package_passes() -> None:
    report = checker.check(PACKAGE, document_sha256=FINAL, log_key=SIGNER.verifier.vkey, activation_keys=[IDENTITY_PEM])
    assert report.problems == []
    assert report.passed
    assert list(report.checks) == list(checker.CHECKS)
    assert report.notes == ["CHAIN_NOT_ASKED", "PDF_SIGNATURES_NOT_VALIDATED"]
    assert report.facts["evidence_number"] == "ab" * 32
    unpinned = checker.check(PACKAGE)
    assert unpinned.passed
    assert {"LOG_KEY_NOT_PINNED", "ACTIVATION_KEY_NOT_PINNED", "DOCUMENT_NOT_GIVEN"} <= set(unpinned.notes)


def test_the_same_evidence_is_the_same_package() -> None:
    assert package_of(list(EVENTS)) == PACKAGE
    with zipfile.ZipFile(io.BytesIO(PACKAGE)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[0] == "manifest.json"


def test_no_leaf_or_summary_names_a_person() -> None:
    for path, content in files_of(PACKAGE).items():
        if not path.startswith(("README", "checker/")) and not path.endswith(".payload"):
            assert "张样例" not in content.decode()


def edit(path: str, change: Callable[[Any], object]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        value = json.loads(files[path])
        change(value)
        files[path] = canonical(value)

    return apply


def replace_in(path: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        assert old in files[path]
        files[path] = files[path].replace(old, new)

    return apply


def drop(path: str) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        del files[path]

    return apply


def add(path: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({path: b"{}"})


def swap(one: str, other: str) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        files[one], files[other] = files[other], files[one]

    return apply


def of_type(kind: str) -> str:
    event = next(event for event in EVENTS if event.type.endswith(kind))
    return f"records/{event.index:012d}"


def forged_statement(files: dict[str, bytes]) -> None:
    """A statement with other claims under the old signature, everything that states its hash made to fit."""
    path = f"activations/{activation_id(CONTRACT, 'tenant')}.jws"
    head, body, signature = files[path].decode().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["document_sha256"] = digest("another")
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    files[path] = f"{head}.{forged}.{signature}".encode()


PROOF = of_type("ContractCompleted").replace("records", "proofs") + ".tlog-proof"
TENANT_JWS = f"activations/{activation_id(CONTRACT, 'tenant')}.jws"
SOHO_JWS = f"activations/{activation_id(CONTRACT, 'soho')}.jws"

CARELESS = [
    (edit("text-evidence.json", lambda t: t.update(document_sha256=digest("x"))), "FILE_ALTERED"),
    (edit("anchor.json", lambda a: a.update(block_height=7)), "FILE_ALTERED"),
    (replace_in("README.zh-CN.md", b"RFC", b"RFD"), "FILE_ALTERED"),
    (drop("checkpoint"), "FILE_MISSING"),
    (drop(TENANT_JWS), "FILE_MISSING"),
    (drop("manifest.json"), "FILE_MISSING"),
    (add("records/000000000099.json"), "FILE_UNLISTED"),
    (edit("manifest.json", lambda m: m.update(type="other")), "MANIFEST_UNKNOWN"),
    (edit("manifest.json", lambda m: m.pop("files")), "PACKAGE_MALFORMED"),
    (edit("manifest.json", lambda m: m.update(text_hash="x")), "TEXT_HASH_DIFFERS"),
    (edit("manifest.json", lambda m: m.update(contract_id="another")), "MANIFEST_DIFFERS"),
    (edit("manifest.json", lambda m: m.update(evidence_number="ef" * 32)), "ANCHOR_DIFFERS"),
]
CAREFUL = [
    (edit("text-evidence.json", lambda t: t.update(completed_at="2026-01-01T00:00:00Z")), "ANCHOR_DIFFERS"),
    (edit("text-evidence.json", lambda t: t.update(completed_at="2026-01-01T00:00:00Z")), "COMPLETION_DIFFERS"),
    (edit("text-evidence.json", lambda t: t["log"].update(tree_size=7)), "CHECKPOINT_DIFFERS"),
    (edit("text-evidence.json", lambda t: t["signatures"].pop(0)), "ANCHOR_DIFFERS"),
    (edit("text-evidence.json", lambda t: t.update(signatures=[])), "SIGNATURE_MISSING"),
    (
        edit("text-evidence.json", lambda t: t["signatures"][0].update(signed_at="2026-01-01T00:00:00Z")),
        "SIGNATURE_FACTS_DIFFER",
    ),
    (
        edit("text-evidence.json", lambda t: t["signatures"][0]["signer"].update(person_id="other")),
        "SIGNATURE_FACTS_DIFFER",
    ),
    (edit("text-evidence.json", lambda t: t["leaves"].append(9999)), "RECORD_MISSING"),
    (edit("text-evidence.json", lambda t: t.update(type="other")), "TEXT_UNKNOWN"),
    (edit("text-evidence.json", lambda t: t["signatures"][0]["leaves"].update(activation=0)), "RECORD_MISSING"),
    (edit("text-evidence.json", lambda t: t["signatures"][0].update(activation_id="other")), "SIGNATURE_FACTS_DIFFER"),
    (drop("checkpoint"), "FILE_MISSING"),
    (edit("text-evidence.json", lambda t: t["leaves"].pop(0)), "RECORD_UNLISTED"),
    (edit("text-evidence.json", lambda t: t.pop("signatures")), "SIGNATURES_MALFORMED"),
    (
        edit(of_type("ContractCompleted") + ".json", lambda r: r["facts"].update(document_sha256=digest("x"))),
        "INCLUSION_INVALID",
    ),
    (edit(of_type("DocumentReleased") + ".json", lambda r: r.update(time="2020-01-01T00:00:00Z")), "INCLUSION_INVALID"),
    (swap(of_type("ContractCreated") + ".json", of_type("PartySigned") + ".json"), "INCLUSION_INVALID"),
    (replace_in(of_type("ContractCompleted") + ".payload", "张样例".encode(), "李样例".encode()), "PAYLOAD_ALTERED"),
    (replace_in(PROOF, b"index ", b"index 0"), "PROOF_MALFORMED"),
    (replace_in(PROOF, b"index 3", b"index 2"), "PROOF_MALFORMED"),
    (drop(PROOF), "RECORD_MISSING"),
    (edit("receipts.json", lambda r: r.pop()), "RECEIPTS_DIFFER"),
    (edit("receipts.json", lambda r: r[1]["facts"].update(score="12")), "RECEIPTS_DIFFER"),
    (drop(TENANT_JWS), "ACTIVATION_MISSING"),
    (swap(TENANT_JWS, SOHO_JWS), "ACTIVATION_ALTERED"),
    (forged_statement, "ACTIVATION_ALTERED"),
    (edit("anchor.json", lambda a: a.update(content="x")), "ANCHOR_DIFFERS"),
    (edit("anchor.json", lambda a: a.update(block_hash="x")), "ANCHOR_MALFORMED"),
    (edit("anchor.json", lambda a: a.update(block_height=0)), "ANCHOR_MALFORMED"),
    (edit("anchor.json", lambda a: a.pop("block_height")), "ANCHOR_MALFORMED"),
    (replace_in("checkpoint", ORIGIN.encode() + b"\n", b"elsewhere.example\n"), "CHECKPOINT_SIGNATURE_INVALID"),
    (replace_in("checkpoint", f"— {ORIGIN}".encode(), "— elsewhere.example".encode()), "CHECKPOINT_NOT_SIGNED"),
    (replace_in("keys/log.vkey", ORIGIN.encode(), b"elsewhere.example"), "LOG_KEY_MALFORMED"),
]


@pytest.mark.parametrize(("tamper", "code"), CARELESS)
def test_carelessly_tampered(tamper: Callable[[dict[str, bytes]], None], code: str) -> None:
    files = files_of(PACKAGE)
    tamper(files)
    report = checker.check(zipped(files))
    assert not report.passed
    assert code in report.codes


@pytest.mark.parametrize(("tamper", "code"), CAREFUL)
def test_carefully_tampered(tamper: Callable[[dict[str, bytes]], None], code: str) -> None:
    files = files_of(PACKAGE)
    tamper(files)
    report = checker.check(resealed(files))
    assert not report.passed
    assert code in report.codes


def test_every_byte_of_every_file_counts() -> None:
    files = files_of(PACKAGE)
    for path, content in files.items():
        for position in {0, len(content) // 2, len(content) - 1}:
            altered = bytearray(content)
            altered[position] ^= 1
            assert not checker.check(zipped({**files, path: bytes(altered)})).passed, path


def test_a_package_signed_by_others_keys() -> None:
    """A forger who makes a log and an identity of their own is told by the pinned keys."""
    other = Ed25519PrivateKey.generate()
    report = checker.check(PACKAGE, log_key=Signer(ORIGIN, other).verifier.vkey)
    assert report.codes == ["LOG_KEY_UNEXPECTED"]
    pem = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert checker.check(PACKAGE, activation_keys=[pem]).codes == ["ACTIVATION_SIGNATURE_INVALID"]
    forged = package_of(logged(story(CONTRACT, other)))
    assert checker.check(forged).codes == ["ACTIVATION_SIGNATURE_INVALID"]
    rotated = package_of(EVENTS, activation_keys=[pem, IDENTITY_PEM])
    assert checker.check(rotated).passed


def test_an_activation_for_another_document() -> None:
    """Logged, anchored and signed by identity, but it does not say what was signed."""
    messages = story(CONTRACT, IDENTITY_KEY)
    for message in messages:
        if message.DESCRIPTOR.name == "DocumentSigned" and message.party_id == "soho":  # type: ignore[attr-defined]
            message.source_sha256 = digest("another")  # type: ignore[attr-defined]
    report = checker.check(package_of(logged(messages)))
    assert report.codes == ["ACTIVATION_DIFFERS", "DOCUMENT_CHAIN_BROKEN"]


def test_records_of_another_contract() -> None:
    events = logged(story(CONTRACT, IDENTITY_KEY))
    stranger = contract_events.DownloadUsed(contract_id="contract-2", person_id="p")
    extra = logged([stranger], "contract-2")[0]
    events.append(replace(extra, index=2 * len(events)))
    assert checker.check(package_of(events)).codes == ["RECORD_OF_ANOTHER_CONTRACT"]


def test_a_release_of_another_document() -> None:
    messages = story(CONTRACT, IDENTITY_KEY)
    other = signer_events.DocumentReleased(contract_id=CONTRACT, document=document(CONTRACT, "other"))
    events = logged([*messages, other])
    files = files_of(package_of(events))
    edit("text-evidence.json", lambda t: t["release"].update(leaf=events[-1].index))(files)
    assert "RELEASE_DIFFERS" in checker.check(resealed(files)).codes


def test_a_differing_document() -> None:
    assert checker.check(PACKAGE, document_sha256=digest("x")).codes == ["DOCUMENT_DIFFERS"]


@pytest.mark.parametrize("package", [b"", b"not a zip", PACKAGE[:-30], PACKAGE[:5000], zipped({})])
def test_not_a_package(package: bytes) -> None:
    report = checker.check(package)
    assert not report.passed
    assert report.codes in (["PACKAGE_UNREADABLE"], ["FILE_MISSING"])


def test_hostile_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(2 << 20))
    assert len(buffer.getvalue()) < 10_000
    with monkeypatch.context() as limits:
        limits.setattr("esign_evidence.checker.verify.MAX_CONTENT", 1 << 20)
        assert checker.check(buffer.getvalue()).codes == ["PACKAGE_TOO_LARGE"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("manifest.json", b"{}")
    assert checker.check(buffer.getvalue()).codes == ["FILE_TWICE"]
    deep = zipped({"manifest.json": b"[" * 200_000})
    assert checker.check(deep).codes == ["PACKAGE_MALFORMED"]
    monkeypatch.setattr("esign_evidence.checker.verify.MAX_PACKAGE", len(PACKAGE) - 1)
    assert checker.check(PACKAGE).codes == ["PACKAGE_TOO_LARGE"]


def test_the_command(tmp_path: Path) -> None:
    package, pdf = tmp_path / "evidence.zip", tmp_path / "contract.pdf"
    package.write_bytes(PACKAGE)
    pdf.write_bytes(b"%PDF- another file")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "esign_evidence.checker", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    passed = run(str(package))
    assert passed.returncode == 0
    assert passed.stdout.strip().endswith("核验通过")
    failed = run(str(package), "--document", str(pdf), "--lang", "en")
    assert failed.returncode == 1
    assert "DOCUMENT_DIFFERS" in failed.stdout
    assert failed.stdout.strip().endswith("FAILED")
    assert run(str(tmp_path / "absent.zip")).returncode == 2


def test_the_checker_stands_by_itself() -> None:
    """It imports the standard library, cryptography and itself."""
    code = (
        "import sys; before = set(sys.modules); import esign_evidence.checker.__main__; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    allowed = {"esign_evidence", "cryptography", "_cffi_backend", "_openssl", "typing_extensions"}
    assert set(json.loads(ran.stdout.replace("'", '"'))) <= allowed
    sources = Path(checker.__file__).parent.glob("*.py")
    assert not [path for path in sources if "esign_evidence." in path.read_text().replace("-m esign_evidence.", "")]


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        ("ContractCompleted", "ContractCompleted"),
        ("ArchiveRequested", "ArchiveRequested"),
        ("DocumentReleased", "DocumentReleased"),
        ("ActivationIssued", f"ActivationIssued:{activation_id(CONTRACT, 'tenant')}"),
        ("DocumentSigned", f"DocumentSigned:{activation_id(CONTRACT, 'tenant')}"),
        ("CertificateIssued", f"CertificateIssued:{activation_id(CONTRACT, 'tenant')}"),
        ("PartySigned", "PartySigned"),
    ],
)
def test_evidence_waits_for_what_is_missing(absent: str, named: str) -> None:
    events = list(EVENTS)
    events.remove(next(event for event in events if event.type.endswith(f".{absent}")))
    assert named in dossier.missing(events)
    with pytest.raises(dossier.Incomplete, match=absent):
        dossier.text_evidence(CONTRACT, events, Checkpoint(ORIGIN, 1, bytes(32)))


def test_a_release_of_another_document_does_not_count() -> None:
    messages = story(CONTRACT, IDENTITY_KEY)
    for message in messages:
        if message.DESCRIPTOR.name == "DocumentReleased":
            message.document.sha256 = digest("another")  # type: ignore[attr-defined]
    assert dossier.missing(logged(messages)) == ["DocumentReleased"]


def test_a_complete_contract_misses_nothing_in_any_order() -> None:
    assert dossier.missing(EVENTS) == []
    indexes = [event.index for event in reversed(EVENTS)]
    shuffled = [replace(event, index=index) for event, index in zip(EVENTS, indexes, strict=True)]
    assert dossier.missing(shuffled) == []
    assert checker.check(package_of(shuffled)).passed


def test_a_repeated_report_counts_once() -> None:
    again = [event for event in EVENTS if event.type.endswith("PartySigned")][:1]
    events = [*EVENTS, *(replace(event, index=2 * len(EVENTS)) for event in again)]
    checkpoint = Checkpoint(ORIGIN, 100, bytes(32))
    assert len(json.loads(dossier.text_evidence(CONTRACT, events, checkpoint))["signatures"]) == 2
