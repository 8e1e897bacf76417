"""What the use cases need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from esign_ca_broker.domain.orders import (
    Activation,
    IssuedCertificate,
    Order,
    OrganisationSubject,
    PersonSubject,
    Profile,
    Subject,
)
from esign_ca_broker.domain.requests import CertificationRequest


@dataclass(frozen=True, slots=True)
class Issued:
    """The CA issued a certificate (DER); `chain` is what it sent along, in any order."""

    leaf: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA has the order and has not decided."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The CA will not issue it, by its own code."""

    code: str


Answer = Issued | Pending | Refused


class CertificationAuthority(Protocol):
    """The seam to a CA: PKCS#10 in, chain out, asynchronous. Every method raises Unavailable CA_UNAVAILABLE when it cannot be had now."""

    async def submit(self, order_no: str, profile: Profile, request: CertificationRequest, subject: Subject) -> Answer:
        """Places an order; the same order again is the same order."""
        ...

    async def status(self, order_no: str) -> Answer | None:
        """How far an order is; None when the CA does not know it."""
        ...

    async def chain(self) -> Sequence[bytes]:
        """The CA's own certificates, DER, for answers that come without."""
        ...

    async def revoke(self, order_no: str) -> None:
        """Revokes what was issued for an order; nothing when nothing was."""
        ...


class Statements(Protocol):
    """Activation statements."""

    def verify(self, statement: str) -> Activation:
        """The person's activation that the statement stands for. Raises Forbidden ACTIVATION_INVALID, ACTIVATION_TOO_OLD."""
        ...


class Identities(Protocol):
    """Identity."""

    async def subject_of(self, activation_id: str) -> PersonSubject:
        """Who an activation is for. Raises NotFound, Unavailable, TimedOut."""
        ...


class Keys(Protocol):
    """The signer's keys of organisations."""

    async def create(self, order_no: str, organisation: OrganisationSubject) -> tuple[str, bytes]:
        """A key's id and its certification request (DER); the same for the same order."""
        ...

    async def install(self, key_id: str, chain: Sequence[bytes]) -> str:
        """Installs a certificate; returns its id."""
        ...


class OrderStore(Protocol):
    """Order rows; every method is one transaction of its own, events included. A step that was taken already is not taken again."""

    async def open_event(self, order_no: str, activation: Activation, request: CertificationRequest) -> Order:
        """Commits the intent, or returns the order that is there for the activation."""
        ...

    async def open_organisation(self, organisation: OrganisationSubject) -> Order:
        """The organisation's valid certificate's order, or the one under way, or a new one.

        Raises Conflict ORGANISATION_NAME_DIFFERS when that order is for another name.
        """
        ...

    async def requested(self, order_no: str, key_id: str, request: CertificationRequest) -> Order:
        """Records the organisation's key and request."""
        ...

    async def issued(self, order_no: str, certificate: IssuedCertificate) -> Order:
        """Records the certificate, with the event CertificateIssued."""
        ...

    async def installed(self, order_no: str, certificate_id: str) -> Order:
        """Records that the signer has it."""
        ...

    async def refuse(self, order_no: str, reason: str, *, revoke: bool) -> Order:
        """Records that there will be no certificate, with the event CertificateRefused; `revoke` has what the CA issued revoked."""
        ...

    async def report_refusal(
        self, reason: str, *, order_no: str = "", activation_id: str = "", contract_id: str = ""
    ) -> None:
        """The event CertificateRefused for a request that changes no order."""
        ...

    async def to_revoke(self, limit: int) -> Sequence[str]:
        """Claims orders whose certificate is to be revoked, for a minute."""
        ...

    async def revoked(self, order_no: str) -> None:
        """Records that it was."""
        ...
