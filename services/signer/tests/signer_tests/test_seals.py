"""Seals from creation to destruction: who may use them when, what is logged and told, and that signing keeps to it."""

import hashlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from esign.signer.v1 import events_pb2, signer_pb2, signer_pb2_grpc
from esign_kit.db import new_id
from esign_kit.errors import EsignError, NotFound
from esign_kit.testing import eventually
from esign_signer.adapters.pdf.artwork import artwork
from esign_signer.domain.keys import is_unified_social_credit_code
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .bench import LAYOUT
from .documents import seal_png
from .pki import TrustPki
from .world import COMPANY, DECISION, USCC, World, only

Pb = signer_pb2
OTHER_USCC = "91310000MA1DEM0X1U"
POLICY: dict[str, Any] = {"kind": "POLICY", "policy_id": "policy", "organisation": USCC, "receipts": {"policy": "r"}}


def operator(world: World) -> Any:
    return signer_pb2_grpc.OperatorServiceStub(world.running.channel("operator"))


def portal(world: World) -> Any:
    return signer_pb2_grpc.PortalServiceStub(world.running.channel("gateway"))


async def drawn(
    world: World, name: str, *, code: str = USCC, kind: int = Pb.SEAL_KIND_OFFICIAL, **more: Any
) -> Pb.Seal:
    request = Pb.DrawOrganisationSealRequest(
        unified_social_credit_code=code, kind=Pb.SEAL_KIND_OFFICIAL, name=name, decision=DECISION
    )
    seal: Pb.Seal = await operator(world).DrawOrganisationSeal(request, timeout=20)
    return seal


def changing(seal: Pb.Seal, reason: str = "测试") -> Pb.ChangeSealRequest:
    return Pb.ChangeSealRequest(seal_id=seal.seal_id, decision=Pb.Decision(by="staff-2", reason=reason))


def until(days: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return moment


async def grant(world: World, seal: Pb.Seal, person_id: str, days: float = 30) -> Pb.Seal:
    request = Pb.GrantSealRequest(seal_id=seal.seal_id, person_id=person_id, ends_at=until(days), decision=DECISION)
    granted: Pb.Seal = await operator(world).GrantSeal(request)
    return granted


async def image(world: World, seal: Pb.Seal, person_id: str, known: str = "") -> Pb.GetSealImageResponse:
    request = Pb.GetSealImageRequest(seal_id=seal.seal_id, known_sha256=known)
    answer: Pb.GetSealImageResponse = await portal(world).GetSealImage(
        request, metadata=world.running.as_person(person_id)
    )
    return answer


async def listed(world: World, person_id: str) -> list[str]:
    answer = await portal(world).ListSeals(Pb.ListSealsRequest(), metadata=world.running.as_person(person_id))
    return [seal.seal_id for seal in answer.seals]


async def told_of(world: World, seal: Pb.Seal) -> list[Message]:
    """The events about a seal, in order."""
    async with world.running.app.db.engine.connect() as connection:
        rows = await connection.execute(text("SELECT type, data FROM outbox WHERE type LIKE '%.Seal%' ORDER BY seq"))
        events = [getattr(events_pb2, kind.rsplit(".", 1)[-1]).FromString(data) for kind, data in rows]
    return [event for event in events if event.seal_id == seal.seal_id]


async def refusal(call: Any) -> str:
    with pytest.raises(EsignError) as refused:
        await call
    return str(refused.value.reason)


async def test_a_seal_from_draft_to_destruction(world: World) -> None:
    seal = await drawn(world, "示例一公司")
    assert (seal.state, seal.kind, seal.name) == (Pb.SEAL_STATE_PENDING, Pb.SEAL_KIND_OFFICIAL, "示例一公司")
    assert (seal.media_type, seal.width, seal.height) == ("image/svg+xml", 113_386, 113_386)
    assert await drawn(world, "示例一公司") == seal, "the same again is the same seal"
    await grant(world, seal, "custodian")
    assert await listed(world, "custodian") == []
    assert await refusal(image(world, seal, "custodian")) == "SEAL_NOT_FOUND"
    service = operator(world)
    looked_at = await service.GetSealImage(Pb.GetSealImageRequest(seal_id=seal.seal_id))
    assert hashlib.sha256(looked_at.content).hexdigest() == seal.sha256 == looked_at.sha256
    assert await refusal(service.SuspendSeal(changing(seal))) == "SEAL_STATE_CONFLICT"
    for call, state in (
        (service.ApproveSeal, Pb.SEAL_STATE_ACTIVE),
        (service.ApproveSeal, Pb.SEAL_STATE_ACTIVE),
        (service.SuspendSeal, Pb.SEAL_STATE_SUSPENDED),
        (service.ResumeSeal, Pb.SEAL_STATE_ACTIVE),
        (service.DestroySeal, Pb.SEAL_STATE_DESTROYED),
    ):
        assert (await call(changing(seal))).state == state
        assert await listed(world, "custodian") == ([seal.seal_id] if state == Pb.SEAL_STATE_ACTIVE else [])
    for call in (service.ApproveSeal, service.SuspendSeal, service.ResumeSeal):
        assert await refusal(call(changing(seal))) == "SEAL_STATE_CONFLICT"
    assert await refusal(grant(world, seal, "another")) == "SEAL_STATE_CONFLICT"
    again = await drawn(world, "示例一公司")
    assert again.seal_id != seal.seal_id
    assert (again.state, again.sha256) == (Pb.SEAL_STATE_PENDING, seal.sha256)

    log = (await service.GetSealLog(Pb.GetSealLogRequest(seal_id=seal.seal_id))).entries
    actions = ["CREATED", "GRANTED", "APPROVED", "SUSPENDED", "RESUMED", "DESTROYED"]
    assert [entry.action for entry in log] == actions
    assert [entry.actor for entry in log] == ["operator/staff-1"] * 2 + ["operator/staff-2"] * 4
    assert {entry.reason for entry in log} == {"测试"}
    assert (log[1].person_id, log[1].HasField("ends_at"), log[2].HasField("ends_at")) == ("custodian", True, False)
    events = await told_of(world, seal)
    assert [event.DESCRIPTOR.name for event in events] == ["SealCreated", "SealGranted"] + ["SealStateChanged"] * 4
    assert [getattr(event, "action", "") for event in events][2:] == actions[2:]
    assert [event.entry_id for event in events] == [entry.entry_id for entry in log]  # type: ignore[attr-defined]
    assert "测试" not in str(events)
    seals = (
        await service.ListOrganisationSeals(Pb.ListOrganisationSealsRequest(unified_social_credit_code=USCC))
    ).seals
    assert [one.seal_id for one in seals if one.name == "示例一公司"] == [again.seal_id, seal.seal_id]


def _white() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (255, 255, 255)).save(out, "PNG")
    return out.getvalue()


async def test_the_log_only_grows(world: World) -> None:
    await drawn(world, "示例二公司")
    for statement in (
        "UPDATE seal_log SET reason = 'another'",
        "DELETE FROM seal_log",
        "TRUNCATE seal_log",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with world.running.app.db.engine.begin() as connection:
                await connection.execute(text(statement))


async def test_grants_end(world: World) -> None:
    seal = await drawn(world, "示例三公司")
    service = operator(world)
    await service.ApproveSeal(changing(seal))
    granted = await grant(world, seal, "keeper", days=1)
    assert [one.person_id for one in granted.grants] == ["keeper"]
    assert await listed(world, "keeper") == [seal.seal_id]
    ends_at = granted.grants[0].ends_at
    same = Pb.GrantSealRequest(seal_id=seal.seal_id, person_id="keeper", ends_at=ends_at, decision=DECISION)
    assert (await service.GrantSeal(same)).grants == granted.grants, "the same again changes nothing"
    # Shortened to a moment from now, it ends by itself.
    await grant(world, seal, "keeper", days=0.4 / 86400)

    async def ended() -> bool:
        return not await listed(world, "keeper")

    assert await eventually(ended, seconds=5)
    assert await refusal(image(world, seal, "keeper")) == "SEAL_NOT_FOUND"
    await grant(world, seal, "keeper")
    revoke = Pb.RevokeSealGrantRequest(seal_id=seal.seal_id, person_id="keeper", decision=DECISION)
    revoked = await service.RevokeSealGrant(revoke)
    assert revoked.grants[0].HasField("revoked_at")
    assert await service.RevokeSealGrant(revoke) == revoked
    assert await listed(world, "keeper") == []
    nobody = Pb.RevokeSealGrantRequest(seal_id=seal.seal_id, person_id="nobody", decision=DECISION)
    assert await refusal(service.RevokeSealGrant(nobody)) == "SEAL_GRANT_NOT_FOUND"
    log = (await service.GetSealLog(Pb.GetSealLogRequest(seal_id=seal.seal_id))).entries
    assert [entry.action for entry in log][2:] == ["GRANTED", "GRANTED", "GRANTED", "GRANT_REVOKED"]
    assert [event.DESCRIPTOR.name for event in await told_of(world, seal)][-1] == "SealGrantRevoked"


async def test_what_operators_may_not_ask(world: World) -> None:
    seal = await drawn(world, "示例四公司")
    mine = await world.seal_of("person")
    service = operator(world)
    for days in (-1, 6 * 366):
        assert await refusal(grant(world, seal, "keeper", days=days)) == "SEAL_GRANT_END_INVALID"
    never = Pb.GrantSealRequest(seal_id=seal.seal_id, person_id="keeper", decision=DECISION)
    assert await refusal(service.GrantSeal(never)) == "SEAL_GRANT_END_INVALID"
    assert await refusal(grant(world, seal, "")) == "SEAL_PERSON_INVALID"
    assert await refusal(grant(world, mine, "keeper")) == "SEAL_NOT_OF_ORGANISATION"
    for by, reason in (("", "x"), ("staff", ""), ("staff", " "), ("staff", "x" * 201), ("s\n", "x"), ("s" * 65, "x")):
        change = Pb.ChangeSealRequest(seal_id=seal.seal_id, decision=Pb.Decision(by=by, reason=reason))
        assert await refusal(service.ApproveSeal(change)) == "SEAL_DECISION_INVALID"
    nothing = Pb.ChangeSealRequest(seal_id="nothing", decision=DECISION)
    assert await refusal(service.DestroySeal(nothing)) == "SEAL_NOT_FOUND"
    assert await refusal(service.GetSealLog(Pb.GetSealLogRequest(seal_id="nothing"))) == "SEAL_NOT_FOUND"
    bad = Pb.ListOrganisationSealsRequest(unified_social_credit_code="1")
    assert await refusal(service.ListOrganisationSeals(bad)) == "CREDIT_CODE_INVALID"
    for wrong, code in (
        ({"name": "示例𠀀公司"}, "SEAL_NAME_UNDRAWABLE"),
        ({"name": "示"}, "SEAL_NAME_INVALID"),
        ({"name": "示例公司", "code": "12"}, "SEAL_CODE_INVALID"),
        ({"name": "示例公司", "size_um": 60_000}, "SEAL_SIZE_INVALID"),
        ({"name": "李明", "kind": Pb.SEAL_KIND_NAME}, "SEAL_KIND_INVALID"),
        ({"name": "示例公司", "kind": Pb.SEAL_KIND_UNSPECIFIED}, "SEAL_KIND_INVALID"),
        ({"name": "示例公司", "unified_social_credit_code": "1"}, "CREDIT_CODE_INVALID"),
    ):
        facts: dict[str, Any] = {
            "unified_social_credit_code": USCC,
            "kind": Pb.SEAL_KIND_OFFICIAL,
            "decision": DECISION,
        } | wrong
        with pytest.raises(EsignError) as refused:
            await service.DrawOrganisationSeal(Pb.DrawOrganisationSealRequest(**facts), timeout=20)
        assert refused.value.reason == code
        assert ("𠀀" in refused.value.zh) is (code == "SEAL_NAME_UNDRAWABLE")


async def test_an_uploaded_seal_is_kept_clean(world: World) -> None:
    service = operator(world)
    facts: dict[str, Any] = {
        "unified_social_credit_code": USCC,
        "kind": Pb.SEAL_KIND_CONTRACT,
        "name": COMPANY,
        "width_um": 42_000,
        "decision": DECISION,
    }
    seal = await service.CreateOrganisationSeal(
        Pb.CreateOrganisationSealRequest(image=seal_png(size=300), **facts), timeout=20
    )
    assert (seal.state, seal.media_type, seal.name) == (Pb.SEAL_STATE_PENDING, "image/png", COMPANY)
    assert (seal.width, seal.height) == (119_055, 119_055)
    await service.ApproveSeal(changing(seal))
    await grant(world, seal, "uploader")
    kept = await image(world, seal, "uploader")
    assert kept.media_type == "image/png"
    assert hashlib.sha256(kept.content).hexdigest() == kept.sha256 == seal.sha256
    assert artwork(kept.content).image is not None
    for bad, reason in (
        (b"", "SEAL_IMAGE_INVALID"),
        (b"<svg/>", "SEAL_IMAGE_INVALID"),
        (seal_png()[:-100], "SEAL_IMAGE_INVALID"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "SEAL_IMAGE_INVALID"),
        (seal_png() + bytes(2**20), "SEAL_IMAGE_TOO_LARGE"),
        (_white(), "SEAL_INK_MISSING"),
    ):
        request = Pb.CreateOrganisationSealRequest(image=bad, **facts)
        assert await refusal(service.CreateOrganisationSeal(request, timeout=20)) == reason
    narrow = Pb.CreateOrganisationSealRequest(**(facts | {"width_um": 9_999, "image": seal_png()}))
    assert await refusal(service.CreateOrganisationSeal(narrow, timeout=20)) == "SEAL_WIDTH_INVALID"


async def test_a_persons_name_seal_and_who_sees_it(world: World) -> None:
    request = Pb.CreateNameSealRequest(name="王小明")
    as_owner = world.running.as_person("owner")
    mine = await portal(world).CreateNameSeal(request, metadata=as_owner, timeout=20)
    assert await portal(world).CreateNameSeal(request, metadata=as_owner, timeout=20) == mine
    assert (mine.kind, mine.state, mine.name) == (Pb.SEAL_KIND_NAME, Pb.SEAL_STATE_ACTIVE, "")
    assert await listed(world, "owner") == [mine.seal_id]
    seen = await image(world, mine, "owner")
    assert seen.media_type == "image/svg+xml"
    assert hashlib.sha256(seen.content).hexdigest() == seen.sha256 == mine.sha256
    assert artwork(seen.content).width == pytest.approx(18 * 72 / 25.4)
    known = await image(world, mine, "owner", known=mine.sha256)
    assert (known.content, known.sha256) == (b"", mine.sha256)
    assert await refusal(image(world, mine, "another")) == "SEAL_NOT_FOUND"
    with pytest.raises(NotFound):
        await portal(world).GetSealImage(Pb.GetSealImageRequest(seal_id="none"), metadata=as_owner)
    # A person's name is in the image alone.
    async with world.running.app.db.engine.connect() as connection:
        for table in ("seals", "seal_log", "outbox"):
            rows = await connection.execute(text(f"SELECT {table}::text FROM {table}"))
            assert not any("王小明" in row for row in rows.scalars())


@pytest.mark.parametrize(("what", "name"), [("SuspendSeal", "示例九公司"), ("DestroySeal", "示例十公司")])
async def test_a_seal_that_was_taken_back_between_confirming_and_signing(world: World, what: str, name: str) -> None:
    await world.company()
    seal = await drawn(world, name)
    await operator(world).ApproveSeal(changing(seal))
    request = world.asked(await world.upload(), new_id(), 0, seal, **POLICY)
    await getattr(operator(world), what)(changing(seal))
    await world.platform.publish(request, contract_id=request.contract_id)
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert refused.reason == "SEAL_NOT_ACTIVE"


async def test_a_seal_that_is_suspended_while_its_signature_waits(world: World, trust: TrustPki) -> None:
    await world.company()
    seal = await drawn(world, "示例五公司")
    await operator(world).ApproveSeal(changing(seal))
    trust.failing |= {"tsa", "tsa2"}
    request = world.asked(await world.upload(), new_id(), 0, seal, **POLICY)
    await world.platform.publish(request, contract_id=request.contract_id)
    await world.until(request.contract_id, 1, ("SigningDelayed",))
    await operator(world).SuspendSeal(changing(seal))
    trust.failing.clear()
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert refused.reason == "SEAL_NOT_ACTIVE"


async def test_a_grant_decides_at_the_moment_of_signing(world: World) -> None:
    await world.company()
    seal = await drawn(world, "示例六公司")
    await operator(world).ApproveSeal(changing(seal))
    claims: dict[str, Any] = {"kind": "PERSON", "person_id": "custodian-6", "organisation": USCC}

    async def outcome() -> Message:
        request = world.asked(await world.upload(), new_id(), 0, seal, **claims)
        await world.platform.publish(request, contract_id=request.contract_id)
        return (await world.until(request.contract_id))[-1]

    assert getattr(await outcome(), "reason", "") == "PERSON_NOT_GRANTED"
    await grant(world, seal, "custodian-6")
    signed = await outcome()
    assert isinstance(signed, events_pb2.DocumentSigned)
    await _shows_the_seal(world, signed)
    await operator(world).RevokeSealGrant(
        Pb.RevokeSealGrantRequest(seal_id=seal.seal_id, person_id="custodian-6", decision=DECISION)
    )
    assert getattr(await outcome(), "reason", "") == "PERSON_NOT_GRANTED"


async def _shows_the_seal(world: World, signed: events_pb2.DocumentSigned) -> None:
    """A round seal, red on whatever lies below it, where it was placed."""
    document = pypdfium2.PdfDocument(await world.fetch(signed.document))
    document.init_forms()
    page = document[LAYOUT[0].placement.page - 1]
    box, scale = [corner / 1000 for corner in (LAYOUT[0].placement.x1, LAYOUT[0].placement.y1)], 4
    pixels = page.render(scale=scale).to_pil().convert("RGB")

    def at(x_mm: float, y_mm: float) -> tuple[int, ...]:
        """Where the seal has this, in mm from its middle; it fills 100 points."""
        x, y = (box[0] + 50 + x_mm * 100 / 40), (box[1] + 50 + y_mm * 100 / 40)
        return tuple(pixels.getpixel((round(x * scale), round((842 - y) * scale))))

    for x, y in ((0, 0), (0, 19.4), (0, -19.4), (19.4, 0), (-19.4, 0), (0, 6)):
        assert at(x, y) == (215, 25, 31)
    for x, y in ((0, 10), (9, 0), (0, -7), (19.4, 19.4)):
        assert at(x, y) == (255, 255, 255)


async def test_another_organisations_seal_is_of_no_use(world: World) -> None:
    """Neither with a statement of its owner's, who has no certificate here, nor with a statement of one who has."""
    assert is_unified_social_credit_code(OTHER_USCC)
    await world.company()
    seal = await drawn(world, "示例七公司", code=OTHER_USCC)
    await operator(world).ApproveSeal(changing(seal))
    for organisation, reason in ((USCC, "SEAL_OWNER_MISMATCH"), (OTHER_USCC, "CERTIFICATE_MISSING")):
        request = world.asked(await world.upload(), new_id(), 0, seal, **(POLICY | {"organisation": organisation}))
        await world.platform.publish(request, contract_id=request.contract_id)
        refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
        assert refused.reason == reason


async def test_the_certificate_must_name_the_seals_owner(world: World, another_owner_of_the_key: None) -> None:
    """Whatever the register of keys says: the last word has the certificate itself."""
    seal = await drawn(world, "示例八公司", code=OTHER_USCC)
    await operator(world).ApproveSeal(changing(seal))
    request = world.asked(await world.upload(), new_id(), 0, seal, **(POLICY | {"organisation": OTHER_USCC}))
    await world.platform.publish(request, contract_id=request.contract_id)
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert refused.reason == "SEAL_OWNER_MISMATCH"


@pytest.fixture
async def another_owner_of_the_key(world: World) -> AsyncIterator[None]:
    """A register in which somebody wrote another organisation beside a key."""
    await world.company()

    async def write(code: str, where: str) -> None:
        async with world.running.app.db.engine.begin() as connection:
            await connection.execute(
                text("UPDATE keys SET unified_social_credit_code = :code WHERE unified_social_credit_code = :where"),
                {"code": code, "where": where},
            )

    await write(OTHER_USCC, USCC)
    yield
    await write(USCC, OTHER_USCC)
