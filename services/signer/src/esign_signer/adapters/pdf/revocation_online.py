"""Asks for the present state of certificates: OCSP (RFC 6960, appendix A) and CRLs over HTTP, at the addresses that the
certificates name. Ask only about certificates whose chain leads to a root of ours."""

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

_MAX_OCSP: Final = 256 * 1024
_MAX_CRL: Final = 20 * 1024 * 1024
_MAX_QUESTIONS: Final = 20


async def fetch(
    certificates: Sequence[tuple[x509.Certificate, x509.Certificate]], deadline: float
) -> tuple[list[bytes], list[bytes]]:
    """OCSP responses and CRLs (DER, unchecked) about certificates, each given with its issuer's. Who does not answer
    within `deadline` seconds is left out."""
    questions = list(dict.fromkeys(certificates))[:_MAX_QUESTIONS]
    timeout = aiohttp.ClientTimeout(total=deadline)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        responses, lists = await asyncio.gather(
            asyncio.gather(*(_ocsp(session, one, issuer) for one, issuer in questions)),
            asyncio.gather(
                *(_get(session, url) for url in dict.fromkeys(u for one, _ in questions for u in _crls(one)))
            ),
        )
    return [body for body in responses if body], [body for body in lists if body]


async def _ocsp(session: aiohttp.ClientSession, certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    # The hash only names the issuer; responders that know no other are still many.
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build().public_bytes(Encoding.DER)  # noqa: S303
    for url in _responders(certificate):
        try:
            async with session.post(
                url, data=request, headers={"content-type": "application/ocsp-request"}, allow_redirects=False
            ) as response:
                if body := await _body(response, _MAX_OCSP):
                    return body
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            continue
    return b""


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    try:
        async with session.get(url, allow_redirects=False) as response:
            return await _body(response, _MAX_CRL)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return b""


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = b""
    async for piece in response.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > limit:
            return b""
    return body if response.status == 200 else b""


def _responders(certificate: x509.Certificate) -> list[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    locations = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    return _urls(locations)


def _crls(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return _urls([name for point in points for name in point.full_name or ()])


def _urls(names: Sequence[x509.GeneralName]) -> list[str]:
    return [
        name.value
        for name in names
        if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(("http://", "https://"))
    ]
