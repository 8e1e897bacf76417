"""The events that ask for signatures and releases. Handlers are manual: the use cases commit step by step and can be
repeated."""

from esign.contract.v1 import events_pb2
from esign_kit.bus import EventMeta
from esign_kit.consumer import ManualHandler, RetryLater
from google.protobuf.message import Message

from esign_signer.api.convert import object_ref, placement
from esign_signer.app.ports import TryAgain
from esign_signer.app.release_document import ReleaseDocument
from esign_signer.app.sign_document import SignDocument
from esign_signer.domain.document import SignatureField
from esign_signer.domain.jobs import ReleaseRequest, SignatureRequest


class ContractEvents:
    """What contract asks for."""

    def __init__(self, sign: SignDocument, release: ReleaseDocument, retry_seconds: float) -> None:
        self._sign, self._release, self._retry_seconds = sign, release, retry_seconds

    def handlers(self) -> dict[type[Message], ManualHandler]:
        """By event."""
        return {
            events_pb2.SignatureRequested: self.signature_requested,
            events_pb2.ArchiveRequested: self.archive_requested,
        }

    async def signature_requested(self, event: events_pb2.SignatureRequested, meta: EventMeta) -> None:
        """A signature is wanted."""
        request = SignatureRequest(
            request_id=meta.id,
            contract_id=event.contract_id,
            party_id=event.party_id,
            statement=event.activation,
            document=object_ref(event.document),
            seal_id=event.seal_id,
            placement=placement(event.placement),
            field_name=event.field_name,
            layout=tuple(SignatureField(field.name, placement(field.placement)) for field in event.layout),
            reason=event.reason,
        )
        try:
            await self._sign(request)
        except TryAgain as waiting:
            raise RetryLater(self._retry_seconds, waiting.reason) from waiting

    async def archive_requested(self, event: events_pb2.ArchiveRequested, meta: EventMeta) -> None:
        """All have signed."""
        request = ReleaseRequest(
            meta.id, event.contract_id, object_ref(event.document), event.signature_count, event.earlier_signatures
        )
        try:
            await self._release(request)
        except TryAgain as waiting:
            raise RetryLater(self._retry_seconds, waiting.reason) from waiting
