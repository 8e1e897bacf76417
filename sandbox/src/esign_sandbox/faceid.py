"""Tencent Cloud FaceID, API 2018-03-01: DetectAuth, the hosted H5 page, GetDetectInfoEnhanced.

On the page a developer decides what the liveness check and the comparison found, and may hand in a photograph, which
becomes the best frame of a passed check; without one the answer carries no image (the vendor documents these fields as
nullable). Source: cloud.tencent.com/document/product/1007/31816, /41957.
"""

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from esign_sandbox import photos
from esign_sandbox.credentials import FaceIdAccount
from esign_sandbox.identifiers import is_resident_id
from esign_sandbox.pages import masked_id, masked_name, render
from esign_sandbox.store import Store, now_ms
from esign_sandbox.tencent import ApiError, Params, text

SCHEMA = """
CREATE TABLE IF NOT EXISTS faceid_check (
  biz_token TEXT PRIMARY KEY, rule_id TEXT NOT NULL, id_card TEXT NOT NULL, name TEXT NOT NULL,
  redirect_url TEXT NOT NULL, extra TEXT NOT NULL, created_at INTEGER NOT NULL,
  passed INTEGER, acted_at INTEGER, seq TEXT, sim TEXT
) STRICT;
"""
TOKEN_SECONDS = 7200
RESULT_SECONDS = 3 * 86400
LIVENESS_FAILED = (1005, "活体检测没通过")


class FaceIdService:
    name = "faceid"
    version = "2018-03-01"
    needs_region = False

    def __init__(self, store: Store, account: FaceIdAccount, public_url: str) -> None:
        self._store = store
        self._rule_ids = frozenset(account.rule_ids)
        self._public_url = public_url

    def actions(self) -> Mapping[str, Callable[[Params], dict[str, object]]]:
        return {"DetectAuth": self.detect_auth, "GetDetectInfoEnhanced": self.get_detect_info_enhanced}

    def detect_auth(self, params: Params) -> dict[str, object]:
        """Opens a check of one person; the token is good for 7200 seconds and one go on the page."""
        rule_id = self._rule(params)
        id_card, name = text(params, "IdCard"), text(params, "Name", 32)
        redirect, extra = text(params, "RedirectUrl", 1024, False), text(params, "Extra", 1024, False)
        for unsupported in (
            "Encryption",
            "ImageBase64",
            "IntentionVerifyText",
            "IntentionQuestions",
            "IntentionActions",
        ):
            if params.get(unsupported):
                raise ApiError("UnsupportedOperation", f"`{unsupported}` is not enabled for this RuleId.")
        if not is_resident_id(id_card):
            raise ApiError("FailedOperation.IdFormatError", "输入的身份证号有误。")
        if redirect and urlsplit(redirect).scheme not in ("http", "https"):
            raise ApiError("InvalidParameterValue", "RedirectUrl must be an http or https address.")
        token = str(uuid.uuid4()).upper()
        with self._store.write() as db:
            db.execute(
                "INSERT INTO faceid_check (biz_token, rule_id, id_card, name, redirect_url, extra, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (token, rule_id, id_card, name, redirect, extra, now_ms()),
            )
        return {"Url": f"{self._public_url}/faceid/h5?token={token}", "BizToken": token}

    def get_detect_info_enhanced(self, params: Params) -> dict[str, object]:
        """Before the person has acted all results are null; afterwards they can be read for three days."""
        rule_id = self._rule(params)
        row = self._store.row("SELECT * FROM faceid_check WHERE biz_token = ?", text(params, "BizToken"))
        if row is None or row["rule_id"] != rule_id:
            raise ApiError("InvalidParameterValue.BizTokenIllegal", "BizToken不合法。")
        if now_ms() - row["created_at"] > RESULT_SECONDS * 1000:
            raise ApiError("InvalidParameterValue.BizTokenExpired", "BizToken过期。")
        wanted = text(params, "InfoType", 16, False) or "0"
        outcome: dict[str, object] = dict.fromkeys(
            ("ErrCode", "ErrMsg", "LiveStatus", "LiveMsg", "Comparestatus", "Comparemsg", "Sim", "CompareLibType")
        )
        detail: list[dict[str, object]] = []
        if row["passed"] is not None:
            code, message = (0, "成功") if row["passed"] else LIVENESS_FAILED
            compared = (0, "成功", "权威库") if row["passed"] else (None, None, None)
            outcome = {
                "ErrCode": code,
                "ErrMsg": message,
                "LiveStatus": code,
                "LiveMsg": message,
                "Comparestatus": compared[0],
                "Comparemsg": compared[1],
                "Sim": row["sim"],
                "CompareLibType": compared[2],
            }
            entry = {
                "ReqTime": str(row["acted_at"]),
                "Seq": row["seq"],
                "Idcard": row["id_card"],
                "Name": row["name"],
                "Sim": row["sim"],
                "IsNeedCharge": True,
                "Errcode": code,
                "Errmsg": message,
                "Livestatus": code,
                "Livemsg": message,
                "Comparestatus": compared[0],
                "Comparemsg": compared[1],
                "CompareLibType": compared[2],
                "LivenessMode": 3,
            }
            detail.append(entry)
        answer: dict[str, object] = {"IsVerifyIntention": False}
        if any(kind in wanted for kind in "01"):
            answer["Text"] = {
                **outcome,
                "IdCard": row["id_card"],
                "Name": row["name"],
                "UseIDType": 0,
                "Extra": row["extra"],
                "LivenessDetail": detail,
                "LivenessMode": 3 if detail else 0,
            }
        if any(kind in wanted for kind in "02"):
            answer["IdCardData"] = {"OcrFront": None, "OcrBack": None}
        if any(kind in wanted for kind in "03"):
            photo = self._store.row("SELECT jpeg FROM face_photo WHERE check_id = ?", row["biz_token"])
            best = None if photo is None else base64.b64encode(photo["jpeg"]).decode()
            answer["BestFrame"] = {"BestFrame": best, "BestFrames": None}
        if any(kind in wanted for kind in "04"):
            answer["VideoData"] = {"LivenessVideo": None}
        return answer

    def _rule(self, params: Params) -> str:
        rule_id = text(params, "RuleId")
        if rule_id not in self._rule_ids:
            raise ApiError("InvalidParameterValue.RuleIdNotExist", "RuleId不存在，请到人脸核身控制台申请。")
        return rule_id

    def act(self, token: str, passed: bool, photo: bytes | None = None) -> str | None:
        """The person's go: recorded once, within the token's life. Returns where the browser goes ('' for nowhere).

        None when the token is unknown, used or expired. The photograph (JPEG) of a passed check is its best frame.
        """
        at = now_ms()
        sim = f"{85 + secrets.randbelow(1400) / 100:.2f}" if passed else "0.00"
        with self._store.write() as db:
            done = db.execute(
                "UPDATE faceid_check SET passed = ?, acted_at = ?, seq = ?, sim = ?"
                " WHERE biz_token = ? AND passed IS NULL AND created_at > ? RETURNING redirect_url",
                (passed, at, str(uuid.uuid4()), sim, token, at - TOKEN_SECONDS * 1000),
            ).fetchone()
            if done is None:
                return None
            if passed and photo is not None:
                photos.keep(db, token, photo, at)
        redirect_url: str = done["redirect_url"]
        return with_query(redirect_url, "BizToken", token) if redirect_url else ""

    def page(self, token: str) -> tuple[int, dict[str, object]]:
        """HTTP status and what the hosted page shows."""
        row = self._store.row("SELECT * FROM faceid_check WHERE biz_token = ?", token)
        if row is None:
            return 404, {"state": "unknown"}
        if row["passed"] is not None:
            return 410, {"state": "used"}
        if now_ms() - row["created_at"] > TOKEN_SECONDS * 1000:
            return 410, {"state": "expired"}
        masked = {"name": masked_name(row["name"]), "id_card": masked_id(row["id_card"])}
        return 200, {"state": "open", "token": token, "leads_to": row["redirect_url"], **masked}


def with_query(url: str, name: str, value: str) -> str:
    """The address with one more parameter."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), (name, value)])
    return urlunsplit(parts._replace(query=query))


def faceid_router(service: FaceIdService) -> APIRouter:
    """The hosted page, as a browser meets it."""
    router = APIRouter(prefix="/faceid/h5")

    def show(token: str) -> HTMLResponse:
        status, context = service.page(token)
        leads_to = context.get("leads_to")
        return render("faceid.html", context, status, forms_lead_to=[str(leads_to)] if leads_to else [])

    @router.get("")
    def page(token: str = "") -> HTMLResponse:
        return show(token)

    @router.post("/result")
    def result(
        token: Annotated[str, Form()],
        result: Annotated[Literal["pass", "fail"], Form()],
        photo: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        """`photo` (JPEG) may come with a pass; a form without it may be URL-encoded."""
        target = service.act(token, result == "pass", photos.jpeg_of(photo))
        if target is None:
            return show(token)
        if target:
            return RedirectResponse(target, 303)
        return render("faceid.html", {"state": "passed" if result == "pass" else "failed"})

    return router
