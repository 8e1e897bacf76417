"""The outside trust services, as a worker speaks to them: timestamp authorities (RFC 3161), OCSP (RFC 6960) and CRLs,
all over HTTP.

Everything fails closed: no answer, a late answer or an answer that does not hold is TrustServiceUnavailable; a
certificate that must not be used is SignatureRefused.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
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

from esign_signer.adapters.pdf.fields import ValidationData
from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import TrustServiceUnavailable

DIGEST: Final = "sha256"
MAX_TOKEN_BYTES: Final = 64 * 1024
TOKEN_MARGIN: Final = 256
"""Bytes by which a token may be longer than the one before it."""

_AUTHORITY_FOR_SECONDS: Final = 600.0
_GOOD_FOR_SECONDS: Final = 60.0
_KEEP_ALIVE_SECONDS: Final = 4.0
"""Less than servers wait before they close a connection that nobody uses."""


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

    def certificate(self) -> bytes:
        """The authority's signing certificate, DER. Only once a token was seen."""
        (certificate,) = self._certs.values()
        return bytes(certificate.dump())

    def token_length(self) -> int:
        """Bytes of the token that was asked for to learn the authority's certificates."""
        return max((len(token.dump()) for token in self._dummy_response_cache.values()), default=0)


class TrustServices:
    """A worker's view on the trust services. Connections stay open for a few seconds; what was learnt about a timestamp
    authority, or about a certificate that signs again and again, is good for a minute."""

    def __init__(self, settings: TrustSettings) -> None:
        self.settings = settings
        self._trust_manager = trust_manager(settings)
        self._authorities: dict[str, tuple[float, TimestampAuthority]] = {}
        self._known: dict[bytes, tuple[float, ValidationData]] = {}
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """The connections. To be called within the event loop that uses them."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE_SECONDS))
        return self._session

    async def close(self) -> None:
        """Closes them."""
        if self._session is not None:
            await self._session.close()

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

    async def signer_context(self, chain: tuple[bytes, ...], session: aiohttp.ClientSession) -> ValidationContext:
        """A context that has validated a signer's certificate. Raises as `validate_signer`."""
        certificate, *above = [x509.Certificate.load(der) for der in chain]
        context = self.validation_context(session, above)
        await validate_signer(certificate, above, context)
        return context

    async def signer_data(
        self, chain: tuple[bytes, ...], session: aiohttp.ClientSession, *, reusable: bool
    ) -> ValidationData:
        """What proves later that a signer's certificate was good: it is validated for non-repudiation, now or, when it is
        `reusable`, within the last minute. Raises as `validate_signer`."""

        async def learn() -> ValidationData:
            certificate, *above = [x509.Certificate.load(der) for der in chain]
            context = self.validation_context(session, above)
            return _data(await validate_signer(certificate, above, context), context)

        return await self._fresh(chain[0], learn) if reusable else await learn()

    async def authority_data(self, authority: "TimestampAuthority", session: aiohttp.ClientSession) -> ValidationData:
        """What proves later that a timestamp authority's certificate was good. Raises TrustServiceUnavailable when it, or
        its revocation information, does not hold."""
        await authority.async_dummy_response(DIGEST)

        async def learn() -> ValidationData:
            context = self.validation_context(session, ())
            found = ValidationData()
            for path in await _authority_paths(authority, context):
                found |= _data(path, context)
            return found

        return await self._fresh(authority.certificate(), learn)

    async def validate_authority(self, authority: "TimestampAuthority", context: ValidationContext) -> None:
        """Validates an authority's certificate chain within `context`. Raises as `authority_data`."""
        await _authority_paths(authority, context)

    async def _fresh(self, key: bytes, learn: Callable[[], Awaitable[ValidationData]]) -> ValidationData:
        now = time.monotonic()
        born, data = self._known.get(key, (float("-inf"), None))
        if data is None or now - born > _GOOD_FOR_SECONDS:
            data = await learn()
            self._known = {each: value for each, value in self._known.items() if now - value[0] <= _GOOD_FOR_SECONDS}
            self._known[key] = (now, data)
        return data

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


def _data(path: ValidationPath, context: ValidationContext) -> ValidationData:
    """A validated path, and the revocation information that its validation used."""
    responders = {
        certificate.dump() for response in context.ocsps for certificate in response.basic_ocsp_response["certs"] or ()
    }
    return ValidationData(
        frozenset(certificate.dump() for certificate in path.iter_certs(include_root=True)) | responders,
        frozenset(response.dump() for response in context.ocsps),
        frozenset(crl.dump() for crl in context.crls),
    )


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


async def _authority_paths(authority: TimestampAuthority, context: ValidationContext) -> list[ValidationPath]:
    await authority.async_dummy_response(DIGEST)
    try:
        return [path async for path in authority.validation_paths(context)]
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
