"""Face checks through Tencent's own SDK and the hosted page."""

import base64
import json
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.faceid.v20180301 import models
from tencentcloud.faceid.v20180301.faceid_client import FaceidClient

from .conftest import CREDENTIALS, HTTP, Running

PERSON = {"RuleId": "1", "IdCard": "11010519491231002X", "Name": "韦样例"}


def client(sandbox: Running) -> FaceidClient:
    account = CREDENTIALS["tencent"]
    http = HttpProfile(protocol="http", endpoint=sandbox.endpoint, reqTimeout=3)
    secret = credential.Credential(account["secret_id"], account["secret_key"])
    return FaceidClient(secret, "", ClientProfile(httpProfile=http))


def detect(sandbox: Running, **more: object) -> Any:
    request = models.DetectAuthRequest()
    request.from_json_string(json.dumps({**PERSON, **more}))
    return client(sandbox).DetectAuth(request)


def result(sandbox: Running, token: str, **more: object) -> Any:
    request = models.GetDetectInfoEnhancedRequest()
    request.from_json_string(json.dumps({"BizToken": token, "RuleId": "1", "InfoType": "1", **more}))
    return client(sandbox).GetDetectInfoEnhanced(request)


def act(sandbox: Running, token: str, what: str) -> httpx.Response:
    return HTTP.post(f"{sandbox.url}/faceid/h5/result", data={"token": token, "result": what})


def age(sandbox: Running, token: str, seconds: int) -> None:
    """Makes a check older, behind the sandbox's back."""
    with sqlite3.connect(sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        change = "UPDATE faceid_check SET created_at = created_at - ? WHERE biz_token = ?"
        db.execute(change, (seconds * 1000, token))


def test_a_person_passes_and_comes_back(sandbox: Running) -> None:
    opened = detect(sandbox, RedirectUrl="http://127.0.0.1:1/back?flow=a%20b", Extra="check-1")
    page = HTTP.get(opened.Url)
    assert page.status_code == 200
    assert "*样例" not in page.text
    assert "**例" in page.text
    assert PERSON["IdCard"] not in page.text

    before = result(sandbox, opened.BizToken).Text
    assert (before.ErrCode, before.LiveStatus, before.Comparestatus, before.Sim) == (None, None, None, None)
    back = act(sandbox, opened.BizToken, "pass")
    assert back.status_code == 303
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query == {"flow": ["a b"], "BizToken": [opened.BizToken]}

    after = result(sandbox, opened.BizToken).Text
    assert (after.ErrCode, after.LiveStatus, after.Comparestatus) == (0, 0, 0)
    assert 70 <= float(after.Sim) <= 100
    assert (after.IdCard, after.Name, after.Extra) == (PERSON["IdCard"], PERSON["Name"], "check-1")
    assert after.LivenessDetail[0].Seq


def test_a_failed_check_is_reported_and_cannot_be_repeated(sandbox: Running) -> None:
    opened = detect(sandbox)
    assert "核验未通过" in act(sandbox, opened.BizToken, "fail").text
    again = act(sandbox, opened.BizToken, "pass")
    assert (again.status_code, "已使用" in again.text) == (410, True)
    text = result(sandbox, opened.BizToken, InfoType="0").Text
    assert (text.ErrCode, text.LiveStatus) == (1005, 1005)
    assert float(text.Sim) == 0


JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 400 + b"\xff\xd9"


def act_with_photo(sandbox: Running, token: str, what: str, photo: bytes) -> httpx.Response:
    files = {"photo": ("photo.jpg", photo, "image/jpeg")}
    return HTTP.post(f"{sandbox.url}/faceid/h5/result", data={"token": token, "result": what}, files=files)


def test_a_photograph_becomes_the_best_frame_of_a_passed_check(sandbox: Running) -> None:
    token = detect(sandbox).BizToken
    assert result(sandbox, token, InfoType="3").BestFrame.BestFrame is None
    assert act_with_photo(sandbox, token, "pass", JPEG).status_code == 200
    for wanted in ("0", "3", "13"):
        frame = result(sandbox, token, InfoType=wanted).BestFrame
        assert base64.b64decode(frame.BestFrame) == JPEG
    assert result(sandbox, token, InfoType="1").BestFrame is None
    assert result(sandbox, token, InfoType="1").Text.ErrCode == 0


def test_without_a_photograph_or_a_pass_there_is_no_best_frame(sandbox: Running) -> None:
    for what, photo in (("fail", JPEG), ("pass", b"")):
        token = detect(sandbox).BizToken
        assert act_with_photo(sandbox, token, what, photo).status_code == 200
        assert result(sandbox, token, InfoType="0").BestFrame.BestFrame is None


def test_what_is_no_photograph_is_refused_and_the_go_is_not_used_up(sandbox: Running) -> None:
    token = detect(sandbox).BizToken
    refused = act_with_photo(sandbox, token, "pass", b"GIF89a")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST")
    assert act_with_photo(sandbox, token, "pass", JPEG + bytes(1 << 20)).status_code == 413
    assert act_with_photo(sandbox, token, "pass", JPEG).status_code == 200


def test_photographs_are_forgotten_after_three_days(own_sandbox: Running) -> None:
    first, second = (detect(own_sandbox).BizToken for _ in range(2))
    act_with_photo(own_sandbox, first, "pass", JPEG)
    with sqlite3.connect(own_sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        db.execute("UPDATE face_photo SET taken_at = taken_at - ?", (3 * 86400 * 1000 + 1,))
    act_with_photo(own_sandbox, second, "pass", JPEG)
    with sqlite3.connect(own_sandbox.directory / "data" / "sandbox.sqlite3", timeout=5) as db:
        assert db.execute("SELECT check_id FROM face_photo").fetchall() == [(second,)]


def test_the_page_may_lead_back_to_where_the_check_was_opened_and_nowhere_else(sandbox: Running) -> None:
    policy = HTTP.get(detect(sandbox, RedirectUrl="https://portal.example/f/return?a=1").Url).headers[
        "content-security-policy"
    ]
    assert policy.endswith("form-action 'self' https://portal.example")
    assert HTTP.get(detect(sandbox).Url).headers["content-security-policy"].endswith("form-action 'self'")


def test_only_one_of_many_goes_counts(sandbox: Running) -> None:
    token = detect(sandbox).BizToken
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: act(sandbox, token, "pass").status_code, range(6)))
    assert sorted(answers) == [200, 410, 410, 410, 410, 410]


def test_tokens_and_results_expire(sandbox: Running) -> None:
    token = detect(sandbox).BizToken
    age(sandbox, token, 7201)
    assert "已过期" in HTTP.get(f"{sandbox.url}/faceid/h5", params={"token": token}).text
    assert act(sandbox, token, "pass").status_code == 410
    assert result(sandbox, token).Text.ErrCode is None
    age(sandbox, token, 3 * 86400)
    with pytest.raises(TencentCloudSDKException) as refused:
        result(sandbox, token)
    assert refused.value.code == "InvalidParameterValue.BizTokenExpired"


def test_a_result_survives_a_kill(own_sandbox: Running) -> None:
    token = detect(own_sandbox).BizToken
    act(own_sandbox, token, "pass")
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    assert result(own_sandbox, token).Text.ErrCode == 0
    assert act(own_sandbox, token, "pass").status_code == 410


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"RuleId": "2"}, "InvalidParameterValue.RuleIdNotExist"),
        ({"IdCard": "110105194912310021"}, "FailedOperation.IdFormatError"),
        ({"IdCard": "11010519491231002x"}, "FailedOperation.IdFormatError"),
        ({"Name": ""}, "MissingParameter"),
        ({"Name": "长" * 33}, "InvalidParameterValue"),
        ({"RedirectUrl": "javascript:alert(1)"}, "InvalidParameterValue"),
        ({"Extra": "x" * 1025}, "InvalidParameterValue"),
    ],
)
def test_checks_that_cannot_be_opened(sandbox: Running, change: dict[str, str], code: str) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        detect(sandbox, **change)
    assert refused.value.code == code


def test_results_of_unknown_tokens_and_rules_are_refused(sandbox: Running) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        result(sandbox, "CE661F1A-0F1E-45BD-BE13-34C05CEA7681")
    assert refused.value.code == "InvalidParameterValue.BizTokenIllegal"
    with pytest.raises(TencentCloudSDKException) as refused:
        result(sandbox, detect(sandbox).BizToken, RuleId="2")
    assert refused.value.code == "InvalidParameterValue.RuleIdNotExist"
    assert HTTP.get(f"{sandbox.url}/faceid/h5?token=x").status_code == 404
    assert act(sandbox, "x", "pass").status_code == 404
    assert act(sandbox, detect(sandbox).BizToken, "perhaps").status_code == 400
