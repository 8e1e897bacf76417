"""A second opinion for the release gate: pyHanko's own AdES validation (ETSI EN 319 102-1), from reading to verdict.

Document timestamps are validated as of the next, the last as of now; a signature and its own timestamp at the time that
this timestamp proves. (pyHanko's own long-term algorithm
refuses a signature whose certificate expired before its revocation data went stale, which certificates for one
signature regularly do.)
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from asn1crypto import cms, x509
from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.ades import ades_basic_validation, ades_timestamp_validation
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from esign_signer.adapters.pdf.settings import TrustSettings
from esign_signer.adapters.pdf.signed_file import UNREADABLE
from esign_signer.adapters.pdf.trust import policy

NAME: Final = f"pyhanko/{version('pyhanko')}"


class AdesValidator:
    """Validates against the platform's roots, with what the file brings."""

    def __init__(self, settings: TrustSettings) -> None:
        self._spec = SignatureValidationSpec(
            cert_validation_policy=policy(settings),
            local_knowledge=LocalKnowledge(known_certs=[x509.Certificate.load(root) for root in settings.roots]),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )

    def problems(self, source: Path, earlier_signatures: int = 0) -> list[str]:
        """What pyHanko has against `source`, in its own words; empty when it accepts every signature and every document
        timestamp but the first `earlier_signatures`."""
        with source.open("rb") as stream:
            try:
                return asyncio.run(self._judged(PdfFileReader(stream), earlier_signatures))
            except UNREADABLE as error:
                return [f"unreadable: {type(error).__name__}"]

    async def _judged(self, reader: PdfFileReader, earlier_signatures: int) -> list[str]:
        spec = replace(self._spec, local_knowledge=_knowledge(self._spec.local_knowledge, reader))
        problems = []
        until: datetime | None = None
        for timestamp in reversed(reader.embedded_timestamp_signatures):
            timestamp.compute_integrity_info()
            found, moment = await _timestamp(spec, timestamp.signed_data, timestamp.compute_digest, until)
            problems += [f"{timestamp.field_name}: {problem}" for problem in (found, _appended(timestamp)) if problem]
            until = moment or until
        for signature in reader.embedded_regular_signatures[earlier_signatures:]:
            problems += [f"{signature.field_name}: {problem}" for problem in await _signature(spec, signature)]
        return problems


async def _signature(spec: SignatureValidationSpec, signature: EmbeddedPdfSignature) -> list[str]:
    signature.compute_integrity_info()
    token = next(extract_tst_data_iter(signature.signer_info, signed=False), None)
    if token is None:
        return ["no timestamp"]
    value = signature.signer_info["signature"].native
    at = token["encap_content_info"]["content"].parsed["gen_time"].native.astimezone(UTC)
    stamped, _ = await _timestamp(spec, token, lambda name: hashlib.new(name, value).digest(), at)
    result = await ades_basic_validation(
        signature.signed_data,
        spec,
        timing_info=_as_of(at),
        raw_digest=signature.compute_digest(),
    )
    found = None if result.ades_subindic is AdESPassed.OK else f"{result.ades_subindic}"
    return [problem for problem in (stamped and f"timestamp {stamped}", found, _appended(signature)) if problem]


async def _timestamp(
    spec: SignatureValidationSpec, token: cms.SignedData, digest: Callable[[str], bytes], at: datetime | None
) -> tuple[str | None, datetime | None]:
    """What is wrong with a token as of `at`, and its time."""
    result = await ades_timestamp_validation(
        token, spec, digest, timing_info=_as_of(at), status_cls=TimestampSignatureStatus
    )
    if result.ades_subindic is not AdESPassed.OK or result.api_status is None:
        return f"{result.ades_subindic}", None
    return None, result.api_status.timestamp.astimezone(UTC)


def _appended(signature: EmbeddedPdfSignature) -> str | None:
    """What is wrong with coverage and with what was appended."""
    return None if signature.summarise_integrity_info()["docmdp_ok"] else "changed afterwards"


def _as_of(proof: datetime | None) -> ValidationTimingInfo | None:
    if proof is None:
        return None
    return ValidationTimingInfo(validation_time=proof, best_signature_time=proof, point_in_time_validation=True)


def _knowledge(known: LocalKnowledge, reader: PdfFileReader) -> LocalKnowledge:
    """`known` and what the file's own security store (DSS) brings along."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return known
    ocsps = [OCSPResponse.load(ref.get_object().read_data(DecodePurpose.OCSP_RESPONSE)) for ref in store.ocsps]
    crls = [CertificateList.load(ref.get_object().read_data(DecodePurpose.CRL)) for ref in store.crls]
    return LocalKnowledge(
        known_ocsps=[container for response in ocsps for container in OCSPContainer.load_multi(response)],
        known_crls=[CRLContainer(crl) for crl in crls],
        known_certs=[*known.known_certs, *store.load_certs()],
    )
