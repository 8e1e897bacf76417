"""What the signer needs to know beside what every service does."""

from pathlib import Path
from typing import Self

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field, FilePath, model_validator

from esign_signer.domain.keys import KeyAlgorithm, KeyStoreKind


class TrustServiceSettings(Section):
    """The outside trust services. `roots_file`: PEM, the roots that we trust. `tsa_urls`: RFC 3161 over HTTP, in the
    order to try them."""

    roots_file: Path
    tsa_urls: list[str] = Field(min_length=1)
    tsa_seconds: float = Field(default=5, gt=0, le=20)
    revocation_seconds: float = Field(default=5, gt=0, le=20)


class Pkcs11TokenSettings(Section):
    """`module`: the PKCS#11 library of the token's vendor. `token`: the token's label. `pin_file`: its user PIN.
    `environment`: variables that the library reads, most often the path of its own configuration."""

    module: FilePath
    token: str
    pin_file: SecretFile
    environment: dict[str, str] = Field(default_factory=dict)


class RemoteSigningSettings(Section):
    """A remote signing service (Cloud Signature Consortium API v2). `base_url`: what stands before `/csc/v2`. `pin_file`:
    what authorises its credentials, where they ask for it. `ca_file`: PEM, in place of the system's roots."""

    base_url: str = Field(pattern=r"^https?://[^\s<>\"']*[^/\s]$")
    client_id: str
    client_secret_file: SecretFile
    pin_file: SecretFile | None = None
    ca_file: FilePath | None = None
    attempt_seconds: float = Field(default=5, gt=0, le=20)
    deadline_seconds: float = Field(default=12, gt=0, le=30)


class KeySettings(Section):
    """Where new organisations' keys are made, and what new keys are; keys that exist stay where they are. A credential
    that a CA made is used with `remote`, whatever `organisations` says."""

    organisations: KeyStoreKind = KeyStoreKind.SOFTWARE
    organisation_algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048
    event_algorithm: KeyAlgorithm = KeyAlgorithm.RSA_2048
    pkcs11: Pkcs11TokenSettings | None = None
    remote: RemoteSigningSettings | None = None

    @model_validator(mode="after")
    def _chosen_store_is_set_up(self) -> Self:
        section = {KeyStoreKind.PKCS11: self.pkcs11, KeyStoreKind.CSC: self.remote}.get(self.organisations, self)
        if section is None:
            raise ValueError(f"organisations' keys are to be in {self.organisations}, which is not set up")
        return self


class SignerSettings(ServiceSettings):
    """The signer's settings.

    `activation_public_key_file`: PEM, identity's key (several while it is being changed). `master_key_file`: 32 bytes,
    as they are or in base64, under which software keys are wrapped; several in base64, one a line, while it is being
    changed: the first wraps, all unwrap. `spool_dir`: where documents lie while they are worked on; the system's
    temporary folder when not given.
    """

    activation_public_key_file: Path
    master_key_file: SecretFile
    keys: KeySettings = KeySettings()
    trust: TrustServiceSettings
    documents_bucket: str = "documents"
    seals_bucket: str = "seals"
    # TrueType: for each character of a seal the first that has it.
    seal_font_files: list[FilePath] = Field(min_length=1)
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
    # Documents that wait for their signatures on local disk, so that signing them is quick.
    prepared_bytes: int = Field(default=1024 * 2**20, ge=0)
    prepared_seconds: float = Field(default=3600, gt=0)
    # For files that strangers send.
    max_upload_bytes: int = Field(default=100 * 2**20, gt=0)
    validation_seconds: float = Field(default=20, gt=0)
    validation_memory_bytes: int = Field(default=2 * 2**30, ge=0)

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        remote = self.keys.remote
        if self.environment == "production" and remote is not None and not remote.base_url.startswith("https:"):
            raise ValueError("production sends no PIN over an unprotected connection")
        return self
