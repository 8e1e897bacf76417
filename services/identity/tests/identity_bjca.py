"""数字认证's face check over HTTP, with the names that the settings have by default; a test decides, or forges, the answers."""

import base64
import hmac
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Bjca:
    """One application. Use as a context manager."""

    def __init__(self) -> None:
        self.app_id, self.secret = "esign-test", uuid.uuid4().hex
        self.sessions: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.mend()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = vendor._serve(self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/bjca"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def mend(self) -> None:
        """Everything works again."""
        self.forge: dict[str, Any] = {}
        self.raw: bytes | None = None
        self.code = 0
        self.delay = 0.0

    def session_id(self, url: str) -> str:
        """The one in a hosted page's address."""
        return url.rpartition("=")[2]

    def act(self, url: str, status: str = "passed", reason: str = "", image: bytes | None = None) -> None:
        """The person finishes on the phone."""
        score = 91.25 if status == "passed" else 0.0
        encoded = base64.b64encode(image).decode() if image else None
        self.sessions[self.session_id(url)] |= {"status": status, "reason": reason, "score": score, "image": encoded}

    def _serve(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        params = json.loads(body)
        self.requests.append((path, params))
        time.sleep(self.delay)
        if self.raw is not None:
            return 200, self.raw
        status, answer = 200, {"code": self.code, "message": "refused"}
        if not self._signed(headers, body) or params.get("app_id") != self.app_id:
            status, answer = 401, {"code": 40103}
        elif not self.code:
            status, answer = {"/bjca/face/v1/sessions": self._open, "/bjca/face/v1/results": self._result}[path](params)
        return status, json.dumps(answer).encode()

    def _open(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        session_id = uuid.uuid4().hex
        known = {key: params[key] for key in ("request_id", "name", "id_number")}
        pending = {"session_id": session_id, "status": "pending", "reason": "", "score": None, "image": None}
        self.sessions[session_id] = known | pending
        url = f"https://face.bjca.example/page?session={session_id}"
        return 200, {"code": 0, "session_id": session_id, "page_url": url, "expires_in": 900} | self.forge

    def _result(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        session = self.sessions.get(params["session_id"])
        if session is None:
            return 404, {"code": 40401}
        return 200, {"code": 0} | session | self.forge

    def _signed(self, headers: dict[str, str], body: bytes) -> bool:
        lower = {key.lower(): value for key, value in headers.items()}
        stamp = lower["x-timestamp"]
        right = hmac.digest(self.secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
        recent = abs(time.time() - int(stamp)) < 300
        return recent and lower["x-app-id"] == self.app_id and hmac.compare_digest(right, lower["x-signature"])
