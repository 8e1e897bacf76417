"""What other services report."""

from collections.abc import Callable
from datetime import UTC

from esign.evidence.v1 import events_pb2 as evidence_events
from esign.signer.v1 import events_pb2 as signer_events
from esign_kit.bus import EventMeta
from esign_kit.consumer import Handler
from google.protobuf.message import Message
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_contract.api.messages import ref_of
from esign_contract.app.ports import Records
from esign_contract.app.progress import Progress


class Reports:
    """Handlers, each within the consumer's transaction."""

    def __init__(self, progress: Progress, records: Callable[[AsyncSession], Records]) -> None:
        self._progress, self._records = progress, records

    def handlers(self) -> dict[type[Message], Handler]:
        """By event."""
        return {
            signer_events.DocumentSigned: self.signed,
            signer_events.SignatureRefused: self.refused,
            signer_events.SigningDelayed: self.delayed,
            signer_events.DocumentReleased: self.released,
            signer_events.ReleaseRefused: self.release_refused,
            evidence_events.EvidencePackaged: self.evidenced,
        }

    async def signed(self, session: AsyncSession, event: signer_events.DocumentSigned, meta: EventMeta) -> None:
        """A signature was made."""
        await self._progress.signed(
            self._records(session),
            event.contract_id,
            event.party_id,
            event.activation_id,
            event.source_sha256,
            ref_of(event.document),
            event.signed_at.ToDatetime(UTC),
        )

    async def refused(self, session: AsyncSession, event: signer_events.SignatureRefused, meta: EventMeta) -> None:
        """A signature was refused."""
        await self._progress.refused(
            self._records(session),
            event.contract_id,
            event.party_id,
            event.activation_id,
            event.document_sha256,
            event.reason,
        )

    async def delayed(self, session: AsyncSession, event: signer_events.SigningDelayed, meta: EventMeta) -> None:
        """A signature or the archive timestamp waits."""
        await self._progress.delayed(
            self._records(session), event.contract_id, event.party_id, event.activation_id, event.reason
        )

    async def released(self, session: AsyncSession, event: signer_events.DocumentReleased, meta: EventMeta) -> None:
        """The release gate was passed."""
        await self._progress.released(self._records(session), event.contract_id, ref_of(event.document))

    async def release_refused(
        self, session: AsyncSession, event: signer_events.ReleaseRefused, meta: EventMeta
    ) -> None:
        """The release gate was not passed."""
        await self._progress.release_refused(
            self._records(session), event.contract_id, event.document_sha256, tuple(event.problems)
        )

    async def evidenced(self, session: AsyncSession, event: evidence_events.EvidencePackaged, meta: EventMeta) -> None:
        """The evidence package is complete."""
        await self._progress.evidenced(self._records(session), event.contract_id, event.evidence_number)
