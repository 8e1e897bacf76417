"""数字认证's face check: the signed API and the hosted page."""

import base64
import hmac
import json
import re
import signal
import sqlite3
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .conftest import CREDENTIALS, HTTP, Running

ACCOUNT = CREDENTIALS["bjca"]
PERSON = {"name": "韦样例", "id_number": "11010519491231002X"}
JPEG = b"\xff\xd8\xff\xe0" + bytes(1000) + b"\xff\xd9"


def signed(body: bytes, at: int | None = None, secret: str = ACCOUNT["secret"]) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hexdigest()
    return {"X-App-Id": ACCOUNT["app_id"], "X-Timestamp": timestamp, "X-Signature": signature}


def ask(sandbox: Running, what: str, **fields: object) -> httpx.Response:
    body = json.dumps({"app_id": ACCOUNT["app_id"], **fields}, ensure_ascii=False).encode()
    return HTTP.post(f"{sandbox.url}/bjca/face/v1/{what}", content=body, headers=signed(body))


def opened(sandbox: Running, request_id: str, **more: object) -> dict[str, Any]:
    answer = ask(sandbox, "sessions", request_id=request_id, **{**PERSON, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def result(sandbox: Running, session_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(sandbox, "results", session_id=session_id).json()
    return found


def act(sandbox: Running, session_id: str, what: str, photo: bytes | None = None) -> httpx.Response:
    files = None if photo is None else {"photo": ("p.jpg", photo, "image/jpeg")}
    return HTTP.post(f"{sandbox.url}/bjca/face/result", data={"token": session_id, "result": what}, files=files)


def age(sandbox: Running, session_id: str, seconds: int) -> None:
    with sqlite3.connect(sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        change = "UPDATE bjca_session SET created_at = created_at - ? WHERE session_id = ?"
        db.execute(change, (seconds * 1000, session_id))


def test_a_person_passes_with_a_photograph_and_comes_back(sandbox: Running) -> None:
    session = opened(sandbox, "check-1", return_url="http://127.0.0.1:1/f/return?flow=a%20b")
    assert session["code"] == 0
    assert 890 <= session["expires_in"] <= 900
    page = HTTP.get(session["page_url"])
    assert "**例" in page.text
    assert PERSON["id_number"] not in page.text
    assert re.search(r'name="token" value="([^"]+)"', page.text)
    assert page.headers["content-security-policy"].endswith("form-action 'self' http://127.0.0.1:1")

    before = result(sandbox, session["session_id"])
    assert (before["status"], before["score"], before["image"]) == ("pending", None, None)
    back = act(sandbox, session["session_id"], "pass", JPEG)
    assert back.status_code == 303
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query == {"flow": ["a b"], "session_id": [session["session_id"]]}

    after = result(sandbox, session["session_id"])
    assert (after["code"], after["status"], after["reason"]) == (0, "passed", "")
    assert 70 <= after["score"] <= 100
    assert (after["name"], after["id_number"], after["request_id"]) == (*PERSON.values(), "check-1")
    assert base64.b64decode(after["image"]) == JPEG


def test_a_failed_check_cannot_be_repeated_and_shows_no_image(sandbox: Running) -> None:
    session = opened(sandbox, "check-2")["session_id"]
    assert "核验未通过" in act(sandbox, session, "fail", JPEG).text
    again = act(sandbox, session, "pass")
    assert (again.status_code, "已使用" in again.text) == (410, True)
    found = result(sandbox, session)
    assert (found["status"], found["reason"], found["score"], found["image"]) == ("failed", "LIVENESS_FAILED", 0, None)


def test_sessions_and_results_expire(sandbox: Running) -> None:
    session = opened(sandbox, "check-3")
    age(sandbox, session["session_id"], 901)
    assert "已过期" in HTTP.get(session["page_url"]).text
    assert act(sandbox, session["session_id"], "pass").status_code == 410
    found = result(sandbox, session["session_id"])
    assert (found["status"], found["reason"]) == ("failed", "SESSION_EXPIRED")
    age(sandbox, session["session_id"], 3 * 86400)
    assert result(sandbox, session["session_id"])["code"] == 41001


def test_the_same_request_again_is_the_same_session_and_survives_a_kill(own_sandbox: Running) -> None:
    first = opened(own_sandbox, "check-4")
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    assert opened(own_sandbox, "check-4")["session_id"] == first["session_id"]
    other = ask(own_sandbox, "sessions", request_id="check-4", **{**PERSON, "name": "另一人"})
    assert (other.status_code, other.json()["code"]) == (409, 40901)


def test_requests_that_are_not_signed_right_are_refused(sandbox: Running) -> None:
    body = json.dumps({"app_id": ACCOUNT["app_id"], "request_id": "check-5", **PERSON}).encode()
    good = signed(body)
    now = int(time.time())
    refused = [
        ({}, 40101),
        (good | {"X-App-Id": "other"}, 40101),
        ({name: value for name, value in good.items() if name != "X-Timestamp"}, 40102),
        (good | {"X-Timestamp": "now"}, 40102),
        (signed(body, now - 330), 40102),
        (signed(body, now + 330), 40102),
        (good | {"X-Timestamp": str(now - 1)}, 40103),
        (good | {"X-Signature": ""}, 40103),
        (good | {"X-Signature": good["X-Signature"][:-1] + "é"}, 40103),
        (signed(body, secret="another-secret-of-length"), 40103),
        (signed(body + b" "), 40103),
    ]
    for headers, code in refused:
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        answer = HTTP.post(f"{sandbox.url}/bjca/face/v1/sessions", content=body, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (401, code), headers
    late = HTTP.post(f"{sandbox.url}/bjca/face/v1/sessions", content=body, headers=signed(body, now - 240))
    assert late.json()["code"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, 40001),
        ({"name": 1}, 40001),
        ({"request_id": "x" * 65}, 40001),
        ({"more": 1}, 40001),
        ({"app_id": "another"}, 40001),
        ({"return_url": "javascript:alert(1)"}, 40001),
        ({"id_number": "110105194912310021"}, 40002),
    ],
)
def test_sessions_that_cannot_be_opened(sandbox: Running, change: dict[str, object], code: int) -> None:
    answer = ask(sandbox, "sessions", **{"request_id": "check-6", **PERSON, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert PERSON["id_number"] not in answer.text


def test_what_is_unknown_is_said_so(sandbox: Running) -> None:
    assert result(sandbox, "none")["code"] == 40401
    assert HTTP.get(f"{sandbox.url}/bjca/face", params={"session": "none"}).status_code == 404
    assert act(sandbox, "none", "pass").status_code == 404
    assert act(sandbox, opened(sandbox, "check-7")["session_id"], "perhaps").status_code == 400


def test_faults_of_the_vendor(sandbox: Running) -> None:
    sandbox.fault("bjca", "down")
    assert ask(sandbox, "sessions", request_id="check-8", **PERSON).status_code == 503
    sandbox.fault("bjca", "error")
    answer = ask(sandbox, "sessions", request_id="check-8", **PERSON)
    assert (answer.status_code, answer.json()["code"]) == (500, 50000)
    sandbox.fault("bjca", "lost")
    assert ask(sandbox, "sessions", request_id="check-8", **PERSON).status_code == 502
    sandbox.fault("bjca", "ok")
    assert opened(sandbox, "check-8")["expires_in"] <= 900
    with sqlite3.connect(sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        assert db.execute("SELECT count(*) FROM bjca_session WHERE request_id = 'check-8'").fetchone() == (1,)
