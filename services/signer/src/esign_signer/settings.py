"""What the signer needs to know beside what every service does."""

from pathlib import Path

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field


class TrustServiceSettings(Section):
    """The outside trust services. `roots_file`: PEM, the roots that we trust. `tsa_urls`: RFC 3161 over HTTP, in the
    order to try them."""

    roots_file: Path
    tsa_urls: list[str] = Field(min_length=1)
    tsa_seconds: float = Field(default=5, gt=0, le=20)
    revocation_seconds: float = Field(default=5, gt=0, le=20)


class SignerSettings(ServiceSettings):
    """The signer's settings.

    `activation_public_key_file`: PEM, identity's key (several while it is being changed). `master_key_file`: 32 bytes,
    as they are or in base64, under which private keys are wrapped. `spool_dir`: where documents lie while they are
    worked on; the system's temporary folder when not given.
    """

    activation_public_key_file: Path
    master_key_file: SecretFile
    trust: TrustServiceSettings
    documents_bucket: str = "documents"
    seals_bucket: str = "seals"
    pdfsig: str = "pdfsig"
    spool_dir: Path | None = None
    signing_workers: int = Field(default=1, ge=1, le=64)
    judging_workers: int = Field(default=1, ge=1, le=64)
    # Workers take a second to start and some 70 MiB each: where memory is short, they start with their first work.
    workers_at_start: bool = True
    # Ends a worker that had nothing to do for so long; 0 keeps it.
    worker_idle_seconds: float = Field(default=0, ge=0)
    # How long a request that waits for an outside service rests before the next attempt.
    retry_seconds: float = Field(default=3, gt=0)
    max_document_bytes: int = Field(default=110 * 2**20, gt=0)
    # For files that strangers send.
    max_upload_bytes: int = Field(default=100 * 2**20, gt=0)
    validation_seconds: float = Field(default=20, gt=0)
    validation_memory_bytes: int = Field(default=2 * 2**30, ge=0)
