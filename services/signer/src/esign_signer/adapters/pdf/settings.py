"""What a worker process is given at its start. Imports nothing heavy: the service's main process makes these."""

from dataclasses import dataclass
from pathlib import Path

from esign_signer.adapters.keys.settings import KeyStoreSettings


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """The roots to trust (DER), the timestamp authorities in the order to try them, and seconds that one request may
    take.

    `clock_tolerance`: seconds by which the clocks of CA, responders, timestamp authorities and our own may differ.
    """

    roots: tuple[bytes, ...]
    tsa_urls: tuple[str, ...]
    tsa_deadline: float = 5.0
    revocation_deadline: float = 5.0
    clock_tolerance: float = 5.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Without `keys` a worker cannot sign, without `fonts` it draws no seals. `memory_limit` is in bytes of address
    space, 0 for none."""

    trust: TrustSettings
    pdfsig: str
    keys: KeyStoreSettings | None = None
    memory_limit: int = 0
    fonts: tuple[Path, ...] = ()
