"""Settings of the identity service, beside those of every service."""

from datetime import timedelta

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field


class TencentFaceSettings(Section):
    """Tencent Cloud FaceID, API 3.0. `endpoint` is a host, with a port where it is not the scheme's."""

    endpoint: str = "faceid.tencentcloudapi.com"
    scheme: str = Field(default="https", pattern="^https?$")
    region: str = ""
    rule_id: str
    secret_id: str
    secret_key_file: SecretFile
    # Where the vendor's page sends the phone afterwards; empty for the vendor's own closing page.
    redirect_url: str = ""
    deadline_seconds: float = 8.0


class FaceSettings(Section):
    """Face checks. `consent_versions` are the versions of the biometric-information statement that count as accepted."""

    consent_versions: tuple[str, ...] = ("1",)
    tencent: TencentFaceSettings


class LimitSettings(Section):
    """What a stranger can trigger, and how often."""

    login_codes_per_phone_day: int = 10
    login_codes_per_address_hour: int = 30
    login_failures_per_address_hour: int = 100
    signing_codes_per_phone_day: int = 20
    code_interval_seconds: int = 60


class IdentitySettings(ServiceSettings):
    """The identity service. Its peer is `notifier`."""

    # Ed25519 private keys, PKCS#8 PEM: one for actor tokens, one for activation statements.
    actor_key_file: SecretFile
    activation_key_file: SecretFile
    # Key ring of the field encryption (see esign_kit.crypto).
    field_keyring_file: SecretFile
    activation_seconds: int = Field(default=300, ge=60, le=3600)
    face: FaceSettings
    limits: LimitSettings = LimitSettings()

    @property
    def activation_lifetime(self) -> timedelta:
        """How long the signer may begin with an activation."""
        return timedelta(seconds=self.activation_seconds)
