"""What happened, as this service's domain says it; `esign.contract.v1` events say the same to others."""

from dataclasses import dataclass
from datetime import datetime

from esign_kit.refs import ObjectRef, Placement


@dataclass(frozen=True, slots=True)
class ContractCreated:
    contract_id: str
    system: str
    document_number: str
    document_sha256: str


@dataclass(frozen=True, slots=True)
class ContractDispatched:
    """Also for every further person whose turn has come."""

    contract_id: str
    document_number: str
    title: str
    document_sha256: str
    invited_person_ids: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignatureField:
    """A signature field of the document's layout."""

    name: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class SignatureRequested:
    contract_id: str
    party_id: str
    activation: str
    document: ObjectRef
    seal_id: str
    placement: Placement
    field_name: str
    layout: tuple[SignatureField, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PartySigned:
    contract_id: str
    party_id: str
    activation_id: str
    document_sha256: str


@dataclass(frozen=True, slots=True)
class PartyRefused:
    contract_id: str
    party_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ArchiveRequested:
    contract_id: str
    document: ObjectRef
    signature_count: int
    earlier_signatures: int


@dataclass(frozen=True, slots=True)
class ContractCompleted:
    contract_id: str
    document_number: str
    title: str
    document_sha256: str
    person_ids: tuple[str, ...]
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class ContractHeld:
    contract_id: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContractWithdrawn:
    contract_id: str
    document_number: str
    title: str
    person_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ContractExpired:
    contract_id: str
    document_number: str
    title: str
    person_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DownloadUsed:
    contract_id: str
    person_id: str
    download_id: str


DomainEvent = (
    ContractCreated
    | ContractDispatched
    | SignatureRequested
    | PartySigned
    | PartyRefused
    | ArchiveRequested
    | ContractCompleted
    | ContractHeld
    | ContractWithdrawn
    | ContractExpired
    | DownloadUsed
)
