"""A CA that sends something else than was ordered: nothing of it is accepted, and what it issued is revoked."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from esign_ca_broker.adapters.ca_http import HttpCertificationAuthority
from esign_ca_broker.adapters.rows import OrderRow
from esign_ca_broker.adapters.store import SqlOrderStore
from esign_ca_broker.app.obtain import Obtain
from esign_ca_broker.app.revoke import RevokeRefused
from esign_ca_broker.domain.orders import Activation, Order, OrderState, OrganisationSubject, PersonSubject
from esign_ca_broker.domain.requests import read_request
from esign_ca_broker.main import expectations
from esign_ca_broker.settings import CaSettings
from esign_kit.clock import system_clock
from esign_kit.db import Database, new_id
from esign_kit.errors import Conflict
from esign_kit.outbox import outbox

from .world import COMPANY, USCC, Authority, ScriptedCa, csr, key, pem, person_name


class Bench:
    """An order with a key, and a CA that answers what a test says."""

    def __init__(self, db: Database, server: ScriptedCa, settings: CaSettings) -> None:
        self.db, self.server = db, server
        self.ca = HttpCertificationAuthority(settings)
        self.orders = SqlOrderStore(db, system_clock)
        self.obtain = Obtain(
            self.ca, self.orders, expectations(settings), system_clock, wait_seconds=0.3, poll_seconds=0.1
        )
        self.subject = PersonSubject("p-1", "李样例", "110101199003070038")
        self.key = key()

    async def order(self) -> Order:
        activation = Activation(new_id(), "p-1", "c-1", datetime.now(UTC))
        return await self.orders.open_event(f"ev-{new_id()}", activation, read_request(csr(self.key)))

    async def row(self, order_no: str) -> OrderRow:
        async with self.db.begin() as session:
            return await session.get_one(OrderRow, order_no)

    async def events(self) -> list[str]:
        async with self.db.engine.connect() as connection:
            return [found.type.rsplit(".", 1)[-1] for found in await connection.execute(outbox.select())]


@pytest.fixture
async def bench(
    db: Database, authority: Authority, ca_settings: Callable[..., CaSettings], tmp_path: Path
) -> AsyncIterator[Bench]:
    server = ScriptedCa(lambda call: (500, {}))
    roots = tmp_path / "roots.pem"
    roots.write_text(pem(authority.root))
    made = Bench(db, server, ca_settings(base_url=server.url, roots_file=roots))
    yield made
    await made.ca.close()
    server.close()


def issued(leaf: x509.Certificate, *chain: x509.Certificate) -> tuple[int, dict[str, str]]:
    return 200, {"status": "issued", "certificate_pem": pem(leaf), "chain_pem": pem(*chain)}


STRANGER = Authority()
NAME = person_name("李样例", "p-1")
WRONG: dict[str, tuple[str, Callable[[Authority, Any], tuple[int, Any]]]] = {
    "another key": (
        "CERTIFICATE_OTHER_KEY",
        lambda ca, public: issued(ca.issue(key().public_key(), NAME), ca.issuing),
    ),
    "another person": (
        "CERTIFICATE_OTHER_SUBJECT",
        lambda ca, public: issued(ca.issue(public, person_name("王样例", "p-2")), ca.issuing),
    ),
    "the ID number": (
        "CERTIFICATE_OTHER_SUBJECT",
        lambda ca, public: issued(ca.issue(public, person_name("李样例", "110101199003070038")), ca.issuing),
    ),
    "another profile": (
        "CERTIFICATE_OTHER_PROFILE",
        lambda ca, public: issued(ca.issue(public, NAME, signing=False), ca.issuing),
    ),
    "too long": (
        "CERTIFICATE_VALIDITY",
        lambda ca, public: issued(ca.issue(public, NAME, length=timedelta(days=365)), ca.issuing),
    ),
    "another CA": (
        "CERTIFICATE_UNTRUSTED",
        lambda ca, public: issued(STRANGER.issue(public, NAME), STRANGER.issuing, STRANGER.root),
    ),
    "no chain": ("CERTIFICATE_UNTRUSTED", lambda ca, public: issued(ca.issue(public, NAME))),
    "no certificate": (
        "CERTIFICATE_UNREADABLE",
        lambda ca, public: (200, {"status": "issued", "certificate_pem": "-----BEGIN CERTIFICATE-----\nx"}),
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_answers(bench: Bench, authority: Authority, what: str) -> None:
    reason, answer = WRONG[what]
    bench.server.respond = lambda call: answer(authority, bench.key.public_key())
    order = await bench.order()
    with pytest.raises(Conflict) as refused:
        await bench.obtain(order, bench.subject)
    assert (refused.value.reason, refused.value.metadata["cause"]) == ("CERTIFICATE_REFUSED", reason)
    row = await bench.row(order.order_no)
    assert (row.state, row.refusal, row.revocation, row.certificates) == ("REFUSED", reason, "WANTED", [])
    assert await bench.events() == ["CertificateRefused"]


async def test_what_was_wrongly_issued_is_revoked_in_the_end(bench: Bench, authority: Authority) -> None:
    bench.server.respond = lambda call: issued(authority.issue(key().public_key(), NAME), authority.issuing)
    order = await bench.order()
    with pytest.raises(Conflict):
        await bench.obtain(order, bench.subject)
    bench.server.calls.clear()
    bench.server.respond = lambda call: (503, {})
    revoke = RevokeRefused(bench.ca, bench.orders)
    await revoke.once()
    assert (await bench.row(order.order_no)).revocation == "WANTED"
    # Claimed for a minute, then tried again.
    bench.server.calls.clear()
    await revoke.once()
    assert bench.server.calls == []
    late = SqlOrderStore(bench.db, lambda: datetime.now(UTC) + timedelta(minutes=2))
    bench.server.respond = lambda call: (200, {"status": "revoked"})
    await RevokeRefused(bench.ca, late).once()
    assert [call.path for call in bench.server.calls] == [f"/ca/v1/certificates/{order.order_no}/revoke"]
    assert (await bench.row(order.order_no)).revocation == "DONE"
    await RevokeRefused(bench.ca, late).once()
    assert len(bench.server.calls) == 1


async def test_a_refusal_by_the_ca_is_final(bench: Bench) -> None:
    bench.server.respond = lambda call: (422, {"code": "SUBJECT_INVALID", "message": "…"})
    order = await bench.order()
    with pytest.raises(Conflict) as refused:
        await bench.obtain(order, bench.subject)
    assert refused.value.metadata["cause"] == "CA_REFUSED:SUBJECT_INVALID"
    row = await bench.row(order.order_no)
    assert (row.state, row.revocation) == ("REFUSED", "")
    # A later answer changes nothing any more.
    assert (await bench.orders.refuse(order.order_no, "OTHER", revoke=True)).refusal == "CA_REFUSED:SUBJECT_INVALID"
    assert await bench.events() == ["CertificateRefused"]


async def test_a_refused_organisation_may_be_enrolled_anew(bench: Bench) -> None:
    organisation = OrganisationSubject(COMPANY, USCC)
    first = await bench.orders.open_organisation(organisation)
    await bench.orders.requested(first.order_no, "key-1", read_request(csr(key())))
    await bench.orders.refuse(first.order_no, "CERTIFICATE_OTHER_KEY", revoke=True)
    second = await bench.orders.open_organisation(organisation)
    assert second.order_no != first.order_no
    assert second.state is OrderState.NEW


async def test_a_certificate_that_ran_out_is_followed_by_a_new_one(bench: Bench, authority: Authority) -> None:
    organisation = OrganisationSubject(COMPANY, USCC)
    now = datetime.now(UTC)
    for state in ("INSTALLED", "ISSUED"):
        async with bench.db.begin() as session:
            session.add(
                OrderRow(
                    order_no=f"org-{state}",
                    profile="organisation",
                    state=state,
                    unified_social_credit_code=USCC,
                    organisation_name=COMPANY,
                    not_before=now - timedelta(days=366),
                    not_after=now - timedelta(seconds=1),
                    created_at=now,
                    updated_at=now,
                )
            )
    fresh = await bench.orders.open_organisation(organisation)
    assert fresh.state is OrderState.NEW
    row = await bench.row("org-ISSUED")
    assert (row.state, row.refusal) == ("REFUSED", "EXPIRED_BEFORE_INSTALLATION")
    assert (await bench.orders.open_organisation(organisation)).order_no == fresh.order_no
