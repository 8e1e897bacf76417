"""Rows as the domain's values, and back."""

from decimal import Decimal

from esign_kit.refs import ObjectRef, Placement

from esign_contract.adapters.facts import pages_json, pages_of, signatures_json, signatures_of
from esign_contract.adapters.rows import ContractRow, DocumentRow, DownloadRow, PartyRow
from esign_contract.domain.contract import Contract, Party
from esign_contract.domain.document import Document
from esign_contract.domain.download import Download, DownloadState
from esign_contract.domain.money import Money
from esign_contract.domain.states import ContractState, PartyState


def document_of(row: DocumentRow) -> Document:
    """A document."""
    ref = ObjectRef(row.bucket, row.key, row.version_id, row.sha256, row.size)
    return Document(
        row.document_id,
        row.system,
        row.file_name,
        row.upload_sha256,
        ref,
        pages_of(row.pages),
        row.created_at,
        signatures_of(row.signatures),
    )


def document_values(document: Document) -> dict[str, object]:
    """The columns of a document's row."""
    ref = document.ref
    return {
        "document_id": document.document_id,
        "system": document.system,
        "file_name": document.file_name,
        "upload_sha256": document.upload_sha256,
        "bucket": ref.bucket,
        "key": ref.key,
        "version_id": ref.version_id,
        "sha256": ref.sha256,
        "size": ref.size,
        "pages": pages_json(document.pages),
        "signatures": signatures_json(document.signatures),
        "created_at": document.created_at,
    }


def contract_of(row: ContractRow, document: DocumentRow, parties: list[PartyRow]) -> Contract:
    """A contract with its parties in order."""
    return Contract(
        contract_id=row.contract_id,
        system=row.system,
        document_number=row.document_number,
        fingerprint=row.fingerprint,
        title=row.title,
        business_type=row.business_type,
        amount=Money(row.currency, Decimal(row.amount)) if row.amount is not None else None,
        document_id=row.document_id,
        pages=pages_of(document.pages),
        earlier_signatures=tuple(one.kind for one in signatures_of(document.signatures)),
        head=ObjectRef(row.head_bucket, row.head_key, row.head_version_id, row.head_sha256, row.head_size),
        parties=[party_of(party) for party in sorted(parties, key=lambda party: party.position)],
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        state=ContractState(row.state),
        completed_at=row.completed_at,
        waiting_for=row.waiting_for,
        evidence_number=row.evidence_number,
        withdrawal_reason=row.withdrawal_reason,
        problems=tuple(row.problems),
    )


def contract_values(contract: Contract) -> dict[str, object]:
    """The columns of a contract's row."""
    head, amount = contract.head, contract.amount
    return {
        "contract_id": contract.contract_id,
        "system": contract.system,
        "document_number": contract.document_number,
        "fingerprint": contract.fingerprint,
        "title": contract.title,
        "business_type": contract.business_type,
        "currency": amount.currency if amount else "",
        "amount": amount.amount if amount else None,
        "document_id": contract.document_id,
        "head_bucket": head.bucket,
        "head_key": head.key,
        "head_version_id": head.version_id,
        "head_sha256": head.sha256,
        "head_size": head.size,
        "state": contract.state.value,
        "waiting_for": contract.waiting_for,
        "evidence_number": contract.evidence_number,
        "withdrawal_reason": contract.withdrawal_reason,
        "problems": list(contract.problems),
        "created_at": contract.created_at,
        "updated_at": contract.updated_at,
        "expires_at": contract.expires_at,
        "completed_at": contract.completed_at,
    }


def party_of(row: PartyRow) -> Party:
    """A party."""
    return Party(
        party_id=row.party_id,
        position=row.position,
        person_id=row.person_id,
        policy_id=row.policy_id,
        name=row.name,
        seal_id=row.seal_id,
        placement=Placement(*row.placement) if row.placement else None,
        state=PartyState(row.state),
        verification_id=row.verification_id,
        activation_id=row.activation_id,
        source_sha256=row.source_sha256,
        signed_sha256=row.signed_sha256,
        signed_at=row.signed_at,
        refusal_reason=row.refusal_reason,
        since=row.since,
        attempts=row.attempts,
        due_at=row.due_at,
        suggested=tuple(Placement(*place) for place in row.suggested),
    )


def party_values(contract_id: str, party: Party) -> dict[str, object]:
    """The columns of a party's row."""
    place = party.placement
    return {
        "party_id": party.party_id,
        "contract_id": contract_id,
        "position": party.position,
        "person_id": party.person_id,
        "policy_id": party.policy_id,
        "name": party.name,
        "seal_id": party.seal_id,
        "placement": _corners(place) if place else None,
        "state": party.state.value,
        "verification_id": party.verification_id,
        "activation_id": party.activation_id,
        "source_sha256": party.source_sha256,
        "signed_sha256": party.signed_sha256,
        "signed_at": party.signed_at,
        "refusal_reason": party.refusal_reason,
        "since": party.since,
        "attempts": party.attempts,
        "due_at": party.due_at,
        "suggested": [_corners(suggested) for suggested in party.suggested],
    }


def _corners(place: Placement) -> list[int]:
    return [place.page, place.x1, place.y1, place.x2, place.y2]


def download_of(row: DownloadRow) -> Download:
    """An attempt to download."""
    return Download(
        row.download_id,
        row.contract_id,
        row.person_id,
        DownloadState(row.state),
        row.opened_at,
        row.lease_until,
        row.finished_at,
    )
