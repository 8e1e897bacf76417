"""A contract's evidence: when it is whole, and the text that sums it up (存证文本)."""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from esign_evidence.domain.checkpoint import Checkpoint
from esign_evidence.domain.record import Facts, Json, LoggedEvent, canonical

COMPLETED = "esign.contract.v1.ContractCompleted"
ARCHIVE_REQUESTED = "esign.contract.v1.ArchiveRequested"
PARTY_SIGNED = "esign.contract.v1.PartySigned"
ACTIVATION_ISSUED = "esign.identity.v1.ActivationIssued"
DOCUMENT_SIGNED = "esign.signer.v1.DocumentSigned"
DOCUMENT_RELEASED = "esign.signer.v1.DocumentReleased"
CERTIFICATE_ISSUED = "esign.ca_broker.v1.CertificateIssued"
RECEIPTS = (
    "esign.identity.v1.VerificationSmsPassed",
    "esign.identity.v1.VerificationFacePassed",
    "esign.notifier.v1.MessageSent",
)

TEXT_TYPE = "esign.text-evidence"
TEXT_VERSION = 1


class Incomplete(Exception):
    """The log does not hold yet what a contract's evidence needs; `missing` names it."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = tuple(missing)


class _Records:
    """A contract's records by type, in the log's order."""

    def __init__(self, events: Iterable[LoggedEvent]) -> None:
        self.all = sorted(events, key=lambda event: event.index)
        self._by_type: dict[str, list[tuple[int, Facts]]] = {}
        for event in self.all:
            self._by_type.setdefault(event.type, []).append((event.index, event.facts))

    def of(self, kind: str) -> list[tuple[int, Facts]]:
        return self._by_type.get(kind, [])

    def find(self, kind: str, **facts: Json) -> tuple[int, Facts] | None:
        for index, found in self.of(kind):
            if all(found.get(name) == value for name, value in facts.items()):
                return index, found
        return None


def _name(kind: str) -> str:
    return kind.rsplit(".", 1)[-1]


def _released(records: _Records, document_sha256: Json) -> tuple[int, Facts] | None:
    for index, facts in records.of(DOCUMENT_RELEASED):
        document = facts.get("document")
        if isinstance(document, dict) and document.get("sha256") == document_sha256:
            return index, facts
    return None


def missing(events: Iterable[LoggedEvent]) -> list[str]:
    """What is still missing of a completed contract's evidence; events of different services may arrive in any order.

    Needed: the completion, the release of exactly the completed document, as many signatures as the archive was asked to
    hold, and for each of them its activation, the signer's report and, of a person, the one-off certificate.
    """
    records = _Records(events)
    needed = []
    completed = records.of(COMPLETED)
    if not completed:
        needed.append(_name(COMPLETED))
    elif not _released(records, completed[0][1].get("document_sha256")):
        needed.append(_name(DOCUMENT_RELEASED))
    archive = records.of(ARCHIVE_REQUESTED)
    if not archive:
        needed.append(_name(ARCHIVE_REQUESTED))
    signed = list(dict.fromkeys(str(facts.get("activation_id", "")) for _, facts in records.of(PARTY_SIGNED)))
    wanted = archive[-1][1].get("signature_count", 0) if archive else 0
    if not signed or (isinstance(wanted, int) and len(signed) < wanted):
        needed.append(_name(PARTY_SIGNED))
    for activation in signed:
        report = records.find(DOCUMENT_SIGNED, activation_id=activation)
        kinds = [ACTIVATION_ISSUED, DOCUMENT_SIGNED]
        if report and report[1].get("activation_kind") == "PERSON":
            kinds.append(CERTIFICATE_ISSUED)
        needed += [f"{_name(kind)}:{activation}" for kind in kinds if not records.find(kind, activation_id=activation)]
    return needed


def text_evidence(contract_id: str, events: Iterable[LoggedEvent], checkpoint: Checkpoint) -> bytes:
    """The 存证文本: canonical JSON that sums up a completed contract and names the leaves that prove it.

    It binds the checkpoint, so that anchoring the text anchors the log up to there. Raises Incomplete.
    """
    records = _Records(events)
    if needed := missing(records.all):
        raise Incomplete(needed)
    completed_index, completed = records.of(COMPLETED)[0]
    released = _released(records, completed.get("document_sha256"))
    assert released is not None
    signatures: list[Json] = []
    seen = set()
    for index, party in records.of(PARTY_SIGNED):
        activation_id = party.get("activation_id")
        if activation_id in seen:
            continue
        seen.add(activation_id)
        issued = records.find(ACTIVATION_ISSUED, activation_id=activation_id)
        report = records.find(DOCUMENT_SIGNED, activation_id=activation_id)
        assert issued is not None
        assert report is not None
        document = report[1].get("document")
        signatures.append(
            {
                "party_id": party.get("party_id"),
                "signer": {key: issued[1][key] for key in ("person_id", "policy_id") if key in issued[1]},
                "activation_id": activation_id,
                "statement_sha256": issued[1].get("statement_sha256"),
                "seal_sha256": issued[1].get("seal_sha256"),
                "source_sha256": report[1].get("source_sha256"),
                "result_sha256": document.get("sha256") if isinstance(document, dict) else None,
                "certificate_sha256": report[1].get("certificate_sha256"),
                "level": report[1].get("level"),
                "signed_at": report[1].get("signed_at"),
                "leaves": {"activation": issued[0], "signature": report[0], "party": index},
            }
        )
    return canonical(
        {
            "v": TEXT_VERSION,
            "type": TEXT_TYPE,
            "contract_id": contract_id,
            "document_number": completed.get("document_number"),
            "document_sha256": completed.get("document_sha256"),
            "completed_at": completed.get("completed_at"),
            "signatures": signatures,
            "release": {
                "level": released[1].get("level"),
                "validators": released[1].get("validators"),
                "archived_at": released[1].get("archived_at"),
                "leaf": released[0],
            },
            "completion_leaf": completed_index,
            "leaves": [event.index for event in records.all],
            "log": {
                "origin": checkpoint.origin,
                "tree_size": checkpoint.size,
                "root_hash": base64.b64encode(checkpoint.root).decode(),
            },
        }
    )


def text_hash(text: bytes) -> str:
    """存证文本HASH: SHA-256, base64."""
    return base64.b64encode(hashlib.sha256(text).digest()).decode()
