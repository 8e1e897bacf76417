"""Settings of a process: one TOML file, named by the environment variable ESIGN_SETTINGS_FILE; secrets are files of their own."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PLACEHOLDER = "CHANGE-ME"
"""Example secrets contain this; production does not start with one."""


class SecretFile:
    """A secret that is read from a file when it is used; neither its `repr` nor a settings dump shows it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        """The text without surrounding white space. Raises OSError."""
        return self.path.read_text().strip()

    def read_bytes(self) -> bytes:
        """The exact bytes. Raises OSError."""
        return self.path.read_bytes()

    def __repr__(self) -> str:
        return f"SecretFile({self.path})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def parse(value: object) -> "SecretFile":
            if isinstance(value, SecretFile):
                return value
            path = Path(str(value))
            if not path.is_file():
                raise ValueError(f"no such secret file: {path}")
            return cls(path)

        return core_schema.no_info_plain_validator_function(parse)


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("expected host:port")
    return value


Address = Annotated[str, AfterValidator(_address)]
"""`host:port`; a peer's also as a gRPC target for all its replicas, see `esign_kit.grpc_client.channel`."""


class Section(BaseModel):
    """A table of the settings file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)


class Tls(Section):
    """mTLS material, PEM. The certificate's SPIFFE ID is who this process is."""

    cert_file: Path
    key_file: SecretFile
    ca_file: Path


class DatabaseSettings(Section):
    """`url` without a password, e.g. postgresql+psycopg://identity@127.0.0.1:5432/identity.

    Up to `pool_size` connections are kept open when nobody uses them, and no more than `pool_limit` are open at a time.
    """

    url: str
    password_file: SecretFile
    pool_size: int = Field(default=8, ge=1)
    pool_limit: int = Field(default=16, ge=1)


class NatsSettings(Section):
    """Where the event stream is."""

    servers: list[str]
    user: str
    password_file: SecretFile


class S3Settings(Section):
    """An S3 endpoint, `host:port`; path-style addressing."""

    endpoint: Address
    region: str = "us-east-1"
    secure: bool = False
    access_key: str
    secret_key_file: SecretFile


class FileSettings(BaseModel):
    """The settings of a process; unknown keys are refused. `load` reads them."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)


class ServiceSettings(FileSettings):
    """What every service needs. A service's own settings class extends it."""

    service: str
    environment: Literal["local", "production"]
    grpc_listen: Address
    health_listen: Address
    trust_domain: str = "esign.soho.example"
    tls: Tls
    database: DatabaseSettings
    nats: NatsSettings
    s3: S3Settings | None = None
    peers: dict[str, Address] = Field(default_factory=dict)
    actor_public_key_file: Path
    otlp_endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


SettingsT = TypeVar("SettingsT", bound=FileSettings)


def load(cls: type[SettingsT]) -> SettingsT:
    """Read and check the settings in the TOML file that ESIGN_SETTINGS_FILE names; no other variable counts.

    Raises OSError, tomllib.TOMLDecodeError, pydantic.ValidationError, and ValueError when a production process is given
    a placeholder secret.
    """
    path = os.environ.get("ESIGN_SETTINGS_FILE")
    settings = cls.model_validate(tomllib.loads(Path(path).read_text()) if path else {})
    if getattr(settings, "environment", "production") == "production":
        refuse_placeholders(settings)
    return settings


def refuse_placeholders(model: BaseModel) -> None:
    """Raise ValueError when a secret below `model` holds an example value or is empty."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretFile):
            content = value.read_bytes()
            if not content.strip() or PLACEHOLDER.encode() in content:
                raise ValueError(f"{name}: placeholder secret in {value.path}")
        elif isinstance(value, BaseModel):
            refuse_placeholders(value)
