"""Refusals about face checks, with what they tell people: what is wrong, what to do next."""

from esign_kit.errors import Conflict, InvalidInput, Limited, NotFound, Unavailable


def face_channel_unknown() -> InvalidInput:
    """No such vendor."""
    return InvalidInput("FACE_CHANNEL_UNKNOWN", zh="请选择人脸核验渠道", en="Choose a face-check channel")


def consent_required() -> InvalidInput:
    """The statement in force was not accepted."""
    return InvalidInput(
        "CONSENT_REQUIRED",
        zh="请先阅读并同意最新版人脸识别信息处理说明，再进行人脸核验",
        en="Read and accept the current biometric-information statement first",
    )


def consent_kind_unknown() -> InvalidInput:
    """No such text."""
    return InvalidInput("CONSENT_KIND_UNKNOWN", zh="未找到该文本", en="No such text")


def face_check_not_found() -> NotFound:
    """Not there, or of another verification."""
    return NotFound("FACE_CHECK_NOT_FOUND", zh="未找到该人脸核验，请重新发起", en="No such face check: start a new one")


def face_not_finished() -> Conflict:
    """The person has not finished at the vendor's; costs no attempt."""
    return Conflict(
        "FACE_NOT_FINISHED",
        zh="人脸核验尚未完成，请在手机上完成后继续",
        en="The face check is not finished: finish it on the phone",
    )


def face_check_expired() -> Conflict:
    """The vendor no longer knows the check; costs no attempt."""
    return Conflict(
        "FACE_CHECK_EXPIRED", zh="人脸核验页面已过期，请重新发起", en="The face check has expired: start a new one"
    )


def face_refused(verdict: str, attempts_left: int) -> Conflict:
    """The vendor's answer did not prove the person. `verdict` is the reason."""
    zh, en = _FACE_TEXTS[verdict]
    left_zh = f"还可尝试{attempts_left}次" if attempts_left else "本次核验机会已用完，请从合同页面重新发起"
    left_en = f"{attempts_left} attempts left" if attempts_left else "no attempts left, start again from the contract"
    return Conflict(verdict, zh=f"{zh}（{left_zh}）", en=f"{en} ({left_en})", attempts_left=str(attempts_left))


_FACE_TEXTS = {
    "FACE_LIVENESS_FAILED": (
        "活体检测未通过，请在光线充足处由本人按提示重新操作",
        "The liveness check failed: try again in good light, following the prompts yourself",
    ),
    "FACE_NOT_SAME_PERSON": (
        "人脸比对未通过，请由签署人本人操作",
        "The face does not match: the signer has to do this in person",
    ),
    "FACE_OTHER_SUBJECT": (
        "人脸核验结果与签署人不符，请由签署人本人重新发起",
        "The result belongs to someone else: the signer has to start a new check",
    ),
    "FACE_BAD_IMAGE": (
        "画面无法识别，请更换浏览器或手机后重试",
        "The camera's pictures cannot be read: try another browser or phone",
    ),
    "FACE_TOO_FEW_FRAMES": ("采集的画面过少，请按提示重新操作", "Too few pictures: follow the prompts again"),
    "FACE_TOO_DARK": ("光线过暗，请到明亮处重新操作", "It is too dark: try again in better light"),
    "FACE_NONE_SEEN": ("未检测到人脸，请正对手机屏幕", "No face was seen: look straight at the phone"),
    "FACE_SEVERAL_SEEN": ("画面中有多张人脸，请由本人单独操作", "Several faces were seen: do it alone"),
    "FACE_BLURRED": ("画面模糊，请擦拭镜头并保持稳定", "The pictures are blurred: wipe the lens and hold still"),
    "FACE_ACTION_NOT_SEEN": ("未检测到规定动作，请按提示重新操作", "The action was not seen: follow the prompts again"),
    "FACE_CHANGED": (
        "核验过程中人脸发生变化，请由签署人本人全程操作",
        "The face changed on the way: the signer has to do all of it",
    ),
    "FACE_TOO_LATE": ("操作超时，请重新发起", "It took too long: start again"),
    "FACE_ABANDONED": ("核验中途退出，请重新发起", "The check was left halfway: start again"),
}


def face_unavailable() -> Unavailable:
    """The vendor does not answer."""
    return Unavailable(
        "FACE_UNAVAILABLE",
        zh="人脸核验服务暂时不可用，请稍后重试",
        en="The face-check service does not answer now: try again shortly",
    )


def face_engine_busy() -> Unavailable:
    """Too many wait for our own engine."""
    return Unavailable(
        "FACE_ENGINE_BUSY",
        zh="当前进行人脸核验的人数较多，请稍后重试或更换核验渠道",
        en="Too many face checks at once: try again shortly, or choose another channel",
    )


def face_check_limit() -> Limited:
    """Too many face checks were opened for one verification."""
    return Limited(
        "FACE_CHECK_LIMIT",
        zh="本次身份核验发起人脸核验次数过多，请从合同页面重新发起",
        en="Too many face checks were started: start again from the contract",
    )


def no_portrait() -> Conflict:
    """Our own channel has nothing to compare with."""
    return Conflict(
        "NO_PORTRAIT",
        zh="尚无留存照，请先通过数字认证或腾讯云完成一次人脸核验",
        en="No portrait is enrolled yet: pass a check through another channel first",
    )


def relay_not_found() -> NotFound:
    """No check has this address."""
    return NotFound(
        "FACE_RELAY_NOT_FOUND",
        zh="二维码无效或已失效，请在电脑上刷新后重新扫码",
        en="The code is not valid: refresh it on the computer and scan again",
    )


def relay_claimed() -> Conflict:
    """Another device holds the check."""
    return Conflict(
        "RELAY_CLAIMED",
        zh="该二维码已被其他设备使用；如非本人操作，请在电脑上重新发起人脸核验",
        en="Another device has used this code: if it was not you, start the face check again on the computer",
    )


def frames_not_wanted() -> Conflict:
    """This check takes no frames, or none now."""
    return Conflict(
        "FACE_FRAMES_NOT_WANTED",
        zh="当前不需要提交画面，请按页面提示操作",
        en="No frames are wanted now: follow the page",
    )


def frames_invalid(what: str) -> InvalidInput:
    """Not the frames that a camera takes during a challenge."""
    return InvalidInput(
        "FACE_FRAMES_INVALID",
        zh="采集的画面不符合要求，请重新扫码后再试",
        en=f"Wrong frames: {what}",
        field=what,
    )


def nonce_wrong() -> Conflict:
    """Frames for another challenge."""
    return Conflict(
        "FACE_NONCE_WRONG",
        zh="画面与当前动作不符，请按页面提示重新操作",
        en="The frames belong to another challenge: follow the page",
    )


def nonce_used() -> Conflict:
    """Frames for this challenge have come already."""
    return Conflict(
        "FACE_NONCE_USED",
        zh="该动作的画面已提交，请勿重复提交",
        en="The frames of this challenge were handed in already",
    )


def frames_late() -> Conflict:
    """The challenge's time was over; the first one may be shown again."""
    return Conflict(
        "FACE_FRAMES_LATE",
        zh="操作超时，请重新开始",
        en="It took too long: begin again",
    )
