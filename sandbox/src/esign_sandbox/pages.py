"""Pages for people: Chinese, no script of others, nothing kept by the browser."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_BEIJING = timezone(timedelta(hours=8))


def beijing(moment: str) -> str:
    """An RFC 3339 moment as people in China write it, e.g. `2026-11-23 16:00:00`."""
    return datetime.fromisoformat(moment).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def masked_name(name: str) -> str:
    """All but the last character hidden."""
    return "*" * (len(name) - 1) + name[-1:]


def masked_id(number: str) -> str:
    """The first and last four characters shown; a short number is hidden but for its last character."""
    if len(number) < 12:
        return masked_name(number)
    return f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}"


_templates.filters.update(beijing=beijing, masked_id=masked_id)


def render(
    template: str,
    context: dict[str, object],
    status: int = 200,
    *,
    forms_lead_to: Iterable[str] = (),
    referrer: str = "no-referrer",
) -> HTMLResponse:
    """An HTML page that may run only its own scripts (`nonce`).

    Its forms may lead to this program and to the origins of `forms_lead_to`, redirects included. With the referrer
    policy `no-referrer` a browser says `Origin: null` when a form leaves the site; a page whose form must be known by
    its origin asks for another policy.
    """
    nonce = secrets.token_urlsafe(16)
    origins = " ".join(["'self'", *dict.fromkeys(origin(url) for url in forms_lead_to)])
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
        f" img-src 'self' data: blob:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action {origins}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": referrer,
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_templates.get_template(template).render(nonce=nonce, **context), status, headers)


def origin(url: str) -> str:
    """`scheme://host:port` of an address."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
