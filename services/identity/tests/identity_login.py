"""What the tests of logins and sessions share: companies, their signers, captchas that are read, a procurement platform."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_identity.adapters.captcha import ImagePainter
from esign_identity.adapters.tokens import thumbprint
from identity_world import Someone, World, invent
from jwt.algorithms import OKPAlgorithm
from stdnum.cn import uscc

_serial = iter(range(1, 10_000))


class ReadingPainter:
    """Draws captchas as the service does, and remembers what each picture shows."""

    def __init__(self) -> None:
        self.answers: dict[bytes, str] = {}
        self._paint = ImagePainter.paint

    async def paint(self, painter: ImagePainter, answer: str) -> bytes:
        """Stands in for `ImagePainter.paint`."""
        png = await self._paint(painter, answer)
        self.answers[png] = answer
        return png


PAINTER = ReadingPainter()


@dataclass(frozen=True)
class Company:
    """An invented company."""

    name: str
    code: str


def invent_company(name: str = "") -> Company:
    """A new one, with a right code."""
    serial = next(_serial)
    body = f"91110105MA{serial:07}"
    return Company(name or f"示例{serial}号商贸有限公司", body + uscc.calc_check_digit(body))


class ProcurementPlatform:
    """招采平台: signs people on."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.key_id = thumbprint(self.key.public_key())

    @property
    def key_set(self) -> str:
        """Its public keys, as a JWK set."""
        jwk: dict[str, Any] = OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [jwk | {"kid": self.key_id, "use": "sig", "alg": "EdDSA"}]})

    def claims(self, world: World, person_id: str, code: str, **changes: Any) -> dict[str, Any]:
        """What a token says now; a change to None leaves the claim out."""
        now = int(world.clock().timestamp())
        said = {
            "iss": "procurement",
            "aud": "esign",
            "sub": person_id,
            "org": code,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
        } | changes
        return {name: value for name, value in said.items() if value is not None}

    def token(self, world: World, person_id: str, code: str, **changes: Any) -> str:
        """A good token, but for the changes."""
        return self.sign(self.claims(world, person_id, code, **changes))

    def sign(self, claims: dict[str, Any], key: Any = None, algorithm: str = "EdDSA", **header: Any) -> str:
        """Any token; a header of None is left out."""
        headers = {"typ": "esign-sso+jwt", "kid": self.key_id} | header
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers=headers)


PROCUREMENT = ProcurementPlatform()


def system(world: World, name: str) -> "identity_pb2_grpc.IntegrationServiceAsyncStub":
    """The service as an internal system sees it."""
    return identity_pb2_grpc.IntegrationServiceStub(world.running.channel(name))


def form(who: Someone, **changes: Any) -> identity_pb2.RegisterPersonRequest:
    """A person as a system describes them."""
    said = {"name": who.name, "id_number": who.id_number, "phone": who.phone, "email": who.email} | changes
    return identity_pb2.RegisterPersonRequest(**said)


async def register_signer(
    world: World, company: Company, who: Someone, by: str = "leasing", **changes: Any
) -> identity_pb2.RegisterSignerResponse:
    """Have a system register a company and its signer."""
    said: dict[str, Any] = {
        "organisation_name": company.name,
        "unified_social_credit_code": company.code,
        "signer": form(who),
    } | changes
    return await system(world, by).RegisterSigner(identity_pb2.RegisterSignerRequest(**said))


async def change_signer(
    world: World, company: Company, who: Someone, by: str = "leasing"
) -> identity_pb2.RegisterSignerResponse:
    """Have a system change its company's signer."""
    return await system(world, by).ChangeSigner(
        identity_pb2.ChangeSignerRequest(unified_social_credit_code=company.code, signer=form(who))
    )


async def signer_of(
    world: World, company: Company, by: str = "leasing", name: str = "张三"
) -> tuple[Someone, identity_pb2.RegisterSignerResponse]:
    """Someone new who signs for a company."""
    who = invent(name)
    return who, await register_signer(world, company, who, by)


async def start_enterprise(
    world: World, who: Someone, code: str = "", address: str = ""
) -> identity_pb2.StartEnterpriseLoginResponse:
    """The first half of a login for a company; without a code the one that the phone got."""
    if not code:
        await world.request_code(who)
        code = world.notifier.code(who.phone)
    return await world.portal.StartEnterpriseLogin(
        identity_pb2.StartEnterpriseLoginRequest(phone=who.phone, code=code, client_address=address or who.address)
    )


async def finish_enterprise(
    world: World, ticket: str, organisation_id: str, address: str = "198.51.100.7"
) -> identity_pb2.LoginResponse:
    """The second half."""
    return await world.portal.FinishEnterpriseLogin(
        identity_pb2.FinishEnterpriseLoginRequest(
            ticket=ticket, organisation_id=organisation_id, client_address=address, user_agent="Chrome"
        )
    )


async def company_session(world: World, who: Someone, organisation_id: str) -> identity_pb2.LoginResponse:
    """Sign in for a company."""
    started = await start_enterprise(world, who)
    return await finish_enterprise(world, started.ticket, organisation_id)


async def redeem(world: World, token: str, address: str = "198.51.100.8") -> identity_pb2.LoginResponse:
    """Arrive from the procurement platform."""
    return await world.portal.RedeemSignOn(
        identity_pb2.RedeemSignOnRequest(token=token, client_address=address, user_agent="Chrome")
    )


async def authenticate(world: World, token: str) -> identity_pb2.AuthenticateResponse:
    """What the gateway does with every request."""
    return await world.portal.Authenticate(identity_pb2.AuthenticateRequest(session_token=token))


def acting(world: World, answer: identity_pb2.AuthenticateResponse) -> Any:
    """Metadata of a call in a session."""
    return world.running.as_person(answer.person.person_id, session_id=answer.session_id)
