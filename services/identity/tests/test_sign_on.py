"""Single sign-on from the procurement platform: what is taken, and everything that is not."""

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from esign.identity.v1 import identity_pb2
from esign_identity.adapters.sign_on import PlatformKeys
from esign_identity.adapters.tokens import thumbprint
from esign_identity.domain.sign_on import SignOn, SignOnRefusal
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.errors import EsignError, Forbidden
from esign_kit.testing import Platform
from identity_login import (
    PROCUREMENT,
    Company,
    ProcurementPlatform,
    authenticate,
    change_signer,
    invent_company,
    redeem,
    register_signer,
    signer_of,
)
from identity_world import MovableClock, World, invent, reason_of


async def supplier(world: World) -> tuple[Company, str, str]:
    """A company, its signer's person and its organisation."""
    company = invent_company()
    _, signer = await signer_of(world, company, "procurement")
    return company, signer.person_id, signer.organisation_id


async def told(world: World, before: int) -> list[Any]:
    """Refused sign-ons since there were so many."""
    return (await world.events("AttemptRefused", kind="sign-on"))[before:]


async def refused(world: World, token: str, reason: str, public: str = "SIGN_ON_INVALID") -> None:
    """The token is refused with one public reason, and the audit line says exactly why."""
    before = len(await world.events("AttemptRefused", kind="sign-on"))
    address = f"203.0.113.{before % 250}"
    assert await reason_of(redeem(world, token, address)) == public
    assert [event.reason for event in await told(world, before)] == [reason]


async def test_from_token_to_session(world: World) -> None:
    company, person_id, organisation_id = await supplier(world)
    session = await redeem(world, PROCUREMENT.token(world, person_id, company.code))
    assert session.person.person_id == person_id
    assert (session.organisation.organisation_id, session.organisation.name) == (organisation_id, company.name)
    answer = await authenticate(world, session.session_token)
    assert answer.organisation == session.organisation
    # Nobody showed this person a form with a box to tick.
    assert (session.terms_due, answer.terms_due) == (True, True)
    (event,) = await world.events("LoginSucceeded", session_id=answer.session_id)
    assert (event.organisation_id, event.method) == (organisation_id, "procurement")


async def test_a_token_is_good_once(world: World) -> None:
    company, person_id, _ = await supplier(world)
    token = PROCUREMENT.token(world, person_id, company.code)
    before = len(await world.events("AttemptRefused", kind="sign-on"))
    outcomes = await asyncio.gather(*(redeem(world, token, f"192.0.2.{n}") for n in range(6)), return_exceptions=True)
    assert sum(isinstance(outcome, identity_pb2.LoginResponse) for outcome in outcomes) == 1
    assert {o.reason for o in outcomes if isinstance(o, EsignError)} == {"SIGN_ON_INVALID"}
    assert [(e.reason, e.person_id) for e in await told(world, before)] == [("SIGN_ON_REPLAYED", person_id)] * 5


async def test_replays_from_everywhere(world: World) -> None:
    company, person_id, _ = await supplier(world)
    token = PROCUREMENT.token(world, person_id, company.code)
    await redeem(world, token)
    before = len(await world.events("AttemptRefused", kind="sign-on"))

    async def replay(host: int) -> None:
        for n in range(10):
            assert await reason_of(redeem(world, token, f"2001:db8:{host:x}:{n:x}::1")) == "SIGN_ON_INVALID"

    await asyncio.gather(*(replay(host) for host in range(20)))
    assert len(await told(world, before)) == 200
    assert len(await world.events("LoginSucceeded", person_id=person_id)) == 1


async def test_a_replay_after_its_time_and_a_restart(
    platform: Platform, settings: IdentitySettings, world: World
) -> None:
    company, person_id, _ = await supplier(world)
    token = PROCUREMENT.token(world, person_id, company.code)
    await redeem(world, token)
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as second:
        other = World(second, world.notifier, world.tencent, world.clock, platform, world.captchas)
        await refused(other, token, "SIGN_ON_REPLAYED")
    world.clock.advance(seconds=120)
    await refused(world, token, "SIGN_ON_EXPIRED")


async def test_times(world: World) -> None:
    company, person_id, _ = await supplier(world)
    now = int(world.clock().timestamp())
    for claims, reason in (
        ({"iat": now + 60, "exp": now + 120}, "SIGN_ON_NOT_YET_VALID"),
        ({"iat": now, "exp": now + 121}, "SIGN_ON_LIFETIME_TOO_LONG"),
        ({"iat": now - 3600, "exp": now + 60}, "SIGN_ON_LIFETIME_TOO_LONG"),
        ({"iat": now - 60, "exp": now - 1}, "SIGN_ON_EXPIRED"),
        ({"iat": now, "exp": now}, "SIGN_ON_EXPIRED"),
        ({"iat": now, "exp": now - 10}, "SIGN_ON_EXPIRED"),
        ({"iat": None}, "SIGN_ON_CLAIMS_WRONG"),
        ({"exp": None}, "SIGN_ON_CLAIMS_WRONG"),
        ({"exp": now + 60.5}, "SIGN_ON_CLAIMS_WRONG"),
        ({"exp": str(now + 60)}, "SIGN_ON_CLAIMS_WRONG"),
        ({"iat": True, "exp": 2}, "SIGN_ON_CLAIMS_WRONG"),
        ({"iat": -5, "exp": now + 60}, "SIGN_ON_CLAIMS_WRONG"),
        ({"exp": 10**30}, "SIGN_ON_CLAIMS_WRONG"),
    ):
        await refused(world, PROCUREMENT.token(world, person_id, company.code, **claims), reason)
    # A platform's clock may be a little ahead.
    ahead = int((world.clock() + timedelta(seconds=3)).timestamp())
    await redeem(world, PROCUREMENT.token(world, person_id, company.code, iat=ahead, exp=ahead + 120))


async def test_claims(world: World) -> None:
    company, person_id, _ = await supplier(world)
    for claims, reason in (
        ({"aud": "another"}, "SIGN_ON_AUDIENCE_WRONG"),
        ({"aud": ["esign", "another"]}, "SIGN_ON_AUDIENCE_WRONG"),
        ({"aud": None}, "SIGN_ON_AUDIENCE_WRONG"),
        ({"iss": "leasing"}, "SIGN_ON_ISSUER_WRONG"),
        ({"iss": None}, "SIGN_ON_ISSUER_WRONG"),
        ({"sub": None}, "SIGN_ON_CLAIMS_WRONG"),
        ({"org": None}, "SIGN_ON_CLAIMS_WRONG"),
        ({"org": ""}, "SIGN_ON_CLAIMS_WRONG"),
        ({"jti": None}, "SIGN_ON_CLAIMS_WRONG"),
        ({"jti": "x" * 200}, "SIGN_ON_CLAIMS_WRONG"),
        ({"jti": "\x00"}, "SIGN_ON_CLAIMS_WRONG"),
        ({"phone": "13800001111"}, "SIGN_ON_CLAIMS_WRONG"),
    ):
        await refused(world, PROCUREMENT.token(world, person_id, company.code, **claims), reason)


async def test_headers_and_keys(world: World) -> None:
    company, person_id, _ = await supplier(world)
    claims = PROCUREMENT.claims(world, person_id, company.code)
    stranger = ProcurementPlatform()
    # The public key as an HMAC secret: what a verifier that lets the header choose would take (RFC 8725, 2.1).
    public = PROCUREMENT.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for token, reason in (
        (PROCUREMENT.sign(claims, typ="JWT"), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims, typ="esign-actor+jwt"), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims, key=public, algorithm="HS256"), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims, key=generate_private_key(SECP256R1()), algorithm="ES256"), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims, jku="https://attacker.example/keys"), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims, crit=["exp"]), "SIGN_ON_MALFORMED"),
        (PROCUREMENT.sign(claims, kid="unknown"), "SIGN_ON_KEY_UNKNOWN"),
        (PROCUREMENT.sign(claims, kid=stranger.key_id, key=stranger.key), "SIGN_ON_KEY_UNKNOWN"),
        (PROCUREMENT.sign(claims, key=stranger.key), "SIGN_ON_SIGNATURE_WRONG"),
        (unsigned(claims), "SIGN_ON_HEADER_WRONG"),
        (PROCUREMENT.sign(claims).rpartition(".")[0] + ".", "SIGN_ON_SIGNATURE_WRONG"),
        (with_claims(PROCUREMENT.sign(claims), claims | {"sub": "somebody else"}), "SIGN_ON_SIGNATURE_WRONG"),
        ("", "SIGN_ON_MALFORMED"),
        ("a.b.c", "SIGN_ON_MALFORMED"),
        ("…", "SIGN_ON_MALFORMED"),
        (PROCUREMENT.sign(claims | {"jti": "x" * 5000}), "SIGN_ON_MALFORMED"),
    ):
        await refused(world, token, reason)
    await redeem(world, PROCUREMENT.sign(claims))


def encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    header = {"alg": "none", "typ": "esign-sso+jwt", "kid": PROCUREMENT.key_id}
    return f"{encode(header)}.{encode(claims)}."


def with_claims(token: str, claims: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{encode(claims)}.{signature}"


async def test_only_signers_that_the_platform_itself_registered(world: World) -> None:
    company, person_id, _ = await supplier(world)
    other_company, other_person, _ = await supplier(world)
    tenant_company = invent_company()
    _, tenant = await signer_of(world, tenant_company, "leasing")
    for token in (
        PROCUREMENT.token(world, person_id, other_company.code),
        PROCUREMENT.token(world, other_person, company.code),
        PROCUREMENT.token(world, "nobody", company.code),
        PROCUREMENT.token(world, person_id, invent_company().code),
        PROCUREMENT.token(world, person_id, "no code"),
        PROCUREMENT.token(world, tenant.person_id, tenant_company.code),
    ):
        await refused(world, token, "SIGN_ON_NOT_SIGNER", "SIGN_ON_NOT_SIGNER")
        await refused(world, token, "SIGN_ON_REPLAYED")
    newcomer = await register_signer(world, tenant_company, invent("赵六"), "procurement")
    await redeem(world, PROCUREMENT.token(world, newcomer.person_id, tenant_company.code))


async def test_after_a_change_only_the_new_signer_arrives(world: World) -> None:
    company = invent_company()
    _, old = await signer_of(world, company, "procurement")
    waiting = PROCUREMENT.token(world, old.person_id, company.code)
    arrived = await redeem(world, PROCUREMENT.token(world, old.person_id, company.code))
    new = await change_signer(world, company, invent("李四"), "procurement")
    assert await reason_of(authenticate(world, arrived.session_token)) == "SESSION_EXPIRED"
    with pytest.raises(Forbidden, match="SIGN_ON_NOT_SIGNER"):
        await redeem(world, waiting)
    await redeem(world, PROCUREMENT.token(world, new.person_id, company.code))


async def test_one_network_cannot_go_on_trying(world: World) -> None:
    company, person_id, _ = await supplier(world)
    address = "192.0.2.88"
    for _ in range(100):
        await reason_of(redeem(world, "x", address))
    token = PROCUREMENT.token(world, person_id, company.code)
    assert await reason_of(redeem(world, token, address)) == "CLIENT_ADDRESS_LIMIT"
    assert (await world.events("AttemptRefused", kind="sign-on"))[-1].reason == "CLIENT_ADDRESS_LIMIT"
    await redeem(world, token)


async def test_no_token_is_in_an_event(world: World) -> None:
    company, person_id, _ = await supplier(world)
    token = PROCUREMENT.token(world, person_id, company.code)
    await redeem(world, token)
    await reason_of(redeem(world, token))
    published = b"".join(bytes(row.data) for row in await world.rows("SELECT data FROM outbox"))
    stored = str(await world.rows("SELECT * FROM sign_on"))
    for part in token.split("."):
        assert part.encode() not in published
        assert part not in stored


def public_jwk(key: Ed25519PrivateKey, **changes: Any) -> dict[str, Any]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint(key.public_key())} | changes


def key_file(folder: Path, name: str, *keys: Ed25519PrivateKey) -> Path:
    file = folder / name
    file.write_text(json.dumps({"keys": [public_jwk(key) for key in keys]}))
    return file


async def said_with(keys: PlatformKeys, key: Ed25519PrivateKey) -> SignOn | SignOnRefusal:
    claims = {"iss": "procurement", "aud": "esign", "sub": "p", "org": "o", "iat": 1, "exp": 2, "jti": "j"}
    return await keys.check(PROCUREMENT.sign(claims, key=key, kid=thumbprint(key.public_key())))


async def test_key_sets(tmp_path: Path) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = PlatformKeys({"procurement": key_file(tmp_path, "both.json", old, new)}, MovableClock())
    for key in (old, new):
        said = await said_with(keys, key)
        assert isinstance(said, SignOn)
        assert (said.platform, said.token_id) == ("procurement", "j")
    # One platform's key does not speak for another.
    files = {"procurement": key_file(tmp_path, "one.json", old), "other": key_file(tmp_path, "other.json", new)}
    assert await said_with(PlatformKeys(files, MovableClock()), new) is SignOnRefusal.ISSUER


async def test_a_new_key_is_taken_up_and_a_former_one_dropped(tmp_path: Path) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    clock, file = MovableClock(), key_file(tmp_path, "keys.json", old)
    keys = PlatformKeys({"procurement": file}, clock)
    assert await said_with(keys, new) is SignOnRefusal.KEY
    # Put in place in one step, as secrets are.
    key_file(tmp_path, "next.json", old, new).replace(file)
    assert await said_with(keys, new) is SignOnRefusal.KEY, (
        "whoever sends unknown keys has the files read over and over"
    )
    clock.advance(seconds=3)
    found = await asyncio.gather(*(said_with(keys, key) for key in (new, old, new, old)))
    assert isinstance(found[0], SignOn)
    clock.advance(seconds=3)
    assert all([isinstance(await said_with(keys, key), SignOn) for key in (old, new)])
    # What is not a key set, or no file at all, leaves the known ones.
    file.write_text('{"keys": [')
    clock.advance(seconds=3)
    assert isinstance(await said_with(keys, new), SignOn)
    file.unlink()
    clock.advance(seconds=3)
    assert isinstance(await said_with(keys, new), SignOn)
    key_file(tmp_path, "keys.json", new)
    clock.advance(seconds=3)
    assert isinstance(await said_with(keys, new), SignOn)
    assert await said_with(keys, old) is SignOnRefusal.KEY


@pytest.mark.parametrize(
    "jwks",
    [
        "nonsense",
        '{"keys": []}',
        '{"keys": [{"kty": "RSA", "kid": "a"}]}',
        json.dumps({"keys": [public_jwk(Ed25519PrivateKey.generate(), kid="")]}),
        json.dumps({"keys": [public_jwk(Ed25519PrivateKey.generate(), d="AAAA")]}),
        json.dumps({"keys": [public_jwk(Ed25519PrivateKey.generate(), kid="a") for _ in range(2)]}),
    ],
)
def test_a_wrong_key_set_stops_the_start(tmp_path: Path, jwks: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwks)
    with pytest.raises(ValueError):
        PlatformKeys({"procurement": file}, MovableClock())


def test_one_key_id_for_two_platforms_stops_the_start(tmp_path: Path) -> None:
    file = key_file(tmp_path, "keys.json", Ed25519PrivateKey.generate())
    with pytest.raises(ValueError, match="more than one place"):
        PlatformKeys({"procurement": file, "other": file}, MovableClock())
