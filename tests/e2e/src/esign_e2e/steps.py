"""The steps of a journey, in order: each a trigger, what a person or a system does, and what is to come of it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from esign_e2e.doors import patiently
from esign_e2e.journey import Journey

Json = dict[str, Any]
Action = Callable[[Journey], Awaitable[None]]


@dataclass(frozen=True)
class Step:
    """A step: its name, its title for people, the trigger, and what is to come of it."""

    name: str
    title: str
    trigger: Action
    settle: Action | None = None


STEPS: tuple[Step, ...] = (
    Step("register", "租赁系统登记租户", Journey.register),
    Step("upload", "租赁系统上传合同", Journey.upload),
    Step("create", "租赁系统创建合同", Journey.create),
    Step("dispatch", "发出合同，短信与邮件通知租户", Journey.dispatch, Journey.invited),
    Step("login-code", "租户获取登录验证码", Journey.request_login_code, Journey.login_code_arrives),
    Step("login", "租户登录", Journey.login),
    Step("find", "待签署文档中查到合同", Journey.find),
    Step("read", "逐页阅读合同", Journey.read),
    Step("verify", "申请签署", Journey.start_verification),
    Step("sms-code", "获取签署验证码", Journey.request_signing_code, Journey.signing_code_arrives),
    Step("sms", "短信验证码核验", Journey.confirm_code),
    Step("face", "手机上完成人脸识别", Journey.start_face),
    Step("face-result", "人脸核验结果", Journey.complete_face),
    Step("signature", "手写签名", Journey.keep_signature),
    Step("confirm", "确认签署，出租方自动会签，归档并放行", Journey.confirm, Journey.completed),
    Step("evidence", "存证上链并生成证据包", Journey.anchored),
    Step("told", "签署完成通知", Journey.told),
    Step("download", "下载合同（仅一次）", Journey.download),
    Step("download-again", "再次下载被拒绝", Journey.download_again),
    Step("validate", "在线验证：原件通过，改动一个字节不通过", Journey.validate),
    Step("check", "统一证据编号核验", Journey.check_evidence),
    Step("package", "取得证据包", Journey.fetch_package),
)

CHANNELS = {"TENCENT": "腾讯云", "BJCA": "数字认证", "OWN": "与留存照比对（本平台通道）"}
"""Face channels, for people."""


class StepFailed(Exception):
    """A step did not do what it should."""

    def __init__(self, step: Step, error: BaseException) -> None:
        self.step = step
        super().__init__(f"step {step.name} ({step.title}): {type(error).__name__}: {error}")


@dataclass
class Record:
    """What happened, for `journey.json`."""

    steps: list[Json] = field(default_factory=list)

    def content(self, journey: Journey) -> Json:
        """Steps, durations and ids."""
        return {"document_number": journey.document_number, "facts": journey.facts, "steps": self.steps}

    def summary(self, journey: Journey) -> Json:
        """How somebody signed, by which channel they were recognised, and what came of it."""
        facts = journey.facts
        channel = facts["face_channel"]
        return {
            "document_number": journey.document_number,
            "contract_id": journey.contract_id,
            "login": "INDIVIDUAL",
            "login_words": "个人用户登录，手机号与短信验证码",
            "face_channel": channel,
            "face_channel_words": CHANNELS[channel],
            "level": facts["level"],
            "signatures": facts["signatures"],
            "evidence_number": facts["evidence_number"],
            "block_height": facts["block_height"],
            "document_sha256": facts["document_sha256"],
            "seconds": round(sum(step["seconds"] for step in self.steps), 3),
        }


async def take(journey: Journey, step: Step) -> float:
    """One whole step; answers how many seconds it took. Raises StepFailed."""
    begun = time.monotonic()
    try:
        await patiently(lambda: step.trigger(journey), journey.patience)
        if step.settle is not None:
            await step.settle(journey)
    except Exception as error:
        raise StepFailed(step, error) from error
    return time.monotonic() - begun


async def travel(
    journey: Journey,
    *,
    steps: tuple[Step, ...] = STEPS,
    done: Callable[[Step, float], None] = lambda step, seconds: None,
) -> Record:
    """All steps, one after another. `done(step, seconds)` hears of each. Raises StepFailed."""
    record = Record()
    for step in steps:
        seconds = await take(journey, step)
        record.steps.append({"name": step.name, "title": step.title, "seconds": round(seconds, 3)})
        done(step, seconds)
    return record
