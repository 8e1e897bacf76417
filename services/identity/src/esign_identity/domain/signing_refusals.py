"""Refusals about verifications and activations, with what they tell people: what is wrong, what to do next."""

from esign_kit.errors import Conflict, InvalidInput, Limited, NotFound, Unavailable

# Verifications


def terms_not_accepted() -> Conflict:
    """The person has not accepted the platform's terms as they are in force."""
    return Conflict(
        "TERMS_NOT_ACCEPTED",
        zh="请先阅读并同意平台服务协议与个人信息保护政策",
        en="Please read and accept the terms of service and privacy policy first",
    )


def verification_not_found() -> NotFound:
    """Not there, or another person's."""
    return NotFound(
        "VERIFICATION_NOT_FOUND",
        zh="未找到该身份核验，请从合同页面重新发起签署",
        en="No such verification: start signing again from the contract",
    )


def verification_limit() -> Limited:
    """Too many failed verifications for this contract."""
    return Limited(
        "VERIFICATION_LIMIT",
        zh="该合同24小时内身份核验失败次数过多，请稍后再试或联系客服",
        en="Too many failed verifications for this contract within 24 hours: try later, or contact support",
    )


def face_paused(seconds: int) -> Limited:
    """The face failed too often a moment ago."""
    minutes = -(-seconds // 60)
    return Limited(
        "FACE_PAUSED",
        zh=f"人脸核验失败次数过多，请{minutes}分钟后再试；如非本人操作，请联系客服",
        en=f"The face check failed too often: try again in {minutes} minutes; contact support if it was not you",
        retry_after_seconds=str(seconds),
    )


def verification_awaits_sms() -> Conflict:
    """The SMS step comes first."""
    return Conflict("VERIFICATION_AWAITS_SMS", zh="请先完成短信验证码校验", en="Confirm the SMS code first")


def verification_awaits_face() -> Conflict:
    """The SMS step is done, the face step is next."""
    return Conflict(
        "VERIFICATION_AWAITS_FACE",
        zh="短信校验已完成，请继续进行人脸核验",
        en="The SMS step is done: go on with the face check",
    )


def verification_already_passed() -> Conflict:
    """Both steps are done."""
    return Conflict(
        "VERIFICATION_ALREADY_PASSED",
        zh="身份核验已完成，请继续签署",
        en="The verification is complete: go on and sign",
    )


def verification_consumed() -> Conflict:
    """It was used for a signature."""
    return Conflict(
        "VERIFICATION_CONSUMED",
        zh="本次身份核验已用于签署，再次签署请重新核验",
        en="This verification has been used: verify again for another signature",
    )


def verification_failed() -> Conflict:
    """Too many attempts failed."""
    return Conflict(
        "VERIFICATION_FAILED",
        zh="身份核验未通过，请从合同页面重新发起",
        en="The verification failed: start again from the contract",
    )


def verification_expired() -> Conflict:
    """Its time is over."""
    return Conflict(
        "VERIFICATION_EXPIRED",
        zh="身份核验已超时，请从合同页面重新发起",
        en="The verification has expired: start again from the contract",
    )


def verification_code_wrong(attempts_left: int) -> Conflict:
    """The code is not the one that was sent."""
    return Conflict(
        "VERIFICATION_CODE_WRONG",
        zh=f"验证码不正确，请核对后重新输入（还可尝试{attempts_left}次）",
        en=f"Wrong code: check the SMS and try again ({attempts_left} attempts left)",
        attempts_left=str(attempts_left),
    )


def verification_code_expired() -> Conflict:
    """No code of this verification is in force."""
    return Conflict(
        "VERIFICATION_CODE_EXPIRED", zh="验证码已失效，请重新获取", en="The code is no longer valid: request a new one"
    )


# Activations


def facts_invalid(field: str) -> InvalidInput:
    """A fact of the signature is missing or malformed."""
    return InvalidInput(
        "ACTIVATION_FACTS_INVALID",
        zh=f"签署信息不完整或格式不正确（{field}）",
        en=f"Wrong signature facts: {field}",
        field=field,
    )


def verification_other_contract() -> Conflict:
    """Verified for another contract."""
    return Conflict(
        "VERIFICATION_OTHER_CONTRACT",
        zh="身份核验与当前合同不符，请重新核验",
        en="Verified for another contract: verify again",
    )


def verification_other_party() -> Conflict:
    """Verified as another party."""
    return Conflict(
        "VERIFICATION_OTHER_PARTY",
        zh="身份核验与当前签署方不符，请重新核验",
        en="Verified as another party: verify again",
    )


def verification_other_document() -> Conflict:
    """Verified for another document."""
    return Conflict(
        "VERIFICATION_OTHER_DOCUMENT",
        zh="合同文件与核验时不一致，请重新核验",
        en="Verified for another document: verify again",
    )


def policy_not_found() -> NotFound:
    """No such policy."""
    return NotFound(
        "POLICY_NOT_FOUND",
        zh="未找到会签策略，请联系印章管理员",
        en="No such countersign policy: contact the seal custodian",
    )


def policy_expired() -> Conflict:
    """The policy's time is over."""
    return Conflict(
        "POLICY_EXPIRED",
        zh="会签策略已过期，请联系印章管理员续期",
        en="The countersign policy has expired: have the seal custodian renew it",
    )


def policy_other_seal() -> Conflict:
    """The policy is for another seal."""
    return Conflict(
        "POLICY_OTHER_SEAL",
        zh="会签策略未授权使用该印章，请联系印章管理员",
        en="The policy does not cover this seal: contact the seal custodian",
    )


def policy_other_business_type() -> Conflict:
    """The policy does not cover the business type."""
    return Conflict(
        "POLICY_OTHER_BUSINESS_TYPE",
        zh="会签策略不适用于该业务类型，请联系印章管理员",
        en="The policy does not cover this business type",
    )


def policy_document_unseen() -> Unavailable:
    """The signer's report of this document has not arrived; it may come."""
    return Unavailable(
        "POLICY_DOCUMENT_UNSEEN",
        zh="尚未收到签署方的签署结果，请稍后重试",
        en="The report that this document was signed has not arrived yet: try again shortly",
        retry_after_seconds="1",
    )


def policy_document_unsigned() -> Conflict:
    """The document is one that still waits for a person's signature."""
    return Conflict(
        "POLICY_DOCUMENT_UNSIGNED",
        zh="签署方尚未签署该文件，不能会签",
        en="The document is not signed by its party yet",
    )


def policy_document_other_contract() -> Conflict:
    """The document is the result of another contract."""
    return Conflict(
        "POLICY_DOCUMENT_OTHER_CONTRACT",
        zh="该文件属于其他合同，不能会签",
        en="The document belongs to another contract",
    )


def policy_document_not_by_person() -> Conflict:
    """No activation that identity issued to a person made the document."""
    return Conflict(
        "POLICY_DOCUMENT_NOT_BY_PERSON",
        zh="该文件不是经本人核验签署的结果，不能会签",
        en="No verified person's signature made this document",
    )


def activation_exists() -> Conflict:
    """The policy already countersigns this document in another way."""
    return Conflict(
        "ACTIVATION_EXISTS",
        zh="该文件已按其他内容发起会签，请核对后重试",
        en="A countersignature of this document with other facts is under way",
    )


def activation_not_found() -> NotFound:
    """No such activation."""
    return NotFound("ACTIVATION_NOT_FOUND", zh="未找到该签署授权", en="No such activation")


def activation_not_of_person() -> Conflict:
    """The activation is an organisation's: there is no person to certify."""
    return Conflict(
        "ACTIVATION_NOT_OF_PERSON",
        zh="该签署授权不属于个人，无法签发个人证书",
        en="Not a person's activation: there is no subject for a certificate",
    )


def activation_too_old() -> Conflict:
    """The activation is too old for a certificate."""
    return Conflict(
        "ACTIVATION_TOO_OLD",
        zh="签署授权已超过24小时，请重新签署",
        en="The activation is older than 24 hours: sign again",
    )
