"""The wording of e-mails: Jinja2 templates, one folder per language, wrapped in one layout for text and one for HTML."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from esign_notifier.domain.messages import ContractFacts, Kind

Language = Literal["zh", "en"]
ZONE = ZoneInfo("Asia/Shanghai")
_TAGS = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in words."""

    subject: str
    text: str
    html: str
    language: str


class Texts:
    """Renders letters in one language; times are shown in Asia/Shanghai."""

    def __init__(self, language: Language, portal_url: str, sender: str, support: str) -> None:
        self._language: Language = language
        self._common = {"portal_url": portal_url, "sender": sender, "support": support, "language": _TAGS[language]}
        self._text = _environment(language, escape=False)
        self._html = _environment(language, escape=True)

    def letter(self, kind: Kind, facts: ContractFacts, name: str) -> Letter:
        """The letter of that kind to the person `name`. Everything that comes from outside is escaped in the HTML."""
        values = {
            **self._common,
            "name": one_line(name),
            "title": one_line(facts.title),
            "document_number": one_line(facts.document_number),
            "reason": one_line(facts.reason),
            "expires_at": facts.expires_at,
            "completed_at": facts.completed_at,
        }
        subject, text = self._render(self._text, kind, "layout.txt.j2", values)
        _, html = self._render(self._html, kind, "layout.html.j2", values)
        return Letter(one_line(subject), text, html, _TAGS[self._language])

    def _render(self, env: Environment, kind: Kind, layout: str, values: Mapping[str, object]) -> tuple[str, str]:
        wording = env.get_template(f"{self._language}/{kind.value}.j2").make_module(dict(values))
        common = env.get_template(f"{self._language}/common.j2").make_module(dict(values))
        body: Template = env.get_template(layout)
        return str(getattr(wording, "subject")), body.render(values, wording=wording, common=common)  # noqa: B009 - set by the template


def _environment(language: Language, *, escape: bool) -> Environment:
    env = Environment(
        loader=PackageLoader("esign_notifier.adapters"),
        autoescape=escape,  # noqa: S701 - plain text has no markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["local_time"] = partial(_local_time, language=language)
    return env


def _local_time(moment: datetime, *, language: Language) -> str:
    local = moment.astimezone(ZONE)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}（北京时间）"
    return f"{local:%Y-%m-%d %H:%M} (Beijing time)"


def one_line(value: str) -> str:
    """The text without line breaks and control or formatting characters: fit for a header, unable to start another."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in ("Cf", "Cs")).split())
