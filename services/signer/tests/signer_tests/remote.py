"""The sandbox's CA with its remote signing service, as a signer's provider."""

import json
import sqlite3
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esign_kit.testing import Sandbox
from esign_signer.adapters.keys.settings import CscSettings
from esign_signer.domain.keys import KeyAlgorithm

PIN = "864200"
ACCOUNTS: dict[str, Any] = {
    "tencent": {"secret_id": "AKIDtest", "secret_key": "a-tencent-secret"},
    "sms": {"sdk_app_id": "1400006666", "sign_name": "SOHO中国", "templates": {}},
    "faceid": {"rule_ids": ["1"]},
    "antchain": {"access_key": "key", "access_secret": "an-antchain-secret"},
    "ca": {"client_secret": "a-ca-client-secret"},
    "smtp": {"user": "esign", "password": "a-mail-password"},
    "csc": {"client_id": "esign-signer", "client_secret": "a-csc-client-secret", "pin": PIN},
}


@dataclass
class Provider:
    """The provider, and the files with what we need to know to sign there."""

    sandbox: Sandbox
    secret_file: Path
    pin_file: Path

    @classmethod
    def start(cls, folder: Path) -> "Provider":
        """A new one."""
        sandbox = Sandbox(folder, ACCOUNTS)
        sandbox.start()
        secret_file, pin_file = folder / "client.secret", folder / "credential.pin"
        secret_file.write_text(ACCOUNTS["csc"]["client_secret"] + "\n")
        pin_file.write_text(PIN + "\n")
        return cls(sandbox, secret_file, pin_file)

    @property
    def settings(self) -> CscSettings:
        """As a worker is given them."""
        return CscSettings(
            self.sandbox.url, "esign-signer", self.secret_file, self.pin_file, attempt_seconds=1, deadline_seconds=3
        )

    def hosted(
        self, order_no: str, name: str, code: str, algorithm: KeyAlgorithm, scal: str = "2"
    ) -> tuple[str, tuple[bytes, ...]]:
        """A credential that the CA made for an organisation, and its chain (DER, without the root)."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        order = {
            "order_no": order_no,
            "profile": "organisation",
            "subject": {"name": name, "uscc": code},
            "hosted_key": {"algorithm": algorithm.value, "scal": scal},
        }
        answer = json.loads(self._ca("", order))
        chain = x509.load_pem_x509_certificates(f"{answer['certificate_pem']}{answer['chain_pem']}".encode())
        return answer["credential_id"], tuple(one.public_bytes(Encoding.DER) for one in chain[:-1])

    def revoke(self, order_no: str) -> None:
        """Ends a certificate."""
        self._ca(f"/{order_no}/revoke", {"reason": "superseded"})

    def root(self) -> bytes:
        """PEM."""
        return self.sandbox.ask("GET", "/ca/roots.pem")

    def change(self, statement: str, *values: object) -> None:
        """Something in the provider's books."""
        with sqlite3.connect(self.sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
            assert db.execute(statement, values).rowcount

    def _ca(self, path: str, body: object) -> bytes:
        request = urllib.request.Request(
            f"{self.sandbox.url}/ca/v1/certificates{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ACCOUNTS['ca']['client_secret']}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            content: bytes = answer.read()
            return content
