"""A copy of one's data, erasure as far as the law on evidence lets, and rotation of the key under which it all lies."""

import asyncio
import base64
import json
import os
from dataclasses import replace
from typing import Any

import pytest
from esign.identity.v1 import identity_pb2
from esign_identity.adapters.reseal import SEALED, Reseal
from esign_identity.adapters.rows import Base
from esign_identity.adapters.texts import consent_text
from esign_identity.domain.consent import ConsentKind, ConsentText
from esign_identity.main import MIGRATIONS, build
from esign_identity.settings import IdentitySettings
from esign_kit.crypto import FieldCipher
from esign_kit.testing import Platform
from identity_world import World, known, moment, reason_of


async def export(world: World, person_id: str, token: str) -> dict[str, Any]:
    session = await world.portal.Authenticate(identity_pb2.AuthenticateRequest(session_token=token))
    metadata = world.running.as_person(person_id, session_id=session.session_id)
    answer = await world.portal.ExportPersonalData(identity_pb2.ExportPersonalDataRequest(), metadata=metadata)
    found: dict[str, Any] = json.loads(answer.json)
    return found


async def erase(world: World, person_id: str) -> identity_pb2.ErasePersonResponse:
    return await world.operator.ErasePerson(identity_pb2.ErasePersonRequest(person_id=person_id))


async def test_a_copy_holds_all_of_ones_own_and_nothing_of_others(world: World) -> None:
    who, person_id = await known(world)
    other, other_id = await known(world, "李四")
    for someone, identity, contract in ((who, person_id, "mine"), (other, other_id, "theirs")):
        await world.issue(identity, await world.passed(someone, identity, contract), contract)
    world.clock.advance(seconds=61)
    await world.request_code(who)
    login = await world.login(who, world.notifier.code(who.phone))
    found = await export(world, person_id, login.session_token)
    person = found["person"]
    assert (person["name"], person["id_number"], person["phone"]) == (who.name, who.id_number, who.phone)
    assert [session["address"] for session in found["sessions"]] == [who.address]
    assert found["consents"][0]["device"]["user_agent"] == "Chrome on a desk"
    assert [check["state"] for check in found["face_checks"]] == ["PASSED"]
    assert [activation["contract_id"] for activation in found["activations"]] == ["mine"]
    text = json.dumps(found, ensure_ascii=False)
    assert not any(secret in text for secret in (other.name, other.id_number, other.phone, other_id, "theirs"))


async def test_the_terms_are_accepted_once_and_as_shown(world: World) -> None:
    _, person_id = await known(world)
    text = await world.portal.GetConsentText(identity_pb2.GetConsentTextRequest(kind=identity_pb2.CONSENT_KIND_TERMS))

    async def accept(kind: int, version: str, sha256: str) -> None:
        request = identity_pb2.GiveConsentRequest(
            kind=kind,  # type: ignore[arg-type]
            version=version,
            sha256=sha256,
            client_address="203.0.113.7",
            user_agent="Chrome on a desk",
        )
        await world.portal.GiveConsent(request, metadata=world.acting(person_id))

    terms = identity_pb2.CONSENT_KIND_TERMS
    assert await reason_of(accept(terms, text.version, "0" * 64)) == "CONSENT_REQUIRED"
    assert await reason_of(accept(terms, "0", text.sha256)) == "CONSENT_REQUIRED"
    biometric = identity_pb2.CONSENT_KIND_BIOMETRIC
    assert await reason_of(accept(biometric, text.version, text.sha256)) == "CONSENT_KIND_UNKNOWN"
    await asyncio.gather(*(accept(terms, text.version, text.sha256) for _ in range(4)))
    given = await world.events("ConsentGiven", person_id=person_id)
    assert [(event.kind, event.text_sha256) for event in given] == [("terms", text.sha256)]


async def test_nobody_signs_before_the_terms_in_force_are_accepted(
    platform: Platform, settings: IdentitySettings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    login = await world.login(who, world.notifier.code(who.phone))
    here = identity_pb2.AuthenticateRequest(session_token=login.session_token)
    assert login.terms_due
    assert (await world.portal.Authenticate(here)).terms_due
    assert await reason_of(world.start(person_id, "too early", accepting=False)) == "TERMS_NOT_ACCEPTED"
    await world.accept_terms(person_id)
    assert not (await world.portal.Authenticate(here)).terms_due
    await world.start(person_id, "first text", accepting=False)

    def newer(kind: ConsentKind, version: str) -> ConsentText:
        return replace(consent_text(kind, version), version="2", text="服务协议，第二版")

    monkeypatch.setattr("esign_identity.main.consent_text", newer)
    async with platform.service(settings, build, migrations=MIGRATIONS, clock=world.clock) as running:
        later = World(running, world.notifier, world.tencent, world.clock, platform, world.captchas)
        assert (await later.portal.Authenticate(here)).terms_due
        assert await reason_of(later.start(person_id, "second text", accepting=False)) == "TERMS_NOT_ACCEPTED"
        await later.accept_terms(person_id)
        assert not (await later.portal.Authenticate(here)).terms_due
        await later.start(person_id, "second text", accepting=False)


async def test_a_copy_wants_a_recent_login(world: World) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    login = await world.login(who, world.notifier.code(who.phone))
    for _ in range(2):
        world.clock.advance(minutes=16)
        renewed = await world.portal.Authenticate(identity_pb2.AuthenticateRequest(session_token=login.session_token))
        login.session_token = renewed.renewed_session_token or login.session_token
    assert await reason_of(export(world, person_id, login.session_token)) == "RECENT_LOGIN_NEEDED"


async def test_who_never_signed_is_erased_whole(world: World) -> None:
    who, person_id = await known(world)
    await world.request_code(who)
    login = await world.login(who, world.notifier.code(who.phone))
    pending = await world.face_pending(who, person_id, "never signed")
    check = await world.start_face(person_id, pending)
    done = await erase(world, person_id)
    assert not done.kept
    assert not done.HasField("kept_until")
    session = identity_pb2.AuthenticateRequest(session_token=login.session_token)
    assert await reason_of(world.portal.Authenticate(session)) == "SESSION_EXPIRED"
    assert (await world.get(person_id, pending)).state == identity_pb2.VERIFICATION_STATE_EXPIRED
    assert [event.reason for event in await world.events("VerificationRefused", person_id=person_id)] == [
        "PERSON_ERASED"
    ]
    assert len(await world.events("PersonErased", person_id=person_id)) == 1
    described = await world.internal("contract").DescribePeople(
        identity_pb2.DescribePeopleRequest(person_ids=[person_id])
    )
    assert described.people[0].name == "（已注销）"
    assert described.people[0].masked_phone == ""
    contact = identity_pb2.ResolveContactRequest(person_id=person_id, message_id="late")
    assert await reason_of(world.internal("notifier").ResolveContact(contact)) == "PERSON_NOT_FOUND"
    relay = identity_pb2.OpenFaceRelayRequest(relay_token=check.relay_token, claim=check.claim)
    assert await reason_of(world.portal.OpenFaceRelay(relay))
    assert await world.register(who) != person_id, "who comes again is somebody new"


async def test_who_signed_stays_known_until_the_law_lets_go(world: World) -> None:
    who, person_id = await known(world)
    verification_id = await world.passed(who, person_id, "signed")
    await world.issue(person_id, verification_id, "signed")
    failed = await world.face_pending(who, person_id, "not signed")
    check = await world.start_face(person_id, failed)
    world.tencent.pass_check(check.url)
    await world.complete_face(person_id, failed, check.face_check_id)
    done = await erase(world, person_id)
    assert list(done.kept) == ["name", "id_number", "receipts"]
    years = moment(done.kept_until).year - world.clock().year
    assert years == 5
    assert await erase(world, person_id) == done
    assert len(await world.events("PersonErased", person_id=person_id)) == 1
    opened = await contents(world, person_id)
    assert opened["person"] == {"name": who.name, "id_number": who.id_number, "phone": "", "email": ""}
    assert opened["receipts"] == {verification_id: True, failed: False}
    assert opened["portraits"] == 0
    assert opened["devices"] == {""}

    world.clock.advance(days=5 * 366 + 1)
    assert await world.operator.ErasePerson(identity_pb2.ErasePersonRequest(person_id=person_id))
    world.clock.advance(days=-(5 * 366 + 1))
    opened = await contents(world, person_id)
    assert set(opened["person"].values()) == {""}
    assert not any(opened["receipts"].values())


async def test_an_erased_person_who_comes_again_is_known_by_the_same_number(world: World) -> None:
    who, person_id = await known(world)
    await world.issue(person_id, await world.passed(who, person_id, "first"), "first")
    await erase(world, person_id)
    assert await world.register(replace(who, email="back@example.com")) == person_id
    assert (await contents(world, person_id))["person"]["phone"] == who.phone
    await erase(world, person_id)
    assert (await contents(world, person_id))["person"]["phone"] == ""


async def test_nobody_is_erased_by_an_unknown_id(world: World) -> None:
    assert await reason_of(erase(world, "nobody")) == "PERSON_NOT_FOUND"


def test_every_sealed_column_is_sealed_again() -> None:
    columns = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert {(sealed.row.__tablename__, sealed.column) for sealed in SEALED} == columns


async def test_a_new_key_takes_over_everything(world: World, settings: IdentitySettings) -> None:
    who, person_id = await known(world)
    await world.issue(person_id, await world.passed(who, person_id, "rotated"), "rotated")
    world.clock.advance(seconds=61)
    await world.request_code(who)
    await world.login(who, world.notifier.code(who.phone))
    ring = json.loads(settings.field_keyring_file.read())
    ring["keys"]["k2"] = base64.b64encode(os.urandom(32)).decode()
    ring["current"] = "k2"
    rotated = FieldCipher(json.dumps(ring))
    # The running service still seals under the former key; a rotation meets rows of both.
    assert await Reseal(world.running.app.db, rotated).once() > 8
    only_new = FieldCipher(json.dumps(ring | {"keys": {"k2": ring["keys"]["k2"]}}))
    assert await Reseal(world.running.app.db, only_new).once() == 0
    row = (await world.rows("SELECT * FROM person WHERE person_id = :id", id=person_id))[0]
    assert only_new.open(row.name_sealed, f"person {person_id} name") == who.name
    assert only_new.blind_index(who.phone, "person phone") == row.phone_index
    # Back, for the tests after this one.
    assert await Reseal(world.running.app.db, FieldCipher(json.dumps(ring | {"current": "k1"}))).once() > 8


async def contents(world: World, person_id: str) -> dict[str, Any]:
    """What the tables still hold of a person, opened with the service's own key."""
    store = world.running.app.settings
    cipher = FieldCipher.from_file(store.field_keyring_file)
    person = (await world.rows("SELECT * FROM person WHERE person_id = :id", id=person_id))[0]
    checks = await world.rows(
        "SELECT f.* FROM face_check f JOIN verification v USING (verification_id) WHERE v.person_id = :id",
        id=person_id,
    )
    consents = await world.rows("SELECT * FROM consent WHERE person_id = :id", id=person_id)
    portraits = await world.rows("SELECT 1 FROM portrait WHERE person_id = :id", id=person_id)
    return {
        "person": {
            field: cipher.open(getattr(person, f"{field}_sealed"), f"person {person_id} {field}")
            for field in ("name", "id_number", "phone", "email")
        },
        "receipts": {
            check.verification_id: bool(cipher.open(check.receipt_sealed, f"face_check {check.face_check_id} receipt"))
            for check in checks
        },
        "devices": {cipher.open(row.device_sealed, f"consent {row.consent_id} device") for row in consents},
        "portraits": len(portraits),
    }
