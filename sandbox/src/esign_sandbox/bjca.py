"""数字认证's face check: sessions opened and results read by a signed API, the check itself on a hosted page.

The vendor publishes no interface; this one is what such vendors commonly offer (README.md). Requests carry `X-App-Id`,
`X-Timestamp` (UNIX seconds) and `X-Signature`, the hexadecimal HMAC-SHA256 of `timestamp + "." + body`.
"""

import asyncio
import base64
import hmac
import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from esign_sandbox import photos
from esign_sandbox.credentials import BjcaAccount
from esign_sandbox.faceid import with_query
from esign_sandbox.identifiers import is_resident_id
from esign_sandbox.pages import masked_id, masked_name, render
from esign_sandbox.store import Store, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS bjca_session (
  session_id TEXT PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, id_number TEXT NOT NULL,
  return_url TEXT NOT NULL, created_at INTEGER NOT NULL, passed INTEGER, acted_at INTEGER, score REAL
) STRICT;
"""
SESSION_SECONDS = 900
RESULT_SECONDS = 3 * 86400
CLOCK_SKEW_SECONDS = 300
Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ApiError(Exception):
    """An answer with a `code` other than 0; `status` is HTTP's."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OpenSession(_Strict):
    app_id: Text
    request_id: Text
    name: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    id_number: Text
    return_url: Annotated[str, StringConstraints(max_length=1024)] = ""


class ReadResult(_Strict):
    app_id: Text
    session_id: Text


def verify(headers: Mapping[str, str], body: bytes, account: BjcaAccount, now: float) -> None:
    """Raises ApiError as the vendor refuses: who, when, then the signature itself."""
    if not hmac.compare_digest(headers.get("x-app-id", "").encode(), account.app_id.encode()):
        raise ApiError(401, 40101, "unknown application")
    timestamp = headers.get("x-timestamp", "")
    recent = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    if not recent or abs(now - int(timestamp)) > CLOCK_SKEW_SECONDS:
        raise ApiError(401, 40102, "X-Timestamp is missing or more than 300 seconds away")
    expected = hmac.digest(account.secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()
    if not hmac.compare_digest(expected.encode(), headers.get("x-signature", "").encode()):
        raise ApiError(401, 40103, "wrong signature")


class BjcaFaceService:
    """Sessions, the person's go on the page, and results."""

    def __init__(self, store: Store, account: BjcaAccount, public_url: str) -> None:
        self._store = store
        self._account = account
        self._public_url = public_url

    def answer(
        self, headers: Mapping[str, str], body: bytes, run: Callable[[bytes], dict[str, object]]
    ) -> tuple[int, dict[str, object]]:
        """HTTP status and answer of one signed request."""
        try:
            verify(headers, body, self._account, time.time())
            return 200, {"code": 0, "message": "success", **run(body)}
        except ApiError as error:
            return error.status, {"code": error.code, "message": str(error)}
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors()}))
            return 400, {"code": 40001, "message": f"missing or wrong: {fields}"}

    def open(self, body: bytes) -> dict[str, object]:
        """Opens a session of one person. The same request again is the same session; another one is refused."""
        wanted = OpenSession.model_validate_json(body)
        self._own(wanted.app_id)
        if not is_resident_id(wanted.id_number):
            raise ApiError(400, 40002, "id_number is no resident ID number")
        if wanted.return_url and urlsplit(wanted.return_url).scheme not in ("http", "https"):
            raise ApiError(400, 40001, "missing or wrong: return_url")
        values = (wanted.request_id, wanted.name, wanted.id_number, wanted.return_url)
        with self._store.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO bjca_session"
                " (session_id, request_id, name, id_number, return_url, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (uuid.uuid4().hex, *values, now_ms()),
            )
            row = db.execute("SELECT * FROM bjca_session WHERE request_id = ?", values[:1]).fetchone()
        if (row["request_id"], row["name"], row["id_number"], row["return_url"]) != values:
            raise ApiError(409, 40901, "request_id was used for another request")
        left = row["created_at"] // 1000 + SESSION_SECONDS - now_ms() // 1000
        return {
            "session_id": row["session_id"],
            "page_url": f"{self._public_url}/bjca/face?session={row['session_id']}",
            "expires_in": max(left, 0),
        }

    def result(self, body: bytes) -> dict[str, object]:
        """`pending` until the person has acted or the session has expired; readable for three days."""
        wanted = ReadResult.model_validate_json(body)
        self._own(wanted.app_id)
        row = self._row(wanted.session_id)
        if row is None:
            raise ApiError(404, 40401, "unknown session")
        age = now_ms() - row["created_at"]
        if age > RESULT_SECONDS * 1000:
            raise ApiError(410, 41001, "the result is no longer kept")
        status, reason = "pending", ""
        if row["passed"] is not None:
            status, reason = ("passed", "") if row["passed"] else ("failed", "LIVENESS_FAILED")
        elif age > SESSION_SECONDS * 1000:
            status, reason = "failed", "SESSION_EXPIRED"
        photo = self._store.row("SELECT jpeg FROM face_photo WHERE check_id = ?", row["session_id"])
        return {
            "session_id": row["session_id"],
            "request_id": row["request_id"],
            "status": status,
            "reason": reason,
            "score": row["score"],
            "name": row["name"],
            "id_number": row["id_number"],
            "image": None if photo is None else base64.b64encode(photo["jpeg"]).decode(),
        }

    def act(self, session_id: str, passed: bool, photo: bytes | None) -> str | None:
        """The person's go, as `FaceIdService.act`: where the browser goes ('' for nowhere), None when it is too late."""
        at = now_ms()
        score = 85 + secrets.randbelow(1400) / 100 if passed else 0.0
        with self._store.write() as db:
            done = db.execute(
                "UPDATE bjca_session SET passed = ?, acted_at = ?, score = ?"
                " WHERE session_id = ? AND passed IS NULL AND created_at > ? RETURNING return_url",
                (passed, at, score, session_id, at - SESSION_SECONDS * 1000),
            ).fetchone()
            if done is None:
                return None
            if passed and photo is not None:
                photos.keep(db, session_id, photo, at)
        return_url: str = done["return_url"]
        return with_query(return_url, "session_id", session_id) if return_url else ""

    def page(self, session_id: str) -> tuple[int, dict[str, object]]:
        """HTTP status and what the hosted page shows."""
        row = self._row(session_id)
        if row is None:
            return 404, {"state": "unknown"}
        if row["passed"] is not None:
            return 410, {"state": "used"}
        if now_ms() - row["created_at"] > SESSION_SECONDS * 1000:
            return 410, {"state": "expired"}
        masked = {"name": masked_name(row["name"]), "id_number": masked_id(row["id_number"])}
        return 200, {"state": "open", "token": session_id, "leads_to": row["return_url"], **masked}

    def _own(self, app_id: str) -> None:
        if app_id != self._account.app_id:
            raise ApiError(400, 40001, "missing or wrong: app_id")

    def _row(self, session_id: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM bjca_session WHERE session_id = ?", session_id)


def bjca_router(service: BjcaFaceService) -> APIRouter:
    """The signed API and the hosted page."""
    router = APIRouter(prefix="/bjca/face")

    async def signed(request: Request, run: Callable[[bytes], dict[str, object]]) -> JSONResponse:
        headers, body = dict(request.headers), await request.body()
        status, answer = await asyncio.to_thread(service.answer, headers, body, run)
        return JSONResponse(answer, status)

    @router.post("/v1/sessions")
    async def sessions(request: Request) -> JSONResponse:
        return await signed(request, service.open)

    @router.post("/v1/results")
    async def results(request: Request) -> JSONResponse:
        return await signed(request, service.result)

    def show(session_id: str) -> HTMLResponse:
        status, context = service.page(session_id)
        leads_to = context.get("leads_to")
        return render("bjca.html", context, status, forms_lead_to=[str(leads_to)] if leads_to else [])

    @router.get("")
    def page(session: str = "") -> HTMLResponse:
        return show(session)

    @router.post("/result")
    def result(
        token: Annotated[str, Form()],
        result: Annotated[Literal["pass", "fail"], Form()],
        photo: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        target = service.act(token, result == "pass", photos.jpeg_of(photo))
        if target is None:
            return show(token)
        if target:
            return RedirectResponse(target, 303)
        return render("bjca.html", {"state": "passed" if result == "pass" else "failed"})

    return router
