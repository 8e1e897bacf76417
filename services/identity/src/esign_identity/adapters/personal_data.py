"""Queries over all that is kept about one person."""

import json
import os
from datetime import datetime
from typing import Any, TypeVar

from esign_kit.crypto import FieldCipher
from sqlalchemy import delete, func, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.adapters.login_rows import SessionRow, SignerRow, TicketRow
from esign_identity.adapters.rows import (
    ActivationRow,
    CodeRow,
    ConsentRow,
    DisclosureRow,
    FaceChallengeRow,
    FaceCheckRow,
    OrganisationRow,
    PersonRow,
    PortraitRow,
    VerificationRow,
)
from esign_identity.domain.face import UNDECIDED, FaceCheckState
from esign_identity.domain.person import Person

_Row = TypeVar("_Row", bound=SQLModel)

_FIELDS = ("name", "id_number", "phone", "email")


class SqlPersonalData:
    """Plays `PersonalDataStore`."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def session_start(self, session_id: str) -> datetime | None:
        row = await self._session.get(SessionRow, session_id)
        return row.started_at if row else None

    async def last_signature(self, person_id: str) -> datetime | None:
        query = select(func.max(ActivationRow.issued_at)).where(col(ActivationRow.person_id) == person_id)
        return (await self._session.exec(query)).one()

    async def due(self, now: datetime, count: int) -> list[str]:
        query = select(PersonRow.person_id).where(col(PersonRow.kept_until) <= now).limit(count)
        return list((await self._session.exec(query)).all())

    async def everything(self, person_id: str) -> dict[str, Any]:
        person = await self._session.get_one(PersonRow, person_id)
        signers = select(SignerRow, OrganisationRow).where(
            col(SignerRow.person_id) == person_id,
            col(SignerRow.organisation_id) == col(OrganisationRow.organisation_id),
        )
        return {
            "person": {
                "person_id": person_id,
                **{field: self._open(person, field) for field in _FIELDS},
                "registered_by": person.system,
                "registered_at": _text(person.registered_at),
                "updated_at": _text(person.updated_at),
            },
            "signer_of": [
                {
                    "name": company.name,
                    "unified_social_credit_code": company.unified_social_credit_code,
                    "registered_by": signer.system,
                    "since": _text(signer.since),
                    "until": _text(signer.ended_at),
                }
                for signer, company in (await self._session.exec(signers)).all()
            ],
            "sessions": [self._session_of(row) for row in await self._rows(SessionRow, person_id)],
            "consents": [self._consent_of(row) for row in await self._rows(ConsentRow, person_id)],
            "verifications": [
                _some(row, "verification_id contract_id document_number document_sha256 state started_at expires_at")
                for row in await self._rows(VerificationRow, person_id)
            ],
            "face_checks": [self._face_check_of(row) for row in await self._face_checks(person_id)],
            # Numbers by which a face is known again; the value itself would only help to feign it.
            "portrait": [_some(row, "face_check_id enrolled_at") for row in await self._rows(PortraitRow, person_id)],
            "activations": [
                _some(row, "activation_id contract_id document_sha256 issued_at statement")
                for row in await self._rows(ActivationRow, person_id)
            ],
            "given_out": [
                _some(row, "purpose reference disclosed_at") for row in await self._rows(DisclosureRow, person_id)
            ],
        }

    async def erase(self, person: Person, kept_until: datetime | None, now: datetime) -> bool:
        row = await self._session.get_one(PersonRow, person.person_id, with_for_update=True, populate_existing=True)
        if row.erased_at is not None and row.kept_until == kept_until:
            return False
        gone = ("phone", "email") if kept_until else _FIELDS
        for field in gone:
            setattr(row, f"{field}_sealed", self._cipher.seal("", f"person {row.person_id} {field}"))
        row.phone_index = os.urandom(32)
        if kept_until is None:
            row.id_number_index = os.urandom(32)
        row.erased_at, row.kept_until, row.updated_at = now, kept_until, now
        self._session.add(row)
        await self._erase_logins(person, now)
        await self._erase_faces(person.person_id, keep_receipts=kept_until is not None)
        await self._session.flush()
        return True

    async def _erase_logins(self, person: Person, now: datetime) -> None:
        person_id = person.person_id
        codes = col(CodeRow.phone_index) == self._cipher.blind_index(person.phone, "code phone")
        for change in (
            delete(CodeRow).where(codes),
            delete(TicketRow).where(col(TicketRow.person_id) == person_id),
            update(SessionRow).where(col(SessionRow.person_id) == person_id).values(user_agent="", address_sealed=None),
            update(SignerRow)
            .where(col(SignerRow.person_id) == person_id, col(SignerRow.ended_at).is_(None))
            .values(ended_at=now),
        ):
            await self._session.exec(change)
        for consent in await self._rows(ConsentRow, person_id):
            consent.device_sealed = self._cipher.seal("", f"consent {consent.consent_id} device")

    async def _erase_faces(self, person_id: str, *, keep_receipts: bool) -> None:
        await self._session.exec(delete(PortraitRow).where(col(PortraitRow.person_id) == person_id))
        signed = set()
        if keep_receipts:
            query = select(ActivationRow.verification_id).where(col(ActivationRow.person_id) == person_id)
            signed = set((await self._session.exec(query)).all())
        for check in await self._face_checks(person_id):
            fields = ["token", "url"]
            if check.verification_id not in signed or check.state != FaceCheckState.PASSED.value:
                fields.append("receipt")
                challenges = delete(FaceChallengeRow).where(col(FaceChallengeRow.face_check_id) == check.face_check_id)
                await self._session.exec(challenges)
            for field in fields:
                setattr(check, f"{field}_sealed", self._cipher.seal("", f"face_check {check.face_check_id} {field}"))
            check.relay_digest = check.relay_sealed = check.claim_digest = None
            check.phone_sealed = check.embedding_sealed = None
            if FaceCheckState(check.state) in UNDECIDED:
                check.state = FaceCheckState.EXPIRED.value

    async def _face_checks(self, person_id: str) -> list[FaceCheckRow]:
        query = select(FaceCheckRow).where(
            col(FaceCheckRow.verification_id) == col(VerificationRow.verification_id),
            col(VerificationRow.person_id) == person_id,
        )
        return list((await self._session.exec(query.order_by(col(FaceCheckRow.opened_at)))).all())

    async def _rows(self, kind: type[_Row], person_id: str) -> list[_Row]:
        query = select(kind).where(kind.person_id == person_id)  # type: ignore[attr-defined]
        return list((await self._session.exec(query)).all())

    def _open(self, person: PersonRow, field: str) -> str:
        return self._cipher.open(getattr(person, f"{field}_sealed"), f"person {person.person_id} {field}")

    def _session_of(self, row: SessionRow) -> dict[str, Any]:
        sealed = row.address_sealed
        address = self._cipher.open(sealed, f"session {row.session_id} address") if sealed else ""
        return {**_some(row, "started_at seen_at ended_at user_agent organisation_id"), "address": address}

    def _consent_of(self, row: ConsentRow) -> dict[str, Any]:
        device = self._cipher.open(row.device_sealed, f"consent {row.consent_id} device")
        return {**_some(row, "kind version text_sha256 given_at"), "device": json.loads(device) if device else None}

    def _face_check_of(self, row: FaceCheckRow) -> dict[str, Any]:
        receipt = self._cipher.open(row.receipt_sealed, f"face_check {row.face_check_id} receipt")
        facts = _some(row, "face_check_id verification_id channel state verdict score consent_version opened_at")
        return {**facts, "receipt": receipt}


def _some(row: SQLModel, fields: str) -> dict[str, Any]:
    return {field: _text(getattr(row, field)) for field in fields.split()}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
