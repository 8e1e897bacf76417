"""Certificates, their status and time stamps, judged by openssl and cryptography."""

import base64
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from esign_sandbox.ca.policy import a_year_after, utc_now
from esign_sandbox.identifiers import is_resident_id, is_uscc

from .ca_client import AUTH, COMPANY, USCC, csr, event, openssl, organisation, place, revoke, trust_files
from .conftest import HTTP, Running


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def issued(url: str, order: dict[str, Any]) -> x509.Certificate:
    answer = place(url, order)
    assert answer.status_code == 200, answer.text
    return x509.load_pem_x509_certificate(answer.json()["certificate_pem"].encode())


def test_organisation_certificate_follows_the_policy(sandbox: Running) -> None:
    key = ec_key()
    certificate = issued(sandbox.url, organisation("org-policy", key))
    assert certificate.public_key() == key.public_key()
    assert {attribute.rfc4514_attribute_name: attribute.value for attribute in certificate.subject} == {
        "C": "CN", "O": COMPANY, "CN": COMPANY, "2.5.4.97": f"NTRCN-{USCC}", "2.5.4.5": USCC,
    }  # fmt: skip
    assert certificate.not_valid_after_utc == a_year_after(certificate.not_valid_before_utc)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment


def test_event_certificate_is_short_and_pseudonymous(sandbox: Running) -> None:
    certificate = issued(sandbox.url, event("event-policy", ec_key()))
    assert certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)[0].value == "P-event-policy"
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=1)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment) == (False, True)


def test_same_order_gives_the_same_certificate_and_another_request_conflicts(sandbox: Running) -> None:
    key = ec_key()
    first = place(sandbox.url, organisation("org-idem", key)).json()
    assert place(sandbox.url, organisation("org-idem", key)).json() == first
    assert HTTP.get(f"{sandbox.url}/ca/v1/certificates/org-idem", headers=AUTH).json() == first
    for other in (organisation("org-idem", ec_key()), event("org-idem", key)):
        answer = place(sandbox.url, other)
        assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_CONFLICT")


def test_concurrent_requests_for_one_order_issue_once(sandbox: Running) -> None:
    order = organisation("org-race", ec_key())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: place(sandbox.url, order).json(), range(8)))
    assert len({answer["serial_number"] for answer in answers}) == 1


def test_pending_order_is_issued_when_the_authority_gets_to_it(sandbox: Running) -> None:
    sandbox.fault("ca", "pending")
    answer = place(sandbox.url, organisation("org-pending", ec_key()))
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert revoke(sandbox.url, "org-pending").json()["code"] == "ORDER_NOT_FOUND"
    sandbox.fault("ca", "ok")
    status = HTTP.get(f"{sandbox.url}/ca/v1/certificates/org-pending", headers=AUTH).json()
    assert status["status"] == "issued"


def tampered_csr() -> str:
    der = x509.load_pem_x509_csr(csr(ec_key()).encode()).public_bytes(Encoding.DER)
    broken = der[:-1] + bytes([der[-1] ^ 1])
    body = base64.encodebytes(broken).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"csr_pem": "not a request"}, 422, "CSR_INVALID"),
        ({"csr_pem": tampered_csr()}, 422, "CSR_INVALID"),
        ({"csr_pem": csr(rsa.generate_private_key(65537, 1024))}, 422, "KEY_WEAK"),
        ({"csr_pem": csr(ec.generate_private_key(ec.SECP521R1()))}, 422, "KEY_WEAK"),
        ({"subject": {"name": COMPANY, "uscc": USCC[:-1] + "6"}}, 422, "SUBJECT_INVALID"),
        ({"subject": {"name": " ", "uscc": USCC}}, 422, "SUBJECT_INVALID"),
        ({"profile": "event", "subject": {"name": "样", "pseudonym": "11010519491231002X"}}, 422, "SUBJECT_INVALID"),
        ({"validity_seconds": 400 * 86400}, 422, "VALIDITY_NOT_ALLOWED"),
        ({"profile": "tsa"}, 400, "INVALID_REQUEST"),
        ({"order_no": "../x"}, 400, "INVALID_REQUEST"),
    ],
)
def test_what_is_not_certified(sandbox: Running, change: dict[str, Any], status: int, code: str) -> None:
    answer = place(sandbox.url, organisation("org-refused", ec_key()) | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert HTTP.get(f"{sandbox.url}/ca/v1/certificates/org-refused", headers=AUTH).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer 密".encode()}])
def test_orders_need_the_client_secret(sandbox: Running, headers: dict[str, str]) -> None:
    answer = HTTP.post(f"{sandbox.url}/ca/v1/certificates", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_revocation_shows_at_once_in_ocsp_and_crl(sandbox: Running, tmp_path: Path) -> None:
    for order_no in ("org-good", "org-revoked"):
        certificate = issued(sandbox.url, organisation(order_no, ec_key()))
        (tmp_path / f"{order_no}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    HTTP.get(f"{sandbox.url}/ca/crl/issuing.crl").raise_for_status()
    first = revoke(sandbox.url, "org-revoked").json()
    assert first["status"] == "revoked"
    assert revoke(sandbox.url, "org-revoked", "superseded").json() == first
    trust_files(sandbox.url, tmp_path)

    verify = ("verify", "-crl_check_all", "-CAfile", "trust.pem", "-untrusted", "issuing.pem")
    assert "OK" in openssl(*verify, "org-good.pem", cwd=tmp_path)
    assert "certificate revoked" in openssl(*verify, "org-revoked.pem", cwd=tmp_path, check=False)
    ask = ("ocsp", "-issuer", "issuing.pem", "-CAfile", "root.pem", "-verify_other", "issuing.pem")
    for order_no, word in (("org-good", "good"), ("org-revoked", "keyCompromise")):
        for digest in ("-sha1", "-sha256"):
            options = (digest, "-cert", f"{order_no}.pem", "-url", f"{sandbox.url}/ca/ocsp")
            answer = openssl(*ask, *options, cwd=tmp_path)
            assert "Response verify OK" in answer
            assert word in answer
            assert "no nonce" not in answer


def test_ocsp_by_get_unknown_foreign_and_malformed(sandbox: Running) -> None:
    issuer = x509.load_der_x509_certificate(HTTP.get(f"{sandbox.url}/ca/certs/issuing.cer").content)
    root = x509.load_pem_x509_certificate(HTTP.get(f"{sandbox.url}/ca/roots.pem").content)
    known = issued(sandbox.url, event("ocsp-get", ec_key()))

    def ask(request: ocsp.OCSPRequest) -> ocsp.OCSPResponse:
        encoded = base64.b64encode(request.public_bytes(Encoding.DER)).decode()
        quoted = encoded.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return ocsp.load_der_ocsp_response(HTTP.get(f"{sandbox.url}/ca/ocsp/{quoted}").content)

    builder = ocsp.OCSPRequestBuilder()
    good = ask(builder.add_certificate(known, issuer, hashes.SHA256()).build())
    assert good.certificate_status == ocsp.OCSPCertStatus.GOOD
    name, key = good.issuer_name_hash, good.issuer_key_hash
    unknown = ask(builder.add_certificate_by_hash(name, key, 4711, hashes.SHA256()).build())
    assert unknown.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    foreign = ask(builder.add_certificate(issuer, root, hashes.SHA1()).build())
    assert foreign.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED
    for bad in (b"", b"\x30\x03\x02\x01\x01", b"x" * 5000):
        answer = ocsp.load_der_ocsp_response(HTTP.post(f"{sandbox.url}/ca/ocsp", content=bad).content)
        assert answer.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def time_stamp(url: str, query: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query"}
    return HTTP.post(f"{url}/ca/tsa", content=query, headers=headers).raise_for_status().content


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512", "sm3"])
@pytest.mark.parametrize("options", [("-cert",), ("-no_nonce",), ("-cert", "-tspolicy", "1.3.6.1.4.1.32473.1.2.1")])
def test_openssl_verifies_time_stamps(sandbox: Running, tmp_path: Path, digest: str, options: tuple[str, ...]) -> None:
    trust_files(sandbox.url, tmp_path)
    (tmp_path / "data").write_bytes(b"contract")
    openssl("ts", "-query", "-data", "data", f"-{digest}", *options, "-out", "q.tsq", cwd=tmp_path)
    (tmp_path / "a.tsr").write_bytes(time_stamp(sandbox.url, (tmp_path / "q.tsq").read_bytes()))
    chain = tmp_path / "untrusted.pem"
    chain.write_bytes((tmp_path / "issuing.pem").read_bytes() + tsa_certificate(sandbox.url))
    verify = ("ts", "-verify", "-in", "a.tsr", "-CAfile", "root.pem", "-untrusted", "untrusted.pem")
    assert "Verification: OK" in openssl(*verify, "-queryfile", "q.tsq", cwd=tmp_path)
    (tmp_path / "data").write_bytes(b"contract!")
    assert "FAILED" in openssl(*verify, "-data", "data", cwd=tmp_path, check=False)


def tsa_certificate(url: str) -> bytes:
    request = {"version": 1, "message_imprint": imprint("sha256", bytes(32)), "cert_req": True}
    response = tsp.TimeStampResp.load(time_stamp(url, tsp.TimeStampReq(request).dump()))
    certificates = response["time_stamp_token"]["content"]["certificates"]
    for choice in certificates:
        found = x509.load_der_x509_certificate(choice.chosen.dump())
        if "Time-Stamping" in found.subject.rfc4514_string():
            return found.public_bytes(Encoding.PEM)
    raise AssertionError("the token carries no time-stamping certificate")


def imprint(algorithm: str, digest: bytes) -> dict[str, object]:
    return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}


@pytest.mark.parametrize(
    ("request_der", "failure"),
    [
        (b"", "bad_data_format"),
        (b"\x30\x80", "bad_data_format"),
        (tsp.TimeStampReq({"version": 1, "message_imprint": imprint("md5", bytes(16))}).dump(), "bad_alg"),
        (tsp.TimeStampReq({"version": 1, "message_imprint": imprint("sha1", bytes(20))}).dump(), "bad_alg"),
        (tsp.TimeStampReq({"version": 1, "message_imprint": imprint("sha256", bytes(31))}).dump(), "bad_data_format"),
        (
            tsp.TimeStampReq(
                {"version": 1, "message_imprint": imprint("sha256", bytes(32)), "req_policy": "1.2.3.4"}
            ).dump(),
            "unaccepted_policy",
        ),
        (
            tsp.TimeStampReq(
                {
                    "version": 1,
                    "message_imprint": imprint("sha256", bytes(32)),
                    "extensions": [{"extn_id": "1.2.3.5", "critical": True, "extn_value": b"\x05\x00"}],
                }
            ).dump(),
            "unaccepted_extensions",
        ),
    ],
)
def test_time_stamp_refusals_are_encoded(sandbox: Running, request_der: bytes, failure: str) -> None:
    answer = core.Sequence.load(time_stamp(sandbox.url, request_der), strict=True)
    assert len(answer) == 1, "a refusal carries no token"
    status = tsp.PKIStatusInfo.load(answer[0].dump())
    assert (status["status"].native, status["fail_info"].native) == ("rejection", {failure})


def test_everything_survives_a_kill(own_sandbox: Running) -> None:
    url = own_sandbox.url
    roots = HTTP.get(f"{url}/ca/roots.pem").content
    order = organisation("org-kill", ec_key())
    before = place(url, order).json()
    revoked = organisation("org-kill-revoked", ec_key())
    place(url, revoked).raise_for_status()
    revoke(url, "org-kill-revoked").raise_for_status()
    first = tsp.TimeStampResp.load(time_stamp(url, token_request()))
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    assert HTTP.get(f"{url}/ca/roots.pem").content == roots
    assert place(url, order).json() == before
    assert place(url, revoked).json()["status"] == "revoked"
    second = tsp.TimeStampResp.load(time_stamp(url, token_request()))
    assert token_serial(second) > token_serial(first)


def token_request() -> bytes:
    der: bytes = tsp.TimeStampReq({"version": 1, "message_imprint": imprint("sha256", bytes(32))}).dump()
    return der


def token_serial(response: tsp.TimeStampResp) -> int:
    info = response["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    return int(info["serial_number"].native)


def test_check_digits() -> None:
    assert is_uscc(USCC)
    assert not is_uscc(USCC.lower())
    assert is_resident_id("11010519491231002X")
    assert not is_resident_id("11010519491231002x")
    assert not is_resident_id("110105194902310026")
    assert a_year_after(utc_now().replace(year=2028, month=2, day=29)).day == 28
