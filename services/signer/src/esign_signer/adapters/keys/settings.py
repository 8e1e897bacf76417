"""What the key stores are given. Imports nothing heavy: the service's main process makes these for its workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pkcs11Settings:
    """A PKCS#11 module (shared library), the label of a token in it, and the file with its user PIN. `environment` is set
    before the module is loaded."""

    module: Path
    token: str
    pin_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CscSettings:
    """A remote signing service (Cloud Signature Consortium API v2). `base_url` ends before `/csc/v2`.

    `pin_file` holds what authorises credentials in mode `explicit`. `ca_file` replaces the system's roots.
    `deadline_seconds` is for everything that one signature takes, `attempt_seconds` for one request.
    """

    base_url: str
    client_id: str
    client_secret_file: Path
    pin_file: Path | None = None
    ca_file: Path | None = None
    attempt_seconds: float = 5.0
    deadline_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class KeyStoreSettings:
    """The stores that this worker may use; software keys always, for keys of one signature are such."""

    master_key_file: Path
    pkcs11: Pkcs11Settings | None = None
    csc: CscSettings | None = None
