"""The domain's events as the platform's."""

from datetime import datetime

from esign.common.v1 import common_pb2
from esign.contract.v1 import events_pb2
from esign_kit.refs import ObjectRef, Placement
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from esign_contract.domain import events
from esign_contract.domain.events import DomainEvent


def message_of(event: DomainEvent) -> Message:
    """The message that says the same."""
    match event:
        case events.ContractCreated():
            return events_pb2.ContractCreated(
                contract_id=event.contract_id,
                system=event.system,
                document_number=event.document_number,
                document_sha256=event.document_sha256,
            )
        case events.ContractDispatched():
            return events_pb2.ContractDispatched(
                contract_id=event.contract_id,
                document_number=event.document_number,
                title=event.title,
                document_sha256=event.document_sha256,
                invited_person_ids=event.invited_person_ids,
                expires_at=_time(event.expires_at),
            )
        case events.SignatureRequested():
            return _signature_requested(event)
        case events.PartySigned():
            return events_pb2.PartySigned(
                contract_id=event.contract_id,
                party_id=event.party_id,
                activation_id=event.activation_id,
                document_sha256=event.document_sha256,
            )
        case events.PartyRefused():
            return events_pb2.PartyRefused(contract_id=event.contract_id, party_id=event.party_id, reason=event.reason)
        case events.ArchiveRequested():
            return events_pb2.ArchiveRequested(
                contract_id=event.contract_id,
                document=ref_message(event.document),
                signature_count=event.signature_count,
                earlier_signatures=event.earlier_signatures,
            )
        case events.ContractCompleted():
            return events_pb2.ContractCompleted(
                contract_id=event.contract_id,
                document_number=event.document_number,
                title=event.title,
                document_sha256=event.document_sha256,
                person_ids=event.person_ids,
                completed_at=_time(event.completed_at),
            )
        case events.ContractHeld():
            return events_pb2.ContractHeld(contract_id=event.contract_id, problems=event.problems)
        case events.ContractWithdrawn():
            return events_pb2.ContractWithdrawn(
                contract_id=event.contract_id,
                document_number=event.document_number,
                title=event.title,
                person_ids=event.person_ids,
                reason=event.reason,
            )
        case events.ContractExpired():
            return events_pb2.ContractExpired(
                contract_id=event.contract_id,
                document_number=event.document_number,
                title=event.title,
                person_ids=event.person_ids,
            )
        case events.DownloadUsed():
            return events_pb2.DownloadUsed(
                contract_id=event.contract_id, person_id=event.person_id, download_id=event.download_id
            )


def _signature_requested(event: events.SignatureRequested) -> Message:
    return events_pb2.SignatureRequested(
        contract_id=event.contract_id,
        party_id=event.party_id,
        activation=event.activation,
        document=ref_message(event.document),
        seal_id=event.seal_id,
        placement=placement_message(event.placement),
        field_name=event.field_name,
        layout=[
            events_pb2.SignatureField(name=field.name, placement=placement_message(field.placement))
            for field in event.layout
        ],
        reason=event.reason,
    )


def placement_message(placement: Placement) -> common_pb2.Placement:
    """A place on a page."""
    return common_pb2.Placement(page=placement.page, x1=placement.x1, y1=placement.y1, x2=placement.x2, y2=placement.y2)


def ref_message(ref: ObjectRef) -> common_pb2.ObjectRef:
    """A stored object."""
    return common_pb2.ObjectRef(
        bucket=ref.bucket, key=ref.key, version_id=ref.version_id, sha256=ref.sha256, size=ref.size
    )


def _time(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
