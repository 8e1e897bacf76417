"""Queries over verifications and activations."""

from dataclasses import asdict
from datetime import datetime

from esign_kit.refs import Placement
from sqlalchemy import ColumnElement, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from esign_identity.adapters.rows import ActivationRow, SignedDocumentRow, VerificationRow
from esign_identity.domain.activation import Activation, ActivationKind, SignatureFacts, SignedDocument
from esign_identity.domain.verification import OPEN_STATES, Verification, VerificationState

_OPEN = sorted(state.value for state in OPEN_STATES)


class SqlVerifications:
    """Plays `Verifications`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, verification_id: str) -> Verification | None:
        return await self._one(select(VerificationRow).where(col(VerificationRow.verification_id) == verification_id))

    async def lock(self, verification_id: str) -> Verification | None:
        query = select(VerificationRow).where(col(VerificationRow.verification_id) == verification_id)
        return await self._one(query.with_for_update())

    async def open_for(
        self, person_id: str, contract_id: str, party_id: str, document_sha256: str
    ) -> Verification | None:
        query = select(VerificationRow).where(
            col(VerificationRow.person_id) == person_id,
            col(VerificationRow.contract_id) == contract_id,
            col(VerificationRow.party_id) == party_id,
            col(VerificationRow.document_sha256) == document_sha256,
            col(VerificationRow.state).in_(_OPEN),
        )
        return await self._one(query.with_for_update())

    async def open_of(self, person_id: str, organisation_id: str | None = None) -> list[Verification]:
        query = select(VerificationRow).where(
            col(VerificationRow.person_id) == person_id, col(VerificationRow.state).in_(_OPEN)
        )
        if organisation_id is not None:
            query = query.where(col(VerificationRow.organisation_id) == organisation_id)
        return await self._all(query.with_for_update())

    async def overdue(self, now: datetime, count: int) -> list[Verification]:
        query = select(VerificationRow).where(
            col(VerificationRow.state).in_(_OPEN), col(VerificationRow.expires_at) <= now
        )
        return await self._all(query.limit(count).with_for_update(skip_locked=True))

    async def failures(self, person_id: str, contract_id: str, since: datetime) -> int:
        query = select(func.count()).where(
            col(VerificationRow.person_id) == person_id,
            col(VerificationRow.contract_id) == contract_id,
            col(VerificationRow.state) == VerificationState.FAILED.value,
            col(VerificationRow.started_at) > since,
        )
        return int((await self._session.exec(query)).one())

    async def concerns(self, contract_id: str, document_sha256: str) -> bool:
        query = select(col(VerificationRow.verification_id)).where(
            col(VerificationRow.contract_id) == contract_id, col(VerificationRow.document_sha256) == document_sha256
        )
        return (await self._session.exec(query.limit(1))).first() is not None

    async def add(self, verification: Verification) -> None:
        self._session.add(VerificationRow(**asdict(verification)))
        await self._session.flush()

    async def update(self, verification: Verification) -> None:
        await self._session.exec(
            update(VerificationRow)
            .where(col(VerificationRow.verification_id) == verification.verification_id)
            .values(
                state=verification.state.value,
                sms_attempts=verification.sms_attempts,
                face_attempts=verification.face_attempts,
                sms_receipt=verification.sms_receipt,
                face_receipt=verification.face_receipt,
                face_failed_at=verification.face_failed_at,
                expires_at=verification.expires_at,
            )
        )

    async def face_failed_at(self, person_id: str, contract_id: str) -> datetime | None:
        query = select(func.max(VerificationRow.face_failed_at)).where(
            col(VerificationRow.person_id) == person_id, col(VerificationRow.contract_id) == contract_id
        )
        return (await self._session.exec(query)).one()

    async def _one(self, query: SelectOfScalar[VerificationRow]) -> Verification | None:
        found = await self._all(query)
        return found[0] if found else None

    async def _all(self, query: SelectOfScalar[VerificationRow]) -> list[Verification]:
        # A row that was read before a lock was had is read again.
        rows = (await self._session.exec(query.execution_options(populate_existing=True))).all()
        return [Verification(**row.model_dump() | {"state": VerificationState(row.state)}) for row in rows]


class SqlActivations:
    """Plays `Activations`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, activation_id: str) -> Activation | None:
        return await self._one(col(ActivationRow.activation_id) == activation_id)

    async def of_verification(self, verification_id: str) -> Activation | None:
        return await self._one(col(ActivationRow.verification_id) == verification_id)

    async def of_policy(
        self, policy_id: str, contract_id: str, party_id: str, document_sha256: str
    ) -> Activation | None:
        return await self._one(
            (col(ActivationRow.policy_id) == policy_id)
            & (col(ActivationRow.contract_id) == contract_id)
            & (col(ActivationRow.party_id) == party_id)
            & (col(ActivationRow.document_sha256) == document_sha256)
        )

    async def add(self, activation: Activation) -> None:
        facts = activation.facts
        self._session.add(
            ActivationRow(
                activation_id=activation.activation_id,
                kind=activation.kind.value,
                person_id=activation.person_id,
                verification_id=activation.verification_id,
                policy_id=activation.policy_id,
                organisation=activation.organisation,
                contract_id=facts.contract_id,
                party_id=facts.party_id,
                document_sha256=facts.document_sha256,
                facts=asdict(facts),
                receipts=activation.receipts,
                statement=activation.statement,
                issued_at=activation.issued_at,
                expires_at=activation.expires_at,
            )
        )
        await self._session.flush()

    async def result_of(self, activation_id: str) -> SignedDocument | None:
        found = await self._results(col(SignedDocumentRow.activation_id) == activation_id)
        return found[0] if found else None

    async def results_with(self, result_sha256: str) -> list[SignedDocument]:
        return await self._results(col(SignedDocumentRow.result_sha256) == result_sha256)

    async def add_result(self, document: SignedDocument) -> None:
        self._session.add(SignedDocumentRow(**asdict(document)))
        await self._session.flush()

    async def _one(self, condition: ColumnElement[bool]) -> Activation | None:
        query = select(ActivationRow).where(condition).order_by(col(ActivationRow.issued_at).desc()).limit(1)
        row = (await self._session.exec(query)).one_or_none()
        if row is None:
            return None
        facts = SignatureFacts(**row.facts | {"placement": Placement(**row.facts["placement"])})
        return Activation(
            row.activation_id,
            ActivationKind(row.kind),
            facts,
            row.person_id,
            row.verification_id,
            row.policy_id,
            row.organisation,
            row.receipts,
            row.issued_at,
            row.expires_at,
            row.statement,
        )

    async def _results(self, condition: ColumnElement[bool]) -> list[SignedDocument]:
        query = select(SignedDocumentRow).where(condition).order_by(col(SignedDocumentRow.signed_at))
        return [SignedDocument(**row.model_dump()) for row in (await self._session.exec(query)).all()]
