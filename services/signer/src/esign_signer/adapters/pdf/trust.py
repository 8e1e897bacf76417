"""The outside trust services, as a worker speaks to them: timestamp authorities (RFC 3161), OCSP (RFC 6960) and CRLs,
all over HTTP.

Everything fails closed: no answer, a late answer or an answer that does not hold is TrustServiceUnavailable; a
certificate that must not be used is SignatureRefused.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
from asn1crypto import cms, tsp, x509
from pyhanko.sign.general import CMSExtractionError, SigningError, extract_certificate_info, extract_signer_info
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError, handle_tsp_response, set_tsp_headers
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import TrustServiceUnavailable

DIGEST: Final = "sha256"
MAX_TOKEN_BYTES: Final = 64 * 1024
_AUTHORITY_FOR_SECONDS: Final = 600.0


def trust_manager(settings: TrustSettings) -> SimpleTrustManager:
    """The roots, as pyHanko wants them."""
    return SimpleTrustManager.build([x509.Certificate.load(root) for root in settings.roots])


def policy(settings: TrustSettings) -> CertValidationPolicySpec:
    """How certificates are judged: by these roots only, with revocation information for every certificate below
    them."""
    return CertValidationPolicySpec(
        trust_manager(settings),
        CertRevTrustPolicy(REQUIRE_REVINFO),
        time_tolerance=timedelta(seconds=settings.clock_tolerance),
    )


class TimestampAuthority(TimeStamper):
    """One timestamp authority. Its tokens are checked as they arrive: nonce, imprint, signature, and the certificate
    that was validated."""

    def __init__(self, url: str, deadline: float) -> None:
        super().__init__()
        self.url = url
        self.session: aiohttp.ClientSession | None = None
        self.last_token_time: datetime | None = None
        self._deadline = deadline

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """POSTs the request (RFC 3161, section 3.4). Raises TrustServiceUnavailable for whatever is not a readable
        response in time."""
        if self.session is None:
            raise RuntimeError("no session")
        try:
            async with self.session.post(
                self.url,
                headers=set_tsp_headers({}),
                data=req.dump(),
                timeout=aiohttp.ClientTimeout(total=self._deadline),
                allow_redirects=False,
            ) as response:
                body = await response.content.read(MAX_TOKEN_BYTES + 1)
                if response.status != 200 or len(body) > MAX_TOKEN_BYTES:
                    raise TrustServiceUnavailable("TSA", f"{self.url}: status {response.status}, {len(body)} bytes")
            return tsp.TimeStampResp.load(body)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TrustServiceUnavailable("TSA", f"{self.url}: {type(error).__name__}") from error

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """A token over `message_digest`. Raises TrustServiceUnavailable unless it is exactly what was asked for."""
        nonce, request = self.request_cms(message_digest, md_algorithm)
        response = await self.async_request_tsa_response(request)
        try:
            token = handle_tsp_response(response, nonce)
            info, signer = _checked(token["content"], message_digest, md_algorithm)
        except (
            TimestampRequestError,
            CMSExtractionError,
            SignatureValidationError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:
            raise TrustServiceUnavailable("TSA", f"{self.url}: {type(error).__name__}: {error}") from error
        if self._certs and signer.issuer_serial not in self._certs:
            self._dummy_response_cache.clear()
            self._certs.clear()
            raise TrustServiceUnavailable("TSA", f"{self.url}: changed its certificate between two tokens")
        self.last_token_time = info["gen_time"].native.astimezone(UTC)
        return token

    def certificates(self) -> list[x509.Certificate]:
        """The authority's signing certificate, once a token was seen."""
        return list(self._certs.values())

    def token_length(self) -> int:
        """Bytes of the token that was asked for to learn the authority's certificates."""
        return max((len(token.dump()) for token in self._dummy_response_cache.values()), default=0)


class TrustServices:
    """A worker's view on the trust services. What it learned about a timestamp authority is kept for ten minutes."""

    def __init__(self, settings: TrustSettings) -> None:
        self.settings = settings
        self._trust_manager = trust_manager(settings)
        self._authorities: dict[str, tuple[float, TimestampAuthority]] = {}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """The connections of one job."""
        async with aiohttp.ClientSession() as session:
            yield session

    def validation_context(
        self, session: aiohttp.ClientSession, known: Iterable[x509.Certificate]
    ) -> ValidationContext:
        """A context that fetches revocation information for every certificate it validates, and remembers it for the
        DSS."""
        context = ValidationContext(
            trust_manager=self._trust_manager,
            other_certs=list(known),
            allow_fetching=True,
            fetcher_backend=AIOHttpFetcherBackend(session, per_request_timeout=self.settings.revocation_deadline),
            revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            time_tolerance=timedelta(seconds=self.settings.clock_tolerance),
        )
        # Chains come with what we sign; nothing else is fetched from an address that a certificate names.
        context.certificate_registry.fetcher = None
        return context

    def authorities(self, session: aiohttp.ClientSession) -> Iterable[TimestampAuthority]:
        """The timestamp authorities in the order to try them."""
        now = time.monotonic()
        for url in self.settings.tsa_urls:
            born, authority = self._authorities.get(url, (float("-inf"), None))
            if authority is None or now - born > _AUTHORITY_FOR_SECONDS:
                authority = TimestampAuthority(url, self.settings.tsa_deadline)
                self._authorities[url] = (now, authority)
            authority.session = session
            yield authority


def _checked(
    signed_data: cms.SignedData, message_digest: bytes, md_algorithm: str
) -> tuple[tsp.TSTInfo, x509.Certificate]:
    """The token's content and its signer, when the signature holds over exactly this imprint; raises ValueError
    otherwise."""
    content = signed_data["encap_content_info"]["content"]
    info = content.parsed
    signer = extract_certificate_info(signed_data).signer_cert
    signer_info = extract_signer_info(signed_data)
    digest = hashlib.new(signer_info["digest_algorithm"]["algorithm"].native, bytes(content)).digest()
    intact, valid = validate_sig_integrity(signer_info, signer, "tst_info", digest)
    imprint = info["message_imprint"]
    if not (intact and valid):
        raise ValueError("the signature does not hold")
    if (
        imprint["hash_algorithm"]["algorithm"].native != md_algorithm
        or imprint["hashed_message"].native != message_digest
    ):
        raise ValueError("the imprint is another")
    return info, signer


async def validate_authority(authority: TimestampAuthority, context: ValidationContext) -> None:
    """Validates the authority's certificate chain. Raises TrustServiceUnavailable when it, or its revocation
    information, does not hold."""
    await authority.async_dummy_response(DIGEST)
    try:
        async for _ in authority.validation_paths(context):
            pass
    except InsufficientRevinfoError as error:
        raise TrustServiceUnavailable(_revocation_service(error), f"{authority.url}: {error.failure_msg}") from error
    except (ValidationError, PathBuildingError) as error:
        raise TrustServiceUnavailable("TSA", f"{authority.url}: certificate: {error}") from error


async def validate_signer(
    certificate: x509.Certificate, chain: Iterable[x509.Certificate], context: ValidationContext
) -> ValidationPath:
    """Validates a signer's certificate for non-repudiation (RFC 5280), revocation included.

    Raises SignatureRefused (CERTIFICATE_REVOKED, CERTIFICATE_EXPIRED, CERTIFICATE_UNTRUSTED), or
    TrustServiceUnavailable when its state cannot be learnt.
    """
    validator = CertificateValidator(certificate, intermediate_certs=list(chain), validation_context=context)
    try:
        path: ValidationPath = await validator.async_validate_usage({"non_repudiation"})
    except RevokedError as error:
        raise SignatureRefused(Reason.CERTIFICATE_REVOKED) from error
    except ExpiredError as error:
        raise SignatureRefused(Reason.CERTIFICATE_EXPIRED) from error
    except InsufficientRevinfoError as error:
        raise TrustServiceUnavailable(_revocation_service(error), error.failure_msg) from error
    except (PathBuildingError, PathValidationError, ValidationError, SigningError) as error:
        raise SignatureRefused(Reason.CERTIFICATE_UNTRUSTED, type(error).__name__) from error
    return path


def _revocation_service(error: PathValidationError) -> str:
    """The service that the certificate in question names: OCSP when it has a responder, CRL otherwise."""
    _anchor, *above, leaf = error.original_path.iter_certs(include_root=True)
    certificate = leaf if error.is_ee_cert or not above else above[0]
    return "OCSP" if certificate.ocsp_urls else "CRL"
