"""Signers (签章人): who signs for which company, as the internal systems say."""

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id

from esign_identity.app.people import PeopleRegister, PersonForm
from esign_identity.app.ports import Store, Transaction
from esign_identity.app.sessions import SessionDesk
from esign_identity.app.verifications import close_verifications
from esign_identity.domain import refusals
from esign_identity.domain.organisation import (
    Organisation,
    Signer,
    check_country,
    parse_organisation_name,
    parse_unified_social_credit_code,
)
from esign_identity.domain.session import EndCause


class SignerRegister:
    """The signers of companies. Each system keeps its own: what one changes leaves alone whom another registered."""

    def __init__(self, store: Store, people: PeopleRegister, sessions: SessionDesk, clock: Clock) -> None:
        self._store, self._people, self._sessions, self._clock = store, people, sessions, clock

    async def register(
        self, system: str, name: str, unified_social_credit_code: str, country: str, form: PersonForm
    ) -> tuple[str, str]:
        """Register a company and a person as one of its signers, or find them; returns their ids.

        Raises InvalidInput, among them ORGANISATION_NOT_MAINLAND and PERSON_NOT_MAINLAND, Conflict.
        """
        check_country(country)
        wanted = Organisation(
            new_id(), parse_organisation_name(name), parse_unified_social_credit_code(unified_social_credit_code)
        )
        person = self._people.parse(form)
        async with self._store.begin() as tx:
            organisation_id = await self._people.keep_organisation(tx, wanted)
            person_id = await self._people.keep(tx, system, person)
            if not await tx.signers.is_present(organisation_id, person_id, system):
                await self._add(tx, system, organisation_id, person_id)
                await tx.emit(
                    events_pb2.SignerRegistered(organisation_id=organisation_id, person_id=person_id, system=system)
                )
            return organisation_id, person_id

    async def change(self, system: str, unified_social_credit_code: str, form: PersonForm) -> tuple[str, str]:
        """变更签章人: make a person the only signer that this system has for a company; returns their ids.

        The former signers' sessions for the company end, and their verifications opened in them. Again changes nothing.
        Raises InvalidInput, NotFound ORGANISATION_NOT_FOUND when this system registered none, Conflict.
        """
        code = parse_unified_social_credit_code(unified_social_credit_code)
        person = self._people.parse(form)
        async with self._store.begin() as tx:
            await tx.serialise("organisation", code)
            organisation = await tx.organisations.by_code(code)
            present = await tx.signers.present(organisation.organisation_id, system) if organisation else []
            if organisation is None or not present:
                raise refusals.organisation_not_found()
            organisation_id = organisation.organisation_id
            person_id = await self._people.keep(tx, system, person)
            former = [signer for signer in present if signer.person_id != person_id]
            if len(former) == len(present):
                await self._add(tx, system, organisation_id, person_id)
            if former:
                await self._dismiss(tx, system, organisation_id, person_id, former)
            return organisation_id, person_id

    async def _add(self, tx: Transaction, system: str, organisation_id: str, person_id: str) -> None:
        await tx.signers.add(Signer(new_id(), organisation_id, person_id, system, self._clock()))

    async def _dismiss(
        self, tx: Transaction, system: str, organisation_id: str, person_id: str, former: list[Signer]
    ) -> None:
        for signer in former:
            await tx.signers.end(signer, self._clock())
            await self._sessions.end(tx, EndCause.SIGNER_CHANGED, signer.person_id, organisation_id=organisation_id)
            await close_verifications(tx, signer.person_id, "SIGNER_CHANGED", organisation_id)
        await tx.emit(
            events_pb2.SignerChanged(
                organisation_id=organisation_id,
                person_id=person_id,
                former_person_ids=[signer.person_id for signer in former],
                system=system,
            )
        )
