"""More than a thousand attempts to get in where one has no business: none succeeds, and each leaves a line.

Whatever identity can tell an attack by is an event, and so a leaf of the evidence log; whatever is refused before that leaves
a line in the log of the gateway or of a service. Either bears the trace id of the attempt, its 参考编号.
"""

import asyncio
import base64
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign_e2e.doors import Browser, Person, loopback
from esign_e2e.face_clip import Portrait, still
from esign_e2e.inside import events, rows, settled
from esign_e2e.journey import Journey
from esign_e2e.people import handwritten_signature, invent
from esign_e2e.procurement import ProcurementPlatform, company_code
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

Json = dict[str, Any]
NewJourney = Callable[..., Awaitable[Journey]]
TOLD_BY = {
    "identity.AttemptRefused",
    "identity.LoginRefused",
    "identity.VerificationRefused",
    "identity.ActivationRefused",
}
LOGS = ("gateway", "identity", "contract")
PER_ADDRESS = 20
"""Attempts from one network address, below what the gateway lets through in a moment."""


@dataclass
class Attacks:
    """Attempts by kind, each with its trace id; what got in; and browsers at ever new addresses."""

    stack: Stack
    numbers: Iterator[int]
    browsers: AsyncExitStack
    made: list[tuple[str, str]] = field(default_factory=list)
    got_in: list[str] = field(default_factory=list)

    def browser(self) -> Person:
        """A fresh one at an address of its own."""
        found = Person(self.stack.url("gateway"), address=loopback(next(self.numbers)))
        self.browsers.push_async_callback(found.close)
        return found

    def crowd(self, count: int, cookies: httpx.Cookies | None = None) -> Iterator[Person]:
        """`count` times a browser, each address `PER_ADDRESS` times; with the cookies of somebody."""
        for number in range(count):
            if number % PER_ADDRESS == 0:
                at = self.browser()
                if cookies is not None:
                    at.http.cookies = httpx.Cookies(cookies)
            yield at

    async def attempt(
        self, kind: str, browser: Browser, method: str, path: str, *, status: int | None = None, **options: Any
    ) -> Json:
        """One attempt, which has to be refused; with `status` exactly so. Answers the problem."""
        url = path if path.startswith("/sso") else f"/v1{path}"
        answer = await browser.http.request(method, url, **options)
        self.made.append((kind, answer.headers["trace-id"]))
        if answer.status_code < 400 or answer.status_code >= 500 or status not in (None, answer.status_code):
            self.got_in.append(f"{kind}: {method} {path}: {answer.status_code} {answer.text[:120]}")
        return dict(answer.json()) if "json" in answer.headers.get("content-type", "") else {}

    async def each(self, attempts: Iterator[Awaitable[Json]]) -> None:
        """All of them, some at a time."""
        gate = asyncio.Semaphore(8)

        async def one(attempt: Awaitable[Json]) -> None:
            async with gate:
                await attempt

        await asyncio.gather(*(one(attempt) for attempt in attempts))

    async def account(self) -> Counter[str]:
        """Raise AssertionError when one got in or left no line; answers how many of each kind an event tells of."""
        assert not self.got_in, "\n".join(self.got_in)
        await settled(self.stack)
        told = {event.trace_id for event in await events(self.stack) if event.name in TOLD_BY}
        [(leaves,)] = await rows(
            self.stack, "evidence", "SELECT count(*) FROM records WHERE type LIKE '%%Refused' AND %s = ''", ""
        )
        assert leaves >= len(told)
        logged = set()
        for name in LOGS:
            lines = await asyncio.to_thread(self.stack.log(name).read_text)
            for line in lines.splitlines():
                if '"trace_id"' in line and "refused" in line:
                    logged.add(json.loads(line)["trace_id"])
        silent = Counter(kind for kind, trace in self.made if trace not in told and trace not in logged)
        assert not silent, f"without a line: {dict(silent)}"
        return Counter(kind for kind, trace in self.made if trace in told)


@asynccontextmanager
async def _attacks(stack: Stack, numbers: Iterator[int]) -> AsyncIterator[Attacks]:
    async with AsyncExitStack() as browsers:
        yield Attacks(stack, numbers, browsers)


@pytest.fixture
async def attacks(stack: Stack, numbers: "itertools.count[int]") -> AsyncIterator[Attacks]:
    async with _attacks(stack, numbers) as found:
        yield found
    assert not found.got_in, "\n".join(found.got_in)


def wrong(code: str, number: int) -> str:
    """A code that is not that one."""
    return f"{(int(code) + 1 + number) % 1_000_000:06d}"


async def test_guessing_codes_pictures_and_tickets(
    attacks: Attacks, new_journey: NewJourney, platform: ProcurementPlatform
) -> None:
    victim = await new_journey(upto="login")
    phone, code = victim.tenant.phone, victim.login_code

    def guess(kind: str, path: str, browser: Person, number: int, at: str = phone) -> Awaitable[Json]:
        return attacks.attempt(kind, browser, "POST", path, json={"phone": at, "code": wrong(code, number)})

    crowd = attacks.crowd(120)
    await attacks.each(guess("login code", "/login", at, number) for number, at in enumerate(crowd))
    crowd = attacks.crowd(60)
    await attacks.each(guess("login code", "/login/enterprise", at, number) for number, at in enumerate(crowd))
    crowd = attacks.crowd(40)
    await attacks.each(
        guess("unknown phone", "/login", at, number, invent(8_000_000 + number).phone)
        for number, at in enumerate(crowd)
    )
    # By now even the right one is void.
    await attacks.attempt("login code", attacks.browser(), "POST", "/login", json={"phone": phone, "code": code})

    async def picture(browser: Person, number: int) -> Json:
        captcha = await browser.json("POST", "/captchas")
        body = {"phone": phone, "captcha_id": captcha["captcha_id"], "captcha_answer": f"{number:04d}"}
        await attacks.attempt("captcha", browser, "POST", "/login/codes", json=body, status=400)
        # Used up: the same again, and one that nobody gave out.
        again = attacks.browser()
        await attacks.attempt("captcha", again, "POST", "/login/codes", json=body, status=400)
        return await attacks.attempt(
            "captcha", again, "POST", "/login/codes", json={**body, "captcha_id": secrets.token_hex(16)}, status=400
        )

    await attacks.each(picture(at, number) for number, at in enumerate(attacks.crowd(40)))

    # A ticket of a login for a company, used once: brought again, made up, for another company.
    signer, stranger = await new_journey(upto="upload"), company_code(secrets.randbelow(4_000_000) + 5_000_000)
    await platform.add(company_code(signer.client + 4_500_000), signer.tenant)
    await platform.add(stranger, invent(secrets.randbelow(500_000) + 7_000_000), "示例云岭物业管理有限公司")
    await signer.request_login_code()
    await signer.login_code_arrives()
    body = {"phone": signer.tenant.phone, "code": signer.login_code}
    ticket = await signer.person.json("POST", "/login/enterprise", json=body)
    choice = {"ticket": ticket["ticket"], "organisation_id": ticket["companies"][0]["organisation_id"]}
    sql = "SELECT organisation_id FROM organisation WHERE unified_social_credit_code = %s"
    [(other,)] = await rows(attacks.stack, "identity", sql, stranger)
    wanted = {**choice, "organisation_id": other}
    await attacks.attempt("ticket", attacks.browser(), "POST", "/login/enterprise/company", json=wanted, status=403)
    await signer.person.json("POST", "/login/enterprise/company", json=choice)
    await attacks.each(
        attacks.attempt(
            "ticket",
            at,
            "POST",
            "/login/enterprise/company",
            json=choice if number % 2 else {**choice, "ticket": secrets.token_urlsafe(32)},
            status=401,
        )
        for number, at in enumerate(attacks.crowd(60))
    )

    told = await attacks.account()
    assert told == Counter(kind for kind, _ in attacks.made)


async def test_forged_and_replayed_tokens(attacks: Attacks, platform: ProcurementPlatform) -> None:
    stack, number = attacks.stack, next(attacks.numbers)
    supplier = await platform.add(company_code(number + 4_000_000), invent(number))
    good = await platform.token(supplier["id"])
    said, header = jwt.decode(good, options={"verify_signature": False}), jwt.get_unverified_header(good)
    key = Ed25519PrivateKey.generate()

    def part(value: Json) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def forged(**claims: object) -> str:
        fresh = {**said, "jti": secrets.token_hex(16), **claims}
        return jwt.encode(fresh, key, algorithm="EdDSA", headers={"typ": header["typ"], "kid": header["kid"]})

    head, payload, signature = good.split(".")
    now = int(time.time())
    forgeries: dict[str, Callable[[], str]] = {
        "alg none": lambda: f"{part({**header, 'alg': 'none'})}.{payload}.",
        "HMAC with the public key": lambda: jwt.encode(
            said, "public" * 8, algorithm="HS256", headers={"typ": header["typ"], "kid": header["kid"]}
        ),
        "another key": forged,
        "another audience": lambda: forged(aud="elsewhere"),
        "another issuer": lambda: forged(iss="esign"),
        "expired": lambda: forged(iat=now - 600, exp=now - 480),
        "for ever": lambda: forged(exp=now + 10_000_000),
        "another person": lambda: f"{head}.{part({**said, 'sub': secrets.token_hex(16)})}.{signature}",
        "another company": lambda: f"{head}.{part({**said, 'org': company_code(1)})}.{signature}",
        "cut": lambda: good[:-8],
        "no token": lambda: secrets.token_urlsafe(90),
    }

    async def bring(browser: Person, token: str, kind: str, origin: str = "") -> Json:
        headers = {"origin": origin or stack.url("sandbox"), "sec-fetch-site": "cross-site", "x-requested-with": ""}
        return await attacks.attempt(kind, browser, "POST", "/sso/procurement", data={"token": token}, headers=headers)

    crowd = attacks.crowd(len(forgeries) * 8)
    await attacks.each(
        bring(at, make(), "forged sign-on")
        for (_, make), at in zip(itertools.cycle(forgeries.items()), crowd, strict=False)
    )
    # From a page of anyone's: refused before the token is looked at, so that it stays good for its own person.
    await attacks.each(bring(at, good, "foreign form", "https://procurement.evil.example") for at in attacks.crowd(20))
    arrived = attacks.browser()
    headers = {"origin": stack.url("sandbox"), "sec-fetch-site": "cross-site"}
    entered = await arrived.http.post("/sso/procurement", data={"token": good}, headers=headers)
    assert entered.status_code == 200
    await attacks.each(bring(at, good, "replayed sign-on") for at in attacks.crowd(40))

    # Sessions: made up, or the true one with a letter changed.
    true = arrived.http.cookies["esign_session"]

    def session(place: int) -> str:
        turned = true[:place] + ("A" if true[place : place + 1] != "A" else "B") + true[place + 1 :]
        return turned if place < len(true) else secrets.token_urlsafe(32)

    await attacks.each(
        attacks.attempt(
            "forged session", at, "GET", "/me", headers={"cookie": f"esign_session={session(place)}"}, status=401
        )
        for place, at in enumerate(attacks.crowd(120))
    )
    assert (await arrived.json("GET", "/me"))["kind"] == "enterprise"

    told = await attacks.account()
    assert (told["forged sign-on"], told["replayed sign-on"]) == (len(forgeries) * 8, 40)


async def test_somebody_elses_verification(attacks: Attacks, new_journey: NewJourney) -> None:
    mine, thief = await new_journey(upto="sms"), await new_journey(upto="sms")
    # Guesses: by somebody else at mine, and at one's own until it fails.
    other = [thief.person.http.cookies]
    await attacks.each(
        attacks.attempt(
            "signing code",
            at,
            "POST",
            f"/verifications/{mine.verification_id}/code",
            json={"code": wrong(mine.signing_code, number)},
            status=404,
        )
        for number, at in enumerate(attacks.crowd(80, *other))
    )
    standing = await mine.person.verification(mine.verification_id)
    assert standing["state"] == "sms_pending"
    for number in range(30):
        code = {"code": wrong(thief.signing_code, number)}
        await attacks.attempt(
            "signing code", thief.person, "POST", f"/verifications/{thief.verification_id}/code", json=code
        )
    await attacks.attempt(
        "signing code",
        thief.person,
        "POST",
        f"/verifications/{thief.verification_id}/code",
        json={"code": thief.signing_code},
    )
    # Mine, and another's: to look at, to face, to swap its face check for one's own.
    await mine.confirm_code()
    swapper = await new_journey(upto="face")
    own_face = swapper.face = await swapper.person.start_face(swapper.verification_id)
    my_face = await mine.person.start_face(mine.verification_id)
    statement = await mine.person.json("GET", "/consents/biometric")
    consent = {"channel": "tencent", "consent_version": statement["version"], "consent_sha256": statement["sha256"]}
    hers, his = swapper.verification_id, mine.verification_id
    ways = itertools.cycle(
        (
            ("GET", f"/verifications/{his}", None),
            ("GET", f"/verifications/{his}/events", None),
            ("POST", f"/verifications/{his}/face", consent),
            ("POST", f"/verifications/{his}/face/{my_face['face_check_id']}/result", None),
            ("POST", f"/verifications/{his}/face/{own_face['face_check_id']}/result", None),
            ("POST", f"/verifications/{hers}/face/{my_face['face_check_id']}/result", None),
        )
    )
    await attacks.each(
        attacks.attempt("swapped face", at, method, path, json=body, status=404)
        for at, (method, path, body) in zip(attacks.crowd(120, swapper.person.http.cookies), ways, strict=False)
    )

    # Somebody else's relay from a second device, with every cookie that one can think of; and one that nobody gave out.
    await mine.phone.open_relay(my_face["url"])
    token = my_face["url"].rpartition("/")[2]
    claim = mine.phone.http.cookies["esign_face"]
    claims = ("", secrets.token_urlsafe(32), claim[:-1] + ("A" if claim[-1] != "A" else "B"))
    await attacks.each(
        attacks.attempt(
            "second device",
            at,
            "POST",
            f"/face-relays/{token}/{('open', 'result')[number % 2]}",
            headers={"cookie": f"esign_face={claims[number % 3]}"},
            status=409,
        )
        for number, at in enumerate(attacks.crowd(80))
    )
    await attacks.each(
        attacks.attempt("made-up relay", at, "POST", f"/face-relays/{secrets.token_urlsafe(32)}/open", status=404)
        for at in attacks.crowd(20)
    )
    assert (await mine.person.verification(his))["face"]["state"] == "scanned"

    # Back from the vendor without having been there, with a handle of a check that another one passed.
    passed = await swapper.phone.open_relay(own_face["url"])
    await swapper.phone.pass_at_vendor(passed["vendor_url"])
    handle = passed["vendor_url"].rpartition("=")[2]
    for number in range(20):
        answer = await mine.phone.json(
            "POST", f"/face-relays/{token}/result?BizToken={handle}&passed=true&number={number}"
        )
        assert answer["state"] == "scanned"
        path = f"/verifications/{his}/face/{my_face['face_check_id']}/result?BizToken={handle}"
        await attacks.attempt("forged return", mine.person, "POST", path, json={"state": "passed"}, status=409)

    # Signing with a verification that is another's, unfinished, failed, or made for another document.
    await swapper.complete_face()
    await swapper.keep_signature()
    seal = (await mine.person.keep_signature(handwritten_signature(7)))["seal_id"]
    contract = await mine.person.contract(mine.contract_id)
    area = mine.lease.tenant
    request = {
        "document_sha256": contract["document_sha256"],
        "placement": {"page": area.page, "x1": area.x1, "y1": area.y1, "x2": area.x2, "y2": area.y2},
    }
    path = f"/contracts/{mine.contract_id}/signatures"
    stolen = (his, hers, thief.verification_id, secrets.token_hex(16)) * 15
    await attacks.each(
        attacks.attempt(
            "stolen verification",
            mine.person,
            "POST",
            path,
            json={**request, "seal_id": seal, "verification_id": verification_id},
        )
        for verification_id in stolen
    )
    # And once it has signed, it signs nothing else.
    await swapper.confirm()
    x1, y1, x2, y2 = area.x1, area.y1, area.x2, area.y2
    for number in range(1, 21):
        elsewhere = {"page": area.page, "x1": x1 - number, "y1": y1, "x2": x2 - number, "y2": y2}
        body = {**request, "seal_id": swapper.seal_id, "verification_id": hers, "placement": elsewhere}
        path = f"/contracts/{swapper.contract_id}/signatures"
        await attacks.attempt("reused verification", swapper.person, "POST", path, json=body)
    assert (await mine.person.contract(mine.contract_id))["state"] == "waiting"

    told = await attacks.account()
    assert (told["second device"], told["made-up relay"]) == (80, 20)
    assert told["swapped face"] == 120
    sql = "SELECT count(*) FROM activation WHERE verification_id = %s"
    assert await rows(attacks.stack, "identity", sql, hers) == [(1,)]


async def test_frames_of_the_own_channel(attacks: Attacks, enrolled: Journey) -> None:
    person, phone, verification_id = enrolled.person, enrolled.phone, enrolled.verification_id
    url = (await person.start_face(verification_id, "own"))["url"]
    relay = await phone.open_relay(url)
    path, nonce = f"/face-relays/{url.rpartition('/')[2]}/frames", relay["challenge"]["nonce"]
    clip = still(Portrait.ASTRONAUT, seconds=1.5)
    claim = {"cookie": f"esign_face={phone.http.cookies['esign_face']}"}

    def form(nonce: str, at_ms: list[int]) -> Json:
        frames = [("frames", ("frame.jpg", jpeg, "image/jpeg")) for _, jpeg in clip]
        return {"data": {"nonce": nonce, "at_ms": [str(at) for at in at_ms]}, "files": frames}

    times = [at for at, _ in clip]
    for number, at in enumerate(attacks.crowd(36)):
        # Without the claim, with made-up nonces, with times that cannot be.
        forged = (
            ({}, form(nonce, times), 409),
            (claim, form(secrets.token_urlsafe(32), times), 409),
            (claim, form(nonce, [at * 100 for at in times]), 400),
        )[number % 3]
        headers, body, status = forged
        await attacks.attempt("frames", at, "POST", path, status=status, headers=headers, **body)
    # What was taken once is not taken again, and the picture of a picture passes no challenge.
    relay = await phone.open_relay(url)
    challenge = relay["challenge"]
    await asyncio.sleep(clip[-1][0] / 1000)
    answer = await phone.json("POST", path.removeprefix("/v1"), **form(challenge["nonce"], times))
    for at in attacks.crowd(20):
        body = form(challenge["nonce"], times)
        await attacks.attempt("replayed frames", at, "POST", path, status=409, headers=claim, **body)
    following = answer["challenge"]["nonce"]
    await asyncio.sleep(clip[-1][0] / 1000)
    answer = await phone.json("POST", path.removeprefix("/v1"), **form(following, times))
    assert answer["state"] == "failed"
    assert (await person.verification(verification_id))["state"] == "face_pending"
    told = await attacks.account()
    assert told == Counter(kind for kind, _ in attacks.made)
