"""Settings of the identity service, beside those of every service."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field, model_validator


class TencentFaceSettings(Section):
    """Tencent Cloud FaceID, API 3.0. `endpoint` is a host, with a port where it is not the scheme's."""

    endpoint: str = "faceid.tencentcloudapi.com"
    scheme: str = Field(default="https", pattern="^https?$")
    region: str = ""
    rule_id: str
    secret_id: str
    secret_key_file: SecretFile
    deadline_seconds: float = 8.0


class BjcaFields(Section):
    """Names of the fields in 数字认证's requests and answers."""

    app_id: str = "app_id"
    request_id: str = "request_id"
    name: str = "name"
    id_number: str = "id_number"
    return_url: str = "return_url"
    code: str = "code"
    session_id: str = "session_id"
    page_url: str = "page_url"
    expires_in: str = "expires_in"
    status: str = "status"
    reason: str = "reason"
    score: str = "score"
    # Base64 of a JPEG or PNG.
    image: str = "image"


class BjcaWords(Section):
    """Words of 数字认证's answers. `gone` are codes, `expired_reasons` reasons of a session that is over without a result;
    `liveness_reasons` those that say that no living person was seen."""

    success: str = "0"
    pending: str = "pending"
    passed: str = "passed"
    failed: str = "failed"
    gone: tuple[str, ...] = ("40401", "41001")
    expired_reasons: tuple[str, ...] = ("SESSION_EXPIRED",)
    liveness_reasons: tuple[str, ...] = ("LIVENESS_FAILED",)


class BjcaFaceSettings(Section):
    """数字认证's face check. The signature is hexadecimal HMAC-SHA256(secret, timestamp + "." + body), the timestamp in
    seconds since 1970."""

    base_url: str = Field(pattern="^https?://.*[^/]$")
    sessions_path: str = "/face/v1/sessions"
    results_path: str = "/face/v1/results"
    app_id: str
    secret_file: SecretFile
    app_id_header: str = "X-App-Id"
    timestamp_header: str = "X-Timestamp"
    signature_header: str = "X-Signature"
    fields: BjcaFields = BjcaFields()
    words: BjcaWords = BjcaWords()
    # PEM; the system's authorities when it is not given.
    ca_file: Path | None = None
    deadline_seconds: float = 8.0
    most_answer_bytes: int = 4 * 1024 * 1024


class OwnFaceSettings(Section):
    """Our own channel. `window_seconds` is the time for one challenge, with the way of its frames to us; `workers` the most
    processes that look at frames."""

    enabled: bool = True
    window_seconds: int = Field(default=10, ge=5, le=60)
    max_distance: float = Field(default=0.50, gt=0, le=0.6)
    retakes: int = Field(default=10, ge=0, le=50)
    workers: int = Field(default=1, ge=1, le=16)


class FaceSettings(Section):
    """Face checks; a vendor without settings is not offered. After `attempts` failed ones the verification has failed, and
    one for the same contract may be opened after `pause_seconds`."""

    bjca: BjcaFaceSettings | None = None
    tencent: TencentFaceSettings | None = None
    own: OwnFaceSettings = OwnFaceSettings()
    attempts: int = Field(default=3, ge=1, le=10)
    pause_seconds: int = Field(default=1800, ge=1)

    @model_validator(mode="after")
    def _has_a_vendor(self) -> Self:
        if self.bjca is None and self.tencent is None:
            raise ValueError("a vendor is needed: our own channel compares with what a vendor's check enrolled")
        return self


class ConsentSettings(Section):
    """Versions of the texts in force, of each the file `texts/<kind>-<version>.md` of this package."""

    biometric: str = Field(default="1", pattern="^[0-9A-Za-z.]+$")
    terms: str = Field(default="1", pattern="^[0-9A-Za-z.]+$")


class LimitSettings(Section):
    """What a stranger can trigger, and how often.

    A captcha is asked for from the given number of login codes on: those that a client address asked for, or that went to a
    phone and nobody used, within an hour.
    """

    login_codes_per_phone_day: int = Field(default=10, ge=1)
    login_codes_per_address_hour: int = Field(default=30, ge=1)
    # Wrong codes, tickets and sign-on tokens together.
    login_failures_per_address_hour: int = Field(default=100, ge=1)
    captchas_per_address_hour: int = Field(default=60, ge=1)
    captcha_after_address_codes: int = Field(default=3, ge=0)
    captcha_after_phone_codes: int = Field(default=2, ge=0)
    captcha_seconds: int = Field(default=120, ge=10)
    ticket_seconds: int = Field(default=300, ge=10)
    ticket_attempts: int = Field(default=5, ge=1)
    signing_codes_per_phone_day: int = Field(default=20, ge=1)
    code_interval_seconds: int = Field(default=60, ge=1)
    code_seconds: int = Field(default=300, ge=60)
    code_attempts: int = Field(default=5, ge=1)


class SessionSettings(Section):
    """How long sessions last, and how often their token changes; a token that was replaced stays good for `grace_seconds`."""

    idle_seconds: int = Field(default=1800, ge=60)
    absolute_seconds: int = Field(default=43_200, ge=60)
    rotation_seconds: int = Field(default=900, ge=1)
    grace_seconds: int = Field(default=60, ge=1)


class SignOnSettings(Section):
    """Platforms whose single sign-on is trusted, by the name under which they call us, with their public keys (JWK sets)."""

    platforms: dict[str, Path] = Field(default_factory=dict)
    lifetime_seconds: int = Field(default=120, ge=10, le=600)
    # By how much a platform's clock may be ahead of ours.
    skew_seconds: int = Field(default=5, ge=0, le=60)


class IdentitySettings(ServiceSettings):
    """The identity service. Its peer is `notifier`."""

    # Ed25519 private keys, PKCS#8 PEM: one for actor tokens, one for activation statements.
    actor_key_file: SecretFile
    activation_key_file: SecretFile
    # Key ring of the field encryption (see esign_kit.crypto).
    field_keyring_file: SecretFile
    activation_seconds: int = Field(default=300, ge=60, le=3600)
    # Where people's phones find the portal.
    portal_url: str = Field(pattern="^https?://.*[^/]$")
    face: FaceSettings
    consents: ConsentSettings = ConsentSettings()
    limits: LimitSettings = LimitSettings()
    sessions: SessionSettings = SessionSettings()
    sign_on: SignOnSettings = SignOnSettings()

    @property
    def activation_lifetime(self) -> timedelta:
        """How long the signer may begin with an activation."""
        return timedelta(seconds=self.activation_seconds)
