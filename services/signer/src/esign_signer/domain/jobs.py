"""Work that survives the process: a signature to make, a document to release."""

from dataclasses import dataclass
from enum import StrEnum

from esign_kit.refs import ObjectRef, Placement

from esign_signer.domain.activation import Activation
from esign_signer.domain.document import SignatureField


class JobState(StrEnum):
    """INTENT is committed before anything happens; the other two are final."""

    INTENT = "INTENT"
    DONE = "DONE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class SignatureRequest:
    """What contract asks for. `request_id` is the event's id: the same request comes with the same one."""

    request_id: str
    contract_id: str
    party_id: str
    statement: str
    document: ObjectRef
    seal_id: str
    placement: Placement
    field_name: str
    layout: tuple[SignatureField, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class SigningJob:
    """An activation, and the one request that consumes it."""

    activation: Activation
    request: SignatureRequest


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What contract asks for once all have signed."""

    request_id: str
    contract_id: str
    document: ObjectRef
    signature_count: int
    earlier_signatures: int = 0
