"""A CA over HTTP with JSON. Which addresses, fields and words it uses is configuration, for every CA has its own."""

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from esign_kit.lean import without
from esign_kit.telemetry import logger

with without("rich"):  # for a command line
    import httpx

from esign_ca_broker.app.obtain import time_left, unavailable
from esign_ca_broker.app.ports import Answer, Issued, Pending, Refused
from esign_ca_broker.domain.orders import PersonSubject, Profile, Subject
from esign_ca_broker.domain.requests import CertificationRequest

if TYPE_CHECKING:
    from esign_ca_broker.settings import CaSettings

log = logger(__name__)

MAX_ANSWER = 256 * 1024


class HttpCertificationAuthority:
    """Plays `CertificationAuthority`. Calls are repeated on failure: every one is idempotent by the order number."""

    def __init__(self, settings: "CaSettings") -> None:
        self._settings = settings
        tls = ssl.create_default_context(cafile=settings.ca_file) if settings.base_url.startswith("https:") else False
        self._http = httpx.AsyncClient(
            base_url=settings.base_url,
            verify=tls,
            trust_env=False,
            timeout=settings.attempt_seconds,
            limits=httpx.Limits(max_connections=16),
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def submit(self, order_no: str, profile: Profile, request: CertificationRequest, subject: Subject) -> Answer:
        """Places an order."""
        fields, settings = self._settings.request_fields, self._settings
        pem = x509.load_der_x509_csr(request.der).public_bytes(Encoding.PEM).decode()
        values = {fields.order_no: order_no, fields.profile: settings.profiles[profile], fields.request: pem}
        values[fields.name] = subject.name
        if isinstance(subject, PersonSubject):
            values |= {fields.person_id: subject.person_id, fields.id_number: subject.id_number}
        else:
            values[fields.unified_social_credit_code] = subject.unified_social_credit_code
        status, body = await self._call("POST", settings.submit_path, _nested(values))
        return self._answer(status, body)

    async def status(self, order_no: str) -> Answer | None:
        """How far an order is."""
        status, body = await self._call("GET", self._settings.status_path.format(order_no=order_no))
        return None if status == 404 else self._answer(status, body)

    async def chain(self) -> Sequence[bytes]:
        """The CA's own certificates."""
        if not self._settings.chain_path:
            return ()
        status, body = await self._call("GET", self._settings.chain_path)
        if status != 200:
            raise unavailable(f"HTTP_{status}")
        return _certificates(body)

    async def revoke(self, order_no: str) -> None:
        """Revokes what was issued for an order."""
        settings = self._settings
        values = {settings.request_fields.revocation_reason: settings.revocation_reason}
        status, _ = await self._call("POST", settings.revoke_path.format(order_no=order_no), _nested(values))
        if status >= 400 and status != 404:
            raise unavailable(f"HTTP_{status}")

    def _answer(self, status: int, body: bytes) -> Answer:
        fields, words = self._settings.answer_fields, self._settings.words
        try:
            answer = json.loads(body)
        except ValueError:
            raise unavailable("ANSWER_UNREADABLE") from None
        if status >= 400:
            return Refused(_text(answer, fields.code) or f"HTTP_{status}")
        word = _text(answer, fields.status)
        if word in words.pending:
            return Pending()
        if word in words.refused:
            return Refused(_text(answer, fields.code) or word)
        if word not in words.issued:
            raise unavailable("ANSWER_UNKNOWN_STATUS")
        leaf = _certificates(_text(answer, fields.certificate).encode())
        chain = _certificates(_text(answer, fields.chain).encode())
        # What cannot be read as a certificate is judged where certificates are judged.
        return Issued(leaf[0] if leaf else b"", (*leaf[1:], *chain))

    async def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer; raises Unavailable for anything that repeating may mend."""
        try:
            async with asyncio.timeout(time_left(self._settings.deadline_seconds)):
                for attempt in range(self._settings.attempts):
                    if attempt:
                        await asyncio.sleep(0.1 * 2**attempt)
                    try:
                        status, content = await self._once(method, path, body)
                    except (httpx.HTTPError, ssl.SSLError) as error:
                        cause = type(error).__name__
                    else:
                        if status < 400 or status in (400, 404, 409, 410, 422):
                            return status, content
                        cause = f"HTTP_{status}"
                        if status in (401, 403):
                            log.error("the CA refuses our credentials", status=status)
                            break
        except TimeoutError:
            cause = "TIMEOUT"
        raise unavailable(cause)

    async def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
        settings = self._settings
        secret = settings.client_secret_file.read()
        headers = {"Accept": "application/json", settings.credential_header: f"{settings.credential_prefix}{secret}"}
        async with self._http.stream(method, path, json=body, headers=headers) as response:
            content = b""
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > MAX_ANSWER:
                    raise httpx.DecodingError("the answer is too large")
            return response.status_code, content


def _nested(values: Mapping[str, str]) -> dict[str, object]:
    """`{"subject.name": "…"}` → `{"subject": {"name": "…"}}`; a field without a name is one that this CA does not take."""
    root: dict[str, object] = {}
    for path, value in values.items():
        if not path:
            continue
        *parents, last = path.split(".")
        at = root
        for parent in parents:
            child = at.setdefault(parent, {})
            if not isinstance(child, dict):
                raise TypeError(f"{path}: {parent} is a value already")
            at = child
        at[last] = value
    return root


def _text(answer: object, path: str) -> str:
    """The text at a dotted path; empty when there is none."""
    for name in path.split(".") if path else ():
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer if path and isinstance(answer, str) else ""


def _certificates(content: bytes) -> list[bytes]:
    """Certificates in DER, from PEM (one or more), base64 or DER; what is none of these stays as it is."""
    if not content.strip():
        return []
    try:
        if b"-----BEGIN" in content:
            found = x509.load_pem_x509_certificates(content)
            return [certificate.public_bytes(Encoding.DER) for certificate in found]
        return [content if content[:1] == b"\x30" else base64.b64decode(content, validate=True)]
    except ValueError:
        return [content]
