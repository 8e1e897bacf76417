"""Whether a certificate was good at a time: its chain, its validity, its revocation, and how we know.

A signature is judged at the time that its timestamp proves (ETSI EN 319 102-1, 5.5 and 5.6), so a certificate that has
expired since is no matter, as long as the file brings what was known of it then. A timestamp is judged at the time of
the next proof: the next document timestamp, or now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from esign_signer.adapters.pdf.chains import Chain, Chains, fingerprint, may_sign, may_stamp
from esign_signer.adapters.pdf.revocation import Evidence, Statement
from esign_signer.domain.report import ChainCertificate, Problem, Revocation, RevocationSource


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found. `problem` is None when the certificate was good. `lacking` are certificates (with their issuers)
    of which nothing that counts is known; `in_file`: all that was needed came with the file."""

    certificates: tuple[ChainCertificate, ...]
    problem: Problem | None
    lacking: tuple[tuple[x509.Certificate, x509.Certificate], ...] = ()
    in_file: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """`at`: when the certificate was used. `until`: the time up to which its chain, and a timestamp authority's own
    certificate, must have stayed good."""

    at: datetime
    until: datetime


class Judge:
    """Judges certificates with what one file brings.

    With `present`, what is known of a timestamp authority must be fresh at `until`; without, as of its own timestamp,
    which is all that can be said without asking anyone.
    """

    def __init__(self, chains: Chains, evidence: Evidence, tolerance: timedelta, *, present: bool) -> None:
        self._chains, self._evidence, self._tolerance, self._present = chains, evidence, tolerance, present

    async def signer(self, leaf: x509.Certificate, pool: Sequence[x509.Certificate], times: Times) -> Standing:
        """A signer's certificate at `times.at`."""
        return await self._judged(leaf, pool, times, authority=False)

    async def authority(self, leaf: x509.Certificate, pool: Sequence[x509.Certificate], times: Times) -> Standing:
        """A timestamp authority's certificate, up to `times.until`."""
        return await self._judged(leaf, pool, times, authority=True)

    async def _judged(
        self, leaf: x509.Certificate, pool: Sequence[x509.Certificate], times: Times, *, authority: bool
    ) -> Standing:
        chain = await self._chains.find(leaf, pool, times.at)
        if chain is None:
            return Standing((described(leaf, None),), Problem.CERTIFICATE_UNTRUSTED)
        problem: Problem | None = None
        if not (may_stamp(leaf) if authority else may_sign(leaf)):
            problem = Problem.CERTIFICATE_USAGE
        elif not self._in_force(chain, times, authority=authority):
            problem = Problem.CERTIFICATE_EXPIRED
        told: list[ChainCertificate] = []
        lacking: list[tuple[x509.Certificate, x509.Certificate]] = []
        in_file = True
        for certificate, issuer in chain.issued:
            statements = self._evidence.statements(certificate, issuer)
            revoked = self._revoked(statements, times, authority=authority)
            known = revoked or self._good(statements, certificate, times, authority=authority)
            told.append(described(certificate, known.as_revocation() if known else None))
            if revoked is not None:
                problem = Problem.CERTIFICATE_REVOKED
            elif known is None:
                lacking.append((certificate, issuer))
            in_file = in_file and known is not None and not known.online
        told.append(described(chain.certificates[-1], Revocation(RevocationSource.NONE)))
        if lacking and problem is None:
            problem = Problem.REVOCATION_UNKNOWN
        return Standing(tuple(told), problem, tuple(lacking), in_file)

    def _in_force(self, chain: Chain, times: Times, *, authority: bool) -> bool:
        def during(certificate: x509.Certificate, *moments: datetime) -> bool:
            begins = certificate.not_valid_before_utc - self._tolerance
            return all(begins <= moment <= certificate.not_valid_after_utc + self._tolerance for moment in moments)

        leaf_holds = during(chain.leaf, times.at, times.until) if authority else during(chain.leaf, times.at)
        return leaf_holds and all(during(one, times.at, times.until) for one in chain.authorities)

    def _revoked(self, statements: Iterable[Statement], times: Times, *, authority: bool) -> Statement | None:
        """A statement by which the certificate was revoked at the time that counts. What a timestamp authority stamped
        stays good only after a harmless end of its certificate (RFC 3161, section 4)."""
        for statement in statements:
            if statement.revoked_at is None:
                continue
            until = times.until if authority and not statement.harmless else times.at
            if statement.revoked_at <= until:
                return statement
        return None

    def _good(
        self, statements: Iterable[Statement], certificate: x509.Certificate, times: Times, *, authority: bool
    ) -> Statement | None:
        """The statement made closest to the time that counts that tells the state then."""
        moment = times.until if authority and self._present else times.at
        ends = certificate.not_valid_after_utc + self._tolerance
        fitting = [
            statement
            for statement in statements
            # Of an expired certificate an authority need not know any more.
            if statement.covers(moment, self._tolerance) and statement.this_update <= ends
        ]
        return min(fitting, key=lambda statement: abs(statement.this_update - moment), default=None)


def described(certificate: x509.Certificate, revocation: Revocation | None) -> ChainCertificate:
    """A certificate for the report."""
    return ChainCertificate(
        subject=common_name(certificate.subject),
        issuer=common_name(certificate.issuer),
        serial_number=f"{certificate.serial_number:x}",
        sha256=fingerprint(certificate).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        revocation=revocation,
    )


def common_name(name: x509.Name) -> str:
    """The common name, or what else there is of a name."""
    return attribute(name, NameOID.COMMON_NAME) or attribute(name, NameOID.ORGANIZATION_NAME) or name.rfc4514_string()


def attribute(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    """An attribute's values, joined; empty when there is none."""
    return ", ".join(str(found.value) for found in name.get_attributes_for_oid(kind))
