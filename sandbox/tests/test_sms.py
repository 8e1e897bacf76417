"""SMS through Tencent's own SDK."""

import hashlib
import hmac
import json
import signal
import time
from typing import Any

import pytest
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client import SmsClient

from .conftest import CREDENTIALS, HTTP, Running

ACCOUNT = CREDENTIALS["tencent"]
DEFAULTS = {
    "SmsSdkAppId": "1400006666",
    "SignName": "SOHO中国",
    "TemplateId": "1001",
    "TemplateParamSet": ["246810", "5"],
}


def client(
    sandbox: Running, secret_id: str = ACCOUNT["secret_id"], secret_key: str = ACCOUNT["secret_key"]
) -> SmsClient:
    http = HttpProfile(protocol="http", endpoint=sandbox.endpoint, reqTimeout=3)
    region = "ap-guangzhou"
    return SmsClient(credential.Credential(secret_id, secret_key), region, ClientProfile(httpProfile=http))


def send(sandbox: Running, *numbers: str, **more: object) -> list[Any]:
    request = models.SendSmsRequest()
    request.from_json_string(json.dumps({**DEFAULTS, "PhoneNumberSet": list(numbers), **more}))
    return list(client(sandbox).SendSms(request).SendStatusSet)


def pull(sandbox: Running, phone: str, **more: object) -> list[Any]:
    request = models.PullSmsSendStatusByPhoneNumberRequest()
    begin = int(time.time()) - 60
    fields = {"BeginTime": begin, "Offset": 0, "Limit": 100, "PhoneNumber": phone, "SmsSdkAppId": "1400006666"}
    request.from_json_string(json.dumps(fields | more))
    return list(client(sandbox).PullSmsSendStatusByPhoneNumber(request).PullSmsSendStatusSet)


def mailbox(sandbox: Running, phone: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = HTTP.get(f"{sandbox.url}/mailbox/sms", params={"phone": phone}).json()
    return found


def test_a_message_reaches_the_mailbox_and_is_reported_with_its_context(sandbox: Running) -> None:
    (status,) = send(sandbox, "13800010001", SessionContext="notification-1")
    assert (status.Code, status.PhoneNumber, status.Fee, status.IsoCode) == ("Ok", "+8613800010001", 1, "CN")
    assert status.SessionContext == "notification-1"
    (message,) = mailbox(sandbox, "+8613800010001")
    assert message["text"] == "【SOHO中国】您的验证码是246810，5分钟内有效。"
    assert (message["template_id"], message["params"]) == ("1001", ["246810", "5"])
    assert (message["session_context"], message["serial_no"]) == ("notification-1", status.SerialNo)
    (report,) = pull(sandbox, "+8613800010001")
    assert (report.SerialNo, report.SessionContext) == (status.SerialNo, "notification-1")
    assert (report.ReportStatus, report.SubscriberNumber, report.CountryCode) == ("SUCCESS", "13800010001", "86")
    page = HTTP.get(f"{sandbox.url}/mailbox").text
    assert "<b>246810</b>" in page


def test_numbers_are_judged_one_by_one(sandbox: Running) -> None:
    statuses = send(sandbox, "+8613800010002", "12345", "008613800010003")
    assert [status.Code for status in statuses] == ["Ok", "InvalidParameterValue.IncorrectPhoneNumber", "Ok"]
    assert statuses[1].SerialNo == ""
    assert len(mailbox(sandbox, "13800010003")) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"TemplateId": "9"}, "FailedOperation.TemplateUnapprovedOrNotExist"),
        ({"TemplateParamSet": ["1"]}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ({"TemplateId": "1002"}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ({"SignName": "别家"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"SmsSdkAppId": "1"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"TemplateParamSet": ["http://x.cn", "5"]}, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
        ({"TemplateParamSet": ["1" * 500, "5"]}, "InvalidParameterValue.ContentLengthLimit"),
        ({"PhoneNumberSet": ["+85261234567"]}, "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"),
    ],
)
def test_what_the_vendor_refuses_is_not_sent(sandbox: Running, change: dict[str, Any], code: str) -> None:
    (status,) = send(sandbox, "13800010004", **change)
    assert status.Code == code
    assert mailbox(sandbox, "13800010004") == []


@pytest.mark.parametrize(
    ("numbers", "change", "code"),
    [
        ([], {}, "MissingParameter.EmptyPhoneNumberSet"),
        (["13800010005"] * 201, {}, "LimitExceeded.PhoneNumberCountLimit"),
        (["13800010005"], {"TemplateId": ""}, "MissingParameter"),
        (["13800010005"], {"SessionContext": "x" * 512}, "InvalidParameterValue"),
        (
            ["13800010005", "+85261234567"],
            {},
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        ),
    ],
)
def test_bad_requests_fail_as_a_whole(sandbox: Running, numbers: list[str], change: dict[str, Any], code: str) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        send(sandbox, *numbers, **change)
    assert refused.value.code == code
    assert mailbox(sandbox, "13800010005") == []


def test_wrong_credentials_are_refused(sandbox: Running) -> None:
    request = models.SendSmsRequest()
    request.from_json_string(json.dumps({**DEFAULTS, "PhoneNumberSet": ["13800010006"]}))
    with pytest.raises(TencentCloudSDKException) as refused:
        client(sandbox, secret_key="another").SendSms(request)
    assert refused.value.code == "AuthFailure.SignatureFailure"
    with pytest.raises(TencentCloudSDKException) as refused:
        client(sandbox, secret_id="AKIDother").SendSms(request)
    assert refused.value.code == "AuthFailure.SecretIdNotFound"
    assert mailbox(sandbox, "13800010006") == []


def signed_headers(body: bytes, timestamp: int, host: str, action: str = "SendSms") -> dict[str, str]:
    """TC3-HMAC-SHA256 written from the vendor's description, not from the code under test."""
    date = time.strftime("%Y-%m-%d", time.gmtime(timestamp))
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n"
    canonical += hashlib.sha256(body).hexdigest()
    scope = f"{date}/sms/tc3_request"
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("TC3" + ACCOUNT["secret_key"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential_text = f"Credential={ACCOUNT['secret_id']}/{scope}"
    return {
        "Authorization": f"TC3-HMAC-SHA256 {credential_text}, SignedHeaders=content-type;host, Signature={signature}",
        "Content-Type": "application/json",
        "X-TC-Action": action,
        "X-TC-Version": "2021-01-11",
        "X-TC-Timestamp": str(timestamp),
        "X-TC-Region": "ap-guangzhou",
    }


@pytest.mark.parametrize(
    ("age", "change", "body", "code"),
    [
        (0, {}, b'{"a": 2}', "AuthFailure.SignatureFailure"),
        (400, {}, b'{"a": 1}', "AuthFailure.SignatureExpire"),
        (0, {"Authorization": "TC3"}, b'{"a": 1}', "AuthFailure.InvalidAuthorization"),
        (0, {"X-TC-Action": "DeleteAll"}, b'{"a": 1}', "InvalidAction"),
        (0, {"X-TC-Version": "2019-07-11"}, b'{"a": 1}', "NoSuchVersion"),
        (0, {"X-TC-Region": ""}, b'{"a": 1}', "MissingParameter"),
        (0, {}, b'{"a": 1}', "MissingParameter.EmptyPhoneNumberSet"),
    ],
)
def test_the_door_checks_every_request(
    sandbox: Running, age: int, change: dict[str, str], body: bytes, code: str
) -> None:
    headers = signed_headers(b'{"a": 1}', int(time.time()) - age, sandbox.endpoint) | change
    answer = HTTP.post(sandbox.url, content=body, headers=headers).json()["Response"]
    assert answer["Error"]["Code"] == code
    assert answer["RequestId"]


def test_a_lost_answer_can_be_found_out_after_a_kill(own_sandbox: Running) -> None:
    own_sandbox.fault("sms", "lost")
    with pytest.raises(TencentCloudSDKException):
        send(own_sandbox, "13800010007", SessionContext="notification-7")
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    assert [report.SessionContext for report in pull(own_sandbox, "+8613800010007")] == ["notification-7"]
    assert len(mailbox(own_sandbox, "13800010007")) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Limit": 101}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": 1}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"BeginTime": 1}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"EndTime": 1}, "InvalidParameterValue.EndTimeVerifyFail"),
    ],
)
def test_pull_limits(sandbox: Running, change: dict[str, int], code: str) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        pull(sandbox, "+8613800010001", **change)
    assert refused.value.code == code
