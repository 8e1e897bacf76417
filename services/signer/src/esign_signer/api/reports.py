"""Validation reports as messages."""

from collections.abc import Iterable

from esign.signer.v1 import signer_pb2 as pb

from esign_signer.api.convert import timestamp
from esign_signer.domain.report import (
    ChainCertificate,
    Change,
    Problem,
    Revocation,
    SealShown,
    SignatureReport,
    ValidationReport,
    Verdict,
)
from esign_signer.domain.words import Text, change_text, problem_text, summary, verdict_text

_VERDICTS = {
    Verdict.PASSED: pb.VERDICT_PASSED,
    Verdict.FAILED: pb.VERDICT_FAILED,
    Verdict.NOT_SIGNED: pb.VERDICT_NOT_SIGNED,
}


def report_message(report: ValidationReport) -> pb.ValidationReport:
    """A report."""
    zh, en = summary(report)
    return pb.ValidationReport(
        verdict=_VERDICTS[report.verdict],
        sha256=report.sha256,
        size=report.size,
        signatures=[_signature(signature) for signature in report.signatures],
        problems=[problem.value for problem in report.problems],
        problem_texts=_problem_texts(report.problems),
        summary_zh=zh,
        summary_en=en,
        archived_at=timestamp(report.archived_at),
        validated_at=timestamp(report.validated_at),
        validators=report.validators,
    )


def _signature(report: SignatureReport) -> pb.SignatureReport:
    return pb.SignatureReport(
        field_name=report.field_name,
        signer=report.signer,
        organisation=report.organisation,
        unified_social_credit_code=report.unified_social_credit_code,
        issuer=report.issuer,
        serial_number=report.serial_number,
        certificate_sha256=report.certificate_sha256,
        signed_at=timestamp(report.signed_at),
        time_source=report.time_source.value,
        timestamp_authority=report.timestamp_authority,
        reason=report.reason,
        level=report.level.value,
        intact=report.intact,
        valid=report.valid,
        trusted=report.trusted,
        covers_whole_file=report.covers_whole_file,
        covers_revision=report.covers_revision,
        certifies=report.certifies,
        revision=report.revision,
        changes_afterwards=report.changes_afterwards.value,
        changes=[_change(change) for change in report.changes],
        seal=_seal(report.seal) if report.seal else None,
        algorithm=report.algorithm,
        chain=[_certificate(one) for one in report.chain],
        timestamp_chain=[_certificate(one) for one in report.timestamp_chain],
        verdict=_text(verdict_text(report)),
        problems=[problem.value for problem in report.problems],
        problem_texts=_problem_texts(report.problems),
    )


def _change(change: Change) -> pb.Change:
    return pb.Change(
        kind=change.kind.value,
        allowed=change.kind.allowed,
        revision=change.revision,
        page=change.page,
        detail=change.detail,
        objects=change.objects,
        text=_text(change_text(change)),
    )


def _seal(seal: SealShown) -> pb.ShownSeal:
    return pb.ShownSeal(page=seal.page, rect=seal.rect, of_organisation=seal.of_organisation, picture=seal.picture)


def _certificate(one: ChainCertificate) -> pb.ChainCertificate:
    return pb.ChainCertificate(
        subject=one.subject,
        issuer=one.issuer,
        serial_number=one.serial_number,
        sha256=one.sha256,
        not_before=timestamp(one.not_before),
        not_after=timestamp(one.not_after),
        revocation=_revocation(one.revocation) if one.revocation else None,
    )


def _revocation(found: Revocation) -> pb.Revocation:
    return pb.Revocation(
        source=found.source.value,
        produced_at=timestamp(found.produced_at),
        next_update=timestamp(found.next_update),
        revoked_at=timestamp(found.revoked_at),
        online=found.online,
    )


def _problem_texts(problems: Iterable[Problem]) -> list[pb.Text]:
    return [_text(problem_text(problem)) for problem in problems]


def _text(text: Text) -> pb.Text:
    return pb.Text(zh=text[0], en=text[1])
