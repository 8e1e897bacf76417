"""A validation report as a PDF to keep: A4, with an embedded font. Every text of the file is written as text, never read
as markup."""

import hashlib
import io
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from esign_signer.domain.report import ChainCertificate, SignatureReport, ValidationReport, Verdict
from esign_signer.domain.words import (
    LEVELS,
    Language,
    Text,
    change_text,
    chosen,
    problem_text,
    revocation_text,
    summary,
    time_source_text,
    verdict_text,
)

_BEIJING: Final = timezone(timedelta(hours=8))
_GREEN, _RED, _GREY, _LINE = HexColor("#1a7f4b"), HexColor("#b3261e"), HexColor("#6b6b6b"), HexColor("#d9d9d9")
_MAX_CHANGES: Final = 30
_MAX_TEXT: Final = 6000
_SEAL: Final = 26 * mm

_LABELS: Final[dict[str, Text]] = {
    "title": ("电子签名验证报告", "Signature validation report"),
    "file": ("文件", "File"),
    "size": ("大小", "Size"),
    "bytes": ("{} 字节", "{} bytes"),
    "validated": ("验证时间", "Validated"),
    "archived": ("归档时间戳", "Archive timestamp"),
    "validators": ("验证程序", "Validated by"),
    "problems": ("问题", "Problems"),
    "codes": ("问题代码", "Codes"),
    "signature": ("签名 {}", "Signature {}"),
    "signer": ("签署人", "Signer"),
    "organisation": ("签署单位", "Organisation"),
    "code": ("统一社会信用代码", "Unified social credit code"),
    "time": ("签署时间", "Time"),
    "level": ("签名级别", "Level"),
    "algorithm": ("签名算法", "Algorithm"),
    "reason": ("签署事由", "Reason"),
    "covers": ("覆盖范围", "Coverage"),
    "whole": ("覆盖整个文件", "The whole file"),
    "revision": ("覆盖签署时的整个文件（第 {} 版）", "All of the file as it was signed (revision {})"),
    "part": ("没有覆盖整个文件", "Not the whole file"),
    "afterwards": ("签署后的改动", "Changes afterwards"),
    "none": ("没有改动", "None"),
    "allowed": ("允许", "allowed"),
    "forbidden": ("不允许", "forbidden"),
    "seal": ("印章", "Seal"),
    "page": ("第 {} 页", "page {}"),
    "of_organisation": ("单位印章", "organisation's seal"),
    "of_person": ("个人签名", "personal signature"),
    "chain": ("证书链与吊销状态", "Certificates and revocation"),
    "stamp_chain": ("时间戳证书链", "Timestamp authority's certificates"),
    "valid_for": ("有效期 {} 至 {}", "valid {} to {}"),
    "serial": ("序列号", "serial number"),
    "note": (
        "时间均为北京时间（UTC+8）。本报告由计算机自动生成，说明文件在验证时的状态；如有改动，以重新验证的结果为准。",
        "Times are Beijing time (UTC+8). Made by a computer; it tells the file's state when it was validated.",
    ),
}


def render(
    report: ValidationReport,
    *,
    file_name: str,
    font: Path,
    language: Language = "zh",
) -> bytes:
    """The PDF, with the pictures of seals that the report has. Raises OSError when `font` (TrueType) cannot be read."""
    return _Page(language, _registered(font)).document(report, file_name)


@lru_cache(maxsize=4)
def _registered(font: Path) -> str:
    name = f"Report-{hashlib.sha256(str(font).encode()).hexdigest()[:8]}"
    pdfmetrics.registerFont(TTFont(name, str(font)))
    return name


class _Page:
    def __init__(self, language: Language, font: str) -> None:
        self._language, self._font = language, font

    def document(self, report: ValidationReport, file_name: str) -> bytes:
        """All of it."""
        out = io.BytesIO()
        title = self._label("title")
        template = SimpleDocTemplate(
            out,
            pagesize=A4,
            leftMargin=20 * mm,
            rightMargin=20 * mm,
            topMargin=18 * mm,
            bottomMargin=18 * mm,
            title=title,
            initialFontName=self._font,
        )
        colour = {Verdict.PASSED: _GREEN, Verdict.FAILED: _RED}.get(report.verdict, _GREY)
        story: list[Flowable] = [
            self._text(title, size=18),
            Spacer(0, 3 * mm),
            self._text(chosen(summary(report), self._language), size=12, colour=colour),
            Spacer(0, 3 * mm),
            self._facts(
                [
                    ("file", file_name),
                    ("SHA-256", report.sha256),
                    ("size", self._label("bytes").format(report.size)),
                    ("validated", self._moment(report.validated_at)),
                    ("archived", self._moment(report.archived_at)),
                    ("validators", ", ".join(report.validators)),
                    ("problems", self._joined(problem_text(problem) for problem in report.problems)),
                ]
            ),
        ]
        for number, signature in enumerate(report.signatures, 1):
            story += self._signature(number, signature)
        story += [Spacer(0, 5 * mm), self._text(self._label("note"), size=8, colour=_GREY)]
        template.build(story, onFirstPage=self._footer, onLaterPages=self._footer)
        return out.getvalue()

    def _signature(self, number: int, report: SignatureReport) -> list[Flowable]:
        colour = _GREEN if report.passed else _RED
        seal = ""
        if report.seal is not None:
            kind = self._label("of_organisation" if report.seal.of_organisation else "of_person")
            owner = report.organisation or report.signer
            seal = f"{kind} · {owner} · {self._label('page').format(report.seal.page)}"
        covers = (
            self._label("whole")
            if report.covers_whole_file
            else self._label("revision").format(report.revision)
            if report.covers_revision
            else self._label("part")
        )
        when = f"{self._moment(report.signed_at)} · {chosen(time_source_text(report), self._language)}"
        head = [
            Spacer(0, 6 * mm),
            self._text(f"{self._label('signature').format(number)} · {report.signer or report.field_name}", size=13),
            self._text(chosen(verdict_text(report), self._language), colour=colour),
            Spacer(0, 1.5 * mm),
        ]
        facts = self._facts(
            [
                ("codes", ", ".join(report.problems)),
                ("signer", report.signer),
                ("organisation", report.organisation),
                ("code", report.unified_social_credit_code),
                ("time", when),
                ("seal", seal),
                ("reason", report.reason),
                ("level", f"PAdES {report.level} · {chosen(LEVELS[report.level], self._language)}"),
                ("algorithm", report.algorithm),
                ("covers", covers),
                ("afterwards", self._changes(report)),
                ("chain", self._chain(report.chain)),
                ("stamp_chain", self._chain(report.timestamp_chain)),
            ]
        )
        if report.seal is not None and report.seal.picture:
            head.append(
                Image(io.BytesIO(report.seal.picture), width=_SEAL, height=_SEAL, kind="proportional", hAlign="LEFT")
            )
        return [KeepTogether(head), facts]

    def _changes(self, report: SignatureReport) -> str:
        lines = []
        for change in report.changes[:_MAX_CHANGES]:
            word = self._label("allowed" if change.kind.allowed else "forbidden")
            lines.append(f"{chosen(change_text(change), self._language)} [{word}]")
        return "\n".join(lines) or self._label("none")

    def _chain(self, chain: tuple[ChainCertificate, ...]) -> str:
        lines = []
        for one in chain:
            validity = self._label("valid_for").format(self._moment(one.not_before), self._moment(one.not_after))
            lines.append(f"{one.subject} ({self._label('serial')} {one.serial_number}; {validity})")
            lines.append(f"    {chosen(revocation_text(one.revocation, self._moment), self._language)}")
        return "\n".join(lines)

    def _facts(self, rows: list[tuple[str, str]]) -> Table:
        cells = [
            [self._text(self._label(label), size=9, colour=_GREY), self._text(value, size=9)]
            for label, value in rows
            if value
        ]
        style = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
        return Table(cells, colWidths=[34 * mm, 132 * mm], style=style, splitInRow=1, hAlign="CENTER")

    def _text(self, text: str, *, size: float = 10, colour: Color | None = None) -> Paragraph:
        style = ParagraphStyle(
            "text",
            fontName=self._font,
            fontSize=size,
            leading=size * 1.5,
            wordWrap="CJK",
            textColor=colour or HexColor("#1f1f1f"),
        )
        safe = "".join(
            character if character == "\n" or character.isprintable() else " " for character in text[:_MAX_TEXT]
        )
        return Paragraph(escape(safe).replace("\n", "<br/>"), style)

    def _footer(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont(self._font, 8)
        canvas.setFillColor(_GREY)
        canvas.drawRightString(A4[0] - 20 * mm, 10 * mm, str(document.page))

    def _joined(self, texts: Iterable[Text]) -> str:
        return "\n".join(chosen(text, self._language) for text in texts)

    def _label(self, key: str) -> str:
        return chosen(_LABELS[key], self._language) if key in _LABELS else key

    @staticmethod
    def _moment(moment: datetime | None) -> str:
        return moment.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
