"""Queries over the orders."""

from collections.abc import Sequence
from datetime import timedelta

from esign.ca_broker.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import Database, new_id
from esign_kit.errors import Conflict
from esign_kit.outbox import emit
from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_ca_broker.adapters.rows import OrderRow
from esign_ca_broker.domain.orders import (
    Activation,
    IssuedCertificate,
    Order,
    OrderState,
    OrganisationSubject,
    Profile,
)
from esign_ca_broker.domain.requests import CertificationRequest

_UNDER_WAY = [OrderState.NEW.value, OrderState.REQUESTED.value, OrderState.ISSUED.value]


class SqlOrderStore:
    """Plays `OrderStore`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def open_event(self, order_no: str, activation: Activation, request: CertificationRequest) -> Order:
        """Commits the intent."""
        now = self._clock()
        async with self._db.begin() as session:
            row = OrderRow(
                order_no=order_no,
                profile=Profile.EVENT.value,
                state=OrderState.REQUESTED.value,
                key_sha256=request.key_sha256,
                request=request.der,
                activation_id=activation.activation_id,
                contract_id=activation.contract_id,
                person_id=activation.person_id,
                created_at=now,
                updated_at=now,
            )
            await session.exec(insert(OrderRow).values(**row.model_dump()).on_conflict_do_nothing())
            return _order(await session.get_one(OrderRow, order_no))

    async def open_organisation(self, organisation: OrganisationSubject) -> Order:
        """Finds or adds the organisation's order."""
        now = self._clock()
        code = organisation.unified_social_credit_code
        async with self._db.begin() as session:
            stale = (col(OrderRow.state) == OrderState.ISSUED.value) & (col(OrderRow.not_after) <= now)
            await session.exec(
                update(OrderRow)
                .where(col(OrderRow.unified_social_credit_code) == code, stale)
                .values(state=OrderState.REFUSED.value, refusal="EXPIRED_BEFORE_INSTALLATION", updated_at=now)
            )
            valid = (col(OrderRow.state) == OrderState.INSTALLED.value) & (col(OrderRow.not_after) > now)
            find = (
                select(OrderRow)
                .where(
                    col(OrderRow.unified_social_credit_code) == code, or_(valid, col(OrderRow.state).in_(_UNDER_WAY))
                )
                .order_by(col(OrderRow.created_at).desc())
                .limit(1)
            )
            row = (await session.exec(find)).one_or_none()
            if row is None:
                new = OrderRow(
                    order_no=f"org-{new_id()}",
                    profile=Profile.ORGANISATION.value,
                    state=OrderState.NEW.value,
                    unified_social_credit_code=code,
                    organisation_name=organisation.name,
                    created_at=now,
                    updated_at=now,
                )
                await session.exec(insert(OrderRow).values(**new.model_dump()).on_conflict_do_nothing())
                row = (await session.exec(find)).one()
            if row.organisation_name != organisation.name:
                raise Conflict(
                    "ORGANISATION_NAME_DIFFERS",
                    zh="该统一社会信用代码已用于其他单位名称",
                    en="The code has a certificate, or an order, under another name",
                )
            return _order(row)

    async def requested(self, order_no: str, key_id: str, request: CertificationRequest) -> Order:
        """NEW → REQUESTED."""
        async with self._db.begin() as session:
            row = await self._locked(session, order_no)
            if row.state == OrderState.NEW.value:
                row.state, row.signer_key_id = OrderState.REQUESTED.value, key_id
                row.request, row.key_sha256 = request.der, request.key_sha256
            return _order(row)

    async def issued(self, order_no: str, certificate: IssuedCertificate) -> Order:
        """REQUESTED → ISSUED."""
        async with self._db.begin() as session:
            row = await self._locked(session, order_no)
            if row.state == OrderState.REQUESTED.value:
                row.state, row.certificates = OrderState.ISSUED.value, list(certificate.chain)
                row.serial_number = certificate.serial_number
                row.not_before, row.not_after = certificate.not_before, certificate.not_after
                event = events_pb2.CertificateIssued(
                    order_no=order_no,
                    profile=row.profile,
                    serial_number=certificate.serial_number,
                    certificate_sha256=certificate.sha256,
                    activation_id=row.activation_id or "",
                    contract_id=row.contract_id,
                    unified_social_credit_code=row.unified_social_credit_code or "",
                )
                await emit(session, event, contract_id=row.contract_id)
            return _order(row)

    async def installed(self, order_no: str, certificate_id: str) -> Order:
        """ISSUED → INSTALLED."""
        async with self._db.begin() as session:
            row = await self._locked(session, order_no)
            if row.state == OrderState.ISSUED.value:
                row.state, row.certificate_id = OrderState.INSTALLED.value, certificate_id
            return _order(row)

    async def refuse(self, order_no: str, reason: str, *, revoke: bool) -> Order:
        """REQUESTED → REFUSED."""
        async with self._db.begin() as session:
            row = await self._locked(session, order_no)
            if row.state == OrderState.REQUESTED.value:
                row.state, row.refusal = OrderState.REFUSED.value, reason[:100]
                if revoke:
                    row.revocation, row.revoke_due_at = "WANTED", self._clock()
                await self._emit_refusal(session, order_no, row.profile, reason, row.activation_id, row.contract_id)
            return _order(row)

    async def report_refusal(
        self, reason: str, *, order_no: str = "", activation_id: str = "", contract_id: str = ""
    ) -> None:
        """Emits the event alone."""
        async with self._db.begin() as session:
            await self._emit_refusal(session, order_no, Profile.EVENT, reason, activation_id, contract_id)

    async def to_revoke(self, limit: int) -> Sequence[str]:
        """Claims what is to be revoked."""
        now = self._clock()
        due = (
            select(col(OrderRow.order_no))
            .where(col(OrderRow.revocation) == "WANTED", col(OrderRow.revoke_due_at) <= now)
            .order_by(col(OrderRow.revoke_due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._db.begin() as session:
            claimed = list(await session.exec(due))
            later = update(OrderRow).where(col(OrderRow.order_no).in_(claimed))
            await session.exec(later.values(revoke_due_at=now + timedelta(minutes=1)))
            return claimed

    async def revoked(self, order_no: str) -> None:
        """WANTED → DONE."""
        async with self._db.begin() as session:
            row = await self._locked(session, order_no)
            row.revocation = "DONE"

    async def _locked(self, session: AsyncSession, order_no: str) -> OrderRow:
        row = await session.get_one(OrderRow, order_no, with_for_update=True)
        row.updated_at = self._clock()
        return row

    async def _emit_refusal(
        self,
        session: AsyncSession,
        order_no: str,
        profile: str,
        reason: str,
        activation_id: str | None,
        contract_id: str,
    ) -> None:
        event = events_pb2.CertificateRefused(
            order_no=order_no,
            profile=profile,
            reason=reason[:100],
            activation_id=activation_id or "",
            contract_id=contract_id,
        )
        await emit(session, event, contract_id=contract_id)


def _order(row: OrderRow) -> Order:
    certificate = None
    if row.certificates:
        assert row.not_before is not None
        assert row.not_after is not None
        certificate = IssuedCertificate(tuple(row.certificates), row.serial_number, row.not_before, row.not_after)
    return Order(
        order_no=row.order_no,
        profile=Profile(row.profile),
        state=OrderState(row.state),
        key_sha256=row.key_sha256,
        request=row.request,
        activation_id=row.activation_id or "",
        contract_id=row.contract_id,
        organisation_name=row.organisation_name,
        unified_social_credit_code=row.unified_social_credit_code or "",
        signer_key_id=row.signer_key_id,
        certificate_id=row.certificate_id,
        refusal=row.refusal,
        certificate=certificate,
    )
