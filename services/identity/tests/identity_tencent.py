"""The face vendor's cloud: Tencent Cloud API 3.0 with TC3-HMAC-SHA256 over HTTP, FaceID 2018-03-01, as documented.

Recomputes every signature (cloud.tencent.com/document/api/1007/31319) and lets a test decide, or forge, the answers.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class TencentCloud:
    """One account with one RuleId. Use as a context manager."""

    def __init__(self) -> None:
        self.secret_id, self.secret_key, self.rule_id = "AKIDexample", uuid.uuid4().hex, "1"
        self.checks: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.mend()
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = cloud._serve(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"127.0.0.1:{self._server.server_port}"

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
        self.error = ""
        self.delay = 0.0
        self.best_frame = b"image"

    def token(self, url: str) -> str:
        """The BizToken in a hosted page's address."""
        return url.rpartition("=")[2]

    def pass_check(self, url: str, **changes: Any) -> None:
        """The person finishes on the phone, successfully unless `changes` says otherwise."""
        outcome = {"ErrCode": 0, "ErrMsg": "成功", "LiveStatus": 0, "Comparestatus": 0, "Sim": "98.50"} | changes
        self.checks[self.token(url)]["outcome"] = outcome

    def fail_check(self, url: str) -> None:
        """The person finishes, and the liveness check fails."""
        self.pass_check(url, ErrCode=1005, ErrMsg="活体检测没通过", LiveStatus=1005, Comparestatus=None, Sim="0.00")

    def _serve(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        time.sleep(self.delay)
        if self.raw is not None:
            return 200, self.raw
        action = headers.get("X-TC-Action", "")
        params = json.loads(body)
        self.requests.append((action, params))
        try:
            if self.error:
                raise LookupError(self.error)
            self._verify(headers, body)
            if params.get("RuleId") != self.rule_id:
                raise LookupError("InvalidParameterValue.RuleIdNotExist")
            answer = {"DetectAuth": self._detect_auth, "GetDetectInfoEnhanced": self._result}[action](params)
        except LookupError as error:
            answer = {"Error": {"Code": str(error.args[0]), "Message": "refused"}}
        return 200, json.dumps({"Response": answer | {"RequestId": str(uuid.uuid4())}}).encode()

    def _detect_auth(self, params: dict[str, Any]) -> dict[str, Any]:
        token = str(uuid.uuid4()).upper()
        self.checks[token] = {
            "IdCard": params["IdCard"],
            "Name": params["Name"],
            "Extra": params.get("Extra"),
            "outcome": {},
        }
        return {"Url": f"https://face.example/h5?token={token}", "BizToken": token}

    def _result(self, params: dict[str, Any]) -> dict[str, Any]:
        check = self.checks.get(params["BizToken"])
        if check is None:
            raise LookupError("InvalidParameterValue.BizTokenIllegal")
        nothing = dict.fromkeys(("ErrCode", "ErrMsg", "LiveStatus", "Comparestatus", "Sim"))
        known = {key: check[key] for key in ("IdCard", "Name", "Extra")}
        answer: dict[str, Any] = {"Text": nothing | check["outcome"] | known | self.forge}
        if params.get("InfoType") != "1":
            answer["BestFrame"] = {"BestFrame": base64.b64encode(self.best_frame).decode()}
        return answer

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        lower = {key.lower(): value for key, value in headers.items()}
        if lower.get("x-tc-version") != "2018-03-01":
            raise LookupError("InvalidParameter")
        stamp = int(lower["x-tc-timestamp"])
        day = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
        fields = dict(
            part.split("=", 1) for part in lower["authorization"].split(" ", 1)[1].replace(" ", "").split(",")
        )
        signed = fields["SignedHeaders"].split(";")
        canonical = "\n".join(
            [
                "POST",
                "/",
                "",
                *(f"{name}:{lower[name].strip()}" for name in signed),
                "",
                ";".join(signed),
                hashlib.sha256(body).hexdigest(),
            ]
        )
        scope = f"{day}/faceid/tc3_request"
        to_sign = "\n".join(["TC3-HMAC-SHA256", str(stamp), scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"TC3{self.secret_key}".encode()
        for part in (day, "faceid", "tc3_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        right = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        if fields["Credential"] != f"{self.secret_id}/{scope}" or not hmac.compare_digest(right, fields["Signature"]):
            raise LookupError("AuthFailure.SignatureFailure")
