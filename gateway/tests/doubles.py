"""The gateway as it runs, over TCP, with doubles of the services behind it: real gRPC with mTLS and access rules."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.evidence.v1 import evidence_pb2, evidence_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign.signer.v1 import signer_pb2, signer_pb2_grpc
from esign_gateway.app import Gateway
from esign_gateway.limits import RateLimiter
from esign_gateway.main import serving
from esign_gateway.settings import GatewaySettings
from esign_kit.context import actor
from esign_kit.engines import free_ports
from esign_kit.errors import Conflict, NotFound, Unauthenticated
from esign_kit.grpc_server import ActorTokens, GrpcServer
from esign_kit.testing import TRUST_DOMAIN, Pki
from google.protobuf.timestamp_pb2 import Timestamp

TOKEN = "good-session-token"
RENEWED = "renewed-session-token"
SESSION_ID = "session-1"
PROCUREMENT = "https://procurement.example"
RELAY = "relay-token-of-256-bits"
PERSON_ID = "person-1"
SHA = "ab" * 32
LATER = datetime(2030, 1, 1, tzinfo=UTC)
AT = datetime(2026, 11, 23, 8, 30, 0, 250000, tzinfo=UTC)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def stamp(value: datetime = AT) -> Timestamp:
    """A timestamp message."""
    message = Timestamp()
    message.FromDatetime(value)
    return message


PERSON = identity_pb2.PersonSummary(
    person_id=PERSON_ID, name="张晓岚", masked_phone="138****5678", masked_id_number="110***********1234"
)


COMPANY = identity_pb2.OrganisationSummary(
    organisation_id="o-1", name="杭州晴川建材有限公司", unified_social_credit_code="91330100MA27XQ5K4F"
)


def verification(
    state: int = identity_pb2.VERIFICATION_STATE_SMS_PENDING, face: identity_pb2.FaceCheckStatus | None = None
) -> identity_pb2.Verification:
    """A verification."""
    return identity_pb2.Verification(
        verification_id="v-1",
        state=state,  # type: ignore[arg-type]
        contract_id="c-1",
        document_sha256=SHA,
        expires_at=stamp(),
        person=PERSON,
        attempts_left=3,
        face=face,
    )


def relay(**changes: Any) -> identity_pb2.FaceRelay:
    """A face check as the phone sees it."""
    values: dict[str, Any] = {
        "face_check_id": "f-1",
        "verification_id": "v-1",
        "channel": identity_pb2.FACE_CHANNEL_OWN,
        "state": identity_pb2.FACE_CHECK_STATE_SCANNED,
        "masked_name": "张**",
        "masked_id_number": PERSON.masked_id_number,
        "expires_at": stamp(LATER),
        "attempts_left": 2,
    }
    return identity_pb2.FaceRelay(**(values | changes))


CHALLENGE = identity_pb2.FaceChallenge(
    nonce="n-2",
    action=identity_pb2.FACE_ACTION_TURN_LEFT,
    step=2,
    steps=3,
    answer_by=stamp(),
    min_frames=5,
    max_frames=20,
)


def contract() -> contract_pb2.Contract:
    """A contract with every field set."""
    return contract_pb2.Contract(
        contract_id="c-1",
        state=contract_pb2.CONTRACT_STATE_WAITING,
        business_type="租赁合同",
        title="办公室租赁合同",
        document_number="JDE-20260700004830",
        amount=common_pb2.Money(currency="CNY", amount="12800.00"),
        parties=[
            contract_pb2.Party(
                party_id="p-1", state=contract_pb2.PARTY_STATE_WAITING, person_id=PERSON_ID, name="张晓岚"
            ),
            contract_pb2.Party(
                party_id="p-2",
                state=contract_pb2.PARTY_STATE_QUEUED,
                policy_id="soho",
                name="SOHO",
                placement=common_pb2.Placement(page=12, x1=1000, y1=2000, x2=3000, y2=4000),
            ),
        ],
        document_sha256=SHA,
        page_count=12,
        created_at=stamp(),
        updated_at=stamp(),
        download_state=contract_pb2.DOWNLOAD_STATE_NOT_YET,
        pages=[contract_pb2.PageSize(width=595000, height=842000, rotation=0)],
        suggested_places=[common_pb2.Placement(page=12, x1=5000, y1=6000, x2=7000, y2=8000)],
    )


@dataclass
class Doubles:
    """What the services behind the gateway were asked, and what they shall answer."""

    pki: Pki
    calls: list[tuple[str, Any]] = field(default_factory=list)
    acting: list[str] = field(default_factory=list)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    pauses: dict[str, float] = field(default_factory=dict)
    file: common_pb2.PresignedUrl = field(default_factory=common_pb2.PresignedUrl)
    actor_seconds: int = 60
    logged_out: bool = False
    renews: bool = False
    enterprise: bool = False
    terms_due: bool = False
    claims: dict[str, str] = field(default_factory=dict)
    updates: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    watchers: set[object] = field(default_factory=set)

    async def note(self, request: Any, *, person: bool = True, name: str = "") -> None:
        """Remember a call; fail or wait as told."""
        name = name or type(request).__name__.removesuffix("Request")
        self.calls.append((name, request))
        if person:
            self.acting.append(actor().person_id)
        await asyncio.sleep(self.pauses.get(name, 0))
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    def asked(self, name: str) -> list[Any]:
        """The requests of one method, in order."""
        return [request for called, request in self.calls if called == name]

    async def until_asked(self, name: str, *, count: int = 1, seconds: float = 10) -> list[Any]:
        """Wait for requests of one method."""
        async with asyncio.timeout(seconds):
            while len(self.asked(name)) < count:  # noqa: ASYNC110 - a poll keeps the doubles plain
                await asyncio.sleep(0.02)
        return self.asked(name)


class People(identity_pb2_grpc.PortalServiceServicer):
    """Double of identity."""

    def __init__(self, d: Doubles) -> None:
        self.d = d

    async def RequestLoginCode(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.RequestLoginCodeResponse(expires_at=stamp(), retry_after_seconds=60)

    async def Login(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.LoginResponse(session_token=TOKEN, expires_at=stamp(LATER), person=PERSON)

    async def CreateCaptcha(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.CreateCaptchaResponse(captcha_id="k-1", png=b"\x89PNG\r\n", expires_at=stamp())

    async def StartEnterpriseLogin(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.StartEnterpriseLoginResponse(ticket="t-1", expires_at=stamp(), companies=[COMPANY])

    async def FinishEnterpriseLogin(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.LoginResponse(
            session_token=TOKEN, expires_at=stamp(LATER), person=PERSON, organisation=COMPANY
        )

    async def RedeemSignOn(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.LoginResponse(
            session_token=TOKEN, expires_at=stamp(LATER), person=PERSON, organisation=COMPANY
        )

    async def GiveConsent(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.GiveConsentResponse()

    async def GetConsentText(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.ConsentText(kind=request.kind, version="2026-01", title="声明", text="一\n\n二", sha256=SHA)

    async def ListSessions(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        session = identity_pb2.SessionSummary(
            session_id=SESSION_ID,
            started_at=stamp(),
            seen_at=stamp(),
            expires_at=stamp(),
            user_agent="Browser",
            masked_address="203.0.113.*",
            current=True,
        )
        other = identity_pb2.SessionSummary(session_id="session-2", organisation=COMPANY)
        return identity_pb2.ListSessionsResponse(sessions=[session, other])

    async def RevokeSessions(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.RevokeSessionsResponse(ended=1)

    async def ExportPersonalData(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.ExportPersonalDataResponse(json='{"姓名": "张晓岚"}'.encode())

    async def ListFaceChannels(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.ListFaceChannelsResponse(
            channels=[
                identity_pb2.FaceChannelOption(channel=identity_pb2.FACE_CHANNEL_BJCA, available=True),
                identity_pb2.FaceChannelOption(channel=identity_pb2.FACE_CHANNEL_OWN, reason="NO_PORTRAIT"),
                identity_pb2.FaceChannelOption(channel=99, available=True),  # type: ignore[arg-type]
            ]
        )

    async def WatchVerification(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        if request.verification_id == "unknown":
            raise NotFound("VERIFICATION_NOT_FOUND", zh="未找到该身份核验", en="No such verification")
        watcher, updates, watchers = object(), self.d.updates, self.d.watchers
        watchers.add(watcher)
        try:
            yield verification()
            while (update := await updates.get()) is not None:
                if isinstance(update, Exception):
                    raise update
                yield update
        finally:
            watchers.discard(watcher)

    async def OpenFaceRelay(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        held = self.d.claims.get(request.relay_token)
        if held is None:
            held = self.d.claims[request.relay_token] = f"claim-of-{request.relay_token}"
            return relay(claim=held, challenge=CHALLENGE)
        return relay(challenge=CHALLENGE, claim="") if self._same(request) else None

    def _same(self, request: Any) -> bool:
        if self.d.claims.get(request.relay_token) != request.claim:
            raise Conflict("RELAY_CLAIMED", zh="该二维码已被其他设备使用", en="Another device has used this code")
        return True

    async def SubmitFaceFrames(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        self._same(request)
        return relay(challenge=CHALLENGE)

    async def FinishFaceRelay(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        self._same(request)
        return relay(state=identity_pb2.FACE_CHECK_STATE_FAILED, reason="FACE_LIVENESS_FAILED")

    async def Authenticate(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        if request.session_token not in (TOKEN, RENEWED) or self.d.logged_out:
            raise Unauthenticated("SESSION_INVALID", zh="登录已失效，请重新登录", en="The session is not valid")
        token = self.d.pki.actor_token(PERSON_ID, seconds=self.d.actor_seconds)
        return identity_pb2.AuthenticateResponse(
            actor_token=token,
            person=PERSON,
            organisation=COMPANY if self.d.enterprise else None,
            renewed_session_token=RENEWED if self.d.renews and request.session_token == TOKEN else "",
            expires_at=stamp(LATER),
            session_id=SESSION_ID,
            terms_due=self.d.terms_due,
        )

    async def Logout(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return identity_pb2.LogoutResponse()

    async def GetVerification(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return verification()

    async def SendVerificationCode(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.SendVerificationCodeResponse(expires_at=stamp(), retry_after_seconds=60)

    async def ConfirmVerificationCode(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return verification()

    async def StartFaceCheck(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return identity_pb2.StartFaceCheckResponse(
            face_check_id="f-1", url=f"https://esign.example/f/{RELAY}", expires_at=stamp()
        )

    async def CompleteFaceCheck(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return verification()


class Contracts(contract_pb2_grpc.PortalServiceServicer):
    """Double of contract."""

    def __init__(self, d: Doubles) -> None:
        self.d = d

    async def ListContracts(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        page = common_pb2.PageInfo(page=request.page.page, size=request.page.size, total=53)
        return contract_pb2.ListContractsResponse(contracts=[contract()], page=page)

    async def GetContract(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        if request.contract_id == "unknown":
            raise NotFound("CONTRACT_NOT_FOUND", zh="合同不存在", en="No such contract")
        if request.contract_id == "crash":
            raise ZeroDivisionError("secret internals 13800005678")
        return contract()

    async def GetPageImage(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return contract_pb2.GetPageImageResponse(image=self.d.file)

    async def StartSigning(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return verification()

    async def ConfirmSigning(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return contract()

    async def StartDownload(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return contract_pb2.StartDownloadResponse(download_id="d-1", file=self.d.file, file_name="租赁合同.pdf")

    async def ClaimDownload(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return contract_pb2.ClaimDownloadResponse(claimed_until=stamp())

    async def FinishDownload(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return contract_pb2.FinishDownloadResponse(download_state=contract_pb2.DOWNLOAD_STATE_USED)

    async def GetEvidence(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        evidence = evidence_pb2.ContractEvidence(
            contract_id="c-1",
            state=evidence_pb2.ANCHOR_STATE_CONFIRMED,
            evidence_number="cd" * 32,
            text_hash="q6urq6urq6s=",
            verification_url="https://verify.example/",
            block_hash="ef" * 32,
            block_height=1234567890123,
            anchored_at=stamp(),
        )
        if self.d.file.url:
            evidence.package.CopyFrom(self.d.file)
        return evidence


class Seals(signer_pb2_grpc.PortalServiceServicer):
    """Double of signer, for people."""

    def __init__(self, d: Doubles) -> None:
        self.d = d
        self.seal = signer_pb2.Seal(
            seal_id="s-1",
            kind=signer_pb2.SEAL_KIND_HANDWRITTEN,
            state=signer_pb2.SEAL_STATE_ACTIVE,
            sha256=SHA,
            width=113_386,
            height=56_693,
        )

    async def CreateHandwrittenSignature(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return self.seal

    async def ListSeals(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return signer_pb2.ListSealsResponse(seals=[self.seal])

    async def CreateNameSeal(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        return self.seal

    async def GetSealImage(self, request: Any, context: Any) -> Any:
        await self.d.note(request)
        content = b"" if request.known_sha256 == SHA else b"<svg/>"
        return signer_pb2.GetSealImageResponse(content=content, media_type="image/svg+xml", sha256=SHA)


class Validation(signer_pb2_grpc.PublicServiceServicer):
    """Double of signer, for anyone: counts and hashes what it is sent."""

    def __init__(self, d: Doubles) -> None:
        self.d = d

    async def ValidateDocument(self, request: Any, context: Any) -> Any:
        import hashlib

        digest, size, largest = hashlib.sha256(), 0, 0
        async for part in request:
            digest.update(part.chunk)
            size += len(part.chunk)
            largest = max(largest, len(part.chunk))
            if self.d.failures.get("ValidateDocument"):
                raise self.d.failures["ValidateDocument"].pop(0)
        await self.d.note(largest, person=False, name="ValidateDocument")
        return signer_pb2.ValidationReport(
            verdict=signer_pb2.VERDICT_PASSED,
            sha256=digest.hexdigest(),
            size=size,
            signatures=[
                signer_pb2.SignatureReport(field_name="Party1", signer="张晓岚", signed_at=stamp(), level="B-LTA")
            ],
            summary_zh="文件有效",
            summary_en="The file is valid",
        )

    async def PrintValidationReport(self, request: Any, context: Any) -> Any:
        parts = [part async for part in request]
        await self.d.note((parts[0].file_name, parts[0].language), person=False, name="PrintValidationReport")
        return signer_pb2.PrintValidationReportResponse(pdf=b"%PDF-" + b"".join(part.chunk for part in parts))

    async def GetTrustRoots(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return signer_pb2.GetTrustRootsResponse(pem="-----BEGIN CERTIFICATE-----\n")


class PublicEvidence(evidence_pb2_grpc.PublicServiceServicer):
    """Double of evidence."""

    def __init__(self, d: Doubles) -> None:
        self.d = d

    async def CheckEvidence(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return evidence_pb2.CheckEvidenceResponse(
            passed=True, matches=True, anchored=True, package_intact=True, evidence_type="文件", anchored_at=stamp()
        )

    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return evidence_pb2.GetCheckpointResponse(note="esign.example/log\n1\nAAAA\n")

    async def GetTile(self, request: Any, context: Any) -> Any:
        await self.d.note(request, person=False)
        return evidence_pb2.GetTileResponse(content=b"\x00" * 32)


@dataclass
class Site:
    """A running gateway."""

    url: str
    gateway: Gateway
    doubles: Doubles

    def forget(self) -> None:
        """Back to the beginning: nothing was asked, every rate is full."""
        fresh = Doubles(self.doubles.pki)
        for name in vars(fresh):
            setattr(self.doubles, name, getattr(fresh, name))
        self.gateway.limiter = RateLimiter()

    def client(self, *, session: str = TOKEN, header: bool = True, **options: Any) -> httpx.AsyncClient:
        """A browser: with the session cookie, and the header that pages of the site send."""
        return httpx.AsyncClient(
            base_url=self.url,
            cookies={"esign_session": session} if session else {},
            headers=({"x-requested-with": "esign"} if header else {}) | options.pop("headers", {}),
            trust_env=False,
            **options,
        )


@asynccontextmanager
async def objects(serve: Serve) -> AsyncIterator[str]:
    """An object store that answers every request as `serve` does; yields its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/object"
    finally:
        server.close()


def holding(content: bytes, *, truncate: int = 0) -> Serve:
    """Serve these bytes, or break off before the last `truncate` of them."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content))
        writer.write(content[: len(content) - truncate])

    return serve


def presigned(url: str, size: int, content_type: str = "application/pdf") -> common_pb2.PresignedUrl:
    """A reference to an object of the test's store."""
    return common_pb2.PresignedUrl(url=url, size=size, content_type=content_type, sha256=SHA, expires_at=stamp())


@asynccontextmanager
async def running(pki: Pki, **overrides: Any) -> AsyncIterator[Site]:
    """A gateway with its doubles."""
    doubles = Doubles(pki)
    servicers: dict[str, list[tuple[Any, Any]]] = {
        "identity": [(identity_pb2_grpc.add_PortalServiceServicer_to_server, People(doubles))],
        "contract": [(contract_pb2_grpc.add_PortalServiceServicer_to_server, Contracts(doubles))],
        "signer": [
            (signer_pb2_grpc.add_PortalServiceServicer_to_server, Seals(doubles)),
            (signer_pb2_grpc.add_PublicServiceServicer_to_server, Validation(doubles)),
        ],
        "evidence": [(evidence_pb2_grpc.add_PublicServiceServicer_to_server, PublicEvidence(doubles))],
    }
    async with AsyncExitStack() as stack:
        peers = {}
        for name, parts in servicers.items():
            actors = ActorTokens(pki.actor_public_key_file.read_bytes())
            server = GrpcServer("127.0.0.1:0", pki.tls(name), actors, TRUST_DOMAIN)
            for register, servicer in parts:
                server.add(register, servicer)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            peers[name] = f"127.0.0.1:{server.port}"
        address = f"127.0.0.1:{free_ports(1)[0]}"
        values: dict[str, Any] = {
            "environment": "local",
            "http_listen": address,
            "public_url": f"http://{address}",
            "tls": pki.tls("gateway"),
            "peers": peers,
            "sso_origins": [PROCUREMENT],
            "portal_dir": Path(__file__).parent / "no-build",
        }
        settings = GatewaySettings(**(values | overrides))
        gateway = await stack.enter_async_context(serving(settings))
        yield Site(f"http://{address}", gateway, doubles)


SCRIPT = b"console.log('portal');" * 100
INDEX = b'<!doctype html><script type="module" src="/assets/index-a1b2c3.js"></script>'


def write_build(folder: Path) -> Path:
    """A build of the portal, as Vite leaves it, with compressed forms beside."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    for name, content in {
        "index.html": INDEX,
        "index.html.gz": gzip.compress(INDEX),
        "favicon.svg": b"<svg/>",
        "assets/index-a1b2c3.js": SCRIPT,
        "assets/index-a1b2c3.js.gz": gzip.compress(SCRIPT),
        "assets/index-a1b2c3.js.br": b"brotli form",
        "assets/index-d4e5f6.css": b"body{}",
        "assets/font-070809.woff2": b"wOF2",
    }.items():
        (folder / name).write_bytes(content)
    return folder
