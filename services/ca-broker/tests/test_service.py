"""The whole service: RPCs with mTLS, PostgreSQL, NATS, the sandbox's CA; identity and the signer as doubles."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from esign.ca_broker.v1 import ca_broker_pb2, ca_broker_pb2_grpc, events_pb2
from esign_ca_broker.domain.orders import event_order_no
from esign_ca_broker.main import MIGRATIONS, build
from esign_ca_broker.settings import CaBrokerSettings, CaSettings
from esign_kit.db import new_id
from esign_kit.errors import Conflict, EsignError, Forbidden, InvalidInput, NotFound, Unavailable
from esign_kit.testing import Platform, Running, eventually
from pydantic import ValidationError
from sqlalchemy import text

from .peers import Identity, Signer, serve
from .world import World, csr, key

# The last one has a wrong check digit.
USCCS = ("91110105MA01234565", "91120105MA0123457C", "91500105MA01234582", "91500105MA01234583")


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()  # type: ignore[abstract]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()  # type: ignore[abstract]


@pytest.fixture(scope="module")
async def running(
    platform: Platform, ca_values: dict[str, Any], identity: Identity, signer: Signer
) -> AsyncIterator[Running]:
    """One ca-broker for the module."""
    await platform.reset_events()
    async with serve(platform, identity, signer) as peers:
        settings = CaBrokerSettings(
            **platform.settings("ca-broker", peers, with_objects=False),
            activation_public_key_file=platform.pki.activation_public_key_file,
            ca=CaSettings(**ca_values),
            revocation_poll_seconds=0.1,
        )
        async with platform.service(settings, build, migrations=MIGRATIONS) as found:
            yield found


@pytest.fixture
def service(running: Running, world: World, signer: Signer) -> Running:
    """The ca-broker, on a good day."""
    signer.away.clear()
    return running


class Activated:
    """A person with an activation, and the key made for it."""

    def __init__(self, service: Running, identity: Identity, **claims: Any) -> None:
        self.person_id, self.activation_id, self.contract_id = new_id(), new_id(), new_id()
        identity.people[self.activation_id] = (self.person_id, "李样例")
        now = int(time.time())
        values = {
            "iss": "identity",
            "aud": ["signer", "ca-broker"],
            "jti": self.activation_id,
            "iat": now,
            "exp": now + 300,
            "kind": "PERSON",
            "person_id": self.person_id,
            "contract_id": self.contract_id,
            **claims,
        }
        self.statement = service.pki.activation(**values)
        self.key = key()
        self.order_no = event_order_no(self.activation_id)

    def request(self, certification_request: bytes | None = None) -> ca_broker_pb2.IssueEventCertificateRequest:
        return ca_broker_pb2.IssueEventCertificateRequest(
            activation=self.statement, certification_request=certification_request or csr(self.key)
        )


def internal(service: Running, caller: str = "signer") -> "ca_broker_pb2_grpc.InternalServiceAsyncStub":
    return ca_broker_pb2_grpc.InternalServiceStub(service.channel(caller))


def operator(service: Running, caller: str = "operator") -> "ca_broker_pb2_grpc.OperatorServiceAsyncStub":
    return ca_broker_pb2_grpc.OperatorServiceStub(service.channel(caller))


async def issued(platform: Platform, order_no: str) -> list[events_pb2.CertificateIssued]:
    found = [
        events_pb2.CertificateIssued.FromString(data)
        for meta, data in await platform.events()
        if meta.type == "esign.ca_broker.v1.CertificateIssued"
    ]
    return [event for event in found if event.order_no == order_no]


async def refusals(platform: Platform, **wanted: str) -> list[events_pb2.CertificateRefused]:
    found = [
        events_pb2.CertificateRefused.FromString(data)
        for meta, data in await platform.events()
        if meta.type == "esign.ca_broker.v1.CertificateRefused"
    ]
    return [event for event in found if all(getattr(event, name) == value for name, value in wanted.items())]


async def row(service: Running, order_no: str) -> dict[str, Any]:
    async with service.app.db.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT * FROM certificate_orders WHERE order_no = :order_no"), {"order_no": order_no}
        )
        return dict(found.mappings().one())


async def test_a_person_gets_a_certificate_for_one_signature(
    service: Running, platform: Platform, identity: Identity
) -> None:
    who = Activated(service, identity)
    response = await internal(service).IssueEventCertificate(who.request())
    leaf, issuing = (x509.load_der_x509_certificate(der) for der in response.certificates)
    assert leaf.public_key() == who.key.public_key()
    assert leaf.subject.rfc4514_string() == f"2.5.4.5={who.person_id},CN=李样例,C=CN"
    assert leaf.issuer == issuing.subject
    assert response.order_no == who.order_no
    [event] = await eventually(lambda: issued(platform, who.order_no))
    assert (event.profile, event.activation_id, event.contract_id) == ("event", who.activation_id, who.contract_id)
    assert event.certificate_sha256 == hashlib.sha256(response.certificates[0]).hexdigest()
    assert event.serial_number == f"{leaf.serial_number:x}"


async def test_the_id_number_is_kept_nowhere(service: Running, platform: Platform, identity: Identity) -> None:
    who = Activated(service, identity)
    response = await internal(service).IssueEventCertificate(who.request())
    kept = b"".join(bytes(value) for value in (await row(service, who.order_no)).values() if isinstance(value, bytes))
    kept += repr(await row(service, who.order_no)).encode() + b"".join(response.certificates)
    kept += b"".join(data for _, data in await platform.events())
    assert b"110101199003070038" not in kept


async def test_the_same_again_is_the_same_certificate(service: Running, platform: Platform, identity: Identity) -> None:
    who = Activated(service, identity)
    first = await internal(service).IssueEventCertificate(who.request())
    # Another request, another signature over it, the same key.
    again = await internal(service).IssueEventCertificate(who.request(csr(who.key)))
    assert first == again
    await eventually(lambda: issued(platform, who.order_no))
    assert len(await issued(platform, who.order_no)) == 1


async def test_another_key_gets_nothing(service: Running, platform: Platform, identity: Identity) -> None:
    who = Activated(service, identity)
    first = await internal(service).IssueEventCertificate(who.request())
    with pytest.raises(Conflict) as refused:
        await internal(service).IssueEventCertificate(who.request(csr(key())))
    assert refused.value.reason == "ACTIVATION_KEY_DIFFERS"
    await eventually(lambda: refusals(platform, activation_id=who.activation_id, reason="ACTIVATION_KEY_DIFFERS"))
    assert await internal(service).IssueEventCertificate(who.request()) == first


async def test_many_at_once_with_one_key(service: Running, platform: Platform, identity: Identity) -> None:
    who = Activated(service, identity)
    stub = internal(service)
    responses = await asyncio.gather(*(stub.IssueEventCertificate(who.request()) for _ in range(8)))
    assert len({tuple(response.certificates) for response in responses}) == 1
    await eventually(lambda: issued(platform, who.order_no))
    assert len(await issued(platform, who.order_no)) == 1


async def test_many_at_once_with_as_many_keys(service: Running, identity: Identity) -> None:
    who = Activated(service, identity)
    stub = internal(service)
    results = await asyncio.gather(
        *(stub.IssueEventCertificate(who.request(csr(key()))) for _ in range(6)), return_exceptions=True
    )
    reasons = [result.reason for result in results if isinstance(result, EsignError)]
    assert reasons == ["ACTIVATION_KEY_DIFFERS"] * 5


@pytest.mark.parametrize("mode", ["down", "error", "lost", "pending"])
async def test_a_ca_that_is_away_is_asked_again_later(
    service: Running, platform: Platform, identity: Identity, world: World, mode: str
) -> None:
    who = Activated(service, identity)
    world.ca_fault(mode)
    with pytest.raises(Unavailable) as refused:
        await internal(service).IssueEventCertificate(who.request())
    assert refused.value.reason == "CA_UNAVAILABLE"
    assert (await row(service, who.order_no))["state"] == "REQUESTED"
    world.ca_fault("ok")
    response = await internal(service).IssueEventCertificate(who.request())
    assert len(response.certificates) == 2
    await eventually(lambda: issued(platform, who.order_no))
    assert world.order(who.order_no)["status"] == "issued"


async def test_a_caller_in_a_hurry_learns_who_was_slow(service: Running, identity: Identity, world: World) -> None:
    who = Activated(service, identity)
    world.ca_fault("slow", 5000)
    with pytest.raises(Unavailable) as refused:
        await internal(service).IssueEventCertificate(who.request(), timeout=1.5)
    assert refused.value.reason == "CA_UNAVAILABLE"


async def test_a_ca_that_decides_in_a_moment_is_waited_for(service: Running, identity: Identity, world: World) -> None:
    who = Activated(service, identity)
    world.ca_fault("pending")
    call = asyncio.create_task(_issue(service, who))
    await eventually(lambda: asyncio.to_thread(world.order, who.order_no))
    world.ca_fault("ok")
    assert len((await call).certificates) == 2


async def _issue(service: Running, who: Activated) -> ca_broker_pb2.IssueEventCertificateResponse:
    return await internal(service).IssueEventCertificate(who.request())


async def test_a_late_signer_still_gets_it(service: Running, identity: Identity) -> None:
    now = int(time.time())
    late = Activated(service, identity, iat=now - 7200, exp=now - 6900)
    assert (await internal(service).IssueEventCertificate(late.request())).certificates
    with pytest.raises(Forbidden) as refused:
        too_late = Activated(service, identity, iat=now - 86500, exp=now - 86200)
        await internal(service).IssueEventCertificate(too_late.request())
    assert refused.value.reason == "ACTIVATION_TOO_OLD"


@pytest.mark.parametrize("claims", [{"kind": "POLICY"}, {"aud": ["signer"]}, {"iss": "contract"}, {"person_id": ""}])
async def test_a_statement_that_is_not_for_this(
    service: Running, platform: Platform, identity: Identity, world: World, claims: dict[str, Any]
) -> None:
    who = Activated(service, identity, **claims)
    before = len(await refusals(platform, reason="ACTIVATION_INVALID"))
    with pytest.raises(Forbidden) as refused:
        await internal(service).IssueEventCertificate(who.request())
    assert refused.value.reason == "ACTIVATION_INVALID"

    async def reported() -> bool:
        return len(await refusals(platform, reason="ACTIVATION_INVALID")) == before + 1

    await eventually(reported)
    assert world.order(who.order_no) == {}


async def test_a_bad_request_is_refused_and_reported(service: Running, platform: Platform, identity: Identity) -> None:
    who = Activated(service, identity)
    with pytest.raises(InvalidInput) as refused:
        await internal(service).IssueEventCertificate(who.request(csr(key("p384"))))
    assert refused.value.reason == "CSR_KEY_NOT_ALLOWED"
    [event] = await eventually(lambda: refusals(platform, activation_id=who.activation_id))
    assert (event.reason, event.contract_id) == ("CSR_KEY_NOT_ALLOWED", who.contract_id)
    # And nothing is used up by it.
    assert (await internal(service).IssueEventCertificate(who.request())).certificates


async def test_identity_must_name_the_same_person(
    service: Running, platform: Platform, identity: Identity, world: World
) -> None:
    who = Activated(service, identity)
    identity.people[who.activation_id] = (new_id(), "王样例")
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await internal(service).IssueEventCertificate(who.request())
        assert refused.value.reason == "CERTIFICATE_REFUSED"
        assert refused.value.metadata["cause"] == "SUBJECT_DIFFERS"
    [event] = await eventually(lambda: refusals(platform, activation_id=who.activation_id))
    assert (event.reason, event.order_no) == ("SUBJECT_DIFFERS", who.order_no)
    assert world.order(who.order_no) == {}


async def test_an_activation_that_identity_does_not_know(service: Running, identity: Identity) -> None:
    who = Activated(service, identity)
    del identity.people[who.activation_id]
    with pytest.raises(NotFound):
        await internal(service).IssueEventCertificate(who.request())


async def test_an_organisation_is_enrolled_once(
    service: Running, platform: Platform, signer: Signer, world: World
) -> None:
    request = ca_broker_pb2.EnrolOrganisationRequest(name="北京样例商贸有限公司", unified_social_credit_code=USCCS[0])
    first = await operator(service).EnrolOrganisation(request)
    again = await operator(service).EnrolOrganisation(request)
    assert first == again
    assert first.not_after.ToDatetime().year - first.not_before.ToDatetime().year == 1
    [event] = await eventually(lambda: issued(platform, first.order_no))
    assert (event.profile, event.unified_social_credit_code) == ("organisation", USCCS[0])
    key_id = (await row(service, first.order_no))["signer_key_id"]
    assert f"{signer.installed[key_id].serial_number:x}" == event.serial_number
    assert world.order(first.order_no)["serial_number"] == event.serial_number
    with pytest.raises(Conflict) as refused:
        await operator(service).EnrolOrganisation(
            ca_broker_pb2.EnrolOrganisationRequest(name="上海样例商贸有限公司", unified_social_credit_code=USCCS[0])
        )
    assert refused.value.reason == "ORGANISATION_NAME_DIFFERS"
    with pytest.raises(InvalidInput):
        await operator(service).EnrolOrganisation(
            ca_broker_pb2.EnrolOrganisationRequest(name="上海样例商贸有限公司", unified_social_credit_code=USCCS[3])
        )


async def test_an_enrolment_goes_on_from_any_step(
    service: Running, platform: Platform, signer: Signer, world: World
) -> None:
    request = ca_broker_pb2.EnrolOrganisationRequest(name="天津样例物业有限公司", unified_social_credit_code=USCCS[1])
    keys_before = set(signer.keys)
    signer.away = {"CreateOrganisationKey"}
    with pytest.raises(Unavailable):
        await operator(service).EnrolOrganisation(request)
    [order_no] = set(signer.keys) - keys_before
    assert (await row(service, order_no))["state"] == "NEW"

    signer.away = {"InstallCertificate"}
    world.ca_fault("down")
    with pytest.raises(Unavailable) as refused:
        await operator(service).EnrolOrganisation(request)
    assert refused.value.reason == "CA_UNAVAILABLE"
    assert (await row(service, order_no))["state"] == "REQUESTED"

    world.ca_fault("lost")
    with pytest.raises(Unavailable):
        await operator(service).EnrolOrganisation(request)
    assert (await row(service, order_no))["state"] == "REQUESTED"

    world.ca_fault("ok")
    with pytest.raises(Unavailable):
        await operator(service).EnrolOrganisation(request)
    assert (await row(service, order_no))["state"] == "ISSUED"

    signer.away = set()
    done = await operator(service).EnrolOrganisation(request)
    assert done.order_no == order_no
    assert (await row(service, order_no))["state"] == "INSTALLED"
    assert set(signer.keys) - keys_before == {order_no}
    await eventually(lambda: issued(platform, order_no))
    assert len(await issued(platform, order_no)) == 1


async def test_enrolling_many_times_at_once(service: Running, platform: Platform, signer: Signer) -> None:
    request = ca_broker_pb2.EnrolOrganisationRequest(name="重庆样例置业有限公司", unified_social_credit_code=USCCS[2])
    stub = operator(service)
    responses = await asyncio.gather(*(stub.EnrolOrganisation(request) for _ in range(6)))
    assert len({(response.order_no, response.certificate_id) for response in responses}) == 1
    await eventually(lambda: issued(platform, responses[0].order_no))
    assert len(await issued(platform, responses[0].order_no)) == 1


@pytest.mark.parametrize("caller", ["gateway", "contract", "identity", "leasing", "operator"])
async def test_certificates_are_for_the_signer_alone(service: Running, identity: Identity, caller: str) -> None:
    who = Activated(service, identity)
    with pytest.raises(Forbidden) as refused:
        await internal(service, caller).IssueEventCertificate(who.request())
    assert refused.value.reason == "CALLER_NOT_ALLOWED"


@pytest.mark.parametrize("caller", ["gateway", "signer", "leasing"])
async def test_enrolment_is_for_operators_alone(service: Running, caller: str) -> None:
    with pytest.raises(Forbidden):
        await operator(service, caller).EnrolOrganisation(ca_broker_pb2.EnrolOrganisationRequest())


def test_production_speaks_https_to_a_ca(platform: Platform, ca_values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="HTTPS"):
        CaBrokerSettings(
            **{**platform.settings("ca-broker", with_objects=False), "environment": "production"},
            activation_public_key_file=platform.pki.activation_public_key_file,
            ca=CaSettings(**ca_values),
        )
