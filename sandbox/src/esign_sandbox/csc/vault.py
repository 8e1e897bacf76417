"""The organisations' keys that the CA keeps (托管云单位证书): made with a certificate order, once, and used inside only."""

import hmac
import secrets
import sqlite3
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from esign_sandbox.ca.orders import OrderConflictError
from esign_sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS csc_credential (
  credential_id TEXT PRIMARY KEY, order_no TEXT NOT NULL UNIQUE, algorithm TEXT NOT NULL, scal TEXT NOT NULL,
  key_der BLOB NOT NULL, csr_pem TEXT NOT NULL, wrong_pins INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
HostedKey = Literal["RSA_2048", "EC_P256"]
Scal = Literal["1", "2"]
PIN_ATTEMPTS: Final = 5


class Vault:
    """Credentials: a key each, and how often a wrong PIN was given for it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def request_for(self, order_no: str, algorithm: HostedKey, scal: Scal) -> str:
        """The PKCS#10 request (PEM) of the order's key, made now or before. Raises OrderConflictError when it was made
        as something else."""
        known = self._of_order(order_no)
        if known is None:
            key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
            if algorithm == "EC_P256":
                key = ec.generate_private_key(ec.SECP256R1())
            else:
                key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hosted")])
            request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
            with self._store.write() as db:
                db.execute(
                    "INSERT OR IGNORE INTO csc_credential"
                    " (credential_id, order_no, algorithm, scal, key_der, csr_pem) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        f"C{secrets.token_hex(8).upper()}",
                        order_no,
                        algorithm,
                        scal,
                        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
                        request.public_bytes(Encoding.PEM).decode(),
                    ),
                )
            known = self._of_order(order_no)
        if known is None or (known["algorithm"], known["scal"]) != (algorithm, scal):
            raise OrderConflictError
        return str(known["csr_pem"])

    def credential_of(self, order_no: str) -> str | None:
        """The id of the order's credential, None when its key is not kept here."""
        row = self._of_order(order_no)
        return None if row is None else str(row["credential_id"])

    def all(self) -> list[sqlite3.Row]:
        """Every credential."""
        return self._store.rows("SELECT * FROM csc_credential ORDER BY credential_id")

    def find(self, credential_id: str) -> sqlite3.Row | None:
        """One credential."""
        return self._store.row("SELECT * FROM csc_credential WHERE credential_id = ?", credential_id)

    def takes_pin(self, credential_id: str, given: str, right: str) -> bool | None:
        """Whether the PIN is right; None for a credential that wrong ones have locked."""
        with self._store.write() as db:
            wrong: int = db.execute(
                "SELECT wrong_pins FROM csc_credential WHERE credential_id = ?", (credential_id,)
            ).fetchone()["wrong_pins"]
            if wrong >= PIN_ATTEMPTS:
                return None
            matches = hmac.compare_digest(given.encode(), right.encode())
            wrong = 0 if matches else wrong + 1
            db.execute("UPDATE csc_credential SET wrong_pins = ? WHERE credential_id = ?", (wrong, credential_id))
        return matches

    def _of_order(self, order_no: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM csc_credential WHERE order_no = ?", order_no)


def signature(credential: sqlite3.Row, digest: bytes) -> bytes:
    """The credential's signature over a SHA-256 digest: PKCS #1 v1.5, or a DER ECDSA-Sig-Value."""
    # It was made here: checking it again would cost tens of milliseconds.
    key = load_der_private_key(credential["key_der"], None, unsafe_skip_rsa_key_validation=True)
    algorithm = Prehashed(hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digest, ec.ECDSA(algorithm))
    raise TypeError("the vault holds RSA and EC keys")
