"""A validation report as plain values, as the portal's and the command line's JSON have it."""

from datetime import UTC, datetime

from esign_signer.domain.report import (
    ChainCertificate,
    Change,
    Problem,
    Revocation,
    SealShown,
    SignatureReport,
    ValidationReport,
)
from esign_signer.domain.words import Language, change_text, chosen, problem_text, summary, verdict_text

Plain = dict[str, object]


def plain(report: ValidationReport, language: Language) -> Plain:
    """The report: codes and times (RFC 3339, UTC) as they are, texts in one language."""
    return {
        "verdict": report.verdict.value.lower(),
        "summary": chosen(summary(report), language),
        "sha256": report.sha256,
        "size": report.size,
        "validated_at": _moment(report.validated_at),
        "archived_at": _moment(report.archived_at),
        "validators": list(report.validators),
        "problems": [problem.value for problem in report.problems],
        "problem_texts": _texts(report.problems, language),
        "signatures": [_signature(signature, language) for signature in report.signatures],
    }


def _signature(report: SignatureReport, language: Language) -> Plain:
    return {
        "field_name": report.field_name,
        "verdict": chosen(verdict_text(report), language),
        "signer": report.signer,
        "organisation": report.organisation or None,
        "unified_social_credit_code": report.unified_social_credit_code or None,
        "issuer": report.issuer,
        "serial_number": report.serial_number,
        "certificate_sha256": report.certificate_sha256,
        "signed_at": _moment(report.signed_at),
        "time_source": report.time_source.value,
        "timestamp_authority": report.timestamp_authority or None,
        "reason": report.reason or None,
        "level": report.level.value,
        "algorithm": report.algorithm,
        "intact": report.intact,
        "valid": report.valid,
        "trusted": report.trusted,
        "covers_whole_file": report.covers_whole_file,
        "covers_revision": report.covers_revision,
        "certifies": report.certifies,
        "revision": report.revision,
        "changes_afterwards": report.changes_afterwards.value,
        "changes": [_change(change, language) for change in report.changes],
        "seal": _seal(report.seal) if report.seal else None,
        "chain": [_certificate(one) for one in report.chain],
        "timestamp_chain": [_certificate(one) for one in report.timestamp_chain],
        "problems": [problem.value for problem in report.problems],
        "problem_texts": _texts(report.problems, language),
    }


def _change(change: Change, language: Language) -> Plain:
    return {
        "kind": change.kind.value,
        "allowed": change.kind.allowed,
        "revision": change.revision,
        "page": change.page or None,
        "detail": change.detail,
        "objects": list(change.objects),
        "text": chosen(change_text(change), language),
    }


def _seal(seal: SealShown) -> Plain:
    return {"page": seal.page or None, "rect": list(seal.rect), "of_organisation": seal.of_organisation}


def _certificate(one: ChainCertificate) -> Plain:
    return {
        "subject": one.subject,
        "issuer": one.issuer,
        "serial_number": one.serial_number,
        "sha256": one.sha256,
        "not_before": _moment(one.not_before),
        "not_after": _moment(one.not_after),
        "revocation": _revocation(one.revocation) if one.revocation else None,
    }


def _revocation(found: Revocation) -> Plain:
    return {
        "source": found.source.value,
        "produced_at": _moment(found.produced_at),
        "next_update": _moment(found.next_update),
        "revoked_at": _moment(found.revoked_at),
        "online": found.online,
    }


def _texts(problems: tuple[Problem, ...], language: Language) -> list[str]:
    return [chosen(problem_text(problem), language) for problem in problems]


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
