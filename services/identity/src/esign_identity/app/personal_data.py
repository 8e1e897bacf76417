"""What a person may ask of their data: a copy of it, and that it be erased as far as the law lets."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock

from esign_identity.app.ports import Store
from esign_identity.app.sessions import SessionDesk
from esign_identity.app.verifications import close_verifications
from esign_identity.domain import refusals
from esign_identity.domain.retention import kept_until
from esign_identity.domain.session import EndCause

RECENT = timedelta(minutes=30)
"""A copy of everything is given to somebody who signed in not longer ago than this."""
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure left: names of fields, and until when the law has them kept."""

    kept: tuple[str, ...]
    kept_until: datetime | None


class PersonalData:
    """Copies and erasure."""

    def __init__(self, store: Store, sessions: SessionDesk, clock: Clock) -> None:
        self._store, self._sessions, self._clock = store, sessions, clock

    async def export(self, person_id: str, session_id: str) -> bytes:
        """Everything that is kept about a person, in UTF-8 JSON (个人信息保护法 第四十五条).

        It is whole, not masked, so it wants a recent login. Raises Conflict RECENT_LOGIN_NEEDED.
        """
        async with self._store.read() as tx:
            started = await tx.personal_data.session_start(session_id)
            if started is None or self._clock() - started > RECENT:
                raise refusals.recent_login_needed()
            found = await tx.personal_data.everything(person_id)
        return json.dumps(found, ensure_ascii=False, indent=2).encode()

    async def erase(self, person_id: str) -> Erased:
        """Erase a person's data and end all that is open (个人信息保护法 第四十七条). Idempotent.

        Of somebody who signed, name, ID number and the receipts of the checks behind the signatures stay until the law no
        longer asks for them, then go by themselves. Raises NotFound PERSON_NOT_FOUND.
        """
        now = self._clock()
        async with self._store.begin() as tx:
            person = await tx.people.get(person_id)
            if person is None:
                raise refusals.person_not_found()
            await tx.serialise("id number", person.id_number)
            await tx.serialise("phone owner", person.phone)
            await tx.serialise("person", person_id)
            until = kept_until(await tx.personal_data.last_signature(person_id))
            if until is not None and until <= now:
                until = None
            await tx.tickets.close_all(person_id, now)
            await self._sessions.end(tx, EndCause.ERASED, person_id)
            await close_verifications(tx, person_id, "PERSON_ERASED")
            if await tx.personal_data.erase(person, until, now):
                await tx.emit(events_pb2.PersonErased(person_id=person_id))
        return Erased(("name", "id_number", "receipts") if until else (), until)

    async def erase_due(self) -> int:
        """Erase the rest of those of whom nothing needs to be kept any more; returns how many."""
        async with self._store.read() as tx:
            due = await tx.personal_data.due(self._clock(), _BATCH)
        for person_id in due:
            await self.erase(person_id)
        return len(due)
