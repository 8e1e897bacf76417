"""What 在线验证 answers with: the report on a signed PDF, texts in the reader's language."""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from esign.signer.v1 import signer_pb2 as pb
from pydantic import BaseModel, Field

from esign_gateway.views import Sha256, enum_name, moment

Codes = Annotated[list[str], Field(description="Stable codes; empty when all is well.")]
Texts = Annotated[list[str], Field(description="`problems` in plain words, in their order.")]


class Change(BaseModel):
    """What an incremental update did after the signature."""

    kind: Annotated[str, Field(examples=["signature", "timestamp", "annotation"])]
    allowed: bool
    revision: Annotated[int, Field(description="Of the file, from 1.")]
    page: int | None
    detail: str
    objects: Annotated[list[int], Field(description="Numbers of the PDF objects.")]
    text: str


class ShownSeal(BaseModel):
    """What people see of a signature."""

    page: int | None
    rect: Annotated[list[float], Field(description="x1, y1, x2, y2 in points.")]
    of_organisation: Annotated[bool, Field(description="By the certificate: an organisation's, or a person's.")]
    picture: Annotated[str | None, Field(description="PNG in base64: how the page shows it.")]


class Revocation(BaseModel):
    """What is known of a certificate's revocation at the time that counts."""

    source: Annotated[str, Field(description="OCSP, CRL, or empty for a root, which has none.")]
    produced_at: datetime | None
    next_update: datetime | None
    revoked_at: datetime | None
    online: Annotated[bool, Field(description="Fetched now, not brought by the file.")]


class ChainCertificate(BaseModel):
    """A certificate of a chain."""

    subject: str
    issuer: str
    serial_number: str
    sha256: Sha256
    not_before: datetime | None
    not_after: datetime | None
    revocation: Revocation | None


class SignatureReport(BaseModel):
    """What was found about one signature."""

    field_name: str
    verdict: Annotated[str, Field(description="In one plain sentence.")]
    signer: str
    organisation: str | None
    unified_social_credit_code: str | None
    issuer: str
    serial_number: str
    certificate_sha256: str
    signed_at: datetime | None
    time_source: Annotated[str, Field(description="timestamp (RFC 3161) or claimed.")]
    timestamp_authority: str | None
    reason: str | None
    level: Annotated[str, Field(description="PAdES level: B-B, B-T, B-LT or B-LTA.")]
    algorithm: str
    intact: bool
    valid: bool
    trusted: bool
    covers_whole_file: bool
    covers_revision: Annotated[bool, Field(description="All of the file as it was when it was signed.")]
    certifies: bool
    revision: int
    changes_afterwards: Annotated[str, Field(description="none, allowed or forbidden.")]
    changes: list[Change]
    seal: ShownSeal | None
    chain: Annotated[list[ChainCertificate], Field(description="From the signer's to the root.")]
    timestamp_chain: list[ChainCertificate]
    problems: Codes
    problem_texts: Texts


class ValidationReport(BaseModel):
    """The report on a signed PDF."""

    verdict: Annotated[str, Field(description="On the whole file: passed, failed or not_signed.", examples=["passed"])]
    summary: Annotated[str, Field(description="The verdict in one plain sentence.")]
    sha256: Sha256
    size: int
    validated_at: datetime | None
    archived_at: Annotated[datetime | None, Field(description="Of the last document timestamp that holds.")]
    validators: list[str]
    signatures: list[SignatureReport]
    problems: Codes
    problem_texts: Texts

    @classmethod
    def of(cls, report: pb.ValidationReport, *, english: bool) -> "ValidationReport":
        """From signer's message."""
        return cls(
            verdict=enum_name(pb.Verdict.DESCRIPTOR, report.verdict, "VERDICT_"),
            summary=report.summary_en if english else report.summary_zh,
            sha256=report.sha256,
            size=report.size,
            validated_at=moment(report, "validated_at"),
            archived_at=moment(report, "archived_at"),
            validators=list(report.validators),
            signatures=[_signature(one, english=english) for one in report.signatures],
            problems=list(report.problems),
            problem_texts=_texts(report.problem_texts, english=english),
        )


def _signature(m: pb.SignatureReport, *, english: bool) -> SignatureReport:
    return SignatureReport(
        field_name=m.field_name,
        verdict=_text(m.verdict, english=english),
        signer=m.signer,
        organisation=m.organisation or None,
        unified_social_credit_code=m.unified_social_credit_code or None,
        issuer=m.issuer,
        serial_number=m.serial_number,
        certificate_sha256=m.certificate_sha256,
        signed_at=moment(m, "signed_at"),
        time_source=m.time_source,
        timestamp_authority=m.timestamp_authority or None,
        reason=m.reason or None,
        level=m.level,
        algorithm=m.algorithm,
        intact=m.intact,
        valid=m.valid,
        trusted=m.trusted,
        covers_whole_file=m.covers_whole_file,
        covers_revision=m.covers_revision,
        certifies=m.certifies,
        revision=m.revision,
        changes_afterwards=m.changes_afterwards,
        changes=[_change(one, english=english) for one in m.changes],
        seal=_seal(m.seal) if m.HasField("seal") else None,
        chain=[_certificate(one) for one in m.chain],
        timestamp_chain=[_certificate(one) for one in m.timestamp_chain],
        problems=list(m.problems),
        problem_texts=_texts(m.problem_texts, english=english),
    )


def _change(m: pb.Change, *, english: bool) -> Change:
    return Change(
        kind=m.kind,
        allowed=m.allowed,
        revision=m.revision,
        page=m.page or None,
        detail=m.detail,
        objects=list(m.objects),
        text=_text(m.text, english=english),
    )


def _seal(m: pb.ShownSeal) -> ShownSeal:
    picture = base64.b64encode(m.picture).decode() if m.picture else None
    return ShownSeal(page=m.page or None, rect=list(m.rect), of_organisation=m.of_organisation, picture=picture)


def _certificate(m: pb.ChainCertificate) -> ChainCertificate:
    return ChainCertificate(
        subject=m.subject,
        issuer=m.issuer,
        serial_number=m.serial_number,
        sha256=m.sha256,
        not_before=moment(m, "not_before"),
        not_after=moment(m, "not_after"),
        revocation=_revocation(m.revocation) if m.HasField("revocation") else None,
    )


def _revocation(m: pb.Revocation) -> Revocation:
    return Revocation(
        source=m.source,
        produced_at=moment(m, "produced_at"),
        next_update=moment(m, "next_update"),
        revoked_at=moment(m, "revoked_at"),
        online=m.online,
    )


def _texts(messages: Iterable[pb.Text], *, english: bool) -> list[str]:
    return [_text(one, english=english) for one in messages]


def _text(m: pb.Text, *, english: bool) -> str:
    return m.en if english else m.zh
