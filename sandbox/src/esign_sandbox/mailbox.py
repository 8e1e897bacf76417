"""Reading what arrived: a page for people, JSON for programs."""

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup, escape

from esign_sandbox.mail import Mailboxes
from esign_sandbox.pages import render
from esign_sandbox.sms import SmsService

_LINK_OR_CODE = re.compile(r"(?P<link>https?://[^\s<>\"'，。；）】]+)|(?<!\d)(?P<code>\d{4,6})(?!\d)")


def marked(text: str) -> Markup:
    """The text escaped, its links clickable and its 4 to 6 digit codes standing out."""
    parts: list[Markup] = []
    end = 0
    for found in _LINK_OR_CODE.finditer(text):
        parts.append(escape(text[end : found.start()]))
        if link := found["link"]:
            parts.append(Markup('<a href="{0}" rel="noreferrer" target="_blank">{0}</a>').format(link))
        else:
            parts.append(Markup("<b>{}</b>").format(found["code"]))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def mailbox_router(sms: SmsService, mails: Mailboxes) -> APIRouter:
    router = APIRouter(prefix="/mailbox")

    @router.get("")
    def page(phone: str | None = None, to: str | None = None) -> HTMLResponse:
        """Everything, newest first; `phone` shows one person's SMS, `to` one address's mail."""
        messages = [] if to and not phone else [{"kind": "sms", **message} for message in sms.messages(phone, 100)]
        letters = [] if phone and not to else [{"kind": "mail", **message} for message in mails.messages(to, 100)]
        items = sorted(messages + letters, key=lambda item: str(item["time"]), reverse=True)
        for item in items:
            item["body"] = marked(str(item["text"]))
        return render("mailbox.html", {"items": items, "phone": phone or "", "to": to or ""})

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

    return router
