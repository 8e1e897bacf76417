"""Reading what arrived: a page for people that follows by itself, JSON for programs."""

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup, escape

from esign_sandbox.mail import Mailboxes
from esign_sandbox.pages import render
from esign_sandbox.sms import SmsService, mainland

SHOWN = 100
RECIPIENTS_SHOWN = 12
_CODE = r"(?<![A-Za-z0-9-])(?P<code>\d{4,8})(?![A-Za-z0-9年-])"
_LINK_OR_CODE = re.compile(rf"(?P<link>https?://[^\s<>\"'，。；）】]+)|{_CODE}")
_MENTIONS_CODE = re.compile("码|code", re.IGNORECASE)
# A mail's own style is applied, its scripts and whatever it would fetch are not; links open nothing here.
_LETTER_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def code_in(text: str) -> str | None:
    """The code that a message is about: the first number of 4 to 8 digits where it speaks of one."""
    if not _MENTIONS_CODE.search(text):
        return None
    return next((found["code"] for found in _LINK_OR_CODE.finditer(text) if found["code"]), None)


def marked(text: str, code: str | None) -> Markup:
    """The text escaped, its links clickable and its code standing out."""
    parts: list[Markup] = []
    end = 0
    for found in _LINK_OR_CODE.finditer(text):
        if found["code"] is not None and found["code"] != code:
            continue
        parts.append(escape(text[end : found.start()]))
        if link := found["link"]:
            parts.append(Markup('<a href="{0}" rel="noreferrer" target="_blank">{0}</a>').format(link))
        else:
            parts.append(Markup("<b>{}</b>").format(code))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def mailbox_router(sms: SmsService, mails: Mailboxes) -> APIRouter:
    router = APIRouter(prefix="/mailbox")

    def version() -> str:
        """Changes whenever anything arrives."""
        return f"{sms.state()}-{mails.state()}"

    def show(template: str, phone: str, to: str) -> HTMLResponse:
        shown = version()
        messages = [] if to and not phone else [{"kind": "sms", **m} for m in sms.messages(phone or None, SHOWN)]
        letters = [] if phone and not to else [{"kind": "mail", **m} for m in mails.messages(to or None, SHOWN)]
        items = sorted(messages + letters, key=lambda item: (str(item["time"]), str(item["id"])), reverse=True)
        for item in items:
            text = str(item["text"])
            item["code"] = code_in(text)
            item["body"] = marked(text, code_in(text))
        recipients = sorted([*sms.recipients(RECIPIENTS_SHOWN), *mails.recipients(RECIPIENTS_SHOWN)], reverse=True)
        context: dict[str, object] = {
            "items": items[:SHOWN],
            "recipients": [address for _, address in recipients[:RECIPIENTS_SHOWN]],
            "version": shown,
            "phone": phone,
            "to": to,
            "chosen": {value for value in (phone and (mainland(phone) or phone), to.lower()) if value},
        }
        return render(template, context)

    @router.get("", response_model=None)
    def page(phone: str = "", to: str = "", q: str = "") -> Response:
        """Everything, newest first; `phone` shows one person's SMS, `to` one address's mail; `q` is either of them."""
        if wanted := q.strip():
            return show("mailbox.html", "" if "@" in wanted else wanted, wanted if "@" in wanted else "")
        return show("mailbox.html", phone.strip(), to.strip())

    @router.get("/news", response_model=None)
    def news(since: str = "", phone: str = "", to: str = "") -> Response:
        """The page's changing part, or 204 while nothing has arrived since version `since`."""
        return Response(status_code=204) if since == version() else show("_mailbox_items.html", phone, to)

    @router.get("/sms")
    def all_sms(phone: str | None = None) -> JSONResponse:
        return JSONResponse(sms.messages(phone))

    @router.get("/mails")
    def all_mails(to: str | None = None) -> JSONResponse:
        return JSONResponse(mails.messages(to))

    @router.get("/mails/{mail_id}.eml")
    def raw(mail_id: int) -> Response:
        found = mails.raw(mail_id) if 0 <= mail_id < 1 << 62 else None
        if found is None:
            return JSONResponse({"code": "NOT_FOUND", "message": "no such mail"}, 404)
        disposition = {"Content-Disposition": f'attachment; filename="{mail_id}.eml"'}
        return Response(found, media_type="message/rfc822", headers=disposition)

    @router.get("/mails/{mail_id}.html")
    def letter(mail_id: int) -> Response:
        """The mail as its sender laid it out, shut in."""
        found = mails.html(mail_id) if 0 <= mail_id < 1 << 62 else None
        if not found:
            return JSONResponse({"code": "NOT_FOUND", "message": "no such mail, or it has no HTML"}, 404)
        headers = {
            "Content-Security-Policy": _LETTER_POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(found, headers=headers)

    return router
