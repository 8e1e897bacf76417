"""The accounts that the platform holds with the outside world, read from one JSON file (schema: README.md)."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FilePath, HttpUrl, ValidationError


class CredentialsError(RuntimeError):
    """The credentials file is missing, unreadable or does not follow the schema."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TencentAccount(_Strict):
    """One Tencent Cloud account: signs both SMS and FaceID calls (TC3-HMAC-SHA256)."""

    secret_id: str = Field(min_length=1)
    secret_key: str = Field(min_length=1)


class SmsAccount(_Strict):
    sdk_app_id: str = Field(min_length=1)
    sign_name: str = Field(min_length=2, max_length=12)
    templates: dict[str, str]
    """TemplateId → approved text with `{1}`, `{2}`, … for the parameters."""


class FaceIdAccount(_Strict):
    rule_ids: list[str] = Field(min_length=1)


class AntChainAccount(_Strict):
    access_key: str = Field(min_length=1)
    access_secret: str = Field(min_length=1)
    response_secret: str | None = None
    """Signs the answers; the vendor's SDK verifies them with the access secret, which is the default."""


class CaAccount(_Strict):
    client_secret: str = Field(min_length=16)


class SmtpAccount(_Strict):
    user: str = Field(min_length=1)
    password: str = Field(min_length=1)


class BjcaAccount(_Strict):
    """The application that 数字认证 has registered for the platform."""

    app_id: str = Field(min_length=1)
    secret: str = Field(min_length=16)


class CscAccount(_Strict):
    """The platform's account with the CA's remote signing service, and the PIN of its credentials."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=16)
    pin: str = Field(min_length=4)


class IdentityPeer(_Strict):
    """The platform's identity service as the procurement platform reaches it: gRPC with mTLS."""

    address: str = Field(min_length=1)
    """`host:port`"""
    server_name: str = Field(min_length=1)
    """The DNS name in the server's certificate."""
    ca_file: FilePath
    cert_file: FilePath
    key_file: FilePath
    deadline_seconds: float = Field(5.0, gt=0, le=60)
    """Of every call, repetitions included."""


class SignOnKey(_Strict):
    """What the procurement platform signs its single sign-on tokens with."""

    key_file: FilePath
    """Ed25519, PKCS#8 PEM."""
    key_id: str = Field(min_length=1)
    """Its `kid` in the key set that the platform was given."""


class ProcurementPlatform(_Strict):
    """招采平台: where it finds the signing platform, and how it proves who it is."""

    gateway_url: HttpUrl
    identity: IdentityPeer
    sign_on: SignOnKey


class Credentials(_Strict):
    """The parts of the platform's counterparts that a run may do without are optional: they are then not served."""

    tencent: TencentAccount
    sms: SmsAccount
    faceid: FaceIdAccount
    antchain: AntChainAccount
    ca: CaAccount
    smtp: SmtpAccount
    bjca: BjcaAccount | None = None
    csc: CscAccount | None = None
    procurement: ProcurementPlatform | None = None


def load_credentials(path: Path) -> Credentials:
    """Raises CredentialsError naming the offending fields, never their values."""
    try:
        return Credentials.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CredentialsError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise CredentialsError(f"{path}: {problems}") from None
