"""Makes PAdES signatures and archive timestamps (ETSI EN 319 142-1), file to file. Runs in a worker process.

A signature is one incremental update: the seal, the signature with its timestamp, and the validation data (DSS) for
signer and timestamp authority, all B-LT. A document timestamp is another: validation data for its authority, and a
timestamp over everything before it, B-LTA.

Documents of the plain form take the short way (`prepared`, `fields`, `cms`), all others pyHanko's (`stock`).
"""

import asyncio
import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Final

import aiohttp
from pyhanko.pdf_utils.misc import PdfError

from esign_signer.adapters.keys.stores import DigestSigner
from esign_signer.adapters.pdf import fields, stock
from esign_signer.adapters.pdf.clean import NotClean
from esign_signer.adapters.pdf.prepared import PreparedDocument
from esign_signer.adapters.pdf.trust import DIGEST, TOKEN_MARGIN, TimestampAuthority, TrustServices
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import DocumentRejected, Level, SignedFile, SigningOrder, TrustServiceUnavailable

_PREPARED: Final = 16


class PdfEngine:
    """Signs and archives. One call at a time; connections to the trust services stay open between calls."""

    def __init__(self, keys: DigestSigner, trust: TrustServices) -> None:
        self._keys = keys
        self._trust = trust
        self._runner = asyncio.Runner()
        self._prepared: OrderedDict[str, PreparedDocument] = OrderedDict()

    def close(self) -> None:
        """Closes the connections."""
        self._runner.run(self._trust.close())
        self._runner.close()

    def prepare(self, source: Path) -> str:
        """Reads and hashes a document that will be signed soon, and learns what there is to learn about the timestamp
        authorities; hex SHA-256. Raises DocumentRejected for a file that cannot be read."""
        try:
            prepared = PreparedDocument.read(source)
        except NotClean:
            return _sha256(source)
        except (OSError, ValueError) as error:
            raise DocumentRejected("PDF_INVALID", type(error).__name__) from error
        self._prepared[prepared.sha256] = prepared
        if len(self._prepared) > _PREPARED:
            self._prepared.popitem(last=False)
        return prepared.sha256

    def sign(self, order: SigningOrder) -> SignedFile:
        """Makes one signature, B-LT; the first one also lays out all fields and certifies the
        document (DocMDP, only signing allowed).

        Raises TrustServiceUnavailable below that level, SignatureRefused for a certificate or field that must not be
        used and for a document that is another than the order says, DocumentRejected for a file that cannot be read.
        `target` is complete, or as it was.
        """
        try:
            return self._complete(self._sign(order))
        except BaseException:
            if order.target == order.source:
                os.truncate(order.source, order.size)
            else:
                order.target.unlink(missing_ok=True)
            raise

    def archive(self, source: Path, target: Path) -> SignedFile:
        """Appends an archive timestamp. Raises as `sign` does."""
        try:
            return self._complete(self._archive(source, target))
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _complete(self, work: Coroutine[None, None, SignedFile]) -> SignedFile:
        try:
            return self._runner.run(work)
        except PdfError as error:
            raise DocumentRejected("PDF_DAMAGED", str(error)[:200]) from error

    async def _sign(self, order: SigningOrder) -> SignedFile:
        prepared = self._taken(order)

        async def attempt(authority: TimestampAuthority, session: aiohttp.ClientSession) -> SignedFile:
            if prepared is None:
                return await self._sign_stock(order, authority, session)
            try:
                return await self._sign_clean(order, prepared, authority, session)
            except NotClean:
                return await self._sign_stock(order, authority, session)

        return await self._first_authority(attempt)

    async def _archive(self, source: Path, target: Path) -> SignedFile:
        prepared = self._ready(source)

        async def attempt(authority: TimestampAuthority, session: aiohttp.ClientSession) -> SignedFile:
            if prepared is not None:
                return await self._timestamp(prepared, source, target, authority, session)
            context = self._trust.validation_context(session, ())
            await self._trust.validate_authority(authority, context)
            shutil.copyfile(source, target)
            await stock.timestamp(target, authority, context)
            return _result(target, Level.B_LTA, authority, hashlib.sha256(authority.certificate()).hexdigest())

        return await self._first_authority(attempt)

    def _taken(self, order: SigningOrder) -> PreparedDocument | None:
        """The order's document, when it is of the plain form, prepared earlier or now."""
        if order.target == order.source and order.source.stat().st_size > order.size:
            os.truncate(order.source, order.size)
        prepared = self._prepared.pop(order.sha256, None) or self._ready(order.source)
        sha256 = prepared.sha256 if prepared is not None else _sha256(order.source)
        if sha256 != order.sha256:
            raise SignatureRefused(Reason.ACTIVATION_DOCUMENT_MISMATCH, "content")
        return prepared

    def _ready(self, source: Path) -> PreparedDocument | None:
        """A document of the plain form, prepared now."""
        try:
            return PreparedDocument.read(source)
        except NotClean:
            return None
        except ValueError as error:
            raise DocumentRejected("PDF_INVALID", type(error).__name__) from error

    async def _sign_clean(
        self,
        order: SigningOrder,
        prepared: PreparedDocument,
        authority: TimestampAuthority,
        session: aiohttp.ClientSession,
    ) -> SignedFile:
        signer = await self._trust.signer_data(order.certificates, session, reusable=order.key.hosted)
        known = signer | await self._trust.authority_data(authority, session)
        pending = prepared.signature(
            order, order.seal_image.read_bytes(), known, authority.token_length() + TOKEN_MARGIN
        )
        signature = self._keys.sign_digest(order.key, pending.digest())
        token = await authority.async_timestamp(hashlib.sha256(signature).digest(), DIGEST)
        update = pending.update(signature, token.dump())
        sha256 = prepared.append(order.source, order.target, update)
        signed_at, certificate_sha256 = authority.last_token_time, hashlib.sha256(order.certificates[0]).hexdigest()
        if signed_at is None:
            raise TrustServiceUnavailable("TSA", "no token")
        return SignedFile(sha256, prepared.document.size + len(update), Level.B_LT, signed_at, certificate_sha256)

    async def _sign_stock(
        self, order: SigningOrder, authority: TimestampAuthority, session: aiohttp.ClientSession
    ) -> SignedFile:
        context = await self._trust.signer_context(order.certificates, session)
        await self._trust.validate_authority(authority, context)
        if order.target == order.source:
            os.truncate(order.source, order.size)
        else:
            shutil.copyfile(order.source, order.target)
        await stock.sign(order, self._keys, authority, context)
        return _result(order.target, Level.B_LT, authority, hashlib.sha256(order.certificates[0]).hexdigest())

    async def _timestamp(
        self,
        prepared: PreparedDocument,
        source: Path,
        target: Path,
        authority: TimestampAuthority,
        session: aiohttp.ClientSession,
    ) -> SignedFile:
        data = await self._trust.authority_data(authority, session)
        gap = fields.timestamp(prepared.document, data, authority.token_length() + TOKEN_MARGIN)
        token = await authority.async_timestamp(gap.digest(prepared.hash), DIGEST)
        update = gap.filled(token.dump())
        sha256 = prepared.append(source, target, update)
        if authority.last_token_time is None:
            raise TrustServiceUnavailable("TSA", "no token")
        return SignedFile(
            sha256,
            prepared.document.size + len(update),
            Level.B_LTA,
            authority.last_token_time,
            hashlib.sha256(authority.certificate()).hexdigest(),
        )

    async def _first_authority(
        self, attempt: Callable[[TimestampAuthority, aiohttp.ClientSession], Awaitable[SignedFile]]
    ) -> SignedFile:
        """The result of the first authority that gives what was promised. Only an authority's own failure leads to the
        next."""
        failure = TrustServiceUnavailable("TSA", "none configured")
        session = self._trust.session()
        for authority in self._trust.authorities(session):
            try:
                return await attempt(authority, session)
            except TrustServiceUnavailable as error:
                if error.which != "TSA":
                    raise
                failure = error
        raise failure


def _result(target: Path, level: Level, authority: TimestampAuthority, certificate_sha256: str) -> SignedFile:
    if authority.last_token_time is None:
        raise TrustServiceUnavailable("TSA", "no token")
    return SignedFile(_sha256(target), target.stat().st_size, level, authority.last_token_time, certificate_sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
