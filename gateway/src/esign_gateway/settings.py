"""Settings of the gateway, read as every service's: one TOML file named by ESIGN_SETTINGS_FILE."""

from pathlib import Path
from typing import Annotated, Literal

from esign_kit.settings import Address, FileSettings, NatsSettings, Tls
from pydantic import AfterValidator, BaseModel, Field

PEERS = ("identity", "contract", "signer", "evidence")
"""The services that the gateway calls."""


def _all_peers(value: dict[str, str]) -> dict[str, str]:
    if missing := [name for name in PEERS if name not in value]:
        raise ValueError(f"no address for {', '.join(missing)}")
    return value


def _origin(value: str) -> str:
    if not value.startswith(("http://", "https://")) or value.count("/") != 2:
        raise ValueError("expected an origin such as https://esign.soho.example, without a path")
    return value


class SupportContact(BaseModel):
    """Whom people may call."""

    name: Annotated[str, Field(min_length=1, max_length=60, examples=["SOHO中国客服"])]
    phone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 -]{3,28}[0-9]$", examples=["010-00000000"])]


class GatewaySettings(FileSettings):
    """What the gateway needs: no database, no events, no key of the object store."""

    service: Literal["gateway"] = "gateway"
    environment: Literal["local", "production"]
    http_listen: Address
    """Plain HTTP; TLS is terminated in front of it."""
    public_url: Annotated[str, AfterValidator(_origin)]
    """The origin under which browsers reach the gateway."""
    sso_origins: list[Annotated[str, AfterValidator(_origin)]] = Field(default_factory=list)
    """Origins of the procurement platform's pages, from which suppliers arrive already identified."""
    portal_dir: Path | None = None
    """The portal's build; by default the one of this checkout or package."""
    support: list[SupportContact] = Field(default_factory=list)
    """The support phones that pages show."""
    trusted_proxies: list[str] = Field(default_factory=list)
    """Addresses or networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto count."""
    tls: Tls
    """The certificate that names this process to the services."""
    peers: Annotated[dict[str, Address], AfterValidator(_all_peers)]
    """Addresses of identity, contract, signer and evidence."""
    nats: NatsSettings | None = None
    """Where replicas tell one another what was taken from their limits; one that is alone needs none."""
    object_store_ca_file: Path | None = None
    """The CA of the object store's certificate, PEM, where it is not a public one."""
    max_validation_bytes: int = 100 * 2**20
    """The largest file that the public verification takes."""
    otlp_endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
