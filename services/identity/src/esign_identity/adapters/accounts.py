"""Queries over people, organisations and codes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from esign_kit.crypto import FieldCipher
from esign_kit.db import new_id
from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.adapters.login_rows import LoginFailureRow
from esign_identity.adapters.rows import CodeRow, OrganisationRow, PersonRow, PolicyRow
from esign_identity.domain.codes import CodePurpose, CodeState, OneTimeCode
from esign_identity.domain.organisation import CountersignPolicy, Organisation
from esign_identity.domain.person import Person

_FIELDS = ("name", "id_number", "phone", "email")


class SqlPeople:
    """Plays `People`. Each field is sealed for its own person and column."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def get(self, person_id: str) -> Person | None:
        return await self._one(col(PersonRow.person_id) == person_id)

    async def get_many(self, person_ids: Sequence[str]) -> Mapping[str, Person]:
        query = select(PersonRow).where(col(PersonRow.person_id).in_(set(person_ids)))
        return {row.person_id: self._person(row) for row in (await self._session.exec(query)).all()}

    async def by_id_number(self, id_number: str) -> Person | None:
        return await self._one(
            col(PersonRow.id_number_index) == self._cipher.blind_index(id_number, "person id_number")
        )

    async def by_phone(self, phone: str) -> Person | None:
        return await self._one(col(PersonRow.phone_index) == self._cipher.blind_index(phone, "person phone"))

    async def add(self, person: Person, system: str, now: datetime) -> None:
        row = PersonRow(
            person_id=person.person_id,
            id_number_index=self._cipher.blind_index(person.id_number, "person id_number"),
            phone_index=self._cipher.blind_index(person.phone, "person phone"),
            name_sealed=self._seal(person, "name"),
            id_number_sealed=self._seal(person, "id_number"),
            phone_sealed=self._seal(person, "phone"),
            email_sealed=self._seal(person, "email"),
            system=system,
            registered_at=now,
            updated_at=now,
        )
        self._session.add(row)
        await self._session.flush()

    async def update_contact(self, person: Person, now: datetime) -> None:
        await self._session.exec(
            update(PersonRow)
            .where(col(PersonRow.person_id) == person.person_id)
            .values(
                phone_index=self._cipher.blind_index(person.phone, "person phone"),
                phone_sealed=self._seal(person, "phone"),
                email_sealed=self._seal(person, "email"),
                updated_at=now,
                # Who was erased and comes again is here as ever.
                erased_at=None,
                kept_until=None,
            )
        )

    async def _one(self, condition: ColumnElement[bool]) -> Person | None:
        row = (await self._session.exec(select(PersonRow).where(condition))).one_or_none()
        return self._person(row) if row else None

    def _seal(self, person: Person, field: str) -> bytes:
        return self._cipher.seal(getattr(person, field), f"person {person.person_id} {field}")

    def _person(self, row: PersonRow) -> Person:
        name, id_number, phone, email = (
            self._cipher.open(getattr(row, f"{field}_sealed"), f"person {row.person_id} {field}") for field in _FIELDS
        )
        return Person(row.person_id, name, id_number, phone, email)


class SqlOrganisations:
    """Plays `Organisations`."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def get(self, organisation_id: str) -> Organisation | None:
        return (await self.get_many([organisation_id])).get(organisation_id)

    async def get_many(self, organisation_ids: Sequence[str]) -> Mapping[str, Organisation]:
        found = await self._all(col(OrganisationRow.organisation_id).in_(set(organisation_ids)))
        return {organisation.organisation_id: organisation for organisation in found}

    async def by_code(self, unified_social_credit_code: str) -> Organisation | None:
        found = await self._all(col(OrganisationRow.unified_social_credit_code) == unified_social_credit_code)
        return found[0] if found else None

    async def _all(self, condition: ColumnElement[bool]) -> list[Organisation]:
        rows = (await self._session.exec(select(OrganisationRow).where(condition))).all()
        return [Organisation(row.organisation_id, row.name, row.unified_social_credit_code) for row in rows]

    async def add(self, organisation: Organisation, now: datetime) -> None:
        self._session.add(
            OrganisationRow(
                organisation_id=organisation.organisation_id,
                unified_social_credit_code=organisation.unified_social_credit_code,
                name=organisation.name,
                registered_at=now,
            )
        )
        await self._session.flush()

    async def policy(self, policy_id: str) -> CountersignPolicy | None:
        query = (
            select(PolicyRow)
            .where(col(PolicyRow.policy_id) == policy_id)
            .order_by(col(PolicyRow.version).desc())
            .limit(1)
        )
        row = (await self._session.exec(query)).one_or_none()
        if row is None:
            return None
        return CountersignPolicy(
            row.policy_id,
            row.version,
            row.unified_social_credit_code,
            row.seal_id,
            tuple(row.business_types),
            self._cipher.open(row.custodian_sealed, f"policy {row.policy_id} {row.version} custodian"),
            row.valid_until,
        )

    async def add_policy(self, policy: CountersignPolicy, now: datetime) -> None:
        self._session.add(
            PolicyRow(
                policy_id=policy.policy_id,
                version=policy.version,
                unified_social_credit_code=policy.unified_social_credit_code,
                seal_id=policy.seal_id,
                business_types=list(policy.business_types),
                custodian_sealed=self._cipher.seal(
                    policy.custodian, f"policy {policy.policy_id} {policy.version} custodian"
                ),
                valid_until=policy.valid_until,
                created_at=now,
            )
        )
        await self._session.flush()


class SqlCodes:
    """Plays `Codes`. Phones and client addresses are kept as blind indexes only."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def times_for_phone(
        self, purpose: CodePurpose, phone: str, since: datetime, abandoned_before: datetime
    ) -> list[datetime]:
        counted = self._counted(purpose, phone, since, abandoned_before)
        return list((await self._session.exec(select(col(CodeRow.created_at)).where(*counted))).all())

    async def unused_for_phone(self, phone: str, since: datetime, abandoned_before: datetime) -> int:
        counted = self._counted(CodePurpose.LOGIN, phone, since, abandoned_before)
        query = select(func.count()).where(*counted, col(CodeRow.state) != CodeState.USED.value)
        return int((await self._session.exec(query)).one())

    async def times_for_address(self, address: str, since: datetime) -> list[datetime]:
        query = select(col(CodeRow.created_at)).where(
            col(CodeRow.address_index) == self._address(address), col(CodeRow.created_at) > since
        )
        return list((await self._session.exec(query)).all())

    async def add(self, code: OneTimeCode, phone: str, address: str) -> None:
        self._session.add(
            CodeRow(
                code_id=code.code_id,
                purpose=code.purpose.value,
                phone_index=self._phone(phone),
                address_index=self._address(address) if address else None,
                verification_id=code.verification_id,
                digest=code.digest,
                state=code.state.value,
                attempts=code.attempts,
                created_at=code.created_at,
                expires_at=code.expires_at,
            )
        )
        await self._session.flush()

    async def latest_login(self, phone: str) -> OneTimeCode | None:
        return await self._latest(
            (col(CodeRow.phone_index) == self._phone(phone)) & (col(CodeRow.purpose) == CodePurpose.LOGIN.value)
        )

    async def latest_signing(self, verification_id: str) -> OneTimeCode | None:
        return await self._latest(col(CodeRow.verification_id) == verification_id)

    async def update(self, code: OneTimeCode) -> None:
        await self._session.exec(
            update(CodeRow)
            .where(col(CodeRow.code_id) == code.code_id)
            .values(state=code.state.value, attempts=code.attempts)
        )

    async def mark_sent(self, code_id: str) -> None:
        await self._session.exec(
            update(CodeRow)
            .where(col(CodeRow.code_id) == code_id, col(CodeRow.state) == CodeState.SENDING.value)
            .values(state=CodeState.SENT.value)
        )

    async def remove(self, code_id: str) -> None:
        await self._session.exec(delete(CodeRow).where(col(CodeRow.code_id) == code_id))

    async def failure_times(self, address: str, since: datetime) -> list[datetime]:
        query = select(col(LoginFailureRow.failed_at)).where(
            col(LoginFailureRow.address_index) == self._address(address), col(LoginFailureRow.failed_at) > since
        )
        return list((await self._session.exec(query)).all())

    async def add_failure(self, address: str, now: datetime) -> None:
        self._session.add(LoginFailureRow(failure_id=new_id(), address_index=self._address(address), failed_at=now))
        await self._session.flush()

    async def forget(self, before: datetime) -> None:
        await self._session.exec(delete(CodeRow).where(col(CodeRow.created_at) < before))
        await self._session.exec(delete(LoginFailureRow).where(col(LoginFailureRow.failed_at) < before))

    async def _latest(self, condition: ColumnElement[bool]) -> OneTimeCode | None:
        query = select(CodeRow).where(condition).order_by(col(CodeRow.created_at).desc(), col(CodeRow.code_id).desc())
        row = (await self._session.exec(query.limit(1).with_for_update())).one_or_none()
        if row is None:
            return None
        return OneTimeCode(
            row.code_id,
            CodePurpose(row.purpose),
            row.verification_id,
            row.digest,
            row.created_at,
            row.expires_at,
            CodeState(row.state),
            row.attempts,
        )

    def _counted(
        self, purpose: CodePurpose, phone: str, since: datetime, abandoned_before: datetime
    ) -> list[ColumnElement[bool]]:
        return [
            col(CodeRow.phone_index) == self._phone(phone),
            col(CodeRow.purpose) == purpose.value,
            col(CodeRow.created_at) > since,
            or_(col(CodeRow.state) != CodeState.SENDING.value, col(CodeRow.created_at) >= abandoned_before),
        ]

    def _phone(self, phone: str) -> bytes:
        return self._cipher.blind_index(phone, "code phone")

    def _address(self, address: str) -> bytes:
        return self._cipher.blind_index(address, "client address")
