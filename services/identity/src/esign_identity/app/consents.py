"""Texts that people accept, and that they did."""

from collections.abc import Mapping

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_identity.app.ports import Store, Transaction
from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.consent import Consent, ConsentKind, ConsentText, Device
from esign_identity.domain.signing_refusals import terms_not_accepted


class Consents:
    """The texts in force, one of each kind."""

    def __init__(self, store: Store, texts: Mapping[ConsentKind, ConsentText], clock: Clock) -> None:
        self._store, self._texts, self._clock = store, texts, clock

    def text(self, kind: ConsentKind | None) -> ConsentText:
        """The text in force. Raises InvalidInput CONSENT_KIND_UNKNOWN."""
        if kind is None or kind not in self._texts:
            raise refusals.consent_kind_unknown()
        return self._texts[kind]

    def require(self, kind: ConsentKind, version: str, text_sha256: str) -> ConsentText:
        """The text in force, when it is the one that was accepted. Raises InvalidInput CONSENT_REQUIRED."""
        text = self._texts[kind]
        if not text.is_meant(version, text_sha256):
            raise refusals.consent_required()
        return text

    async def give(
        self, person_id: str, kind: ConsentKind | None, version: str, text_sha256: str, device: Device
    ) -> None:
        """A person accepts the terms; accepting the same text again changes nothing.

        Raises InvalidInput CONSENT_KIND_UNKNOWN (also for what is accepted elsewhere), CONSENT_REQUIRED.
        """
        if kind is not ConsentKind.TERMS:
            raise refusals.consent_kind_unknown()
        text = self.require(kind, version, text_sha256)
        async with self._store.begin() as tx:
            await tx.serialise("consent", person_id)
            if not await tx.faces.consented(person_id, text):
                await self.keep(tx, person_id, text, device)

    async def terms_due(self, tx: Transaction, person_id: str) -> bool:
        """Whether a person has not accepted the terms in force."""
        return not await tx.faces.consented(person_id, self._texts[ConsentKind.TERMS])

    async def require_terms(self, tx: Transaction, person_id: str) -> None:
        """Raises Conflict TERMS_NOT_ACCEPTED while a person has not accepted the terms in force."""
        if await self.terms_due(tx, person_id):
            raise terms_not_accepted()

    async def keep(self, tx: Transaction, person_id: str, text: ConsentText, device: Device) -> None:
        """Write down that a person accepts a text now."""
        consent = Consent(new_id(), person_id, text.kind, text.version, text.sha256, self._clock(), device)
        await tx.faces.add_consent(consent)
        await tx.emit(
            events_pb2.ConsentGiven(
                person_id=person_id, kind=text.kind.value.lower(), version=text.version, text_sha256=text.sha256
            )
        )
