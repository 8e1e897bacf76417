"""Typed errors as RFC 9457 problem details."""

from typing import Any

from esign_kit.errors import EsignError
from esign_kit.telemetry import trace_id

MEDIA_TYPE = "application/problem+json"


def problem(error: EsignError, language: str = "zh") -> dict[str, Any]:
    """The body: `title` for people, `code` for programs, `trace_id` as the reference number 参考编号.

    `language` is `zh` or `en`. Metadata appear as extension members.
    """
    return {
        "type": f"urn:esign:error:{error.reason.lower().replace('_', '-')}",
        "title": error.en if language == "en" else error.zh,
        "status": error.http_status,
        "code": error.reason,
        "trace_id": trace_id(),
        **{key: value for key, value in error.metadata.items() if key not in ("peer", "method")},
    }
