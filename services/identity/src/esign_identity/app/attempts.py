"""Attempts that may be attacks: refused, and told about, whatever else of their transaction is undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from esign.identity.v1 import events_pb2
from esign_kit.errors import EsignError

from esign_identity.app.ports import Store, Transaction


class Attempt(Exception):
    """Raised where an attempt is seen; `told_by` turns it into its `error`.

    `person_id` is who tried where that is known, else whom it would have hit; `reference` an id of ours, never what
    somebody sent.
    """

    def __init__(self, kind: str, error: EsignError, person_id: str = "", reference: str = "") -> None:
        super().__init__(kind)
        self.kind, self.error, self.person_id, self.reference = kind, error, person_id, reference


@asynccontextmanager
async def told_by(store: Store) -> AsyncIterator[None]:
    """Around a use case: an `Attempt` becomes an event in a transaction of its own, and its error is raised."""
    try:
        yield
    except Attempt as attempt:
        async with store.begin() as tx:
            await tell(tx, attempt.kind, attempt.error.reason, attempt.person_id, attempt.reference)
        raise attempt.error from None


async def tell(tx: Transaction, kind: str, reason: str, person_id: str, reference: str) -> None:
    """Have the event published with what else this transaction does."""
    await tx.emit(events_pb2.AttemptRefused(kind=kind, reason=reason, person_id=person_id, reference=reference))
