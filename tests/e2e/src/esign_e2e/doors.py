"""The public doors of the platform, and nothing behind them: gRPC for internal systems, HTTP for people, and the outside
world as the sandbox shows it (a phone in the tenant's hand; see also `mailbox`)."""

import asyncio
import hashlib
import json
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import grpc
import httpx
from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2, contract_pb2_grpc
from esign.identity.v1 import identity_pb2, identity_pb2_grpc
from esign_kit.errors import EsignError
from google.protobuf.timestamp_pb2 import Timestamp

from esign_e2e.people import Tenant

T = TypeVar("T")
Json = dict[str, Any]

CHUNK = 512 * 1024
PIECE = 16 * 1024


class Refused(Exception):
    """The platform said no, with a reason. `code` is the stable one, `trace_id` the reference number.

    `retry_after` says in how many seconds it may be asked again; 0 where it does not say.
    """

    def __init__(self, status: int, problem: Json) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.trace_id = str(problem.get("trace_id", ""))
        self.retry_after = float(problem.get("retry_after_seconds", 0))
        self.problem = problem
        super().__init__(f"{status} {self.code} {self.title} (参考编号 {self.trace_id})")


def is_passing(error: Exception) -> bool:
    """Whether trying again may help: nobody answered, a part was away, it was too much at once, or too early."""
    if isinstance(error, Refused):
        return error.status >= 500 or error.status == 429 or error.retry_after > 0
    if isinstance(error, EsignError):
        return error.http_status >= 500 or error.http_status == 429
    return isinstance(error, httpx.TransportError | grpc.RpcError | asyncio.CancelledError)


async def patiently(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Call again, ever more slowly, for `seconds`, as long as the failure may pass; with 0 there is one try.

    When the platform says when it may be asked again, that is waited for, unless it takes longer than that.
    """
    end, pause = time.monotonic() + seconds, 0.2
    while True:
        try:
            return await call()
        except Exception as error:
            told = error.retry_after if isinstance(error, Refused) else 0.0
            if not is_passing(error) or time.monotonic() + told > end:
                raise
        await asyncio.sleep(max(pause, told))
        pause = min(2.0, pause * 1.3)


async def until(what: str, look: Callable[[], Awaitable[T | None]], *, seconds: float) -> T:
    """Look again and again until there is something to see. Raises TimeoutError naming `what`, with the last failure."""
    end = time.monotonic() + seconds
    while True:
        last: Exception | None = None
        try:
            found = await look()
        except Exception as error:
            if not is_passing(error):
                raise
            last, found = error, None
        if found is not None:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}") from last
        await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Doors:
    """Addresses of the doors. `channel(service)` opens the leasing system's channel to a service."""

    gateway_url: str
    sandbox_url: str
    channel: Callable[[str], grpc.aio.Channel]


class LeasingSystem:
    """SOHO's leasing system, as the platform knows it by its client certificate."""

    def __init__(self, channel: Callable[[str], grpc.aio.Channel]) -> None:
        self._identity = identity_pb2_grpc.IntegrationServiceStub(channel("identity"))
        self._contract = contract_pb2_grpc.IntegrationServiceStub(channel("contract"))

    async def register(self, tenant: Tenant) -> str:
        """Register an individual tenant; the answer is the person's id."""
        request = identity_pb2.RegisterPersonRequest(
            name=tenant.name, id_number=tenant.id_number, phone=tenant.phone, email=tenant.email
        )
        return str((await self._identity.RegisterPerson(request)).person_id)

    async def upload(self, path: Path) -> contract_pb2.UploadDocumentResponse:
        """Upload a PDF."""
        content = await asyncio.to_thread(path.read_bytes)
        declaration = contract_pb2.DocumentDeclaration(
            file_name=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest()
        )

        async def parts() -> AsyncIterator[contract_pb2.UploadDocumentRequest]:
            yield contract_pb2.UploadDocumentRequest(declaration=declaration)
            for start in range(0, len(content), CHUNK):
                yield contract_pb2.UploadDocumentRequest(chunk=content[start : start + CHUNK])

        return await self._contract.UploadDocument(parts())

    async def create(
        self, document_id: str, *, number: str, title: str, amount: Decimal, parties: list[contract_pb2.PartyInput]
    ) -> contract_pb2.Contract:
        """Create a contract that may be signed for a week."""
        expires_at = Timestamp()
        expires_at.FromDatetime(datetime.now(UTC).replace(microsecond=0) + timedelta(days=7))
        request = contract_pb2.CreateContractRequest(
            document_id=document_id,
            document_number=number,
            title=title,
            business_type="租赁合同",
            amount=common_pb2.Money(currency="CNY", amount=str(amount)),
            parties=parties,
            expires_at=expires_at,
        )
        return await self._contract.CreateContract(request)

    async def dispatch(self, contract_id: str) -> contract_pb2.Contract:
        """Send the contract to its first party."""
        return await self._contract.DispatchContract(contract_pb2.DispatchContractRequest(contract_id=contract_id))

    async def contract(self, contract_id: str) -> contract_pb2.Contract:
        """The contract as it stands."""
        return await self._contract.GetContract(contract_pb2.GetContractRequest(contract_id=contract_id))

    async def withdraw(self, contract_id: str) -> contract_pb2.Contract:
        """Take the contract back."""
        request = contract_pb2.WithdrawContractRequest(contract_id=contract_id, reason="租赁条件有变")
        return await self._contract.WithdrawContract(request)

    async def fetch(self, contract_id: str) -> bytes:
        """The completed file."""
        request = contract_pb2.FetchDocumentRequest(contract_id=contract_id)
        return b"".join([part.chunk async for part in self._contract.FetchDocument(request)])


def loopback(number: int) -> str | None:
    """A client address of this machine of one's own, so that limits by address see different people; Linux only."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}" if sys.platform == "linux" else None


class Browser:
    """HTTP against the gateway, as a page of the portal sends it. `trace_id` is the reference number of the last answer."""

    trace_id = ""

    def __init__(self, url: str, *, address: str | None = None) -> None:
        self._url, self._address = url, address
        self.http = self._client(limits=httpx.Limits(max_connections=10))

    def _client(self, **options: Any) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(local_address=self._address, **options)
        headers = {"x-requested-with": "esign"}
        return httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=False, timeout=30, transport=transport)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request. Raises Refused, httpx.TransportError."""
        return self._accepted(await self.http.request(method, f"/v1{path}", **options))

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        self.trace_id = answer.headers.get("trace-id", "")
        if answer.is_success or answer.status_code == 304:
            return answer
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        raise Refused(answer.status_code, answer.json() if is_problem else {"title": answer.text[:200]})

    async def json(self, method: str, path: str, **options: Any) -> Json:
        """One request answered in JSON."""
        body: Json = (await self.ask(method, path, **options)).json()
        return body

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


class Person(Browser):
    """A tenant at a browser; `received` is how much of a download has arrived."""

    received = 0

    async def request_login_code(self, phone: str) -> Json:
        """发送验证码."""
        return await self.json("POST", "/login/codes", json={"phone": phone})

    async def login(self, phone: str, code: str) -> Json:
        """登录, with the box ticked that accepts the terms."""
        session = await self.json("POST", "/login", json={"phone": phone, "code": code})
        if session["terms_due"]:
            await self.accept_terms()
        return session

    async def accept_terms(self) -> None:
        """Read 平台服务协议与个人信息保护政策 and accept it."""
        text = await self.json("GET", "/consents/terms")
        await self.ask("POST", "/consents/terms", json={"version": text["version"], "sha256": text["sha256"]})

    async def contracts(self, which: str) -> list[Json]:
        """待签署文档 (`pending`) or 已签署文档 (`signed`)."""
        items: list[Json] = (await self.json("GET", f"/contracts?list={which}&size=100"))["items"]
        return items

    async def contract(self, contract_id: str) -> Json:
        """One contract."""
        return await self.json("GET", f"/contracts/{contract_id}")

    async def page(self, contract_id: str, number: int, width: int = 1000) -> httpx.Response:
        """The image of a page."""
        return await self.ask("GET", f"/contracts/{contract_id}/pages/{number}?width={width}")

    async def start_verification(self, contract_id: str) -> Json:
        """签章."""
        return await self.json("POST", f"/contracts/{contract_id}/verifications")

    async def verification(self, verification_id: str) -> Json:
        """Where it stands."""
        return await self.json("GET", f"/verifications/{verification_id}")

    async def request_code(self, verification_id: str) -> Json:
        """Ask for the verification's SMS code."""
        return await self.json("POST", f"/verifications/{verification_id}/codes")

    async def confirm_code(self, verification_id: str, code: str) -> Json:
        """Type it."""
        return await self.json("POST", f"/verifications/{verification_id}/code", json={"code": code})

    async def start_face(self, verification_id: str, channel: str = "tencent") -> Json:
        """Accept the statement and open the face check; the answer holds the address behind the QR code."""
        statement = await self.json("GET", "/consents/biometric")
        consent = {"consent_version": statement["version"], "consent_sha256": statement["sha256"]}
        body = {"channel": channel, **consent}
        return await self.json("POST", f"/verifications/{verification_id}/face", json=body)

    async def follow(self, verification_id: str, until: str) -> list[str]:
        """Watch the verification as the page does, until it is in that state or the stream ends; answers what was told:
        `<state> <state of the face check>`, each once."""
        told: list[str] = []
        async with self.http.stream("GET", f"/v1/verifications/{verification_id}/events") as answer:
            if not answer.is_success:
                raise Refused(answer.status_code, json.loads(await answer.aread()))
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    body = json.loads(line.removeprefix("data: "))
                    told.append(f"{body['state']} {body['face']['state'] if body['face'] else '-'}")
                    if body["state"] == until:
                        break
        return told

    async def complete_face(self, verification_id: str, face_check_id: str) -> Json:
        """Have the platform ask the vendor."""
        return await self.json("POST", f"/verifications/{verification_id}/face/{face_check_id}/result")

    async def keep_signature(self, png: bytes) -> Json:
        """Keep a handwritten signature."""
        return await self.json("POST", "/seals/handwritten", content=png, headers={"content-type": "image/png"})

    async def confirm(self, contract_id: str, body: Json) -> Json:
        """结束签章 → 是."""
        return await self.json("POST", f"/contracts/{contract_id}/signatures", json=body)

    async def evidence(self, contract_id: str) -> Json:
        """合同查验."""
        return await self.json("GET", f"/contracts/{contract_id}/evidence")

    async def package(self, contract_id: str) -> bytes:
        """The evidence package."""
        return (await self.ask("GET", f"/contracts/{contract_id}/evidence/package")).content

    async def download(self, contract_id: str, *, seconds: float = 0) -> tuple[bytes, str]:
        """下载, once: the file and the download's id. With `seconds` by a narrow connection on which it takes about so long."""
        narrow = [(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)] if seconds else None
        self.received = 0
        async with self._client(socket_options=narrow) as http:
            http.cookies.update(self.http.cookies)
            async with http.stream("POST", f"/v1/contracts/{contract_id}/downloads") as answer:
                self.http.cookies.update(answer.cookies)
                if not answer.is_success:
                    await answer.aread()
                size, content = int(self._accepted(answer).headers["content-length"]), b""
                async for piece in answer.aiter_raw(PIECE):
                    content += piece
                    self.received = len(content)
                    await asyncio.sleep(seconds * len(piece) / size)
                return content, answer.headers["download-id"]

    async def confirm_receipt(self, contract_id: str, download_id: str, sha256: str) -> None:
        """What the page says when it has the whole file."""
        await self.ask("POST", f"/contracts/{contract_id}/downloads/{download_id}/receipt", json={"sha256": sha256})


class Anyone(Browser):
    """Someone who holds a contract and has no account."""

    async def validate(self, pdf: bytes) -> Json:
        """在线验证."""
        return await self.json("POST", "/public/validations", content=pdf, headers={"content-type": "application/pdf"})

    async def check_file(self, number: str, content: bytes) -> Json:
        """查询核验, 存证类型 文件."""
        return await self.json("POST", f"/public/evidence/{number}/checks", files={"file": ("contract.pdf", content)})

    async def check_text(self, number: str, text_hash: str) -> Json:
        """查询核验, 存证类型 文本."""
        return await self.json("POST", f"/public/evidence/{number}/checks", json={"text_hash": text_hash})

    async def trust_roots(self) -> str:
        """The roots to trust, PEM."""
        return (await self.ask("GET", "/public/trust-roots")).text


class Phone(Browser):
    """The phone in the tenant's hand, a browser of its own: opens the address of the QR code and does what the page asks."""

    async def open_relay(self, url: str) -> Json:
        """What the page behind the QR code does first: the check is this phone's from then on."""
        return await self.json("POST", f"/face-relays/{self._relay(url)}/open")

    async def finish_relay(self, url: str) -> Json:
        """What the page does when the phone is back from the vendor: the platform asks the vendor."""
        return await self.json("POST", f"/face-relays/{self._relay(url)}/result")

    async def pass_at_vendor(self, vendor_url: str, result: str = "pass", photo: bytes | None = None) -> None:
        """Open the vendor's page, take a picture (JPEG), press 通过. Raises AssertionError when it does not offer that, or leads
        elsewhere."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            page = await http.get(vendor_url)
            page.raise_for_status()
            token = re.search(r'name="token" value="([^"]+)"', page.text)
            action = re.search(r'action="([^"]+)"', page.text)
            if token is None or action is None or "通过" not in page.text:
                raise AssertionError("the vendor's page offers no face check")
            target = str(page.url.join(action.group(1)))
            files = {"photo": ("photo.jpg", photo, "image/jpeg")} if photo else None
            answer = await http.post(target, data={"token": token.group(1), "result": result}, files=files)
        back = str(answer.next_request.url) if answer.next_request else ""
        if not back.startswith(str(self.http.base_url.join("/f/return"))):
            raise AssertionError(f"the phone ends at {back or answer.url.path} with {answer.status_code}")

    def _relay(self, url: str) -> str:
        site, _, token = url.rpartition("/f/")
        if site != str(self.http.base_url).rstrip("/"):
            raise AssertionError(f"the QR code leads to {site}")
        return token
