"""The whole way of one contract with an individual tenant, in small pieces, so that a test can interrupt any of them.

What a person or system does may be repeated after a failure that passes: it looks where things stand first, as a person
would who presses a button again, and waits when told to. The order of the pieces is in `steps`.
"""

import asyncio
import hashlib
import io
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from PIL import Image

from esign_e2e import camera
from esign_e2e.doors import (
    Anyone,
    Doors,
    LeasingSystem,
    Person,
    Phone,
    Refused,
    is_passing,
    loopback,
    patiently,
    until,
)
from esign_e2e.face_clip import Portrait
from esign_e2e.lease import Lease
from esign_e2e.mailbox import Mailbox
from esign_e2e.people import Tenant, handwritten_signature

Json = dict[str, Any]


@dataclass(frozen=True)
class Countersigner:
    """The organisation that countersigns by its policy."""

    name: str
    policy_id: str
    seal_id: str


class Journey:
    """One contract on its way.

    `client` tells the tenants' network addresses apart, `patience` is for how many seconds a trigger is repeated while a part
    of the platform is away, `wait` how long each consequence may take. `channel` is the face check's, `portrait` who is then
    before the camera; `after` is an earlier journey of the same tenant. What became known stands in the attributes; `facts`
    is for the record. `asked` counts the codes that were asked for (`login`, `signing`).
    """

    def __init__(
        self,
        doors: Doors,
        lease: Lease,
        tenant: Tenant,
        countersigner: Countersigner,
        *,
        document_number: str,
        client: int = 0,
        channel: str = "tencent",
        portrait: Portrait | None = None,
        after: "Journey | None" = None,
        pages_to_read: Sequence[int] = (),
        patience: float = 0,
        wait: float = 60,
    ) -> None:
        self.lease, self.tenant, self.countersigner = lease, tenant, countersigner
        self.pages_to_read, self.patience, self.wait = pages_to_read, patience, wait
        self.document_number, self.client, self.channel, self.portrait = document_number, client, channel, portrait
        self.leasing = LeasingSystem(doors.channel)
        self.person = Person(doors.gateway_url, address=loopback(client))
        self.anyone = Anyone(doors.gateway_url, address=loopback(client))
        self.mailbox = Mailbox(doors.sandbox_url)
        self.phone = Phone(doors.gateway_url, address=loopback(client))
        self.facts: Json = {}
        self.person_id = self.document_id = self.contract_id = self.verification_id = self.seal_id = ""
        self.login_code = self.signing_code = ""
        self.face: Json = {}
        self.evidence_number = ""
        self.asked: Counter[str] = Counter()
        self._ask_again_at: dict[str, float] = {}
        self._typed: set[str] = set(after._typed) if after else set()
        self._faces: set[str] = set()
        self._answers: dict[str, Json] = {}
        self.pdf = self.package = b""
        self._download_id = ""

    async def close(self) -> None:
        """Close the connections."""
        for part in (self.person, self.phone, self.anyone, self.mailbox):
            await part.close()

    # The leasing system

    async def register(self) -> None:
        """Register the tenant."""
        self.person_id = self.facts["person_id"] = await self.leasing.register(self.tenant)

    async def upload(self) -> None:
        """Upload the lease."""
        answer = await self.leasing.upload(self.lease.path)
        self.document_id = self.facts["document_id"] = answer.document_id
        expect(answer.page_count, self.lease.pages, "pages")

    async def create(self) -> None:
        """Create the contract: first the tenant, then the landlord by policy."""
        area = self.lease.landlord
        seal = common_pb2.Placement(page=area.page, x1=area.x1, y1=area.y1, x2=area.x2, y2=area.y2)
        parties = [
            contract_pb2.PartyInput(person_id=self.person_id),
            contract_pb2.PartyInput(
                policy_id=self.countersigner.policy_id,
                placement=seal,
                seal_id=self.countersigner.seal_id,
                name=self.countersigner.name,
            ),
        ]
        answer = await self.leasing.create(
            self.document_id,
            number=self.document_number,
            title=self.lease.title,
            amount=self.lease.total_rent,
            parties=parties,
        )
        self.contract_id = self.facts["contract_id"] = answer.contract_id

    async def dispatch(self) -> None:
        """Send it."""
        await self.leasing.dispatch(self.contract_id)

    async def invited(self) -> None:
        """SMS and mail tell the tenant."""
        await until("invitation by SMS", lambda: self._sms("待签署"), seconds=self.wait)
        await until("invitation by mail", lambda: self._mail("待签署"), seconds=self.wait)

    # The tenant reads

    async def request_login_code(self) -> None:
        """Ask for the login code."""
        await self._ask_for_code("login", lambda: self.person.request_login_code(self.tenant.phone))

    async def login_code_arrives(self) -> None:
        """It comes by SMS."""
        self.login_code = await self._code("login", "登录电子签章平台", self.request_login_code)

    async def login(self) -> None:
        """Log in. Raises TimeoutError."""
        again = self.login_code in self._typed
        self._typed.add(self.login_code)
        try:
            session = await self.person.login(self.tenant.phone, self.login_code)
        except Refused as refusal:
            if not again or refusal.code != "LOGIN_CODE_EXPIRED":
                raise
            # It was used, and the answer that carried the session was lost on its way: another code.
            await self.login_code_arrives()
            await self.login()
            return
        expect(session["person"]["name"], self.tenant.name, "盖章人")

    async def find(self) -> None:
        """See the contract in 待签署文档."""
        listed = [item["contract_id"] for item in await self.person.contracts("pending")]
        expect(self.contract_id in listed, True, "listed in 待签署文档")

    async def read(self) -> None:
        """Read every page, or those that one has in mind."""
        contract = await self.person.contract(self.contract_id)
        expect(contract["page_count"], self.lease.pages, "pages")
        for page in self.pages_to_read or range(1, self.lease.pages + 1):
            answer = await self.person.page(self.contract_id, page, 800)
            with Image.open(io.BytesIO(answer.content)) as image:
                expect(image.width, 800, f"width of page {page}")

    # The tenant proves who signs

    async def start_verification(self) -> None:
        """Ask to sign."""
        answer = await self.person.start_verification(self.contract_id)
        self.verification_id = self.facts["verification_id"] = answer["verification_id"]

    async def request_signing_code(self) -> None:
        """Ask for the signing code."""
        await self._ask_for_code("signing", lambda: self.person.request_code(self.verification_id))

    async def signing_code_arrives(self) -> None:
        """It comes by SMS and names the document."""
        self.signing_code = await self._code("signing", self.document_number, self.request_signing_code)

    async def confirm_code(self) -> None:
        """Type it."""
        if (await self.person.verification(self.verification_id))["state"] == "sms_pending":
            await self.person.confirm_code(self.verification_id, self.signing_code)

    async def start_face(self) -> None:
        """Open the face check; scan the code with the phone, and do there what it takes."""
        self.face = await self.person.start_face(self.verification_id, self.channel)
        relay = await self.phone.open_relay(self.face["url"])
        if relay["face_check_id"] not in self._faces:
            await camera.face(self.phone, self.face["url"], relay, self.portrait)
            self._faces.add(relay["face_check_id"])

    async def complete_face(self) -> None:
        """The phone is done, the platform asks the vendor, and the computer goes on."""
        relay = await self.phone.finish_relay(self.face["url"])
        expect(relay["state"], "passed", "face check on the phone")
        answer = await self.person.complete_face(self.verification_id, self.face["face_check_id"])
        expect(answer["state"], "passed", "verification")
        self.facts["face_channel"] = answer["face"]["channel"].upper()

    # The tenant signs

    async def keep_signature(self) -> None:
        """Draw a signature by hand."""
        answer = await self.person.keep_signature(handwritten_signature(int(self.tenant.phone[-4:])))
        self.seal_id = self.facts["seal_id"] = answer["seal_id"]

    async def confirm(self) -> None:
        """Place it and confirm."""
        contract = await self.person.contract(self.contract_id)
        area = self.lease.tenant
        body = {
            "verification_id": self.verification_id,
            "document_sha256": contract["document_sha256"],
            "seal_id": self.seal_id,
            "placement": {"page": area.page, "x1": area.x1, "y1": area.y1, "x2": area.x2, "y2": area.y2},
        }
        await self.person.confirm(self.contract_id, body)

    async def completed(self) -> None:
        """Both have signed, the file is archived and released."""

        async def look() -> Json | None:
            contract = await self.person.contract(self.contract_id)
            if contract["state"] in ("held", "withdrawn", "expired"):
                raise AssertionError(f"the contract is {contract['state']}")
            refused = [party["refusal_reason"] for party in contract["parties"] if party["refusal_reason"]]
            if refused:
                raise AssertionError(f"a signature was refused: {refused}")
            return contract if contract["state"] == "completed" else None

        contract = await until("contract completed", look, seconds=self.wait)
        expect([party["state"] for party in contract["parties"]], ["signed", "signed"], "parties")
        expect(contract["waiting_for"], None, "waits for")
        self.facts["document_sha256"] = contract["document_sha256"]

    async def anchored(self) -> None:
        """The evidence is logged, anchored in the chain and packaged."""

        async def look() -> Json | None:
            try:
                evidence = await self.person.evidence(self.contract_id)
            except Refused as refusal:
                if refusal.status == 404:
                    return None
                raise
            return evidence if evidence["state"] == "confirmed" and evidence["package_ready"] else None

        evidence = await until("evidence anchored and packaged", look, seconds=self.wait)
        self.evidence_number = self.facts["evidence_number"] = evidence["evidence_number"]
        self.facts["text_hash"] = evidence["text_hash"]
        self.facts["block_height"] = evidence["block_height"]

    async def told(self) -> None:
        """SMS and mail tell that it is complete."""
        await until("completion by SMS", lambda: self._sms("签署完成"), seconds=self.wait)
        await until("completion by mail", lambda: self._mail("签署完成"), seconds=self.wait)

    # Afterwards

    async def download(self) -> None:
        """Download the contract.

        Who expects interruptions does so slowly, and says that it arrived; else the platform has to see that.
        """
        if not self.pdf:
            seconds = 0.6 if self.patience else 0
            pdf, self._download_id = await self.person.download(self.contract_id, seconds=seconds)
            expect(hashlib.sha256(pdf).hexdigest(), self.facts["document_sha256"], "hash of the downloaded file")
            self.pdf = pdf
        if self.patience:
            await self.person.confirm_receipt(self.contract_id, self._download_id, self.facts["document_sha256"])

    async def download_again(self) -> None:
        """A second time is refused."""

        async def look() -> str | None:
            state = str((await self.person.contract(self.contract_id))["download_state"])
            return state if state == "used" else None

        await until("download used up", look, seconds=self.wait)
        try:
            await self.person.download(self.contract_id)
        except Refused as refusal:
            if is_passing(refusal):
                raise
            expect((refusal.status, refusal.code), (409, "DOWNLOAD_ALREADY_USED"), "second download")
            self.facts["second_download"] = refusal.code
        else:
            raise AssertionError("the second download was not refused")

    async def validate(self) -> None:
        """Anyone finds the file valid, and the same file with one byte changed not."""
        report = await self._once("validate", lambda: self.anyone.validate(self.pdf))
        expect(report["verdict"], "passed", "verdict")
        expect(len(report["signatures"]) >= 2, True, "two signatures at least")
        self.facts["level"] = "/".join(sorted({s["level"] for s in report["signatures"]}))
        self.facts["signatures"] = [f"{s['signer']} {s['level']}" for s in report["signatures"]]
        changed = await self._once("validate changed", lambda: self.anyone.validate(altered(self.pdf)))
        expect(changed["verdict"], "failed", "verdict on the changed file")

    async def check_evidence(self) -> None:
        """Anyone finds the evidence by its number; a changed file and an unknown number are told apart."""
        number, ask = self.evidence_number, self.anyone
        file = await self._once("check file", lambda: ask.check_file(number, self.pdf))
        expect(file["passed"], True, "evidence of the file")
        text = await self._once("check text", lambda: ask.check_text(number, self.facts["text_hash"]))
        expect(text["passed"], True, "evidence of the text")
        changed = await self._once("check changed", lambda: ask.check_file(number, altered(self.pdf)))
        expect((changed["passed"], changed["matches"]), (False, False), "evidence of the changed file")
        try:
            await self.anyone.check_file("0" * 64, self.pdf)
        except Refused as refusal:
            if is_passing(refusal):
                raise
            expect((refusal.status, refusal.code), (404, "EVIDENCE_NUMBER_UNKNOWN"), "unknown number")
        else:
            raise AssertionError("an unknown evidence number was found")

    async def fetch_package(self) -> None:
        """Fetch the evidence package."""
        self.package = await self.person.package(self.contract_id)
        expect(self.package[:2], b"PK", "a zip")

    async def _once(self, name: str, call: Callable[[], Awaitable[Json]]) -> Json:
        """What was answered before is not asked again when a step is repeated: strangers may not ask often."""
        if name not in self._answers:
            self._answers[name] = await call()
        return self._answers[name]

    async def _ask_for_code(self, kind: str, ask: Callable[[], Awaitable[Json]]) -> None:
        """Ask; when the last answer was lost, a code may be on its way, and another is given out only after a while."""
        self.asked[kind] += 1
        try:
            pause = float((await ask())["retry_after_seconds"])
        except Refused as refusal:
            if refusal.code == "SMS_UNCERTAIN":
                pause = 60.0
            elif refusal.code == "CODE_TOO_SOON" and self.asked[kind] > 1:
                self.asked[kind] -= 1
                pause = refusal.retry_after
            else:
                raise
        self._ask_again_at[kind] = time.monotonic() + pause

    async def _code(self, kind: str, contains: str, ask: Callable[[], Awaitable[None]]) -> str:
        """The newest code that was not typed yet; asks again when none has come by the time at which one may."""
        end = time.monotonic() + self.wait + self.patience
        while time.monotonic() < end:
            code = await self.mailbox.code(self.tenant.phone, contains=contains)
            if code and code not in self._typed:
                return code
            if self.patience and time.monotonic() > self._ask_again_at[kind]:
                await patiently(ask, self.patience)
            await asyncio.sleep(0.1)
        raise TimeoutError(f"no {kind} code")

    async def _sms(self, text: str) -> Json | None:
        found = [
            m
            for m in await self.mailbox.sms(self.tenant.phone)
            if text in m["text"] and self.document_number in m["text"]
        ]
        return found[0] if found else None

    async def _mail(self, text: str) -> Json | None:
        found = [m for m in await self.mailbox.mails(self.tenant.email) if self.document_number in m["text"]]
        found = [m for m in found if text in m["subject"] or text in m["text"]]
        return found[0] if found else None


def expect(actual: object, expected: object, what: str) -> None:
    """Raise AssertionError unless both are equal."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def altered(pdf: bytes) -> bytes:
    """The file with one byte of its signed content changed: a digit of the document's first object."""
    position = len(pdf) // 3
    return pdf[:position] + bytes([pdf[position] ^ 0x01]) + pdf[position + 1 :]
