"""People and organisations: registering, describing, and giving their data to those who need it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.telemetry import logger

from esign_identity.app.ports import Store, Transaction
from esign_identity.app.sessions import SessionDesk
from esign_identity.app.verifications import close_verifications
from esign_identity.domain import refusals, signing_refusals
from esign_identity.domain.activation import SUBJECT_LIFETIME, ActivationKind
from esign_identity.domain.organisation import (
    CountersignPolicy,
    Organisation,
    parse_business_types,
    parse_organisation_name,
    parse_unified_social_credit_code,
)
from esign_identity.domain.person import Person, parse_document, parse_email, parse_name, parse_phone
from esign_identity.domain.session import EndCause

log = logger(__name__)

_BEIJING = ZoneInfo("Asia/Shanghai")
_MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class PersonForm:
    """What a system says of a person, as it says it. `resident_id`: whether the ID number is of a resident ID."""

    name: str
    id_number: str
    phone: str
    email: str
    resident_id: bool = True


class PeopleRegister:
    """The people and organisations that the platform knows."""

    def __init__(self, store: Store, sessions: SessionDesk, clock: Clock) -> None:
        self._store, self._sessions, self._clock = store, sessions, clock

    async def register_person(self, system: str, form: PersonForm) -> str:
        """Register an individual, or find the one with this ID number and take over a new phone or e-mail; returns the id.

        An empty e-mail leaves the known one. With a new phone everything that rests on the old one ends: sessions and
        open verifications.
        Raises InvalidInput, Conflict PERSON_NAME_MISMATCH, PHONE_IN_USE.
        """
        wanted = self.parse(form)
        async with self._store.begin() as tx:
            return await self.keep(tx, system, wanted)

    def parse(self, form: PersonForm) -> Person:
        """A new person as the form describes them. Raises InvalidInput."""
        today = self._clock().astimezone(_BEIJING).date()
        return Person(
            new_id(),
            # Those who cannot use the platform at all are told so first.
            id_number=parse_document(form.resident_id, form.id_number, today),
            name=parse_name(form.name),
            phone=parse_phone(form.phone),
            email=parse_email(form.email),
        )

    async def keep(self, tx: Transaction, system: str, wanted: Person) -> str:
        """Keep a person as described in `register_person`; returns the id under which they are known. Raises Conflict."""
        now = self._clock()
        await tx.serialise("id number", wanted.id_number)
        await tx.serialise("phone owner", wanted.phone)
        known = await tx.people.by_id_number(wanted.id_number)
        if known and known.name != wanted.name:
            raise refusals.person_name_mismatch()
        holder = await tx.people.by_phone(wanted.phone)
        if holder and (known is None or holder.person_id != known.person_id):
            raise refusals.phone_in_use()
        if known is None:
            await tx.people.add(wanted, system, now)
            await tx.emit(events_pb2.PersonRegistered(person_id=wanted.person_id, system=system))
            return wanted.person_id
        # Logins that go on with the known phone end first, or wait and see that it changed.
        await tx.serialise("person", known.person_id)
        changed = replace(known, phone=wanted.phone, email=wanted.email or known.email)
        if changed != known:
            await tx.people.update_contact(changed, now)
        if changed.phone != known.phone:
            await tx.tickets.close_all(known.person_id, now)
            await self._sessions.end(tx, EndCause.PHONE_CHANGED, known.person_id)
            await close_verifications(tx, known.person_id, "PHONE_CHANGED")
        return known.person_id

    async def describe(self, person_ids: Sequence[str]) -> list[Person]:
        """The people in the order asked. Raises NotFound PERSON_NOT_FOUND, InvalidInput TOO_MANY_PEOPLE (over 200)."""
        if len(person_ids) > _MOST_PEOPLE:
            raise refusals.too_many_people()
        async with self._store.read() as tx:
            found = await tx.people.get_many(person_ids)
        if any(person_id not in found for person_id in person_ids):
            raise refusals.person_not_found()
        return [found[person_id] for person_id in person_ids]

    async def resolve_contact(self, person_id: str, message_id: str) -> Person:
        """The person to whom the message `message_id` goes; that it was given out is kept. Raises NotFound, InvalidInput."""
        if not 1 <= len(message_id) <= 100:
            raise refusals.message_id_invalid()
        async with self._store.begin() as tx:
            person = await tx.people.get(person_id)
            if person is None or not person.phone:  # erased
                raise refusals.person_not_found()
            await tx.disclosed(person_id, "contact", message_id, self._clock())
            return person

    async def certificate_subject(self, activation_id: str) -> Person:
        """The person of a recent activation; that the ID number was given out is kept.

        Raises NotFound ACTIVATION_NOT_FOUND, Conflict ACTIVATION_NOT_OF_PERSON, ACTIVATION_TOO_OLD.
        """
        now = self._clock()
        async with self._store.begin() as tx:
            activation = await tx.activations.get(activation_id)
            if activation is None:
                raise signing_refusals.activation_not_found()
            if activation.kind is not ActivationKind.PERSON:
                raise signing_refusals.activation_not_of_person()
            if now > activation.issued_at + SUBJECT_LIFETIME:
                raise signing_refusals.activation_too_old()
            person = await tx.people.get(activation.person_id)
            assert person is not None, "an activation's person is never deleted"
            await tx.disclosed(person.person_id, "certificate", activation_id, now)
            return person

    async def register_organisation(self, name: str, unified_social_credit_code: str) -> str:
        """Register an organisation, or find it; returns its id. Raises InvalidInput, Conflict ORGANISATION_NAME_MISMATCH."""
        wanted = Organisation(
            new_id(), parse_organisation_name(name), parse_unified_social_credit_code(unified_social_credit_code)
        )
        async with self._store.begin() as tx:
            return await self.keep_organisation(tx, wanted)

    async def keep_organisation(self, tx: Transaction, wanted: Organisation) -> str:
        """Keep an organisation, or find it by its code; returns its id, and lets no other change of it happen meanwhile.

        Raises Conflict ORGANISATION_NAME_MISMATCH.
        """
        await tx.serialise("organisation", wanted.unified_social_credit_code)
        known = await tx.organisations.by_code(wanted.unified_social_credit_code)
        if known is None:
            await tx.organisations.add(wanted, self._clock())
            return wanted.organisation_id
        if known.name != wanted.name:
            raise refusals.organisation_name_mismatch()
        return known.organisation_id

    async def put_policy(
        self,
        policy_id: str,
        unified_social_credit_code: str,
        seal_id: str,
        business_types: list[str],
        custodian: str,
        valid_until: datetime,
    ) -> None:
        """Set a countersign policy; the same terms again change nothing, other terms make a new version.

        Raises InvalidInput POLICY_INVALID (metadata `field`), NotFound ORGANISATION_NOT_FOUND, Conflict POLICY_OTHER_ORGANISATION.
        """
        now = self._clock()
        for field, value in (("policy_id", policy_id), ("seal_id", seal_id)):
            if not 1 <= len(value) <= 100 or not value.isprintable() or "#" in value:
                raise refusals.policy_invalid(field)
        if valid_until <= now:
            raise refusals.policy_invalid("valid_until")
        code = parse_unified_social_credit_code(unified_social_credit_code)
        wanted = CountersignPolicy(
            policy_id, 1, code, seal_id, parse_business_types(business_types), parse_name(custodian), valid_until
        )
        async with self._store.begin() as tx:
            await tx.serialise("policy", policy_id)
            if await tx.organisations.by_code(code) is None:
                raise refusals.organisation_not_found()
            known = await tx.organisations.policy(policy_id)
            if known is not None:
                if known.unified_social_credit_code != code:
                    raise refusals.policy_other_organisation()
                if known.same_terms(wanted):
                    return
                wanted = replace(wanted, version=known.version + 1)
            await tx.organisations.add_policy(wanted, now)
        log.info("countersign policy set", policy_id=policy_id, version=wanted.version)
