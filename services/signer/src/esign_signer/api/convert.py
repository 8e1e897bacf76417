"""Between messages and the domain's values."""

from datetime import datetime

from esign.common.v1 import common_pb2
from esign.signer.v1 import signer_pb2
from esign_kit.refs import ObjectRef, Placement
from google.protobuf.timestamp_pb2 import Timestamp

from esign_signer.domain.seal import Grant, LogEntry, Seal, SealKind, SealState

_KINDS = {
    SealKind.HANDWRITTEN: signer_pb2.SEAL_KIND_HANDWRITTEN,
    SealKind.OFFICIAL: signer_pb2.SEAL_KIND_OFFICIAL,
    SealKind.CONTRACT: signer_pb2.SEAL_KIND_CONTRACT,
    SealKind.LEGAL_REPRESENTATIVE: signer_pb2.SEAL_KIND_LEGAL_REPRESENTATIVE,
    SealKind.NAME: signer_pb2.SEAL_KIND_NAME,
}
_STATES = {
    SealState.PENDING: signer_pb2.SEAL_STATE_PENDING,
    SealState.ACTIVE: signer_pb2.SEAL_STATE_ACTIVE,
    SealState.SUSPENDED: signer_pb2.SEAL_STATE_SUSPENDED,
    SealState.DESTROYED: signer_pb2.SEAL_STATE_DESTROYED,
}


def object_ref(message: common_pb2.ObjectRef) -> ObjectRef:
    """A reference."""
    return ObjectRef(message.bucket, message.key, message.version_id, message.sha256, message.size)


def placement(message: common_pb2.Placement) -> Placement:
    """A place."""
    return Placement(message.page, message.x1, message.y1, message.x2, message.y2)


def seal_kind(value: int) -> SealKind | None:
    """A kind, None for one that is not given."""
    return next((kind for kind, number in _KINDS.items() if number == value), None)


def seal_message(seal: Seal, *, grants: bool = False) -> signer_pb2.Seal:
    """A seal, with its grants or without."""
    return signer_pb2.Seal(
        seal_id=seal.seal_id,
        kind=_KINDS[seal.kind],
        state=_STATES[seal.state],
        sha256=seal.image.sha256,
        owner_person_id=seal.owner_person_id or "",
        owner_unified_social_credit_code=seal.owner_organisation or "",
        width=seal.width,
        height=seal.height,
        media_type=seal.media_type,
        name=seal.name,
        grants=[_grant(grant) for grant in seal.grants] if grants else [],
    )


def _grant(grant: Grant) -> signer_pb2.SealGrant:
    return signer_pb2.SealGrant(
        person_id=grant.person_id,
        granted_at=timestamp(grant.granted_at),
        ends_at=timestamp(grant.ends_at),
        revoked_at=timestamp(grant.revoked_at),
    )


def log_entry_message(entry: LogEntry) -> signer_pb2.SealLogEntry:
    """One thing that was done with a seal."""
    return signer_pb2.SealLogEntry(
        entry_id=entry.entry_id,
        at=timestamp(entry.decision.at),
        action=entry.action.value,
        actor=entry.decision.actor,
        reason=entry.decision.reason,
        person_id=entry.person_id or "",
        ends_at=timestamp(entry.ends_at),
    )


def timestamp(moment: datetime | None) -> Timestamp | None:
    """A time."""
    if moment is None:
        return None
    result = Timestamp()
    result.FromDatetime(moment)
    return result
