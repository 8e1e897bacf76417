"""What the contract service needs to know beside what every service does."""

from esign_kit.settings import Section, ServiceSettings
from pydantic import Field, FilePath


class WorkerSettings(Section):
    """Bounds of one worker process that reads or draws a PDF, and how many of them run at a time."""

    processes: int = Field(default=2, ge=1)
    cpu_seconds: int = Field(default=60, ge=1)
    wall_seconds: float = Field(default=90, gt=0)
    memory_mib: int = Field(default=1024, ge=256)
    # LibreOffice's program, by path or by name in PATH; where there is none, Word documents are refused.
    soffice: str = "soffice"
    word_memory_mib: int = Field(default=4096, ge=1024)


class ContractSettings(ServiceSettings):
    """The contract service's settings. Times in seconds unless their name says otherwise."""

    documents_bucket: str = "documents"
    # Pages' images, copies for each viewer and hour: let the bucket drop what is some days old.
    previews_bucket: str = "previews"
    # A TrueType or OpenType font with Chinese glyphs, for the watermark on pages' images.
    watermark_font_file: FilePath
    # Documents are locked in the object store for so long; five years.
    document_retention_days: int = Field(default=1827, ge=1)
    max_document_bytes: int = Field(default=100_000_000, ge=1)
    max_pages: int = Field(default=1000, ge=1)
    max_uploads: int = Field(default=8, ge=1)
    worker: WorkerSettings = WorkerSettings()
    # How long a contract may be signed when its system does not say.
    signing_term_days: int = Field(default=30, ge=1, le=366)
    preview_url_seconds: int = Field(default=300, ge=1)
    download_url_seconds: int = Field(default=60, ge=1)
    # When nothing is heard of a download whose last part was handed over, it may be started again after this. Longer than
    # the gateway waits for the last part to arrive.
    download_lease_seconds: int = Field(default=20, ge=1)
    countersign_poll_seconds: float = Field(default=0.3, gt=0)
    # After the signer refused a policy's signature; longer than an activation lives.
    countersign_retry_seconds: float = Field(default=360, gt=0)
    expiry_poll_seconds: float = Field(default=15, gt=0)
