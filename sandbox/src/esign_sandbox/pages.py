"""Pages for people: Chinese, no script of others, nothing kept by the browser."""

import secrets
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def render(template: str, context: dict[str, object], status: int = 200) -> HTMLResponse:
    """An HTML page that may run only its own scripts (`nonce`)."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
        " img-src data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_templates.get_template(template).render(nonce=nonce, **context), status, headers)
