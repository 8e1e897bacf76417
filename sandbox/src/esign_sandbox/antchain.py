"""AntChain's notary gateway (TWC) as its SDK 1.13 speaks it: `POST /gateway.do`, HMAC-SHA1 both ways.

Methods: trans.create, text.create, text.get, court.textnotary.create, court.textnotary.get, status.check,
certificate.detail.get. Every deposit is a transaction of its own; the vendor documents no idempotence key, so the same
content sent twice is on the chain twice. The gateway's own result codes are not in the SDK; error codes of a check are
the vendor's (2302 content differs, 3008 not found: also while no block has sealed the transaction).
"""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response

from esign_sandbox.ca.tsa import TimeStampAuthority
from esign_sandbox.chain import Ledger
from esign_sandbox.credentials import AntChainAccount
from esign_sandbox.store import Store, iso_utc, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS antchain_trans (
  transaction_id TEXT PRIMARY KEY, customer TEXT NOT NULL, created_at INTEGER NOT NULL
) STRICT;
"""
Fields = dict[str, str]
Result = dict[str, object]
CLOCK_SKEW_SECONDS = 900
MAX_TEXT = 512 * 1024
CONTENT_DIFFERS = (2302, "Check failed, inconsistent content")
NOT_FOUND = (3008, "Notary Not Found")


class GatewayError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def signature(fields: Fields, secret: str) -> str:
    """Base64 HMAC-SHA1 over the sorted, percent-encoded `key=value` pairs (RFC 3986 unreserved kept)."""
    pairs = (f"{quote(key, safe='~')}={quote(fields[key], safe='~')}" for key in sorted(fields))
    return _hmac_sha1("&".join(pairs), secret)


def _hmac_sha1(text: str, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def _required(fields: Fields, name: str, max_length: int = 256) -> str:
    value = fields.get(name, "")
    if not value:
        raise GatewayError("MISSING_PARAMETER", f"{name} is required")
    if len(value) > max_length:
        raise GatewayError("INVALID_PARAMETER", f"{name} is too long")
    return value


class NotaryGateway:
    def __init__(
        self, store: Store, ledger: Ledger, tsa: TimeStampAuthority, account: AntChainAccount, public_url: str
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._tsa = tsa
        self._account = account
        self._public_url = public_url
        self._methods: dict[str, Callable[[Fields], Result]] = {
            "twc.notary.trans.create": self._create_trans,
            "twc.notary.text.create": self._create_text,
            "twc.notary.text.get": self._get_text,
            "twc.notary.court.textnotary.create": self._create_court_text,
            "twc.notary.court.textnotary.get": self._get_court_text,
            "twc.notary.status.check": self._check_status,
            "twc.notary.certificate.detail.get": self._certificate,
        }

    def answer(self, query: bytes, body: bytes) -> bytes:
        """The whole answer, byte for byte as it is signed: compact JSON with `response`, then `sign`."""
        message_id = uuid.uuid4().hex
        try:
            fields = self._authenticated(query, body)
            message_id = fields.get("req_msg_id", message_id)
            run = self._methods.get(fields.get("method", ""))
            if run is None:
                raise GatewayError("METHOD_NOT_FOUND", "no such method")
            result: Result = {"result_code": "OK", "result_msg": "OK", **run(fields)}
        except GatewayError as error:
            result = {"result_code": error.code, "result_msg": str(error)}
        response = json.dumps({"req_msg_id": message_id, **result}, ensure_ascii=False, separators=(",", ":"))
        sign = _hmac_sha1(response, self._account.response_secret or self._account.access_secret)
        return f'{{"response":{response},"sign":"{sign}"}}'.encode()

    def _authenticated(self, query: bytes, body: bytes) -> Fields:
        try:
            pairs = [
                pair
                for part in (query, body)
                for pair in parse_qsl(part.decode(), keep_blank_values=True, errors="strict", max_num_fields=500)
            ]
        except ValueError:
            raise GatewayError("INVALID_PARAMETER", "not a form") from None
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise GatewayError("INVALID_PARAMETER", "a parameter is given twice")
        sign = fields.pop("sign", "")
        if not hmac.compare_digest(fields.get("access_key", "").encode(), self._account.access_key.encode()):
            raise GatewayError("INVALID_ACCESS_KEY", "no such access key")
        if fields.get("sign_type") != "HmacSHA1":
            raise GatewayError("INVALID_PARAMETER", "sign_type must be HmacSHA1")
        if not hmac.compare_digest(signature(fields, self._account.access_secret).encode(), sign.encode()):
            raise GatewayError("INVALID_SIGNATURE", "the signature does not match")
        try:
            at = datetime.strptime(fields.get("req_time", ""), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise GatewayError("INVALID_PARAMETER", "req_time is not a time") from None
        if abs(at.timestamp() - now_ms() / 1000) > CLOCK_SKEW_SECONDS:
            raise GatewayError("REQUEST_EXPIRED", "req_time is too far from now")
        return fields

    def _create_trans(self, fields: Fields) -> Result:
        customer = {
            name: _required(fields, f"customer.{name}") for name in ("cert_name", "cert_no", "cert_type", "user_type")
        }
        if customer["user_type"] not in ("PERSON", "ENTERPRISE"):
            raise GatewayError("INVALID_PARAMETER", "customer.user_type must be PERSON or ENTERPRISE")
        transaction_id = uuid.uuid4().hex
        with self._store.write() as db:
            db.execute(
                "INSERT INTO antchain_trans VALUES (?, ?, ?)",
                (transaction_id, json.dumps(customer, ensure_ascii=False), now_ms()),
            )
        tsr = self._time_stamp(fields, transaction_id)
        return {"transaction_id": transaction_id, **tsr}

    def _create_text(self, fields: Fields) -> Result:
        kind = fields.get("text_notary_type") or "TEXT"
        content = _required(fields, "notary_content", MAX_TEXT)
        if kind not in ("TEXT", "HASH"):
            raise GatewayError("INVALID_PARAMETER", "text_notary_type must be TEXT or HASH")
        if kind == "HASH" and fields.get("hash_algorithm") not in ("SHA256", "SHA-256"):
            raise GatewayError("INVALID_PARAMETER", "hash_algorithm must be SHA256")
        attributes = {"text_notary_type": kind, "hash_algorithm": fields.get("hash_algorithm", "")}
        return self._deposit(fields, "TextNotary", content, attributes)

    def _create_court_text(self, fields: Fields) -> Result:
        content = _required(fields, "text_content", MAX_TEXT)
        names = ("agency_code", "application_code", "business_type", "data_type")
        return self._deposit(fields, "CourtTextNotary", content, {name: fields.get(name, "") for name in names})

    def _deposit(self, fields: Fields, kind: str, content: str, attributes: dict[str, str]) -> Result:
        transaction_id, phase = _required(fields, "transaction_id"), _required(fields, "phase")
        if self._store.row("SELECT 1 FROM antchain_trans WHERE transaction_id = ?", transaction_id) is None:
            raise GatewayError("TRANSACTION_NOT_FOUND", "no such transaction_id")
        tsr = self._time_stamp(fields, content)
        stored = json.dumps({**attributes, **tsr}, ensure_ascii=False)
        return {"tx_hash": self._ledger.submit(transaction_id, phase, kind, content, stored), **tsr}

    def _time_stamp(self, fields: Fields, text: str) -> Result:
        """A real RFC 3161 token of this sandbox's authority, when the caller asked for one (`tsr=True`)."""
        if fields.get("tsr", "").lower() != "true":
            return {}
        digest = hashlib.sha256(text.encode()).digest()
        token = self._tsa.stamp(digest)
        return {
            "tsr": {
                "code": "0000",
                "message": "",
                "hashed_message": digest.hex(),
                "hash_algorithm": "SHA-256",
                "ts": token.gen_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "ctsr": base64.b64encode(token.content_info).decode(),
                "sn": str(token.serial),
            }
        }

    def _get_text(self, fields: Fields) -> Result:
        content, attributes = self._deposited(fields, "TextNotary")
        return {"content": content, **attributes}

    def _get_court_text(self, fields: Fields) -> Result:
        content, attributes = self._deposited(fields, "CourtTextNotary")
        return {"text_content": content, **attributes}

    def _deposited(self, fields: Fields, kind: str) -> tuple[str, Result]:
        row = self._ledger.transaction(_required(fields, "tx_hash"))
        if row is None or row["notary_type"] != kind:
            raise GatewayError("NOTARY_NOT_FOUND", NOT_FOUND[1])
        return row["content"], json.loads(row["attributes"])

    def _check_status(self, fields: Fields) -> Result:
        results: list[Result] = []
        while f"notary_check_meta_list.{len(results) + 1}.tx_hash" in fields:
            prefix = f"notary_check_meta_list.{len(results) + 1}"
            tx_hash = _required(fields, f"{prefix}.tx_hash")
            results.append(self._check(tx_hash, _required(fields, f"{prefix}.notary_content", MAX_TEXT)))
        if not results:
            raise GatewayError("MISSING_PARAMETER", "notary_check_meta_list is required")
        return {"notary_check_results": results}

    def _check(self, tx_hash: str, content: str) -> Result:
        row = self._ledger.transaction(tx_hash)
        if row is None or row["block_height"] is None:
            code, message = NOT_FOUND
            blank: Result = dict.fromkeys(("notary_time", "notary_type", "transaction_id", "block_hash", "phase"), "")
            return {**blank, "tx_hash": tx_hash, "block_height": 0, "result": False, "error_code": code} | {
                "error_message": message
            }
        digest = base64.b64encode(hashlib.sha256(row["content"].encode()).digest()).decode()
        same = content in (row["content"], digest)
        code, message = (0, "") if same else CONTENT_DIFFERS
        return {
            "tx_hash": tx_hash,
            "result": same,
            "error_code": code,
            "error_message": message,
            "block_height": row["block_height"],
            "block_hash": row["block_hash"],
            "notary_time": iso_utc(row["sealed_at"]).replace("Z", "+00:00"),
            "notary_type": row["notary_type"],
            "transaction_id": row["transaction_id"],
            "phase": row["phase"],
        }

    def _certificate(self, fields: Fields) -> Result:
        tx_hash = _required(fields, "tx_hash")
        row = self._ledger.transaction(tx_hash)
        if row is None or row["block_height"] is None:
            return {"code": NOT_FOUND[0], "message": NOT_FOUND[1], "url": ""}
        return {"code": 200, "message": "OK", "url": f"{self._public_url}/chain/tx/{tx_hash}"}


def gateway_router(gateway: NotaryGateway) -> APIRouter:
    router = APIRouter()

    @router.post("/gateway.do")
    async def call(request: Request) -> Response:
        body = await request.body()
        answer = await asyncio.to_thread(gateway.answer, request.scope["query_string"], body)
        return Response(answer, media_type="application/json")

    return router
