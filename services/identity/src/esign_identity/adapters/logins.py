"""Queries over captchas, tickets, single sign-ons, sessions and signers."""

from datetime import datetime

from esign_kit.crypto import FieldCipher
from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.adapters.login_rows import (
    CaptchaRow,
    FormerTokenRow,
    SessionRow,
    SignerRow,
    SignOnRow,
    TicketRow,
)
from esign_identity.adapters.rows import OrganisationRow
from esign_identity.domain.captcha import Captcha
from esign_identity.domain.login import Ticket
from esign_identity.domain.organisation import Organisation, Signer
from esign_identity.domain.session import EndCause, FormerToken, Session
from esign_identity.domain.sign_on import SignOn


class SqlSessions:
    """Plays `Sessions`."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def add(self, session: Session) -> None:
        self._session.add(
            SessionRow(
                session_id=session.session_id,
                token_digest=session.token_digest,
                person_id=session.person_id,
                user_agent=session.user_agent,
                started_at=session.started_at,
                seen_at=session.seen_at,
                expires_at=session.expires_at,
                organisation_id=session.organisation_id or None,
                address_sealed=self._cipher.seal(session.address, _address_context(session.session_id)),
                token_since=session.token_since,
                token_used=session.token_used,
                cause="",
            )
        )
        await self._session.flush()

    async def by_token(self, digest: bytes) -> tuple[Session, FormerToken | None] | None:
        present = await self._one(col(SessionRow.token_digest) == digest)
        if present:
            return present, None
        query = select(FormerTokenRow).where(col(FormerTokenRow.token_digest) == digest)
        row = (await self._session.exec(query)).one_or_none()
        if row is None:
            return None
        session = await self._one(col(SessionRow.session_id) == row.session_id)
        assert session is not None, "a former token goes with its session"
        return session, FormerToken(row.token_digest, row.nonce, row.replaced_at)

    async def lock(self, session_id: str) -> Session | None:
        return await self._one(col(SessionRow.session_id) == session_id, lock=True)

    async def replace_token(self, session: Session, former: FormerToken) -> None:
        await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.session_id) == session.session_id)
            .values(
                token_digest=session.token_digest,
                token_since=session.token_since,
                token_used=session.token_used,
                seen_at=session.seen_at,
            )
        )
        self._session.add(
            FormerTokenRow(
                token_digest=former.digest,
                session_id=session.session_id,
                nonce=former.nonce,
                replaced_at=former.replaced_at,
            )
        )
        await self._session.flush()

    async def touch(self, session_id: str, digest: bytes, now: datetime) -> None:
        came_back = select(col(SessionRow.token_since)).where(
            col(SessionRow.session_id) == session_id,
            col(SessionRow.token_digest) == digest,
            col(SessionRow.token_used).is_(False),
        )
        await self._session.exec(
            update(FormerTokenRow)
            .where(
                col(FormerTokenRow.session_id) == session_id,
                col(FormerTokenRow.replaced_at) == came_back.scalar_subquery(),
            )
            .values(replaced_at=now)
        )
        used = or_(col(SessionRow.token_used), col(SessionRow.token_digest) == digest)
        await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.session_id) == session_id)
            .values(seen_at=func.greatest(col(SessionRow.seen_at), now), token_used=used)
        )

    async def of_person(self, person_id: str, now: datetime) -> list[Session]:
        query = (
            select(SessionRow)
            .where(
                col(SessionRow.person_id) == person_id,
                col(SessionRow.ended_at).is_(None),
                col(SessionRow.expires_at) > now,
            )
            .order_by(col(SessionRow.started_at).desc())
        )
        return [self._domain(row) for row in (await self._session.exec(query)).all()]

    async def end(
        self,
        cause: EndCause,
        now: datetime,
        person_id: str,
        *,
        session_id: str = "",
        organisation_id: str = "",
        spare: str = "",
    ) -> list[Session]:
        query = select(SessionRow).where(col(SessionRow.person_id) == person_id, col(SessionRow.ended_at).is_(None))
        if session_id:
            query = query.where(col(SessionRow.session_id) == session_id)
        if organisation_id:
            query = query.where(col(SessionRow.organisation_id) == organisation_id)
        if spare:
            query = query.where(col(SessionRow.session_id) != spare)
        query = query.order_by(col(SessionRow.session_id)).with_for_update().execution_options(populate_existing=True)
        ended = [self._domain(row) for row in (await self._session.exec(query)).all()]
        await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.session_id).in_([session.session_id for session in ended]))
            .values(ended_at=now, cause=cause.value)
        )
        return ended

    async def forget(self, before: datetime) -> None:
        await self._session.exec(
            delete(SessionRow).where(or_(col(SessionRow.expires_at) < before, col(SessionRow.ended_at) < before))
        )

    async def _one(self, condition: ColumnElement[bool], *, lock: bool = False) -> Session | None:
        query = select(SessionRow).where(condition).execution_options(populate_existing=True)
        row = (await self._session.exec(query.with_for_update() if lock else query)).one_or_none()
        return self._domain(row) if row else None

    def _domain(self, row: SessionRow) -> Session:
        sealed = row.address_sealed
        return Session(
            row.session_id,
            row.person_id,
            row.started_at,
            row.seen_at,
            row.expires_at,
            row.token_digest,
            row.token_since,
            row.token_used,
            row.organisation_id or "",
            row.user_agent,
            self._cipher.open(sealed, _address_context(row.session_id)) if sealed else "",
            row.ended_at,
        )


def _address_context(session_id: str) -> str:
    return f"session {session_id} address"


class SqlCaptchas:
    """Plays `Captchas`."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def times_for_address(self, address: str, since: datetime) -> list[datetime]:
        query = select(col(CaptchaRow.created_at)).where(
            col(CaptchaRow.address_index) == self._address(address), col(CaptchaRow.created_at) > since
        )
        return list((await self._session.exec(query)).all())

    async def add(self, captcha: Captcha, address: str) -> None:
        self._session.add(
            CaptchaRow(
                captcha_id=captcha.captcha_id,
                address_index=self._address(address),
                digest=captcha.digest,
                created_at=captcha.created_at,
                expires_at=captcha.expires_at,
            )
        )
        await self._session.flush()

    async def use(self, captcha_id: str, now: datetime) -> Captcha | None:
        taken = (
            update(CaptchaRow)
            .where(col(CaptchaRow.captcha_id) == captcha_id, col(CaptchaRow.used_at).is_(None))
            .values(used_at=now)
            .returning(col(CaptchaRow.digest), col(CaptchaRow.created_at), col(CaptchaRow.expires_at))
        )
        row = (await self._session.exec(taken)).one_or_none()
        return Captcha(captcha_id, row.digest, row.created_at, row.expires_at) if row else None

    async def was_made(self, captcha_id: str) -> bool:
        query = select(col(CaptchaRow.captcha_id)).where(col(CaptchaRow.captcha_id) == captcha_id)
        return (await self._session.exec(query)).first() is not None

    async def forget(self, before: datetime) -> None:
        await self._session.exec(delete(CaptchaRow).where(col(CaptchaRow.created_at) < before))

    def _address(self, address: str) -> bytes:
        return self._cipher.blind_index(address, "client address")


class SqlTickets:
    """Plays `Tickets`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, ticket: Ticket) -> None:
        self._session.add(
            TicketRow(
                ticket_digest=ticket.digest,
                person_id=ticket.person_id,
                attempts=ticket.attempts,
                expires_at=ticket.expires_at,
            )
        )
        await self._session.flush()

    async def person_of(self, digest: bytes) -> str:
        query = select(col(TicketRow.person_id)).where(col(TicketRow.ticket_digest) == digest)
        return (await self._session.exec(query)).one_or_none() or ""

    async def lock(self, digest: bytes) -> Ticket | None:
        query = select(TicketRow).where(col(TicketRow.ticket_digest) == digest).with_for_update()
        row = (await self._session.exec(query)).one_or_none()
        return Ticket(row.ticket_digest, row.person_id, row.expires_at, row.attempts, row.closed_at) if row else None

    async def update(self, ticket: Ticket) -> None:
        await self._session.exec(
            update(TicketRow)
            .where(col(TicketRow.ticket_digest) == ticket.digest)
            .values(attempts=ticket.attempts, closed_at=ticket.closed_at)
        )

    async def close_all(self, person_id: str, now: datetime) -> None:
        await self._session.exec(
            update(TicketRow)
            .where(col(TicketRow.person_id) == person_id, col(TicketRow.closed_at).is_(None))
            .values(closed_at=now)
        )

    async def forget(self, before: datetime) -> None:
        await self._session.exec(delete(TicketRow).where(col(TicketRow.expires_at) < before))


class SqlSignOns:
    """Plays `SignOns`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take(self, token: SignOn) -> bool:
        row = insert(SignOnRow).values(token_digest=token.digest, expires_at=token.expires_at).on_conflict_do_nothing()
        return (await self._session.exec(row.returning(col(SignOnRow.token_digest)))).first() is not None

    async def forget(self, before: datetime) -> None:
        await self._session.exec(delete(SignOnRow).where(col(SignOnRow.expires_at) < before))


class SqlSigners:
    """Plays `Signers`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def present(self, organisation_id: str, system: str = "") -> list[Signer]:
        query = select(SignerRow).where(*_present(system), col(SignerRow.organisation_id) == organisation_id)
        rows = (await self._session.exec(query.order_by(col(SignerRow.signer_id)))).all()
        return [Signer(row.signer_id, row.organisation_id, row.person_id, row.system, row.since) for row in rows]

    async def is_present(self, organisation_id: str, person_id: str, system: str = "") -> bool:
        query = select(col(SignerRow.signer_id)).where(
            *_present(system),
            col(SignerRow.organisation_id) == organisation_id,
            col(SignerRow.person_id) == person_id,
        )
        return (await self._session.exec(query.limit(1))).first() is not None

    async def companies_of(self, person_id: str) -> list[Organisation]:
        signed = select(col(SignerRow.organisation_id)).where(*_present(""), col(SignerRow.person_id) == person_id)
        query = select(OrganisationRow).where(col(OrganisationRow.organisation_id).in_(signed))
        rows = (await self._session.exec(query.order_by(col(OrganisationRow.name)))).all()
        return [Organisation(row.organisation_id, row.name, row.unified_social_credit_code) for row in rows]

    async def add(self, signer: Signer) -> None:
        self._session.add(
            SignerRow(
                signer_id=signer.signer_id,
                organisation_id=signer.organisation_id,
                person_id=signer.person_id,
                system=signer.system,
                since=signer.since,
            )
        )
        await self._session.flush()

    async def end(self, signer: Signer, now: datetime) -> None:
        await self._session.exec(
            update(SignerRow).where(col(SignerRow.signer_id) == signer.signer_id).values(ended_at=now)
        )


def _present(system: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(SignerRow.ended_at).is_(None)]
    return [*conditions, col(SignerRow.system) == system] if system else conditions
