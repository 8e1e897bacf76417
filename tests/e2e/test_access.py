"""Who may do what, on the running platform: every RPC with every client certificate, every route, everyone else's contracts.

The RPCs and their rules come from the protos, the routes from the gateway's own description: a new one is tested as it appears.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_e2e.doors import Anyone, Person, Refused
from esign_e2e.journey import Journey
from esign_kit import grpc_errors
from esign_kit.access import Rule, rules_by_name
from esign_kit.errors import EsignError, Internal, NotFound
from esign_kit.grpc_server import known_services
from esign_local.configuration import SERVICES, SYSTEMS
from esign_local.stack import Stack
from google.protobuf import descriptor_pool, message_factory

pytestmark = pytest.mark.e2e

CALLERS = (*SERVICES, "gateway", *SYSTEMS)
RULES = rules_by_name(known_services())
METHODS = pytest.mark.parametrize("method", sorted(RULES))
STRANGER = "01900000-0000-7000-8000-000000000000"
NewJourney = Callable[..., Awaitable[Journey]]


def service_of(method: str) -> str:
    """The program that serves an RPC: `/esign.ca_broker.v1.OperatorService/…` → `ca-broker`."""
    return method.split(".")[1].replace("_", "-")


def stub(channel: grpc.aio.Channel, method: str) -> Callable[..., Any]:
    """Calls an RPC with an empty request, whichever kind it is."""
    service, name = method.strip("/").split("/")
    descriptor = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    request, answer = (message_factory.GetMessageClass(d) for d in (descriptor.input_type, descriptor.output_type))
    kind = (
        ("stream" if descriptor.client_streaming else "unary")
        + "_"
        + ("stream" if descriptor.server_streaming else "unary")
    )
    call = getattr(channel, kind)(method, request.SerializeToString, answer.FromString)

    async def ask(metadata: list[tuple[str, str]] | None = None) -> None:
        options: dict[str, Any] = {"metadata": metadata or [], "timeout": 20}
        if descriptor.client_streaming:
            await call(iter([request()]), **options)
        elif descriptor.server_streaming:
            async for _ in call(request(), **options):
                pass
        else:
            await call(request(), **options)

    return ask


async def reason(ask: Callable[..., Any], metadata: list[tuple[str, str]] | None = None) -> str:
    """The stable reason with which a call is refused; empty when it is not."""
    try:
        await ask(metadata)
    except EsignError as error:
        # An empty request must not crash a service.
        return f"CRASHED: {error.reason}" if isinstance(error, Internal) else error.reason
    except grpc.aio.AioRpcError as error:
        return grpc_errors.from_rpc_error(error, "").reason
    return ""


@METHODS
async def test_only_the_callers_that_the_protos_name(stack: Stack, method: str) -> None:
    rule, service = RULES[method], service_of(method)
    refused = {}
    for caller in CALLERS:
        refused[caller] = await reason(stub(stack.channel(service, caller), method))
    for caller, code in refused.items():
        if caller not in rule.callers:
            assert code == "CALLER_NOT_ALLOWED", caller
        elif rule.for_person:
            assert code == "ACTOR_MISSING", caller
        else:
            assert not code.startswith("CRASHED"), caller
            assert code not in ("CALLER_NOT_ALLOWED", "CALLER_UNKNOWN", "ACTOR_MISSING", "SERVICE_UNAVAILABLE"), caller


@pytest.fixture(scope="session")
async def actor_tokens(stack: Stack) -> dict[str, str]:
    """Actor tokens that are none, by what is wrong with them."""
    key = load_pem_private_key((stack.data_dir / "secrets" / "identity" / "actor.key").read_bytes(), None)
    other = load_pem_private_key((stack.data_dir / "secrets" / "identity" / "activation.key").read_bytes(), None)
    now = datetime.now(UTC)
    claims = {"iss": "identity", "sub": "somebody", "sid": "session", "iat": now, "exp": now + timedelta(seconds=60)}

    def token(key_: Any, changes: dict[str, Any], typ: str = "esign-actor+jwt") -> str:
        return jwt.encode(claims | changes, key_, algorithm="EdDSA", headers={"typ": typ})

    good = token(key, {})
    return {
        "ACTOR_TOKEN_EXPIRED": token(key, {"exp": now - timedelta(seconds=5)}),
        "ACTOR_TOKEN_INVALID another key": token(other, {}),
        "ACTOR_TOKEN_INVALID another issuer": token(key, {"iss": "contract"}),
        "ACTOR_TOKEN_INVALID another type": token(key, {}, "esign-activation+jwt"),
        "ACTOR_TOKEN_INVALID unsigned": jwt.encode(claims, "", algorithm="none"),
        "ACTOR_TOKEN_INVALID altered": good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:],
        "ACTOR_TOKEN_INVALID nonsense": "nonsense",
    }


@pytest.mark.parametrize("method", sorted(method for method, rule in RULES.items() if rule.for_person))
async def test_only_with_a_good_actor_token(stack: Stack, actor_tokens: dict[str, str], method: str) -> None:
    rule: Rule = RULES[method]
    for caller in rule.callers:
        ask = stub(stack.channel(service_of(method), caller), method)
        for expected, token in actor_tokens.items():
            assert await reason(ask, [("esign-actor", token)]) == expected.split()[0], expected


@pytest.mark.parametrize("service", SERVICES)
async def test_strangers_do_not_get_in(stack: Stack, service: str, tmp_path: Path) -> None:
    options = [
        ("grpc.ssl_target_name_override", f"{service}.esign.internal"),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    ca = (stack.data_dir / "trust" / "internal-ca.pem").read_bytes()
    key, certificate = forged("gateway")
    strangers = {
        "a certificate of another authority": grpc.ssl_channel_credentials(ca, key, certificate),
        "no certificate": grpc.ssl_channel_credentials(ca),
        "no TLS": None,
    }
    method = next(method for method in sorted(RULES) if service_of(method) == service)
    for name, credentials in strangers.items():
        address = stack.address(service)
        channel = (
            grpc.aio.secure_channel(address, credentials, options)
            if credentials
            else grpc.aio.insecure_channel(address, options)
        )
        async with channel:
            assert await reason(stub(channel, method)) == "SERVICE_UNAVAILABLE", name


async def test_a_service_is_not_taken_for_another(stack: Stack) -> None:
    """A client that means signer does not talk to whoever else holds a certificate of the platform."""
    tls = stack.client_tls("gateway")
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    context.load_cert_chain(tls.cert_file, tls.key_file.path)
    context.set_alpn_protocols(["h2"])
    host, _, port = stack.address("contract").partition(":")
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(host, int(port), ssl=context, server_hostname="signer.esign.internal")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="contract.esign.internal")
    writer.close()


def forged(name: str) -> tuple[bytes, bytes]:
    """A key and a certificate that names `name`, of an authority of one's own, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(f"spiffe://esign.soho.example/service/{name}")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


# -- other people's contracts


async def test_one_tenant_never_sees_anothers_contract(stack: Stack, new_journey: NewJourney) -> None:
    owner = await new_journey(upto="confirm")
    other = await new_journey(upto="find")
    placement = {"page": 1, "x1": 1000, "y1": 1000, "x2": 90_000, "y2": 60_000}
    confirmation = {
        "verification_id": owner.verification_id,
        "document_sha256": "ab" * 32,
        "seal_id": "s",
        "placement": placement,
    }
    contract, verification = f"/contracts/{owner.contract_id}", f"/verifications/{owner.verification_id}"
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", contract, {}),
        ("GET", f"{contract}/pages/1", {}),
        ("POST", f"{contract}/verifications", {}),
        ("POST", f"{contract}/signatures", {"json": confirmation}),
        ("POST", f"{contract}/downloads", {}),
        ("GET", f"{contract}/evidence", {}),
        ("GET", f"{contract}/evidence/package", {}),
        ("POST", f"{contract}/downloads/{STRANGER}/receipt", {"json": {"sha256": "ab" * 32}}),
        ("GET", verification, {}),
        ("GET", f"{verification}/events", {}),
        ("GET", f"{verification}/face-channels", {}),
        ("POST", f"{verification}/codes", {}),
        ("POST", f"{verification}/code", {"json": {"code": "123456"}}),
        ("POST", f"{verification}/face", {"json": {"channel": "tencent", "consent_version": "1"}}),
        ("POST", f"{verification}/face/{STRANGER}/result", {}),
        ("GET", f"/seals/{owner.seal_id}/image", {}),
    ]
    ids = re.compile("|".join(map(re.escape, (owner.contract_id, owner.verification_id, owner.seal_id))))
    assert (await owner.person.ask("GET", f"/seals/{owner.seal_id}/image")).headers["content-type"] == "image/png"
    for method, path, options in requests:
        refusals = []
        for asked in (path, ids.sub(STRANGER, path)):
            with pytest.raises(Refused) as refused:
                await other.person.ask(method, asked, **options)
            refusals.append((refused.value.status, refused.value.code, refused.value.title))
        # Whether there is such a contract cannot be told from the answer.
        assert refusals[0] == refusals[1], path
        assert refusals[0][0] == 404, path
    for which in ("pending", "signed"):
        assert owner.contract_id not in [item["contract_id"] for item in await other.person.contracts(which)]


async def test_one_system_never_sees_anothers_contract(stack: Stack, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="dispatch")
    procurement = contract_pb2_grpc.IntegrationServiceStub(stack.channel("contract", "procurement"))
    contract_id = journey.contract_id
    with pytest.raises(NotFound):
        await procurement.GetContract(contract_pb2.GetContractRequest(contract_id=contract_id))
    with pytest.raises(NotFound):
        await procurement.DispatchContract(contract_pb2.DispatchContractRequest(contract_id=contract_id))
    with pytest.raises(NotFound):
        await procurement.WithdrawContract(contract_pb2.WithdrawContractRequest(contract_id=contract_id, reason="x"))
    with pytest.raises(NotFound):
        async for _ in procurement.FetchDocument(contract_pb2.FetchDocumentRequest(contract_id=contract_id)):
            pass
    assert (await journey.leasing.contract(contract_id)).state == contract_pb2.CONTRACT_STATE_DRAFT


async def test_one_tenant_never_ends_anothers_session(new_journey: NewJourney) -> None:
    owner, other = await new_journey(upto="find"), await new_journey(upto="find")
    mine = (await owner.person.json("GET", "/sessions"))["items"]
    assert [session["current"] for session in mine] == [True]
    ended = await other.person.json("DELETE", f"/sessions/{mine[0]['session_id']}")
    assert ended == {"ended": 0}
    await other.person.json("DELETE", "/sessions")
    assert (await owner.person.json("GET", "/me"))["person"]["name"] == owner.tenant.name
    assert await owner.person.json("DELETE", f"/sessions/{mine[0]['session_id']}") == {"ended": 1}
    with pytest.raises(Refused) as refused:
        await owner.person.json("GET", "/me")
    assert refused.value.status == 401


async def test_a_session_ends_with_the_logout(stack: Stack, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="find")
    token = journey.person.http.cookies["esign_session"]
    identity = identity_pb2_grpc.PortalServiceStub(stack.channel("identity", "gateway"))
    await identity.Authenticate(identity_pb2.AuthenticateRequest(session_token=token))
    await journey.person.ask("POST", "/logout")
    assert "esign_session" not in journey.person.http.cookies
    with pytest.raises(EsignError) as refused:
        await identity.Authenticate(identity_pb2.AuthenticateRequest(session_token=token))
    assert refused.value.http_status == 401


# -- the gateway's routes


async def test_every_route_of_the_running_gateway(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url("gateway"), trust_env=False, timeout=20) as client:
        description = (await client.get("/v1/openapi.json")).json()
        operations = [
            (method.upper(), path, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items()
        ]
        assert len(operations) >= 40
        for method, template, operation in operations:
            path = template.replace("{number}", "1").replace("{path}", "0/000")
            path = path.replace("{kind}", "terms")
            for name in (
                "contract_id",
                "verification_id",
                "face_check_id",
                "download_id",
                "session_id",
                "seal_id",
                "token",
            ):
                path = path.replace(f"{{{name}}}", STRANGER)
            assert "{" not in path
            if operation["x-access"] == "a page of a trusted platform":
                await only_from_a_trusted_platform(client, path, stack.url("sandbox"))
                continue
            if method != "GET":
                bare = await client.request(method, path)
                assert (bare.status_code, bare.json()["code"]) == (403, "CROSS_SITE_REQUEST"), path
            headers = {"x-requested-with": "esign"}
            answer = await client.request(method, path, headers=headers)
            forged_session = await client.request(method, path, headers=headers | {"cookie": "esign_session=forged"})
            if operation["x-access"] == "a signed-in person":
                assert answer.status_code == forged_session.status_code == 401, path
                assert answer.json()["code"] == "SESSION_MISSING", path
            else:
                assert operation["x-access"] == "anyone"
                assert answer.status_code not in (401, 403, 500), path
                assert forged_session.status_code not in (401, 403, 500), path


async def only_from_a_trusted_platform(client: httpx.AsyncClient, path: str, platform: str) -> None:
    """A form gets in only from the platform's page, and then only with a token that the platform signed."""
    form = {"token": "forged"}
    forgeries: list[dict[str, str]] = [
        {},
        {"x-requested-with": "esign"},
        {"origin": "null"},
        {"origin": str(client.base_url)},
    ]
    for headers in forgeries:
        assert (await client.post(path, headers=headers, data=form)).status_code == 403, headers
    answer = await client.post(path, headers={"origin": platform}, data=form)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_doors_close_behind_the_anonymous(stack: Stack) -> None:
    anyone = Anyone(stack.url("gateway"))
    person = Person(stack.url("gateway"))
    try:
        with pytest.raises(Refused) as refused:
            await person.contracts("pending")
        assert refused.value.status == 401
        assert "BEGIN CERTIFICATE" in await anyone.trust_roots()
    finally:
        await anyone.close()
        await person.close()
