"""The internal authority: who a certificate names, what it may be used for, when it is replaced."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from esign_local.pki import Pki


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    pki = Pki(tmp_path / "tls")
    pki.ensure("ca-broker", "service")
    pki.ensure("leasing", "system")
    return pki


def test_a_certificate_names_its_holder(pki: Pki) -> None:
    names = _load(pki.cert_file("ca-broker")).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://esign.soho.example/service/ca-broker"
    ]
    assert names.get_values_for_type(x509.DNSName) == ["ca-broker.esign.internal", "localhost"]
    system = _load(pki.cert_file("leasing")).extensions
    assert system.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.UniformResourceIdentifier
    ) == ["spiffe://esign.soho.example/system/leasing"]
    usages = system.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_keys_are_private(pki: Pki) -> None:
    for key in (pki.key_file("ca-broker"), pki.directory / "ca.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def _handshake(pki: Pki, server: str, client: str | None, name: str = "ca-broker.esign.internal") -> None:
    inside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki.ca_file)
    inside.verify_mode = ssl.CERT_REQUIRED
    inside.load_cert_chain(pki.cert_file(server), pki.key_file(server))
    outside = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=pki.ca_file)
    if client:
        outside.load_cert_chain(pki.cert_file(client), pki.key_file(client))
    left, right = socket.socketpair()

    def serve() -> None:
        try:
            with inside.wrap_socket(left, server_side=True) as channel:
                channel.sendall(channel.recv(2))
        except OSError:
            left.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with outside.wrap_socket(right, server_hostname=name) as channel:
            channel.sendall(b"hi")
            assert channel.recv(2) == b"hi"
    finally:
        right.close()
        thread.join()


def test_only_holders_of_a_certificate_get_through(pki: Pki, tmp_path: Path) -> None:
    _handshake(pki, "ca-broker", "leasing")
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        _handshake(pki, "ca-broker", None)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(pki, "ca-broker", "leasing", name="identity.esign.internal")
    with pytest.raises(ssl.SSLCertVerificationError):  # a system's certificate cannot pose as a server
        _handshake(pki, "leasing", "leasing", name="leasing.esign.internal")


def test_certificates_are_kept_until_they_run_out(pki: Pki) -> None:
    before = pki.cert_file("leasing").read_bytes()
    Pki(pki.directory).ensure("leasing", "system")
    assert pki.cert_file("leasing").read_bytes() == before
    pki.ensure("leasing", "system", now=datetime.now(UTC) + timedelta(days=370))
    assert pki.cert_file("leasing").read_bytes() != before


def test_certificates_of_another_authority_are_replaced(pki: Pki) -> None:
    before = pki.cert_file("leasing").read_bytes()
    (pki.directory / "ca.key").unlink()
    other = Pki(pki.directory)
    other.ensure("leasing", "system")
    assert other.cert_file("leasing").read_bytes() != before
    _load(other.cert_file("leasing")).verify_directly_issued_by(_load(other.ca_file))
