"""The service on real engines: requests by event, what is told, what survives, and the RPCs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from esign.contract.v1 import events_pb2 as contract_events
from esign.signer.v1 import events_pb2, signer_pb2, signer_pb2_grpc
from esign_kit.db import new_id
from esign_kit.errors import Conflict, EsignError, InvalidInput, NotFound, TooLarge
from esign_kit.refs import ObjectRef
from esign_kit.service import App
from esign_kit.testing import Pki
from esign_signer.adapters.pdf import serve
from esign_signer.adapters.pdf.validation import PdfValidator
from esign_signer.domain.keys import KeyStoreError
from esign_signer.domain.report import Verdict
from esign_signer.main import build
from sqlalchemy import text

from .bench import pdfsig
from .documents import seal_png, write_pdf
from .pki import TrustPki, rsa_key
from .world import COMPANY, USCC, World, names, only, reference


async def test_journey_from_two_signatures_to_release(world: World, validator: PdfValidator) -> None:
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id)
    assert names(told) == ["EventKeyCreated", "DocumentSigned", "EventKeyDestroyed"]
    signed = only(told, events_pb2.DocumentSigned)
    assert (signed.level, signed.field_name, signed.activation_kind) == ("B-LT", "Party1", "PERSON")
    assert signed.source_sha256 == request.document.sha256
    path = await world.fetch(signed.document)
    assert (await asyncio.to_thread(validator.validate, path)).verdict is Verdict.PASSED
    assert await _wrapped_keys(world, signed.activation_id) == [None]

    document = signed.document
    first = ObjectRef(document.bucket, document.key, document.version_id, document.sha256, document.size)
    countersign = world.asked(
        first,
        request.contract_id,
        1,
        await world.company(),
        kind="POLICY",
        policy_id="policy",
        organisation=USCC,
        receipts={"policy": "r"},
    )
    await world.platform.publish(countersign, contract_id=request.contract_id)
    second = (await world.until(request.contract_id, 2))[-1]
    assert isinstance(second, events_pb2.DocumentSigned)
    assert (second.activation_kind, second.level) == ("POLICY", "B-LT")

    archive = contract_events.ArchiveRequested(
        contract_id=request.contract_id, document=second.document, signature_count=2
    )
    await world.platform.publish(archive, contract_id=request.contract_id)
    released = (await world.until(request.contract_id, 3))[-1]
    assert isinstance(released, events_pb2.DocumentReleased)
    assert released.level == "B-LTA"
    assert {name.split("/")[0] for name in released.validators} == {
        "esign-signer",
        "pyhanko",
        "pdfsig",
        "rfc3161-client",
    }
    assert pdfsig(await world.fetch(released.document)).count("Signature is Valid.") == 2

    await world.platform.publish(archive, contract_id=request.contract_id)
    await asyncio.sleep(0.5)
    assert names(await world.told(request.contract_id)).count("DocumentReleased") == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())}, "ACTIVATION_EXPIRED"),
        ({"nbf": int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())}, "ACTIVATION_NOT_YET_VALID"),
        ({"document_sha256": "0" * 64}, "ACTIVATION_DOCUMENT_MISMATCH"),
        ({"seal_sha256": "0" * 64}, "ACTIVATION_SEAL_MISMATCH"),
        ({"rect": [1, 1, 2, 2]}, "ACTIVATION_PLACE_MISMATCH"),
        ({"party_id": "other"}, "ACTIVATION_PERSON_MISMATCH"),
        ({"person_id": "somebody else"}, "SEAL_OWNER_MISMATCH"),
        ({"aud": "evidence"}, "ACTIVATION_SIGNATURE_INVALID"),
    ],
)
async def test_refusals_are_told(world: World, changed: dict[str, Any], reason: str) -> None:
    request = await world.request(**changed)
    await world.platform.publish(request, contract_id=request.contract_id)
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert (refused.reason, refused.party_id) == (reason, "party0")
    assert refused.document_sha256 == request.document.sha256


async def test_no_activation_no_signature(world: World) -> None:
    request = await world.request()
    request.activation = ""
    event = await world.platform.publish(request, contract_id=request.contract_id)
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert (refused.reason, refused.activation_id) == ("ACTIVATION_MISSING", "")
    await world.platform.publish(request, contract_id=request.contract_id, event_id=event)
    await asyncio.sleep(0.3)
    assert names(await world.told(request.contract_id)) == ["SignatureRefused"]


async def test_content_must_be_what_the_reference_says(world: World) -> None:
    request = await world.request()
    other = await world.upload()
    request.document.CopyFrom(
        reference(ObjectRef(other.bucket, other.key, other.version_id, request.document.sha256, 9))
    )
    await world.platform.publish(request, contract_id=request.contract_id)
    refused = only(await world.until(request.contract_id), events_pb2.SignatureRefused)
    assert refused.reason == "ACTIVATION_DOCUMENT_MISMATCH"


async def test_an_activation_signs_once(world: World) -> None:
    request = await world.request()
    event = await world.platform.publish(request, contract_id=request.contract_id)
    await world.platform.publish(request, contract_id=request.contract_id, event_id=event)
    await world.until(request.contract_id)
    await world.platform.publish(request, contract_id=request.contract_id, event_id=event)
    again = contract_events.SignatureRequested()
    again.CopyFrom(request)
    again.contract_id, elsewhere = request.contract_id, new_id()
    await world.platform.publish(again, contract_id=request.contract_id)
    told = await world.until(request.contract_id, 2)
    assert names(told) == ["EventKeyCreated", "DocumentSigned", "EventKeyDestroyed", "SignatureRefused"]
    assert only(told, events_pb2.SignatureRefused).reason == "ACTIVATION_REUSED"
    again.contract_id = elsewhere
    await world.platform.publish(again, contract_id=elsewhere)
    moved = only(await world.until(elsewhere), events_pb2.SignatureRefused)
    assert moved.reason == "ACTIVATION_DOCUMENT_MISMATCH"


@pytest.mark.parametrize(
    ("failing", "reason"),
    [({"tsa", "tsa2"}, "TSA_UNAVAILABLE"), ({"ocsp"}, "OCSP_UNAVAILABLE"), ({"crl"}, "CRL_UNAVAILABLE")],
)
async def test_waits_for_trust_services_and_goes_on(
    world: World, trust: TrustPki, failing: set[str], reason: str
) -> None:
    trust.failing |= failing
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    await world.until(request.contract_id, 1, ("SigningDelayed",))
    await asyncio.sleep(0.8)
    told = await world.told(request.contract_id)
    assert names(told) == ["EventKeyCreated", "SigningDelayed"]
    assert only(told, events_pb2.SigningDelayed).reason == reason
    trust.failing.clear()
    told = await world.until(request.contract_id)
    assert names(told) == ["EventKeyCreated", "SigningDelayed", "DocumentSigned", "EventKeyDestroyed"]


async def test_waits_for_the_ca(world: World) -> None:
    world.broker.mode = "down"
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id, 1, ("SigningDelayed",))
    assert only(told, events_pb2.SigningDelayed).reason == "CA_UNAVAILABLE"
    world.broker.mode = ""
    assert names(await world.until(request.contract_id))[-2:] == ["DocumentSigned", "EventKeyDestroyed"]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("refuses", "CERTIFICATE_REFUSED"),
        ("for another", "CERTIFICATE_UNTRUSTED"),
        ("for another key", "CERTIFICATE_UNTRUSTED"),
    ],
)
async def test_certificates_that_do_not_fit(world: World, mode: str, reason: str) -> None:
    world.broker.mode = mode
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id)
    assert names(told) == ["EventKeyCreated", "EventKeyDestroyed", "SignatureRefused"]
    assert only(told, events_pb2.SignatureRefused).reason == reason


async def test_release_waits_and_refuses(world: World, trust: TrustPki) -> None:
    contract_id = new_id()
    unsigned = contract_events.ArchiveRequested(
        contract_id=contract_id, document=reference(await world.upload()), signature_count=2
    )
    trust.failing |= {"tsa", "tsa2"}
    await world.platform.publish(unsigned, contract_id=contract_id)
    told = await world.until(contract_id, 1, ("SigningDelayed",))
    assert only(told, events_pb2.SigningDelayed).reason == "TSA_UNAVAILABLE"
    trust.failing.clear()
    refused = only(await world.until(contract_id), events_pb2.ReleaseRefused)
    assert "esign-signer: 0 signatures instead of 2" in refused.problems
    assert "pdfsig: 0 signatures instead of 2" in refused.problems


async def test_a_killed_worker_delays_nothing_for_good(world: World) -> None:
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    for _ in range(3):
        await asyncio.sleep(0.05)
        await asyncio.to_thread(_kill_workers)
    told = await world.until(request.contract_id)
    assert names(told) == ["EventKeyCreated", "DocumentSigned", "EventKeyDestroyed"]


async def test_handwritten_signatures(world: World) -> None:
    portal = signer_pb2_grpc.PortalServiceStub(world.running.channel("gateway"))
    png = seal_png((10, 10, 10))
    request = signer_pb2.CreateHandwrittenSignatureRequest(png=png)
    mine = await portal.CreateHandwrittenSignature(request, metadata=world.running.as_person("writer"))
    same = await portal.CreateHandwrittenSignature(request, metadata=world.running.as_person("writer"))
    assert same.seal_id == mine.seal_id
    assert (mine.kind, mine.state) == (signer_pb2.SEAL_KIND_HANDWRITTEN, signer_pb2.SEAL_STATE_ACTIVE)
    assert (mine.width, mine.height) == (42_000, 42_000)
    listed = await portal.ListSeals(signer_pb2.ListSealsRequest(), metadata=world.running.as_person("writer"))
    assert [seal.seal_id for seal in listed.seals] == [mine.seal_id]
    others = await portal.ListSeals(signer_pb2.ListSealsRequest(), metadata=world.running.as_person("reader"))
    assert not others.seals
    internal = signer_pb2_grpc.InternalServiceStub(world.running.channel("contract"))
    assert (await internal.GetSeal(signer_pb2.GetSealRequest(seal_id=mine.seal_id))).sha256 == mine.sha256
    with pytest.raises(NotFound) as missing:
        await internal.GetSeal(signer_pb2.GetSealRequest(seal_id="none"))
    assert missing.value.reason == "SEAL_NOT_FOUND"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("text", "SEAL_IMAGE_INVALID"),
        ("cut", "SEAL_IMAGE_INVALID"),
        ("more behind it", "SEAL_IMAGE_INVALID"),
        ("opaque", "SEAL_IMAGE_NOT_TRANSPARENT"),
        ("blank", "SEAL_IMAGE_EMPTY"),
        ("wide", "SEAL_IMAGE_TOO_LARGE"),
        ("heavy", "SEAL_IMAGE_TOO_LARGE"),
    ],
)
async def test_images_that_are_no_signature(world: World, kind: str, reason: str) -> None:
    portal = signer_pb2_grpc.PortalServiceStub(world.running.channel("gateway"))
    request = signer_pb2.CreateHandwrittenSignatureRequest(png=_bad_image(kind))
    with pytest.raises(EsignError) as refused:
        await portal.CreateHandwrittenSignature(request, metadata=world.running.as_person("writer"))
    assert refused.value.reason == reason


async def test_organisation_keys(world: World, trust: TrustPki) -> None:
    internal = signer_pb2_grpc.InternalServiceStub(world.running.channel("ca-broker"))
    request = signer_pb2.CreateOrganisationKeyRequest(order_no="o2", name=COMPANY, unified_social_credit_code=USCC)
    made = await internal.CreateOrganisationKey(request, timeout=20)
    assert await internal.CreateOrganisationKey(request, timeout=20) == made
    other = signer_pb2.CreateOrganisationKeyRequest(order_no="o2", name="另一公司", unified_social_credit_code=USCC)
    with pytest.raises(Conflict) as differs:
        await internal.CreateOrganisationKey(other, timeout=20)
    assert differs.value.reason == "ORDER_DIFFERS"
    request.unified_social_credit_code = "91110000MA0DEM0X19"
    with pytest.raises(InvalidInput) as code:
        await internal.CreateOrganisationKey(request, timeout=20)
    assert code.value.reason == "CREDIT_CODE_INVALID"

    public_key = rsa_key(x509.load_der_x509_csr(made.certification_request))

    async def install(key_id: str, chain: tuple[bytes, ...]) -> str:
        install_request = signer_pb2.InstallCertificateRequest(key_id=key_id, certificates=chain)
        return str((await internal.InstallCertificate(install_request)).certificate_id)

    good = trust.chain(trust.certificate(COMPANY, public_key, subject_id=USCC))
    stranger = TrustPki(trust.base_url)
    stranger.build()
    for chain, reason in (
        (
            trust.chain(trust.certificate(COMPANY, trust.tsa_key.public_key(), subject_id=USCC)),
            "CERTIFICATE_KEY_MISMATCH",
        ),
        (trust.chain(trust.certificate("另一公司", public_key)), "CERTIFICATE_SUBJECT_MISMATCH"),
        (trust.chain(trust.certificate(COMPANY, public_key, subject_id=USCC, seconds=-1)), "CERTIFICATE_NOT_CURRENT"),
        (stranger.chain(stranger.certificate(COMPANY, public_key, subject_id=USCC)), "CERTIFICATE_UNTRUSTED"),
        ((b"garbage",), "CERTIFICATE_INVALID"),
        ((), "CERTIFICATE_INVALID"),
    ):
        with pytest.raises(InvalidInput) as unfit:
            await install(made.key_id, chain)
        assert unfit.value.reason == reason
    with pytest.raises(NotFound):
        await install("none", good)
    assert await install(made.key_id, good) == await install(made.key_id, good)


async def test_anyone_may_validate(world: World, trust: TrustPki) -> None:
    public = signer_pb2_grpc.PublicServiceStub(world.running.channel("gateway"))
    roots = await public.GetTrustRoots(signer_pb2.GetTrustRootsRequest())
    assert roots.pem.startswith("-----BEGIN CERTIFICATE-----")

    async def validate(content: bytes) -> signer_pb2.ValidationReport:
        async def pieces() -> AsyncIterator[signer_pb2.ValidateDocumentRequest]:
            for start in range(0, len(content), 10_000):
                yield signer_pb2.ValidateDocumentRequest(chunk=content[start : start + 10_000])

        report: signer_pb2.ValidationReport = await public.ValidateDocument(pieces())
        return report

    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    signed = only(await world.until(request.contract_id), events_pb2.DocumentSigned)
    content = (await world.fetch(signed.document)).read_bytes()
    report = await validate(content)
    assert (report.verdict, report.sha256, report.size) == (
        signer_pb2.VERDICT_PASSED,
        signed.document.sha256,
        len(content),
    )
    (signature,) = report.signatures
    assert signature.verdict.zh.startswith("有效")
    assert [one.revocation.source for one in signature.chain] == ["OCSP", "CRL", ""]
    assert signature.seal.picture.startswith(b"\x89PNG")

    async def printed() -> AsyncIterator[signer_pb2.ValidateDocumentRequest]:
        yield signer_pb2.ValidateDocumentRequest(chunk=content[:1000], file_name="合同.pdf", language="zh")
        yield signer_pb2.ValidateDocumentRequest(chunk=content[1000:])

    leasing = signer_pb2_grpc.PublicServiceStub(world.running.channel("leasing"))
    kept = await leasing.PrintValidationReport(printed())
    assert kept.pdf.startswith(b"%PDF-")
    assert (report.signatures[0].signer, report.signatures[0].time_source) == ("张示例", "timestamp")
    changed = bytearray(content)
    changed[content.index(b"re f") - 1] ^= 1
    report = await validate(bytes(changed))
    assert report.verdict == signer_pb2.VERDICT_FAILED
    assert list(report.signatures[0].problems) == ["ALTERED"]
    assert "改动" in report.summary_zh
    unsigned = write_pdf(world.folder / "unsigned.pdf").read_bytes()
    assert (await validate(unsigned)).verdict == signer_pb2.VERDICT_NOT_SIGNED
    for bad in (b"", b"no pdf at all", unsigned[:400]):
        with pytest.raises(InvalidInput) as refused:
            await validate(bad)
        assert refused.value.reason == "PDF_INVALID"
    with pytest.raises(TooLarge):
        await validate(b"%PDF-1.7" + bytes(3 * 2**20))
    assert not list(world.folder.glob("validate-*"))


async def _wrapped_keys(world: World, activation_id: str) -> list[bytes | None]:
    async with world.running.app.db.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT wrapped FROM keys WHERE activation_id = :id"), {"id": activation_id}
        )
        return list(rows.scalars())


def _kill_workers() -> None:
    """Kills the worker processes of this test process; one that is dead already has no command line any more."""
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if serve.__name__ in child.cmdline():
                child.kill()


def _bad_image(kind: str) -> bytes:
    import io

    from PIL import Image

    def png(image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()

    make: dict[str, Callable[[], bytes]] = {
        "text": lambda: b"no image",
        "cut": lambda: seal_png()[:-200],
        "more behind it": lambda: seal_png() + b"<html>",
        "opaque": lambda: png(Image.new("RGB", (10, 10))),
        "blank": lambda: png(Image.new("RGBA", (10, 10), (0, 0, 0, 0))),
        "wide": lambda: png(Image.new("RGBA", (2001, 1), (0, 0, 0, 9))),
        "heavy": lambda: seal_png() + bytes(300_000),
    }
    return make[kind]()


async def test_an_unusable_master_key_stops_the_start(world: World, pki: Pki) -> None:
    broken = pki.secret("master.key", "broken")
    app = App(world.running.app.settings.model_copy(update={"master_key_file": broken}))
    with pytest.raises(KeyStoreError, match="32 bytes"):
        await build(app)
    await app.close()
