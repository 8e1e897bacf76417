"""Tencent Cloud FaceID by the vendor's SDK (DetectAuth, GetDetectInfoEnhanced; API version 2018-03-01).

Sources: cloud.tencent.com/document/product/1007/31816 and /41957. Of a result the text part is asked for (`InfoType` 1),
and the best frame (3) only for a person of whom no portrait is enrolled.
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from esign_kit.clock import Clock
from esign_kit.context import remaining
from esign_kit.telemetry import logger

from esign_identity.domain import face_refusals as refusals
from esign_identity.domain.face import FaceAnswer
from esign_identity.settings import TencentFaceSettings

if TYPE_CHECKING:
    from tencentcloud.faceid.v20180301.faceid_client import FaceidClient
    from tencentcloud.faceid.v20180301.models import DetectInfoBestFrame

log = logger(__name__)

TOKEN_LIFETIME = timedelta(seconds=7200)
_GONE = frozenset({"InvalidParameterValue.BizTokenExpired", "InvalidParameterValue.BizTokenIllegal"})
_TEXT, _TEXT_AND_BEST_FRAME = "1", "13"
_NONSENSE = -1

T = TypeVar("T")


class _TokenGone(Exception):
    """The vendor does not know the token any more."""


class TencentFace:
    """Plays `FaceVendor`. The SDK blocks, so it runs in threads, with a deadline."""

    def __init__(self, settings: TencentFaceSettings, return_url: str, clock: Clock) -> None:
        self._settings, self._return_url, self._clock = settings, return_url, clock

    async def open(self, reference: str, name: str, id_number: str) -> tuple[str, str, datetime]:
        """DetectAuth: BizToken, address of the hosted page, when the token ends (two hours)."""
        from tencentcloud.faceid.v20180301 import models

        request = models.DetectAuthRequest()
        request.RuleId = self._settings.rule_id
        request.IdCard = id_number
        request.Name = name
        request.Extra = reference
        request.RedirectUrl = self._return_url
        asked_at = self._clock()
        response = await self._ask(lambda client: client.DetectAuth(request))
        if not response.BizToken or not response.Url:
            log.error("face vendor opened nothing", request_id=response.RequestId)
            raise refusals.face_unavailable()
        return response.BizToken, response.Url, asked_at + TOKEN_LIFETIME

    async def result(self, token: str, with_image: bool) -> FaceAnswer | None:
        """GetDetectInfoEnhanced; before the person has finished every result is null."""
        from tencentcloud.faceid.v20180301 import models

        request = models.GetDetectInfoEnhancedRequest()
        request.RuleId = self._settings.rule_id
        request.BizToken = token
        request.InfoType = _TEXT_AND_BEST_FRAME if with_image else _TEXT
        try:
            response = await self._ask(lambda client: client.GetDetectInfoEnhanced(request))
        except _TokenGone:
            return None
        text = response.Text
        if text is None:
            log.error("face vendor answered without a text part", request_id=response.RequestId)
            raise refusals.face_unavailable()
        receipt = {"BizToken": token, "RequestId": response.RequestId, "Text": json.loads(text.to_json_string())}
        return FaceAnswer(
            error_code=_code(text.ErrCode),
            live_status=_code(text.LiveStatus),
            compare_status=_code(text.Comparestatus),
            score=_text(text.Sim),
            id_number=_text(text.IdCard),
            name=_text(text.Name),
            reference=_text(text.Extra),
            receipt=json.dumps(receipt, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
            image=_image(response.BestFrame) if with_image else None,
        )

    async def _ask(self, call: "Callable[[FaceidClient], T]") -> T:
        """Raises Unavailable FACE_UNAVAILABLE, _TokenGone. What the vendor says goes to the log as its code only."""
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

        seconds = remaining(self._settings.deadline_seconds)
        client = self._client(seconds)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(call, client)
        except TencentCloudSDKException as error:
            if error.get_code() in _GONE:
                raise _TokenGone from None
            log.warning("face vendor refused", code=error.get_code(), request_id=error.get_request_id())
        except TimeoutError:
            log.warning("face vendor took too long", seconds=seconds)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("face vendor answered nonsense", error=type(error).__name__)
        raise refusals.face_unavailable()

    def _client(self, seconds: float) -> "FaceidClient":
        from tencentcloud.common import credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile
        from tencentcloud.faceid.v20180301.faceid_client import FaceidClient

        # At debug level the SDK logs whole requests: names and ID numbers.
        logging.getLogger("tencentcloud_sdk_common").setLevel(logging.WARNING)
        settings = self._settings
        http = HttpProfile(protocol=settings.scheme, endpoint=settings.endpoint, reqTimeout=max(1, round(seconds)))
        profile = ClientProfile(signMethod="TC3-HMAC-SHA256", httpProfile=http)
        secret = credential.Credential(settings.secret_id, settings.secret_key_file.read())
        return FaceidClient(secret, settings.region, profile)


def _code(value: object) -> int | None:
    """A result code; what is not a number is no success either."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return _NONSENSE


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _image(best_frame: "DetectInfoBestFrame | None") -> bytes | None:
    """The picture in base64; what cannot be read is no image."""
    text = _text(best_frame.BestFrame) if best_frame else None
    try:
        return base64.b64decode(text, validate=True) if text else None
    except binascii.Error:
        return None
