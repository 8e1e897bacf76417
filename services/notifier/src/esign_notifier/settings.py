"""What the notifier needs to know beside what every service does."""

from pathlib import Path
from typing import Literal, Self

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field, model_validator

from esign_notifier.domain.messages import Kind

CODE_PARAMETERS = frozenset({"code", "minutes", "document_number"})
CONTRACT_PARAMETERS = frozenset({"name", "title", "document_number"})


class SmsTemplate(Section):
    """A text approved at the provider: its id, and what stands for `{1}`, `{2}`, … in this order.

    Codes: `code`, `minutes` (how long it is valid), `document_number`. Contracts: `name` (the recipient), `title`, `document_number`.
    The provider takes no addresses as parameters: the portal's address is part of the approved text.
    """

    id: str = Field(min_length=1)
    parameters: list[str]


class SmsTemplates(Section):
    """One template per kind of message."""

    login_code: SmsTemplate
    signing_code: SmsTemplate
    contract_invitation: SmsTemplate
    contract_completed: SmsTemplate
    contract_withdrawn: SmsTemplate
    contract_expired: SmsTemplate

    def of(self, kind: Kind) -> SmsTemplate:
        """The template of a kind."""
        template: SmsTemplate = getattr(self, kind.value)
        return template

    @model_validator(mode="after")
    def _parameters_are_known(self) -> Self:
        for kind in Kind:
            known = CODE_PARAMETERS if kind.value.endswith("_code") else CONTRACT_PARAMETERS
            unknown = set(self.of(kind).parameters) - known
            if unknown:
                raise ValueError(f"{kind.value}: unknown parameters {sorted(unknown)}, known are {sorted(known)}")
        return self


class SmsSettings(Section):
    """Tencent Cloud SMS. `endpoint` is a host, with a port where it is not the scheme's own.

    Two services of the account must have been switched on by the provider, or an interrupted message may go out twice: pulling
    the status of messages by phone number, and giving back the `SessionContext`.
    """

    scheme: Literal["https", "http"] = "https"
    endpoint: str = "sms.tencentcloudapi.com"
    region: str = "ap-guangzhou"
    secret_id: str
    secret_key_file: SecretFile
    sdk_app_id: str
    sign_name: str
    templates: SmsTemplates
    # The provider's limit for one parameter; longer ones end in an ellipsis.
    max_parameter_length: int = Field(default=40, ge=6)
    deadline_seconds: float = Field(default=8, gt=0)
    # How long after an interrupted attempt the provider may still be without a report of a message that it did send.
    report_grace_seconds: float = Field(default=600, ge=0)
    concurrency: int = Field(default=4, ge=1)


class SmtpSettings(Section):
    """The mail server. `user` empty: no AUTH. `ca_file`: roots to trust instead of the system's."""

    host: str
    port: int
    security: Literal["starttls", "tls", "plain"] = "starttls"
    user: str = ""
    password_file: SecretFile | None = None
    ca_file: Path | None = None
    from_address: str
    from_name: str = "SOHO中国电子签章平台"
    message_id_domain: str
    deadline_seconds: float = Field(default=15, gt=0)
    concurrency: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Self:
        if self.user and self.password_file is None:
            raise ValueError("user without password_file")
        return self


class DeliverySettings(Section):
    """How messages are retried: after `first_delay_seconds`, doubled each time up to `longest_delay_seconds`, `max_attempts` times."""

    poll_seconds: float = Field(default=0.5, gt=0)
    lease_seconds: float = Field(default=60, gt=0)
    max_attempts: int = Field(default=24, ge=1)
    first_delay_seconds: float = Field(default=5, gt=0)
    longest_delay_seconds: float = Field(default=1800, gt=0)
    # After this a message whose fate the provider cannot tell is given up.
    uncertain_for_seconds: float = Field(default=86400, gt=0)


class NotifierSettings(ServiceSettings):
    """The notifier's settings. `field_keyring_file`: see `esign_kit.crypto`; it keys the hash of codes."""

    field_keyring_file: SecretFile
    # The address that messages send people to, e.g. https://sign.example.com
    portal_url: str = Field(pattern=r"^https?://[^\s<>\"']+$")
    language: Literal["zh", "en"] = "zh"
    support: str = "010-58515511"
    sms: SmsSettings
    smtp: SmtpSettings
    delivery: DeliverySettings = DeliverySettings()

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment == "production" and (self.sms.scheme != "https" or self.smtp.security == "plain"):
            raise ValueError("production sends nothing over an unprotected connection")
        if self.delivery.lease_seconds < 2 * (self.sms.deadline_seconds + 5) or (
            self.delivery.lease_seconds < 2 * (self.smtp.deadline_seconds + 5)
        ):
            raise ValueError("delivery.lease_seconds must be at least twice the providers' deadlines plus 10")
        return self
