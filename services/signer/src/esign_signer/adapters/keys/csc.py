"""Remote signing by the Cloud Signature Consortium API v2.0: a CA that keeps organisations' keys itself (托管云单位证书) signs
our digests with them.

The service is authorised by client credentials (section 8.5.2.2), each signature by Signature Activation Data (SAD) that
is bound to its digest, whether the credential demands that (SCAL 2) or not. pyHanko's own client speaks version 1,
leaves authorisation to its caller, and is asynchronous: the workers need one call with a deadline.
"""

import base64
import binascii
import hashlib
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from esign_kit.lean import without

from esign_signer.adapters.keys.request import PublicKey, public_key_sha256
from esign_signer.adapters.keys.settings import CscSettings
from esign_signer.domain.keys import (
    KeyAlgorithm,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    NewKey,
    StoredKey,
)

with without("rich"):  # for a command line
    import httpx

MAX_ANSWER: Final = 256 * 1024
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
# In the order of preference: one that says its hash goes before one that leaves it open.
_SIGN_ALGORITHMS: Final = {
    KeyAlgorithm.RSA_2048: ("1.2.840.113549.1.1.11", _RSA_ENCRYPTION),
    KeyAlgorithm.EC_P256: ("1.2.840.10045.4.3.2",),
}
_EXPIRY_MARGIN: Final = 30.0

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Credential:
    """What must be known of a credential to sign with it. `authentication` is the id of the PIN's object, None when the
    service's authorisation is enough."""

    public_key: PublicKey
    algorithm: KeyAlgorithm
    sign_algorithm: str
    authentication: str | None


class _Refused(Exception):
    """An answer of status 4xx."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(f"{status} {code}: {description}")
        self.status, self.code = status, code


class CscKeyStore:
    """Uses keys that a provider made and keeps. Not safe for use from several threads."""

    def __init__(self, settings: CscSettings) -> None:
        self._settings = settings
        secure = settings.base_url.startswith("https:")
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=settings.ca_file) if secure else False, trust_env=False
        )
        self._api = f"{settings.base_url.rstrip('/')}/csc/v2/"
        self._token_url = ""
        self._token = ("", 0.0)
        self._credentials: dict[str, _Credential] = {}
        self._refused_pin = b""
        self._deadline = 0.0

    def adopt(self, credential_id: str) -> NewKey:
        """The key of a credential that the CA made, after asking the provider whether we can sign with it.

        Raises KeyStoreError when we cannot, KeyStoreUnavailable.
        """
        self._start()
        credential = self._credential(credential_id)
        return NewKey(
            credential_id.encode(),
            public_key_sha256(credential.public_key),
            b"",
            KeyStoreKind.CSC,
            credential.algorithm,
        )

    def sign_digest(self, stored: StoredKey, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest, checked against the credential's certificate. Raises KeyStoreError,
        KeyStoreUnavailable."""
        self._start()
        credential_id = stored.wrapped.decode()
        credential = self._credentials.get(credential_id)
        if credential is None:
            credential = self._credentials[credential_id] = self._credential(credential_id)
        if credential.algorithm is not stored.algorithm:
            raise KeyStoreError("the credential has a key of another algorithm now")
        try:
            sad = self._authorise(credential_id, credential, digest)
            signature = self._sign(credential_id, credential, sad, digest)
        except (KeyStoreError, KeyStoreUnavailable):
            self._credentials.pop(credential_id, None)
            raise
        _verify(credential.public_key, signature, digest)
        return signature

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _start(self) -> None:
        self._deadline = time.monotonic() + self._settings.deadline_seconds

    def _credential(self, credential_id: str) -> _Credential:
        wanted = {"credentialID": credential_id, "certificates": "chain", "authInfo": True}
        try:
            answer = self._call("credentials/info", wanted)
        except _Refused as error:
            raise KeyStoreError(f"credentials/info: {error}") from error
        key, certificate = _table(answer, "key"), _table(answer, "cert")
        if key.get("status") != "enabled" or certificate.get("status", "valid") != "valid":
            raise KeyStoreError("the credential cannot be used for signing")
        public_key, algorithm = _key_of(certificate)
        offered = key.get("algo")
        for sign_algorithm in _SIGN_ALGORITHMS[algorithm]:
            if isinstance(offered, list) and sign_algorithm in offered:
                return _Credential(public_key, algorithm, sign_algorithm, _authentication(_table(answer, "auth")))
        raise KeyStoreError("the credential offers no signature algorithm that we use")

    def _authorise(self, credential_id: str, credential: _Credential, digest: bytes) -> str:
        """The SAD for one signature over `digest`."""
        wanted: dict[str, object] = {
            "credentialID": credential_id,
            "numSignatures": 1,
            "hashes": [base64.b64encode(digest).decode()],
            "hashAlgorithmOID": _SHA256,
        }
        fingerprint = b""
        if credential.authentication is not None:
            pin = self._pin()
            fingerprint = hashlib.sha256(pin.encode()).digest()
            if fingerprint == self._refused_pin:
                # A few wrong attempts lock a credential.
                raise KeyStoreUnavailable("credentials/authorize: this PIN was refused before")
            wanted["authData"] = [{"id": credential.authentication, "value": pin}]
        try:
            answer = self._call("credentials/authorize", wanted)
        except _Refused as error:
            if error.code == "invalid_authentication_data":
                self._refused_pin = fingerprint
                raise KeyStoreUnavailable(f"credentials/authorize: {error}") from error
            raise KeyStoreError(f"credentials/authorize: {error}") from error
        sad = answer.get("SAD")
        if not isinstance(sad, str) or not sad:
            # HTTP 202 with a handle: a person has to consent first.
            raise KeyStoreError("credentials/authorize gave no SAD at once")
        return sad

    def _sign(self, credential_id: str, credential: _Credential, sad: str, digest: bytes) -> bytes:
        wanted: dict[str, object] = {
            "credentialID": credential_id,
            "SAD": sad,
            "hashes": [base64.b64encode(digest).decode()],
            "signAlgo": credential.sign_algorithm,
        }
        if credential.sign_algorithm == _RSA_ENCRYPTION:
            wanted["hashAlgorithmOID"] = _SHA256
        try:
            answer = self._call("signatures/signHash", wanted)
        except _Refused as error:
            # The credential was good a moment ago: another SAD may do.
            raise KeyStoreUnavailable(f"signatures/signHash: {error}") from error
        found = answer.get("signatures")
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], str):
            raise KeyStoreUnavailable("signatures/signHash gave no signature")
        return _decoded(found[0])

    def _pin(self) -> str:
        if self._settings.pin_file is None:
            raise KeyStoreError("the credential asks for a PIN, and none is set")
        return self._settings.pin_file.read_text().strip()

    def _call(self, method: str, wanted: Json) -> Json:
        """A method's answer. An access token that the service does not take is renewed once. Raises _Refused,
        KeyStoreUnavailable."""
        status, answer = self._ask(method, wanted)
        if status == 401:
            self._token = ("", 0.0)
            status, answer = self._ask(method, wanted)
        if status == 401:
            raise KeyStoreUnavailable(f"{method}: our access tokens are refused")
        if status >= 400:
            raise _Refused(status, str(answer.get("error", "")), str(answer.get("error_description", "")))
        return answer

    def _ask(self, method: str, wanted: Json) -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {self._access_token()}"}
        return self._post(self._api + method, headers, json.dumps(wanted).encode(), "application/json")

    def _access_token(self) -> str:
        token, expires = self._token
        if token and time.monotonic() < expires:
            return token
        if not self._token_url:
            self._token_url = self._find_token_url()
        secret = self._settings.client_secret_file.read_text().strip()
        form = urlencode(
            {"grant_type": "client_credentials", "client_id": self._settings.client_id, "client_secret": secret}
        )
        status, answer = self._post(self._token_url, {}, form.encode(), "application/x-www-form-urlencoded")
        token = str(answer.get("access_token", ""))
        if status != 200 or not token:
            raise KeyStoreUnavailable(f"oauth2/token: {status} {answer.get('error', '')}")
        seconds = answer.get("expires_in", 3600)
        lifetime = float(seconds) if isinstance(seconds, int | float) else 3600.0
        self._token = (token, time.monotonic() + max(lifetime - _EXPIRY_MARGIN, lifetime / 2))
        return token

    def _find_token_url(self) -> str:
        """Where the service says that its tokens are issued: over TLS when it is reached over TLS."""
        status, answer = self._post(self._api + "info", {}, b"{}", "application/json")
        version, base = str(answer.get("specs", "")), str(answer.get("oauth2", ""))
        if status != 200 or not version.startswith("2."):
            raise KeyStoreUnavailable(f"info: {status}, version {version[:20]!r}")
        if not base.startswith(self._settings.base_url.split("//")[0]):
            raise KeyStoreUnavailable("info names no authorization server that we may use")
        return f"{base.rstrip('/')}/oauth2/token"

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, content_type: str) -> tuple[int, Json]:
        """Status and JSON of one answer below 500. Raises KeyStoreUnavailable."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise KeyStoreUnavailable("out of time")
        until = time.monotonic() + min(left, self._settings.attempt_seconds)
        try:
            with self._http.stream(
                "POST",
                url,
                content=body,
                headers={"Content-Type": content_type, "Accept": "application/json", **headers},
                timeout=min(left, self._settings.attempt_seconds),
            ) as response:
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MAX_ANSWER or time.monotonic() > until:
                        raise KeyStoreUnavailable("the answer is too long, or too slow")
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise KeyStoreUnavailable(f"{url}: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise KeyStoreUnavailable(f"{url}: HTTP {response.status_code}")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise KeyStoreUnavailable(f"{url}: HTTP {response.status_code}, not JSON")
        return response.status_code, answer


def _table(answer: Json, name: str) -> Json:
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def _key_of(certificate: Json) -> tuple[PublicKey, KeyAlgorithm]:
    """The public key in the credential's own certificate."""
    found = certificate.get("certificates")
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise KeyStoreError("the credential has no certificate")
    try:
        key = x509.load_der_x509_certificate(_decoded(found[0])).public_key()
    except ValueError as error:
        raise KeyStoreError("the credential's certificate cannot be read") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048:
        return key, KeyAlgorithm.RSA_2048
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key, KeyAlgorithm.EC_P256
    raise KeyStoreError("the credential's key is neither RSA-2048 nor EC P-256")


def _authentication(auth: Json) -> str | None:
    """The id of the one password that a credential asks for. Raises KeyStoreError for what needs a person."""
    mode, objects = auth.get("mode"), auth.get("objects")
    if mode == "implicit" or (mode == "explicit" and not objects):
        return None
    if mode == "explicit" and isinstance(objects, list) and len(objects) == 1 and isinstance(objects[0], dict):
        one = objects[0]
        if one.get("type") == "Password" and "generator" not in one and isinstance(one.get("id"), str):
            return str(one["id"])
    raise KeyStoreError("the credential cannot be authorised without a person")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise KeyStoreUnavailable("not base64") from error


def _verify(key: PublicKey, signature: bytes, digest: bytes) -> None:
    """Raises KeyStoreUnavailable unless `signature` is `key`'s over `digest`: nothing else goes into a document."""
    algorithm = Prehashed(hashes.SHA256())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), algorithm)
        else:
            key.verify(signature, digest, ec.ECDSA(algorithm))
    except InvalidSignature as error:
        raise KeyStoreUnavailable("signatures/signHash gave a signature that does not hold") from error
