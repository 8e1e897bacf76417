"""What the evidence service needs to know beside what every service does."""

from pathlib import Path
from typing import Literal, Self

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field, model_validator


class CustomerSettings(Section):
    """In whose name contents are deposited (存证关联实体): an organisation by its unified social credit code."""

    name: str = Field(min_length=1)
    unified_social_credit_code: str = Field(pattern=r"^[0-9A-Z]{18}$")
    legal_person: str = ""
    legal_person_id_file: SecretFile | None = None


class ChainSettings(Section):
    """AntChain's notary gateway. `endpoint` is a host, with a port where it is not the scheme's own."""

    scheme: Literal["https", "http"] = "https"
    endpoint: str = "twc-openapi.antchain.antgroup.com"
    access_key: str
    access_secret_file: SecretFile
    product_instance_id: str = ""
    customer: CustomerSettings
    deadline_seconds: float = Field(default=8, gt=0, le=20)


class LogSettings(Section):
    """The transparency log. `origin` names it for ever: it is signed with every checkpoint."""

    origin: str = Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(/[A-Za-z0-9_-]+)*$")
    # Ed25519, PKCS#8 PEM.
    key_file: SecretFile
    publish_poll_seconds: float = Field(default=0.25, gt=0, le=0.5)
    # A checkpoint goes into the chain when there is something new and this has passed since the last one.
    anchor_interval_seconds: float = Field(default=10, ge=0)


class EvidenceSettings(ServiceSettings):
    """The evidence service's settings."""

    bucket: str = "evidence"
    # Full tiles and packages cannot be deleted or replaced for so long; 0 where the bucket has no object lock.
    retention_days: int = Field(default=0, ge=0)
    # 核验地址.
    verification_url: str = Field(pattern=r"^https?://[^\s<>\"']+$")
    # Identity's keys for activation statements, PEM; a former key stays in the list.
    activation_public_key_files: list[Path] = Field(min_length=1)
    poll_seconds: float = Field(default=0.5, gt=0)
    log: LogSettings
    chain: ChainSettings

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment == "production":
            if self.chain.scheme != "https":
                raise ValueError("production deposits nothing over an unprotected connection")
            if not self.retention_days:
                raise ValueError("production keeps evidence under object lock: retention_days")
        return self
