"""The API's methods (Cloud Signature Consortium API v2.0), with client credentials for the service and a PIN for each
credential.

Signature Activation Data (SAD) is good for one credential, for the digests that it was asked for, and for as many
signatures as it was asked for.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from esign_sandbox.ca.orders import Orders, UnknownOrderError
from esign_sandbox.credentials import CscAccount
from esign_sandbox.csc.vault import Vault, signature
from esign_sandbox.store import Store, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS csc_token (token_hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS csc_sad (
  sad_hash TEXT PRIMARY KEY, credential_id TEXT NOT NULL, digests TEXT, signatures_left INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
"""
TOKEN_SECONDS: Final = 3600
SAD_SECONDS: Final = 300
MULTISIGN: Final = 10
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA256_LENGTH: Final = 32
P256: Final = "1.2.840.10045.3.1.7"
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
SIGN_ALGORITHMS: Final[dict[str, tuple[str, ...]]] = {
    "RSA_2048": ("1.2.840.113549.1.1.11", RSA_ENCRYPTION),
    "EC_P256": ("1.2.840.10045.4.3.2",),
}
METHODS: Final = ("credentials/list", "credentials/info", "credentials/authorize", "signatures/signHash")
Body = Mapping[str, object]


class CscError(Exception):
    """An error as section 10.2 describes it."""

    def __init__(self, description: str, error: str = "invalid_request", status: int = 400) -> None:
        super().__init__(description)
        self.error, self.status = error, status


class RemoteSigning:
    """The methods. Each takes a request's JSON and gives the answer's; raises CscError."""

    def __init__(self, store: Store, vault: Vault, orders: Orders, account: CscAccount, public_url: str) -> None:
        self._store, self._vault, self._orders, self._account = store, vault, orders, account
        self._public_url = public_url

    def info(self, _: Body) -> dict[str, object]:
        """Section 11.1."""
        return {
            "specs": "2.0.0.0",
            "name": "Sandbox Remote Signing (test only)",
            "logo": f"{self._public_url}/favicon.ico",
            "region": "CN",
            "lang": "en-US",
            "description": "Keeps organisations' keys on a developer's machine",
            "authType": ["oauth2client"],
            "oauth2": f"{self._public_url}/csc",
            "methods": [*METHODS, "oauth2/token"],
            "signAlgorithms": {"algos": [oid for algos in SIGN_ALGORITHMS.values() for oid in algos]},
            "signature_formats": {"formats": [], "envelope_properties": []},
            "conformance_levels": [],
        }

    def token(self, form: Mapping[str, str]) -> dict[str, object]:
        """Section 8.4.4, client credentials."""
        for name in ("client_id", "grant_type"):
            if not form.get(name):
                raise CscError(f"Missing parameter {name}")
        if form["grant_type"] != "client_credentials":
            raise CscError("Invalid parameter grant_type")
        if not form.get("client_secret"):
            raise CscError("Client authorization required")
        if not hmac.compare_digest(form["client_id"].encode(), self._account.client_id.encode()):
            raise CscError("Invalid parameter client_id")
        if not hmac.compare_digest(form["client_secret"].encode(), self._account.client_secret.encode()):
            raise CscError("Invalid parameter client_secret")
        token = secrets.token_urlsafe(32)
        with self._store.write() as db:
            db.execute("DELETE FROM csc_token WHERE expires_at < ?", (now_ms() - 86_400_000,))
            db.execute("INSERT INTO csc_token VALUES (?, ?)", (_hash(token), now_ms() + TOKEN_SECONDS * 1000))
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}

    def check_token(self, authorization: str) -> None:
        """Raises CscError unless the header carries a token of ours that is still good."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise CscError("Malformed authorization header")
        row = self._store.row("SELECT expires_at FROM csc_token WHERE token_hash = ?", _hash(token))
        if row is None:
            raise CscError("The access token is not valid", "invalid_token", 401)
        if row["expires_at"] <= now_ms():
            raise CscError("The access token is expired", "expired_token", 401)

    def credentials(self, body: Body) -> dict[str, object]:
        """Section 11.4."""
        if body.get("userID") is not None:
            raise CscError("userID parameter MUST be null")
        only_valid = body.get("onlyValid") is True
        rows = [row for row in self._vault.all() if not only_valid or self._certificate(row)[0] == "valid"]
        answer: dict[str, object] = {"credentialIDs": [row["credential_id"] for row in rows]}
        if body.get("credentialInfo") is True:
            infos = [{"credentialID": row["credential_id"], **self._described(row, body)} for row in rows]
            answer["credentialInfos"] = infos
        if only_valid:
            answer["onlyValid"] = True
        return answer

    def credential(self, body: Body) -> dict[str, object]:
        """Section 11.5."""
        return self._described(self._row(body), body)

    def authorize(self, body: Body) -> dict[str, object]:
        """Section 11.6."""
        row = self._row(body)
        if self._certificate(row)[0] != "valid":
            raise CscError("The credential identified by credentialID is disabled")
        count = body.get("numSignatures")
        if not isinstance(count, int) or isinstance(count, bool):
            raise CscError("Missing (or invalid type) integer parameter numSignatures")
        if count < 1:
            raise CscError("Invalid value for parameter numSignatures")
        if count > MULTISIGN:
            raise CscError("Numbers of signatures is too high")
        digests = None
        if body.get("hashes") is not None or row["scal"] == "2":
            digests = _digests(body)
            if body.get("hashAlgorithmOID") != SHA256:
                raise CscError("Invalid parameter hashAlgorithmOID")
            if len(digests) > count:
                raise CscError("Invalid value for parameter numSignatures")
        self._check_pin(row, body)
        sad = secrets.token_urlsafe(32)
        with self._store.write() as db:
            db.execute("DELETE FROM csc_sad WHERE expires_at < ?", (now_ms() - 86_400_000,))
            db.execute(
                "INSERT INTO csc_sad VALUES (?, ?, ?, ?, ?)",
                (
                    _hash(sad),
                    row["credential_id"],
                    None if digests is None else json.dumps([digest.hex() for digest in digests]),
                    count,
                    now_ms() + SAD_SECONDS * 1000,
                ),
            )
        return {"SAD": sad, "expiresIn": SAD_SECONDS}

    def sign(self, body: Body) -> dict[str, object]:
        """Section 11.10, synchronous."""
        row = self._row(body)
        sad = _text(body, "SAD")
        digests = _digests(body)
        algorithm = _text(body, "signAlgo")
        if algorithm not in SIGN_ALGORITHMS[row["algorithm"]]:
            raise CscError("Invalid parameter signAlgo")
        if algorithm == RSA_ENCRYPTION and _text(body, "hashAlgorithmOID") != SHA256:
            raise CscError("Invalid parameter hashAlgorithmOID")
        if body.get("operationMode", "S") != "S":
            raise CscError("Invalid parameter operationMode")
        if self._certificate(row)[0] != "valid":
            raise CscError("Signing certificate is expired")
        self._use(sad, row["credential_id"], digests)
        return {"signatures": [base64.b64encode(signature(row, digest)).decode() for digest in digests]}

    def _use(self, sad: str, credential_id: str, digests: list[bytes]) -> None:
        """Takes `digests` off what the SAD still allows, before anything is signed."""
        with self._store.write() as db:
            row = db.execute("SELECT * FROM csc_sad WHERE sad_hash = ?", (_hash(sad),)).fetchone()
            if row is None or row["credential_id"] != credential_id:
                raise CscError("Invalid parameter SAD")
            if row["expires_at"] <= now_ms():
                raise CscError("SAD expired")
            if row["signatures_left"] < len(digests):
                raise CscError("Invalid parameter SAD")
            bound = None if row["digests"] is None else json.loads(row["digests"])
            for digest in digests:
                if bound is not None:
                    if digest.hex() not in bound:
                        raise CscError("Hash is not authorized by the SAD")
                    bound.remove(digest.hex())
            db.execute(
                "UPDATE csc_sad SET signatures_left = signatures_left - ?, digests = ? WHERE sad_hash = ?",
                (len(digests), None if bound is None else json.dumps(bound), row["sad_hash"]),
            )

    def _check_pin(self, row: sqlite3.Row, body: Body) -> None:
        given = body.get("authData")
        objects = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        pin = next((str(one.get("value")) for one in objects if one.get("id") == "PIN"), "")
        taken = self._vault.takes_pin(row["credential_id"], pin, self._account.pin)
        if taken is None:
            raise CscError("Credential locked")
        if not taken:
            raise CscError("The authentication data is invalid", "invalid_authentication_data")

    def _row(self, body: Body) -> sqlite3.Row:
        credential_id = _text(body, "credentialID")
        row = self._vault.find(credential_id)
        if row is None:
            raise CscError("Invalid parameter credentialID")
        return row

    def _certificate(self, row: sqlite3.Row) -> tuple[str | None, list[x509.Certificate]]:
        """Its status and its chain, leaf first; None and none before it is issued."""
        try:
            order = self._orders.status(row["order_no"])
        except UnknownOrderError:
            return None, []
        if "certificate_pem" not in order:
            return None, []
        chain = x509.load_pem_x509_certificates(f"{order['certificate_pem']}{order['chain_pem']}".encode())
        if chain[0].not_valid_after_utc.timestamp() * 1000 < now_ms():
            return "expired", chain
        return "valid" if order["status"] == "issued" else "revoked", chain

    def _described(self, row: sqlite3.Row, body: Body) -> dict[str, object]:
        wanted = body.get("certificates", "single")
        if wanted not in ("none", "single", "chain"):
            raise CscError("Invalid parameter certificates")
        status, chain = self._certificate(row)
        key: dict[str, object] = {
            "status": "enabled" if status == "valid" else "disabled",
            "algo": list(SIGN_ALGORITHMS[row["algorithm"]]),
            "len": 256 if row["algorithm"] == "EC_P256" else 2048,
        }
        if row["algorithm"] == "EC_P256":
            key["curve"] = P256
        certificate: dict[str, object] = {}
        if chain:
            certificate["status"] = status
            shown = {"none": [], "single": chain[:1], "chain": chain}[str(wanted)]
            if shown:
                der = [one.public_bytes(Encoding.DER) for one in shown]
                certificate["certificates"] = [base64.b64encode(one).decode() for one in der]
            if body.get("certInfo") is True:
                certificate |= _details(chain[0])
        answer: dict[str, object] = {"key": key, "cert": certificate}
        if body.get("authInfo") is True:
            password = {"type": "Password", "id": "PIN", "format": "N", "label": "PIN", "description": "Signature PIN"}
            answer["auth"] = {"mode": "explicit", "expression": "PIN", "objects": [password]}
        return answer | {"SCAL": row["scal"], "multisign": MULTISIGN, "lang": "en-US"}


def _text(body: Body, name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise CscError(f"Missing (or invalid type) string parameter {name}")
    return found


def _digests(body: Body) -> list[bytes]:
    found = body.get("hashes")
    if not isinstance(found, list):
        raise CscError("Missing (or invalid type) array parameter hash")
    if not found:
        raise CscError("Empty hash array")
    digests = []
    for one in found:
        try:
            digests.append(base64.b64decode(one, validate=True))
        except (TypeError, binascii.Error):
            raise CscError("Invalid Base64 hash string parameter") from None
    if any(len(digest) != SHA256_LENGTH for digest in digests):
        raise CscError("Invalid digest value length")
    return digests


def _details(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "issuerDN": certificate.issuer.rfc4514_string(),
        "serialNumber": f"{certificate.serial_number:X}",
        "subjectDN": certificate.subject.rfc4514_string(),
        "validFrom": f"{certificate.not_valid_before_utc:%Y%m%d%H%M%SZ}",
        "validTo": f"{certificate.not_valid_after_utc:%Y%m%d%H%M%SZ}",
    }


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
