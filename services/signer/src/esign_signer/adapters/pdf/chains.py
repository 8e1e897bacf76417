"""Certificate chains from a signer's certificate to one of our roots (RFC 5280), whatever the time. pyHanko's validator
builds and checks them; what it found is kept, for most files show the same authorities again."""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

T = TypeVar("T", bound=x509.ExtensionType)

_REMEMBERED: Final = 512
_MAX_POOL: Final = 64


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates, the leaf first, the root last."""

    certificates: tuple[x509.Certificate, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """Whose chain it is."""
        return self.certificates[0]

    @property
    def issued(self) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
        """Every certificate below the root, with its issuer's."""
        return pairwise(self.certificates)

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The certificates between leaf and root."""
        return self.certificates[1:-1]


class Chains:
    """Chains to `roots` (DER). Remembers the chains it found, the latest used the longest."""

    def __init__(self, roots: Sequence[bytes]) -> None:
        self._roots = [asn1_x509.Certificate.load(root) for root in roots]
        self._trust_manager = SimpleTrustManager.build(self._roots)
        self._found: OrderedDict[bytes, Chain] = OrderedDict()

    async def find(self, leaf: x509.Certificate, pool: Iterable[x509.Certificate], at: datetime) -> Chain | None:
        """The chain from `leaf` over certificates of `pool` to a root, None when there is none that holds. Its
        certificates were in force together at some time; whether they were at the time that counts is for the caller
        to see. `at` only chooses between several chains."""
        key = fingerprint(leaf)
        if (chain := self._found.get(key)) is not None:
            self._found.move_to_end(key)
            return chain
        chain = await self._build(leaf, pool, at)
        if chain is not None:
            self._found[key] = chain
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return chain

    async def _build(self, leaf: x509.Certificate, pool: Iterable[x509.Certificate], at: datetime) -> Chain | None:
        second = timedelta(seconds=1)
        moment = max(leaf.not_valid_before_utc + second, min(at, leaf.not_valid_after_utc - second))
        others = {fingerprint(certificate): certificate for certificate in pool}
        if len(others) > _MAX_POOL:
            return None
        context = ValidationContext(
            trust_manager=self._trust_manager,
            moment=moment,
            allow_fetching=False,
            revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
        )
        validator = CertificateValidator(
            _asn1(leaf), intermediate_certs=[_asn1(c) for c in others.values()], validation_context=context
        )
        try:
            path = await validator.async_validate_path()
        except (PathBuildingError, PathValidationError, ValidationError, ValueError, TypeError, KeyError):
            return None
        found = [x509.load_der_x509_certificate(c.dump()) for c in path.iter_certs(include_root=True)]
        return Chain(tuple(reversed(found)))


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether the certificate is for signing documents: digitalSignature or nonRepudiation, and no authority's."""
    usage = _extension(certificate, x509.KeyUsage)
    return usage is None or ((usage.digital_signature or usage.content_commitment) and not usage.key_cert_sign)


def may_stamp(certificate: x509.Certificate) -> bool:
    """Whether it is for timestamps and nothing else (RFC 3161, 2.3)."""
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    return extended is not None and list(extended) == [ExtendedKeyUsageOID.TIME_STAMPING]


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
