"""Remote signing: who may sign what, how often, and with which key. Errors are the specification's."""

import base64
import hashlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from esign_sandbox.csc.service import MULTISIGN, SAD_SECONDS, TOKEN_SECONDS
from esign_sandbox.csc.vault import PIN_ATTEMPTS

from .ca_client import AUTH, COMPANY, USCC, csr, openssl, revoke, trust_files
from .conftest import CREDENTIALS, HTTP, Running

ACCOUNT = CREDENTIALS["csc"]
SHA256 = "2.16.840.1.101.3.4.2.1"
RSA_SHA256, RSA, ECDSA_SHA256 = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1", "1.2.840.10045.4.3.2"
MESSAGE = b"to be signed"
DIGEST = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
OTHER = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
PIN = [{"id": "PIN", "value": ACCOUNT["pin"]}]


def token(sandbox: Running, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": ACCOUNT["client_id"],
        "client_secret": ACCOUNT["client_secret"],
        **changed,
    }
    return HTTP.post(f"{sandbox.url}/csc/oauth2/token", data=form)


@pytest.fixture
def call(sandbox: Running) -> Callable[..., httpx.Response]:
    """A method as the account calls it."""
    access = token(sandbox).json()["access_token"]

    def ask(method: str, **fields: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access}"}
        return HTTP.post(f"{sandbox.url}/csc/v2/{method}", json=fields, headers=headers)

    return ask


def hosted(sandbox: Running, order_no: str, algorithm: str = "EC_P256", **more: object) -> dict[str, Any]:
    order = {
        "order_no": order_no,
        "profile": "organisation",
        "subject": {"name": COMPANY, "uscc": USCC},
        "hosted_key": {"algorithm": algorithm, **more},
    }
    answer = HTTP.post(f"{sandbox.url}/ca/v1/certificates", json=order, headers=AUTH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, description: str, error: str = "invalid_request", status: int = 400) -> None:
    assert (answer.status_code, answer.json()) == (status, {"error": error, "error_description": description})


def sad(call: Callable[..., httpx.Response], credential: str, **more: object) -> str:
    fields = {"numSignatures": 1, "hashes": [DIGEST], "hashAlgorithmOID": SHA256, "authData": PIN, **more}
    answer = call("credentials/authorize", credentialID=credential, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["expiresIn"] == SAD_SECONDS
    return str(answer.json()["SAD"])


def expire(sandbox: Running, table: str, seconds: int) -> None:
    with sqlite3.connect(sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        db.execute(f"UPDATE {table} SET expires_at = expires_at - ?", (seconds * 1000,))


@pytest.mark.parametrize(
    ("algorithm", "sign_algorithm", "bits"),
    [("RSA_2048", RSA_SHA256, 2048), ("RSA_2048", RSA, 2048), ("EC_P256", ECDSA_SHA256, 256)],
)
def test_a_hosted_key_signs_for_its_certificate(
    sandbox: Running,
    call: Callable[..., httpx.Response],
    tmp_path: Path,
    algorithm: str,
    sign_algorithm: str,
    bits: int,
) -> None:
    order = hosted(sandbox, f"hosted-{sign_algorithm}", algorithm)
    credential = order["credential_id"]
    info = call("credentials/info", credentialID=credential, certificates="chain", certInfo=True, authInfo=True).json()
    assert (info["key"]["status"], info["key"]["len"], info["SCAL"]) == ("enabled", bits, "2")
    assert sign_algorithm in info["key"]["algo"]
    assert (info["auth"]["mode"], [one["id"] for one in info["auth"]["objects"]]) == ("explicit", ["PIN"])
    chain = [x509.load_der_x509_certificate(base64.b64decode(one)) for one in info["cert"]["certificates"]]
    assert len(chain) == 3
    assert chain[0] == x509.load_pem_x509_certificate(order["certificate_pem"].encode())
    assert info["cert"]["serialNumber"] == order["serial_number"].upper()

    fields = {"hashes": [DIGEST], "signAlgo": sign_algorithm, "hashAlgorithmOID": SHA256}
    answer = call("signatures/signHash", credentialID=credential, SAD=sad(call, credential), **fields)
    (encoded,) = answer.json()["signatures"]
    signature, key = base64.b64decode(encoded), chain[0].public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA256()))
    trust_files(sandbox.url, tmp_path)
    (tmp_path / "leaf.pem").write_text(order["certificate_pem"])
    openssl("verify", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem", cwd=tmp_path)


def test_an_activation_is_for_its_digests_its_credential_and_once(
    sandbox: Running, call: Callable[..., httpx.Response]
) -> None:
    credential, stranger = (hosted(sandbox, f"sad-{name}")["credential_id"] for name in ("own", "other"))

    def sign(activation: str, *digests: str, of: str = credential) -> httpx.Response:
        fields = {"SAD": activation, "hashes": list(digests), "signAlgo": ECDSA_SHA256}
        return call("signatures/signHash", credentialID=of, **fields)

    activation = sad(call, credential)
    refused(sign(activation, OTHER), "Hash is not authorized by the SAD")
    refused(sign(activation, DIGEST, of=stranger), "Invalid parameter SAD")
    refused(sign("guessed", DIGEST), "Invalid parameter SAD")
    assert sign(activation, DIGEST).status_code == 200
    refused(sign(activation, DIGEST), "Invalid parameter SAD")

    two = sad(call, credential, numSignatures=2, hashes=[DIGEST, OTHER])
    assert len(sign(two, OTHER, DIGEST).json()["signatures"]) == 2
    late = sad(call, credential)
    expire(sandbox, "csc_sad", SAD_SECONDS + 1)
    refused(sign(late, DIGEST), "SAD expired")


def test_a_credential_of_level_1_need_not_name_digests(sandbox: Running, call: Callable[..., httpx.Response]) -> None:
    credential = hosted(sandbox, "scal-1", scal="1")["credential_id"]
    answer = call("credentials/authorize", credentialID=credential, numSignatures=1, authData=PIN)
    fields = {"SAD": answer.json()["SAD"], "hashes": [OTHER], "signAlgo": ECDSA_SHA256}
    assert call("signatures/signHash", credentialID=credential, **fields).status_code == 200
    strict = hosted(sandbox, "scal-2")["credential_id"]
    unbound = call("credentials/authorize", credentialID=strict, numSignatures=1, authData=PIN)
    refused(unbound, "Missing (or invalid type) array parameter hash")


def test_authorisation_is_refused_as_documented(sandbox: Running, call: Callable[..., httpx.Response]) -> None:
    credential = hosted(sandbox, "refusals")["credential_id"]
    good = {"credentialID": credential, "numSignatures": 1, "hashes": [DIGEST], "hashAlgorithmOID": SHA256}
    for changed, description in (
        ({"credentialID": "none"}, "Invalid parameter credentialID"),
        ({"credentialID": 7}, "Missing (or invalid type) string parameter credentialID"),
        ({"numSignatures": "1"}, "Missing (or invalid type) integer parameter numSignatures"),
        ({"numSignatures": 0}, "Invalid value for parameter numSignatures"),
        ({"numSignatures": MULTISIGN + 1}, "Numbers of signatures is too high"),
        ({"hashes": []}, "Empty hash array"),
        ({"hashes": ["%"]}, "Invalid Base64 hash string parameter"),
        ({"hashes": ["AAAA"]}, "Invalid digest value length"),
        ({"hashAlgorithmOID": "1.2.3"}, "Invalid parameter hashAlgorithmOID"),
    ):
        refused(call("credentials/authorize", **{**good, "authData": PIN, **changed}), description)
    activation = sad(call, credential)
    for fields, description in (
        ({}, "Missing (or invalid type) string parameter SAD"),
        ({"SAD": activation, "hashes": [DIGEST]}, "Missing (or invalid type) string parameter signAlgo"),
        ({"SAD": activation, "hashes": [DIGEST], "signAlgo": RSA_SHA256}, "Invalid parameter signAlgo"),
    ):
        refused(call("signatures/signHash", credentialID=credential, **fields), description)


def test_wrong_pins_lock_a_credential(sandbox: Running, call: Callable[..., httpx.Response]) -> None:
    credential = hosted(sandbox, "pins")["credential_id"]
    good = {"credentialID": credential, "numSignatures": 1, "hashes": [DIGEST], "hashAlgorithmOID": SHA256}
    for data in [[{"id": "PIN", "value": "0000"}], [], None, "x", [{"id": "OTP", "value": ACCOUNT["pin"]}]]:
        answer = call("credentials/authorize", **good, authData=data)
        refused(answer, "The authentication data is invalid", "invalid_authentication_data")
    assert PIN_ATTEMPTS == 5
    refused(call("credentials/authorize", **good, authData=PIN), "Credential locked")


def test_a_revoked_certificate_ends_its_credential(sandbox: Running, call: Callable[..., httpx.Response]) -> None:
    credential = hosted(sandbox, "revoked")["credential_id"]
    activation = sad(call, credential)
    assert credential in call("credentials/list", onlyValid=True).json()["credentialIDs"]
    revoke(sandbox.url, "revoked")
    info = call("credentials/info", credentialID=credential).json()
    assert (info["key"]["status"], info["cert"]["status"]) == ("disabled", "revoked")
    good = {"credentialID": credential, "hashes": [DIGEST]}
    answer = call("credentials/authorize", **good, numSignatures=1, hashAlgorithmOID=SHA256, authData=PIN)
    refused(answer, "The credential identified by credentialID is disabled")
    assert call("signatures/signHash", **good, SAD=activation, signAlgo=ECDSA_SHA256).status_code == 400
    listed = call("credentials/list", onlyValid=True, credentialInfo=True).json()
    assert credential not in listed["credentialIDs"]
    assert {one["credentialID"] for one in listed["credentialInfos"]} == set(listed["credentialIDs"])


def test_access_tokens(sandbox: Running) -> None:
    for changed, description in (
        ({"client_secret": "wrong"}, "Invalid parameter client_secret"),
        ({"client_id": "stranger"}, "Invalid parameter client_id"),
        ({"grant_type": "password"}, "Invalid parameter grant_type"),
        ({"client_secret": ""}, "Client authorization required"),
        ({"client_id": ""}, "Missing parameter client_id"),
    ):
        refused(token(sandbox, **changed), description)
    info = HTTP.post(f"{sandbox.url}/csc/v2/info", json={}).json()
    assert info["specs"].startswith("2.")
    assert info["oauth2"] == f"{sandbox.url}/csc"

    def ask(authorization: dict[str, str], method: str = "credentials/list") -> httpx.Response:
        return HTTP.post(f"{sandbox.url}/csc/v2/{method}", json={}, headers=authorization)

    refused(ask({}), "Malformed authorization header")
    refused(ask({"Authorization": "Bearer guessed"}), "The access token is not valid", "invalid_token", 401)
    refused(ask({}, "signatures/signDoc"), "signatures/signDoc is not implemented", status=501)
    good = {"Authorization": f"Bearer {token(sandbox).json()['access_token']}"}
    assert ask(good).status_code == 200
    expire(sandbox, "csc_token", TOKEN_SECONDS + 1)
    refused(ask(good), "The access token is expired", "expired_token", 401)


def test_one_order_has_one_key(sandbox: Running) -> None:
    first = hosted(sandbox, "hosted-twice")
    again = hosted(sandbox, "hosted-twice")
    assert again == first
    order = {"order_no": "hosted-twice", "profile": "organisation", "subject": {"name": COMPANY, "uscc": USCC}}
    for key, status in (
        ({"hosted_key": {"algorithm": "RSA_2048"}}, 409),
        ({"csr_pem": csr(ec.generate_private_key(ec.SECP256R1()))}, 409),
        ({}, 400),
        ({"hosted_key": {"algorithm": "EC_P256"}, "csr_pem": "x"}, 400),
    ):
        assert HTTP.post(f"{sandbox.url}/ca/v1/certificates", json=order | key, headers=AUTH).status_code == status


def test_an_order_that_was_refused_leaves_no_credential_to_use(
    sandbox: Running, call: Callable[..., httpx.Response]
) -> None:
    order = {"order_no": "hosted-bad", "profile": "organisation", "subject": {"name": COMPANY, "uscc": "1"}}
    order |= {"hosted_key": {"algorithm": "EC_P256"}}
    assert HTTP.post(f"{sandbox.url}/ca/v1/certificates", json=order, headers=AUTH).status_code == 422
    assert call("credentials/list").status_code == 200


def test_faults(sandbox: Running, call: Callable[..., httpx.Response]) -> None:
    sandbox.fault("csc", "down")
    assert call("credentials/list").status_code == 503
    sandbox.fault("csc", "error")
    refused(call("credentials/list"), "internal error", "server_error", 500)
    sandbox.fault("csc", "slow", 150)
    started = time.monotonic()
    assert call("credentials/list").status_code == 200
    assert time.monotonic() - started > 0.15
