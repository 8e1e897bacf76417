"""What the ca-broker needs to know beside what every service does."""

from pathlib import Path
from typing import Self

from esign_kit.settings import SecretFile, Section, ServiceSettings
from pydantic import Field, field_validator, model_validator

from esign_ca_broker.domain.orders import Profile


class RequestFields(Section):
    """Names of the fields that we send, dotted for nested objects; empty: this CA does not take it."""

    order_no: str = "order_no"
    profile: str = "profile"
    # PKCS#10 in PEM.
    request: str = "csr_pem"
    name: str = "subject.name"
    # The platform's own number of a person, which goes into the certificate.
    person_id: str = "subject.pseudonym"
    # The resident ID number, for the CA's identification duty; it does not go into the certificate.
    id_number: str = ""
    unified_social_credit_code: str = "subject.uscc"
    revocation_reason: str = "reason"


class AnswerFields(Section):
    """Names of the fields that the CA sends, dotted for nested objects. Certificates: PEM or base64 of DER."""

    status: str = "status"
    certificate: str = "certificate_pem"
    chain: str = "chain_pem"
    # Why it refuses.
    code: str = "code"


class Words(Section):
    """What the CA calls the states of an order."""

    issued: tuple[str, ...] = ("issued",)
    pending: tuple[str, ...] = ("pending",)
    refused: tuple[str, ...] = ("refused", "revoked")


class CaSettings(Section):
    """The CA: its address, what its interface looks like, its roots, and what its certificates must hold to."""

    base_url: str = Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    submit_path: str = "/ca/v1/certificates"
    status_path: str = "/ca/v1/certificates/{order_no}"
    revoke_path: str = "/ca/v1/certificates/{order_no}/revoke"
    # Where the CA's own certificates are, for a CA whose answers come without them.
    chain_path: str = ""
    credential_header: str = "Authorization"
    credential_prefix: str = "Bearer "
    client_secret_file: SecretFile
    # Roots of the CA's HTTPS certificate; the system's when not given.
    ca_file: Path | None = None
    request_fields: RequestFields = RequestFields()
    answer_fields: AnswerFields = AnswerFields()
    words: Words = Words()
    revocation_reason: str = "unspecified"
    # What the CA calls our profiles, and the certificate policies (OIDs) by which its certificates show them.
    profiles: dict[Profile, str] = Field(default={Profile.EVENT: "event", Profile.ORGANISATION: "organisation"})
    policies: dict[Profile, str]
    longest_validity_days: dict[Profile, float] = Field(default={Profile.EVENT: 1, Profile.ORGANISATION: 366})
    # PEM: the roots to which issued certificates must chain.
    roots_file: Path
    attempts: int = Field(default=3, ge=1)
    attempt_seconds: float = Field(default=5, gt=0)
    deadline_seconds: float = Field(default=8, gt=0)
    # How long a call waits while the CA has not decided.
    wait_seconds: float = Field(default=5, gt=0)
    poll_seconds: float = Field(default=0.5, gt=0)

    @field_validator("profiles", "policies", "longest_validity_days")
    @classmethod
    def _for_every_profile(cls, value: dict[Profile, object]) -> dict[Profile, object]:
        missing = [profile.value for profile in Profile if profile not in value]
        if missing:
            raise ValueError(f"nothing for {missing}")
        return value


class CaBrokerSettings(ServiceSettings):
    """The ca-broker's settings. `activation_public_key_file`: PEM, identity's key (several while it is being changed)."""

    activation_public_key_file: Path
    ca: CaSettings
    revocation_poll_seconds: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment == "production" and not self.ca.base_url.startswith("https:"):
            raise ValueError("production speaks to a CA over HTTPS only")
        return self
