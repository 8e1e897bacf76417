"""Queries over face checks, challenges, portraits and consents."""

import base64
import json
from datetime import datetime, timedelta

from esign_kit.crypto import FieldCipher
from sqlalchemy import ColumnElement, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from esign_identity.adapters.rows import ConsentRow, FaceChallengeRow, FaceCheckRow, PortraitRow
from esign_identity.domain.consent import Consent, ConsentText, Device
from esign_identity.domain.face import (
    UNDECIDED,
    FaceChannel,
    FaceCheck,
    FaceCheckState,
    FaceVerdict,
    secret_digest,
)
from esign_identity.domain.liveness import Challenge, FaceAction, Portrait

_UNDECIDED = sorted(state.value for state in UNDECIDED)


class SqlFaces:
    """Plays `Faces`."""

    def __init__(self, session: AsyncSession, cipher: FieldCipher) -> None:
        self._session, self._cipher = session, cipher

    async def get(self, face_check_id: str) -> FaceCheck | None:
        return await self._one(col(FaceCheckRow.face_check_id) == face_check_id)

    async def by_relay(self, digest: bytes) -> FaceCheck | None:
        return await self._one(col(FaceCheckRow.relay_digest) == digest)

    async def undecided(self, verification_id: str) -> FaceCheck | None:
        return await self._one(
            (col(FaceCheckRow.verification_id) == verification_id) & col(FaceCheckRow.state).in_(_UNDECIDED)
        )

    async def latest(self, verification_id: str) -> FaceCheck | None:
        return await self._one(col(FaceCheckRow.verification_id) == verification_id)

    async def count(self, verification_id: str) -> int:
        query = select(func.count()).where(col(FaceCheckRow.verification_id) == verification_id)
        return int((await self._session.exec(query)).one())

    async def add(self, check: FaceCheck) -> None:
        self._session.add(
            FaceCheckRow(
                face_check_id=check.face_check_id,
                verification_id=check.verification_id,
                channel=check.channel.value,
                token_sealed=self._seal(check.face_check_id, "token", check.token),
                url_sealed=self._seal(check.face_check_id, "url", check.url),
                receipt_sealed=self._seal(check.face_check_id, "receipt", check.receipt),
                relay_digest=secret_digest(check.relay),
                relay_sealed=self._seal(check.face_check_id, "relay", check.relay),
                consent_version=check.consent_version,
                state=check.state.value,
                verdict=check.verdict.value if check.verdict else "",
                score=check.score,
                opened_at=check.opened_at,
                expires_at=check.expires_at,
            )
        )
        await self._session.flush()

    async def update(self, check: FaceCheck) -> None:
        values: dict[str, object] = {
            "state": check.state.value,
            "verdict": check.verdict.value if check.verdict else "",
            "score": check.score,
            "receipt_sealed": self._seal(check.face_check_id, "receipt", check.receipt),
            "claim_digest": check.claim_digest,
        }
        if check.state not in UNDECIDED:
            values["embedding_sealed"] = None
        await self._set(check.face_check_id, values)

    async def claimed_with(self, face_check_id: str, phone: Device) -> None:
        await self._set(face_check_id, {"phone_sealed": self._seal(face_check_id, "phone", _device_text(phone))})

    async def look_after(self, face_check_id: str, now: datetime, interval: timedelta) -> bool:
        turn = (
            update(FaceCheckRow)
            .where(
                col(FaceCheckRow.face_check_id) == face_check_id,
                or_(
                    col(FaceCheckRow.looked_after_at).is_(None),
                    col(FaceCheckRow.looked_after_at) <= now - interval,
                ),
            )
            .values(looked_after_at=now)
            .returning(col(FaceCheckRow.face_check_id))
        )
        return (await self._session.exec(turn)).first() is not None

    async def challenges(self, face_check_id: str) -> list[Challenge]:
        query = (
            select(FaceChallengeRow)
            .where(col(FaceChallengeRow.face_check_id) == face_check_id)
            .order_by(col(FaceChallengeRow.step))
            .execution_options(populate_existing=True)
        )
        return [
            Challenge(
                row.face_check_id,
                row.step,
                FaceAction(row.action),
                self._open(face_check_id, f"nonce {row.step}", row.nonce_sealed),
                row.issued_at,
                row.answer_by,
                row.takes,
                row.taken_at,
                row.hint,
                row.report,
            )
            for row in (await self._session.exec(query)).all()
        ]

    async def put_challenge(self, challenge: Challenge) -> None:
        key = {"face_check_id": challenge.face_check_id, "step": challenge.step}
        values = {
            "action": challenge.action.value,
            "nonce_sealed": self._seal(challenge.face_check_id, f"nonce {challenge.step}", challenge.nonce),
            "issued_at": challenge.issued_at,
            "answer_by": challenge.answer_by,
            "takes": challenge.takes,
            "taken_at": challenge.taken_at,
            "hint": challenge.hint,
            "report": dict(challenge.report),
        }
        put = insert(FaceChallengeRow).values(key | values)
        await self._session.exec(put.on_conflict_do_update(index_elements=list(key), set_=values))

    async def begun_with(self, face_check_id: str) -> bytes | None:
        query = select(FaceCheckRow.embedding_sealed).where(col(FaceCheckRow.face_check_id) == face_check_id)
        sealed = (await self._session.exec(query)).one_or_none()
        return base64.b64decode(self._open(face_check_id, "embedding", sealed)) if sealed else None

    async def begin_with(self, face_check_id: str, embedding: bytes) -> None:
        text = base64.b64encode(embedding).decode()
        await self._set(face_check_id, {"embedding_sealed": self._seal(face_check_id, "embedding", text)})

    async def forget_embeddings(self, now: datetime) -> None:
        await self._session.exec(
            update(FaceCheckRow)
            .where(col(FaceCheckRow.embedding_sealed).is_not(None), col(FaceCheckRow.expires_at) <= now)
            .values(embedding_sealed=None)
        )

    async def portrait(self, person_id: str) -> Portrait | None:
        row = await self._session.get(PortraitRow, person_id)
        if row is None:
            return None
        text = self._cipher.open(row.embedding_sealed, f"portrait {person_id} embedding")
        return Portrait(person_id, base64.b64decode(text), row.face_check_id, row.enrolled_at)

    async def enrol(self, portrait: Portrait) -> bool:
        text = base64.b64encode(portrait.embedding).decode()
        row = {
            "person_id": portrait.person_id,
            "embedding_sealed": self._cipher.seal(text, f"portrait {portrait.person_id} embedding"),
            "face_check_id": portrait.face_check_id,
            "enrolled_at": portrait.enrolled_at,
        }
        keep = insert(PortraitRow).values(row).on_conflict_do_nothing().returning(col(PortraitRow.person_id))
        return (await self._session.exec(keep)).first() is not None

    async def consented(self, person_id: str, text: ConsentText) -> bool:
        query = select(ConsentRow.consent_id).where(
            col(ConsentRow.person_id) == person_id,
            col(ConsentRow.kind) == text.kind.value,
            col(ConsentRow.text_sha256) == text.sha256,
        )
        return (await self._session.exec(query.limit(1))).first() is not None

    async def add_consent(self, consent: Consent) -> None:
        self._session.add(
            ConsentRow(
                consent_id=consent.consent_id,
                person_id=consent.person_id,
                kind=consent.kind.value,
                version=consent.version,
                text_sha256=consent.text_sha256,
                given_at=consent.given_at,
                device_sealed=self._cipher.seal(_device_text(consent.device), f"consent {consent.consent_id} device"),
            )
        )
        await self._session.flush()

    async def _set(self, face_check_id: str, values: dict[str, object]) -> None:
        await self._session.exec(
            update(FaceCheckRow).where(col(FaceCheckRow.face_check_id) == face_check_id).values(**values)
        )

    async def _one(self, condition: ColumnElement[bool]) -> FaceCheck | None:
        newest = col(FaceCheckRow.opened_at).desc(), col(FaceCheckRow.face_check_id).desc()
        # A row that was read before a lock was had is read again.
        query = select(FaceCheckRow).where(condition).order_by(*newest).limit(1)
        row = (await self._session.exec(query.execution_options(populate_existing=True))).one_or_none()
        if row is None:
            return None
        key = row.face_check_id
        return FaceCheck(
            key,
            row.verification_id,
            FaceChannel(row.channel),
            self._open(key, "token", row.token_sealed),
            self._open(key, "url", row.url_sealed),
            row.consent_version,
            row.opened_at,
            row.expires_at,
            self._open(key, "relay", row.relay_sealed) if row.relay_sealed else "",
            FaceCheckState(row.state),
            FaceVerdict(row.verdict) if row.verdict else None,
            row.score,
            self._open(key, "receipt", row.receipt_sealed),
            row.claim_digest,
        )

    def _seal(self, face_check_id: str, field: str, text: str) -> bytes:
        return self._cipher.seal(text, f"face_check {face_check_id} {field}")

    def _open(self, face_check_id: str, field: str, blob: bytes) -> str:
        return self._cipher.open(blob, f"face_check {face_check_id} {field}")


def _device_text(device: Device) -> str:
    return json.dumps({"address": device.address, "user_agent": device.user_agent}, ensure_ascii=False)
