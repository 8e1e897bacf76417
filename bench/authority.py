"""A CA with OCSP, CRL and a timestamp authority in a process of its own, so that what they cost is not counted as ours.

Standard output: first the root and the timestamp authority's address, then one certificate chain for each public key (hex,
SubjectPublicKeyInfo) that comes on standard input. Ends with its input.
"""

import json
import subprocess
import sys
from types import TracebackType
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key


class Authority:
    """The process, as those see it who use it."""

    def __enter__(self) -> "Authority":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.authority"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.root, self.tsa_url = bytes.fromhex(self._answer()), self._answer()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return str(json.loads(self._process.stdout.readline()))

    def issue(self, key: RSAPublicKey | EllipticCurvePublicKey) -> tuple[bytes, ...]:
        """A certificate for a key, and its chain: DER."""
        assert self._process.stdin is not None
        self._process.stdin.write(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex() + "\n")
        self._process.stdin.flush()
        return tuple(bytes.fromhex(certificate) for certificate in self._answer().split())


def serve() -> None:
    """The process's work."""
    from services.signer.tests.signer_tests.pki import PkiServer

    def say(answer: str) -> None:
        print(json.dumps(answer), flush=True)

    server = PkiServer()
    say(server.pki.root.public_bytes(Encoding.DER).hex())
    say(f"{server.pki.base_url}/tsa")
    for line in sys.stdin:
        key = cast(RSAPublicKey | EllipticCurvePublicKey, load_der_public_key(bytes.fromhex(line)))
        say(" ".join(each.hex() for each in server.pki.chain(server.pki.certificate("Bench", key))))
    server.close()


if __name__ == "__main__":
    serve()
