"""What the tests of the identity service share: a running service, doubles of what it calls, invented people."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from esign.common.v1 import common_pb2
from esign.identity.v1 import events_pb2, identity_pb2, identity_pb2_grpc
from esign.notifier.v1 import notifier_pb2, notifier_pb2_grpc
from esign_kit.clock import system_clock
from esign_kit.errors import EsignError, InvalidInput, TimedOut
from esign_kit.testing import Platform, Running
from google.protobuf.message import Message
from identity_tencent import TencentCloud
from sqlalchemy import text
from stdnum.cn import ric

_serial = iter(range(1, 10_000))
SHA = "a" * 64
SEAL_SHA = "b" * 64


class Notifier(notifier_pb2_grpc.InternalServiceServicer):
    """Takes codes as the notifier does, or fails as a test says; what timed out or is uncertain has been sent."""

    def __init__(self) -> None:
        self.sent: dict[str, list[notifier_pb2.SendCodeRequest]] = {}
        self.calls = 0
        self.failure: EsignError | None = None
        self.delay = 0.0

    async def SendCode(self, request: notifier_pb2.SendCodeRequest, context: object) -> notifier_pb2.SendCodeResponse:
        self.calls += 1
        if request.purpose == notifier_pb2.CODE_PURPOSE_UNSPECIFIED:
            raise InvalidInput(
                "CODE_REQUEST_INVALID", zh="验证码发送请求无效", en="Not a valid request", field="purpose"
            )
        may_arrive = isinstance(self.failure, TimedOut) or (self.failure and self.failure.reason == "SMS_UNCERTAIN")
        if self.failure and not may_arrive:
            raise self.failure
        self.sent.setdefault(request.phone, []).append(request)
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return notifier_pb2.SendCodeResponse()

    def code(self, phone: str) -> str:
        """The last code that the phone got."""
        return self.sent[phone][-1].code


class MovableClock:
    """The machine's time, and as much more as a test has let pass."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.offset

    def advance(self, **duration: float) -> None:
        """Let time pass."""
        self.offset += timedelta(**duration)


@dataclass(frozen=True)
class Someone:
    """An invented person."""

    name: str
    id_number: str
    phone: str
    email: str = ""
    address: str = field(default_factory=lambda: f"198.51.{next(_serial) // 250}.{next(_serial) % 250}")


def invent(name: str = "张三", born: str = "19900307") -> Someone:
    """Someone new, with a right ID number."""
    serial = next(_serial)
    body = f"110105{born}{serial % 1000:03}"
    return Someone(name, body + ric.calc_check_digit(body + "0"), f"138{serial:08}", f"p{serial}@example.com")


@dataclass(frozen=True)
class Scanned:
    """A face check that a phone holds; `url` is the vendor's page."""

    face_check_id: str
    url: str
    relay_token: str
    claim: str
    challenge: identity_pb2.FaceChallenge


@dataclass
class World:
    """A running identity service and everything around it."""

    running: Running
    notifier: Notifier
    tencent: TencentCloud
    clock: MovableClock
    platform: Platform
    # What each picture shows.
    captchas: dict[bytes, str]
    accepted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        channel = self.running.channel
        gateway, contract = channel("gateway"), channel("contract")
        self.portal = identity_pb2_grpc.PortalServiceStub(gateway)
        self.leasing = identity_pb2_grpc.IntegrationServiceStub(channel("leasing"))
        self.contract = identity_pb2_grpc.InternalServiceStub(contract)
        self.operator = identity_pb2_grpc.OperatorServiceStub(channel("operator"))

    def internal(self, caller: str) -> "identity_pb2_grpc.InternalServiceAsyncStub":
        """The internal service as another caller."""
        return identity_pb2_grpc.InternalServiceStub(self.running.channel(caller))

    def acting(self, person_id: str, organisation_id: str = "") -> Any:
        """Metadata of a call for a person, in a session for a company where one is named."""
        return self.running.as_person(person_id, organisation_id=organisation_id)

    async def register(self, who: Someone) -> str:
        """Register as the leasing system does."""
        request = identity_pb2.RegisterPersonRequest(
            name=who.name, id_number=who.id_number, phone=who.phone, email=who.email
        )
        return str((await self.leasing.RegisterPerson(request)).person_id)

    async def request_code(self, who: Someone) -> identity_pb2.RequestLoginCodeResponse:
        """Ask for a login code, and read a captcha when one is wanted."""
        request = identity_pb2.RequestLoginCodeRequest(phone=who.phone, client_address=who.address)
        try:
            return await self.portal.RequestLoginCode(request)
        except InvalidInput as error:
            if error.reason != "CAPTCHA_REQUIRED":
                raise
        picture = await self.portal.CreateCaptcha(identity_pb2.CreateCaptchaRequest(client_address=who.address))
        request.captcha_id, request.captcha_answer = picture.captcha_id, self.captchas[picture.png]
        return await self.portal.RequestLoginCode(request)

    async def login(self, who: Someone, code: str, address: str = "") -> identity_pb2.LoginResponse:
        """Try a code."""
        return await self.portal.Login(
            identity_pb2.LoginRequest(
                phone=who.phone, code=code, client_address=address or who.address, user_agent="Chrome"
            )
        )

    async def start(
        self,
        person_id: str,
        contract_id: str,
        sha: str = SHA,
        party_id: str = "tenant",
        *,
        organisation_id: str = "",
        accepting: bool = True,
    ) -> identity_pb2.Verification:
        """Open a verification as contract does, for somebody who accepted the terms when they arrived."""
        if accepting and person_id not in self.accepted:
            await self.accept_terms(person_id)
        request = identity_pb2.StartVerificationRequest(
            contract_id=contract_id, party_id=party_id, document_sha256=sha, document_number="JDE-20200700004830"
        )
        return await self.contract.StartVerification(request, metadata=self.acting(person_id, organisation_id))

    async def accept_terms(self, person_id: str, portal: Any = None) -> None:
        """The person reads the terms in force and accepts them."""
        portal = portal or self.portal
        kind = identity_pb2.CONSENT_KIND_TERMS
        text = await portal.GetConsentText(identity_pb2.GetConsentTextRequest(kind=kind))
        request = identity_pb2.GiveConsentRequest(
            kind=kind,
            version=text.version,
            sha256=text.sha256,
            client_address="203.0.113.7",
            user_agent="Chrome on a desk",
        )
        await portal.GiveConsent(request, metadata=self.acting(person_id))
        self.accepted.add(person_id)

    async def get(self, person_id: str, verification_id: str, organisation_id: str = "") -> identity_pb2.Verification:
        """Look at a verification."""
        request = identity_pb2.GetVerificationRequest(verification_id=verification_id)
        return await self.portal.GetVerification(request, metadata=self.acting(person_id, organisation_id))

    async def send_code(self, person_id: str, verification_id: str) -> identity_pb2.SendVerificationCodeResponse:
        """Ask for the signing code."""
        request = identity_pb2.SendVerificationCodeRequest(verification_id=verification_id)
        return await self.portal.SendVerificationCode(request, metadata=self.acting(person_id))

    async def confirm(self, person_id: str, verification_id: str, code: str) -> identity_pb2.Verification:
        """Type the signing code."""
        request = identity_pb2.ConfirmVerificationCodeRequest(verification_id=verification_id, code=code)
        return await self.portal.ConfirmVerificationCode(request, metadata=self.acting(person_id))

    async def open_face(
        self, person_id: str, verification_id: str, **changes: Any
    ) -> identity_pb2.StartFaceCheckResponse:
        """Open a face check on the computer."""
        wanted: dict[str, Any] = {
            "channel": identity_pb2.FACE_CHANNEL_TENCENT,
            "consent_version": "1",
            "client_address": "203.0.113.7",
            "user_agent": "Chrome on a desk",
        } | changes
        request = identity_pb2.StartFaceCheckRequest(verification_id=verification_id, **wanted)
        return await self.portal.StartFaceCheck(request, metadata=self.acting(person_id))

    async def scan(self, url: str, claim: str = "") -> identity_pb2.FaceRelay:
        """A phone opens the address of the QR code."""
        request = identity_pb2.OpenFaceRelayRequest(
            relay_token=url.rpartition("/")[2],
            claim=claim,
            client_address="198.51.100.23",
            user_agent="Safari on a phone",
        )
        return await self.portal.OpenFaceRelay(request)

    async def start_face(self, person_id: str, verification_id: str, **changes: Any) -> Scanned:
        """Open a face check, with a phone there at once."""
        check = await self.open_face(person_id, verification_id, **changes)
        relay = await self.scan(check.url)
        token = check.url.rpartition("/")[2]
        return Scanned(check.face_check_id, relay.vendor_url, token, relay.claim, relay.challenge)

    async def finish_relay(self, check: Scanned, **changes: str) -> identity_pb2.FaceRelay:
        """The phone is back from the vendor."""
        wanted = {"relay_token": check.relay_token, "claim": check.claim} | changes
        return await self.portal.FinishFaceRelay(identity_pb2.FinishFaceRelayRequest(**wanted))

    async def submit(
        self, check: Scanned, nonce: str, frames: list[tuple[int, bytes]], **changes: str
    ) -> identity_pb2.FaceRelay:
        """The phone hands in frames."""
        wanted = {"relay_token": check.relay_token, "claim": check.claim} | changes
        request = identity_pb2.SubmitFaceFramesRequest(
            nonce=nonce, frames=[identity_pb2.FaceFrame(at_ms=at, jpeg=jpeg) for at, jpeg in frames], **wanted
        )
        return await self.portal.SubmitFaceFrames(request)

    async def attempts(self, **wanted: str) -> list[tuple[str, str]]:
        """Kind and reason of refused attempts."""
        return [(event.kind, event.reason) for event in await self.events("AttemptRefused", **wanted)]

    async def complete_face(
        self, person_id: str, verification_id: str, face_check_id: str
    ) -> identity_pb2.Verification:
        """Ask what came out."""
        request = identity_pb2.CompleteFaceCheckRequest(verification_id=verification_id, face_check_id=face_check_id)
        return await self.portal.CompleteFaceCheck(request, metadata=self.acting(person_id))

    async def face_pending(self, who: Someone, person_id: str, contract_id: str, sha: str = SHA) -> str:
        """A verification whose SMS step has passed."""
        opened = await self.start(person_id, contract_id, sha)
        self.clock.advance(seconds=61)
        await self.send_code(person_id, opened.verification_id)
        await self.confirm(person_id, opened.verification_id, self.notifier.code(who.phone))
        return opened.verification_id

    async def passed(self, who: Someone, person_id: str, contract_id: str, sha: str = SHA) -> str:
        """A verification that has passed."""
        verification_id = await self.face_pending(who, person_id, contract_id, sha)
        check = await self.start_face(person_id, verification_id)
        self.tencent.pass_check(check.url)
        await self.complete_face(person_id, verification_id, check.face_check_id)
        return verification_id

    async def issue(
        self, person_id: str, verification_id: str, contract_id: str, *, organisation_id: str = "", **changes: Any
    ) -> identity_pb2.IssueActivationResponse:
        """Ask for the activation as contract does."""
        wanted: dict[str, Any] = {
            "verification_id": verification_id,
            "contract_id": contract_id,
            "party_id": "tenant",
            "document_sha256": SHA,
            "seal_id": "seal-1",
            "seal_sha256": SEAL_SHA,
            "placement": common_pb2.Placement(page=12, x1=300000, y1=100000, x2=420000, y2=160000),
            "reason": "签署租赁合同",
        } | changes
        request = identity_pb2.IssueActivationRequest(**wanted)
        return await self.contract.IssueActivation(request, metadata=self.acting(person_id, organisation_id))

    async def rows(self, sql: str, **values: object) -> list[Any]:
        """What the database holds."""
        async with self.running.app.db.begin() as session:
            return list((await (await session.connection()).execute(text(sql), values)).all())

    async def events(self, name: str, **wanted: str) -> list[Any]:
        """Events of one type in the outbox, whose fields have these values."""
        cls: type[Message] = getattr(events_pb2, name)
        found = [
            cls.FromString(row.data)
            for row in await self.rows(
                "SELECT data FROM outbox WHERE type = :type ORDER BY seq", type=cls.DESCRIPTOR.full_name
            )
        ]
        return [event for event in found if all(getattr(event, key) == value for key, value in wanted.items())]


def moment(message: Any) -> datetime:
    """A timestamp as a datetime."""
    found: datetime = message.ToDatetime(UTC)
    return found


async def reason_of(attempt: Any) -> str:
    """The code with which an attempt is refused."""
    with pytest.raises(EsignError) as caught:
        await attempt
    return caught.value.reason


async def known(world: World, name: str = "张三") -> tuple[Someone, str]:
    """Someone new, registered; with their id."""
    who = invent(name)
    return who, await world.register(who)


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def read(world: World, statement: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, as signer and ca-broker check them."""
    key = world.platform.pki.activation_key.public_key()
    decoded = jwt.decode_complete(
        statement,
        key,
        algorithms=["EdDSA"],
        issuer="identity",
        audience="ca-broker",
        # The tests' clock runs ahead.
        options={"verify_iat": False, "verify_nbf": False, "verify_exp": False},
    )
    return decoded["header"], decoded["payload"]
