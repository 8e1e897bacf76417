"""数字认证's face check over HTTP with JSON.

The vendor publishes no interface: addresses, names of fields, words, credentials and headers are configuration
(`BjcaFaceSettings`). Each request carries a timestamp and the hexadecimal HMAC-SHA256 of timestamp, a dot and the body.
"""

import asyncio
import base64
import binascii
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx
from esign_kit.clock import Clock
from esign_kit.context import remaining
from esign_kit.telemetry import logger

from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.face import FaceAnswer
from esign_identity.settings import BjcaFaceSettings

log = logger(__name__)

_NONSENSE = -1
_LONGEST_SESSION_SECONDS = 7200


class BjcaFace:
    """Plays `FaceVendor`. Nothing is repeated: who asks for a result asks again by itself."""

    def __init__(self, settings: BjcaFaceSettings, return_url: str, clock: Clock) -> None:
        self._settings, self._return_url, self._clock = settings, return_url, clock
        tls = ssl.create_default_context(cafile=settings.ca_file) if settings.base_url.startswith("https:") else False
        self._http = httpx.AsyncClient(verify=tls, trust_env=False, timeout=settings.deadline_seconds)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def open(self, reference: str, name: str, id_number: str) -> tuple[str, str, datetime]:
        """A session of this person: its id, the hosted page's address, when it ends."""
        settings, fields = self._settings, self._settings.fields
        wanted = {
            fields.app_id: settings.app_id,
            fields.request_id: reference,
            fields.name: name,
            fields.id_number: id_number,
            fields.return_url: self._return_url,
        }
        asked_at = self._clock()
        answer = await self._ask(settings.sessions_path, wanted)
        if answer is None:
            raise refusals.face_unavailable()
        session_id, url = _text(answer.get(fields.session_id)), _text(answer.get(fields.page_url))
        seconds = answer.get(fields.expires_in)
        if not isinstance(seconds, int | float) or not seconds > 0:
            seconds = 0
        if not session_id or not url or not url.startswith(("https://", "http://")) or not seconds:
            log.error("face vendor opened nothing usable", vendor="bjca")
            raise refusals.face_unavailable()
        return session_id, url, asked_at + timedelta(seconds=min(seconds, _LONGEST_SESSION_SECONDS))

    async def result(self, token: str, with_image: bool) -> FaceAnswer | None:
        """What became of a session. The vendor's answer holds the image of a passed one always; unasked it is dropped."""
        fields, words = self._settings.fields, self._settings.words
        answer = await self._ask(
            self._settings.results_path, {fields.app_id: self._settings.app_id, fields.session_id: token}
        )
        if answer is None:
            return None
        status, reason = answer.get(fields.status), answer.get(fields.reason)
        if status == words.failed and reason in words.expired_reasons:
            return None
        if status not in (words.pending, words.passed, words.failed):
            log.error("face vendor answered an unknown status", vendor="bjca")
            raise refusals.face_unavailable()
        passed = status == words.passed
        alive = passed or reason not in words.liveness_reasons
        receipt = {key: value for key, value in answer.items() if key != fields.image}
        return FaceAnswer(
            error_code=None if status == words.pending else 0 if passed else _NONSENSE,
            live_status=0 if alive else _NONSENSE,
            compare_status=0 if passed else _NONSENSE,
            score=_number(answer.get(fields.score)),
            id_number=_text(answer.get(fields.id_number)),
            name=_text(answer.get(fields.name)),
            reference=_text(answer.get(fields.request_id)),
            receipt=json.dumps(receipt, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
            image=_image(answer.get(fields.image)) if with_image and passed else None,
        )

    async def _ask(self, path: str, wanted: Mapping[str, str]) -> Mapping[str, object] | None:
        """The answer of a call that went well; None when the vendor does not know the session any more.

        Raises Unavailable FACE_UNAVAILABLE. What the vendor says goes to the log as its code only.
        """
        settings = self._settings
        body = json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = str(int(time.time()))
        signature = hmac.digest(settings.secret_file.read_bytes().strip(), f"{timestamp}.".encode() + body, "sha256")
        headers = {
            "Content-Type": "application/json",
            settings.app_id_header: settings.app_id,
            settings.timestamp_header: timestamp,
            settings.signature_header: signature.hex(),
        }
        try:
            async with asyncio.timeout(remaining(settings.deadline_seconds)):
                answer = await self._post(f"{settings.base_url}{path}", body, headers)
        except (httpx.HTTPError, TimeoutError, ssl.SSLError, ValueError) as error:
            log.warning("face vendor did not answer", vendor="bjca", error=type(error).__name__)
            raise refusals.face_unavailable() from None
        code = str(answer.get(settings.fields.code))
        if code == settings.words.success:
            return answer
        if code in settings.words.gone:
            return None
        log.warning("face vendor refused", vendor="bjca", code=code[:40])
        raise refusals.face_unavailable()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, object]:
        """Raises httpx.HTTPError, ValueError when the answer is no JSON object or too large."""
        content = b""
        async with self._http.stream("POST", url, content=body, headers=headers) as response:
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > self._settings.most_answer_bytes:
                    raise ValueError("the answer is too large")
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise ValueError("not an object")  # noqa: TRY004 - it is the answer that is wrong
        return answer


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> str | None:
    """A number, or one in text, as text."""
    return str(value) if type(value) in (int, float) else _text(value)


def _image(value: object) -> bytes | None:
    """Base64; what cannot be read is no image."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        return None
