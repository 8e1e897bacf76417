"""The few pages that the gateway writes itself; the portal's own are files that were built before (`portal`)."""

import base64
import hashlib
from html import escape

from fastapi.responses import HTMLResponse

_STYLE = "body{font:18px/1.7 sans-serif;margin:18vh auto;max-width:24em;padding:0 1em;text-align:center;color:#222}small{color:#555}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def moving_on(path: str) -> HTMLResponse:
    """A page that goes on to another of this site by itself, without a script; `path` begins with a slash."""
    target = escape(path)
    return _page(
        "登录成功",
        f'<h1>登录成功</h1><p><a href="{target}">继续</a></p><p lang="en"><a href="{target}">Continue</a></p>',
        head=f'<meta http-equiv="refresh" content="0;url={target}">',
    )


def refusal(title: str, trace_id: str, *, status: int, english: bool) -> HTMLResponse:
    """An error as a page, where a person rather than a program waits for the answer."""
    number = "Reference number" if english else "参考编号"
    return _page(
        escape(title),
        f"<h1>{escape(title)}</h1><p><small>{number} {escape(trace_id)}</small></p>",
        status=status,
        language="en" if english else "zh-CN",
    )


def portal_missing() -> HTMLResponse:
    """The answer while there is no build of the portal."""
    return _page(
        "页面尚未构建",
        "<h1>页面尚未构建</h1><p>电子签章平台的页面文件不存在，请联系平台管理员。</p>"
        '<p lang="en">The portal has not been built: its files are not there. The API works.</p>',
        status=503,
    )


def _page(title: str, body: str, *, head: str = "", status: int = 200, language: str = "zh-CN") -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{head}'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>{body}</body></html>\n",
        status,
        {"content-security-policy": _POLICY},
    )
