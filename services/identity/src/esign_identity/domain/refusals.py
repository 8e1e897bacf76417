"""Refusals about people, organisations, codes and sessions, with what they tell people: what is wrong, what to do next."""

from esign_kit.errors import Conflict, Forbidden, InvalidInput, Limited, NotFound, Unauthenticated, Unavailable

# People and organisations


def name_invalid() -> InvalidInput:
    """Not a mainland resident's name."""
    return InvalidInput(
        "NAME_INVALID",
        zh="姓名格式不正确：请按身份证填写2至50个汉字，少数民族姓名用“·”分隔",
        en="The name must be 2 to 50 Chinese characters, as on the ID card; parts are joined by a middle dot",
    )


def id_number_invalid() -> InvalidInput:
    """Not an ID number at all, or its region, birth date or check digit do not hold."""
    return InvalidInput(
        "ID_NUMBER_INVALID",
        zh="居民身份证号码不正确，请核对18位号码后重新填写",
        en="The resident ID number is wrong: check its 18 characters and enter it again",
    )


def person_not_mainland() -> InvalidInput:
    """Another kind of identity document."""
    return InvalidInput(
        "PERSON_NOT_MAINLAND",
        zh="在线签署仅支持持有中国大陆居民身份证的个人；持其他证件的签署人请走纸质盖章流程",
        en="Online signing needs a mainland China resident ID; holders of other documents please use the paper process",
    )


def phone_invalid() -> InvalidInput:
    """Not a mainland mobile number."""
    return InvalidInput(
        "PHONE_INVALID",
        zh="手机号格式不正确，请填写11位中国大陆手机号",
        en="Enter an 11-digit mainland China mobile number",
    )


def email_invalid() -> InvalidInput:
    """Not an e-mail address."""
    return InvalidInput(
        "EMAIL_INVALID",
        zh="电子邮箱格式不正确，请核对后重新填写",
        en="The e-mail address is wrong: check it and enter it again",
    )


def person_name_mismatch() -> Conflict:
    """The ID number is registered with another name."""
    return Conflict(
        "PERSON_NAME_MISMATCH",
        zh="该身份证号码已登记为其他姓名，请核对姓名与证件；如确已更名，请联系客服处理",
        en="This ID number is registered with another name: check both; after a legal change of name contact support",
    )


def phone_in_use() -> Conflict:
    """The phone belongs to another registered person."""
    return Conflict(
        "PHONE_IN_USE",
        zh="该手机号已登记给其他签署人，请使用本人实名手机号；如号码已过户给您，请联系客服处理",
        en="This mobile number is registered for another person: use one registered in your own name, or contact support",
    )


def person_not_found() -> NotFound:
    """No such person."""
    return NotFound("PERSON_NOT_FOUND", zh="未找到该用户，请先登记", en="No such person: register them first")


def too_many_people() -> InvalidInput:
    """More people than one answer describes."""
    return InvalidInput("TOO_MANY_PEOPLE", zh="一次最多查询200人，请分批查询", en="Ask for at most 200 people at once")


def message_id_invalid() -> InvalidInput:
    """A contact is given out for a named message only."""
    return InvalidInput(
        "MESSAGE_ID_INVALID", zh="缺少消息编号，无法提供联系方式", en="Name the message for which the contact is wanted"
    )


def organisation_name_invalid() -> InvalidInput:
    """Not a company's name."""
    return InvalidInput(
        "ORGANISATION_NAME_INVALID",
        zh="单位名称不正确，请按营业执照填写（2至120个字符）",
        en="Enter the organisation's name as on its business licence, 2 to 120 characters",
    )


def country_invalid() -> InvalidInput:
    """Not a country code."""
    return InvalidInput(
        "COUNTRY_INVALID",
        zh="公司注册地代码不正确，请填写ISO 3166-1两位代码（如CN）",
        en="The country of registration must be an ISO 3166-1 alpha-2 code, e.g. CN",
    )


def organisation_not_mainland() -> InvalidInput:
    """A company that is registered abroad."""
    return InvalidInput(
        "ORGANISATION_NOT_MAINLAND",
        zh="在线签署仅支持在中国大陆注册的公司；境外注册的公司请走纸质盖章流程",
        en="Online signing is for companies registered in mainland China; companies registered abroad please use the paper process",
    )


def uscc_invalid() -> InvalidInput:
    """Not a unified social credit code."""
    return InvalidInput(
        "USCC_INVALID",
        zh="统一社会信用代码不正确，请核对18位代码；境外注册的公司请走纸质盖章流程",
        en="The unified social credit code is wrong: check its 18 characters; companies registered abroad use the paper process",
    )


def organisation_name_mismatch() -> Conflict:
    """The code is registered with another name."""
    return Conflict(
        "ORGANISATION_NAME_MISMATCH",
        zh="该统一社会信用代码已登记为其他单位名称，请核对后重试",
        en="This unified social credit code is registered with another name: check both",
    )


def organisation_not_found() -> NotFound:
    """The organisation is not registered."""
    return NotFound("ORGANISATION_NOT_FOUND", zh="该单位尚未登记，请先登记单位", en="Register the organisation first")


def policy_invalid(field: str) -> InvalidInput:
    """A policy's field is missing or out of range."""
    return InvalidInput(
        "POLICY_INVALID",
        zh=f"会签策略内容不正确（{field}），请核对后重新提交",
        en=f"Wrong policy content in {field}: correct it",
        field=field,
    )


def policy_other_organisation() -> Conflict:
    """The policy id belongs to another organisation."""
    return Conflict(
        "POLICY_OTHER_ORGANISATION",
        zh="该会签策略编号已属于其他单位，请使用新的编号",
        en="This policy id belongs to another organisation: use a new one",
    )


# One-time codes and sessions


def code_malformed() -> InvalidInput:
    """What was typed cannot be a code."""
    return InvalidInput("CODE_MALFORMED", zh="请输入短信中的6位数字验证码", en="Enter the 6 digits from the SMS")


def client_address_invalid() -> InvalidInput:
    """The caller did not say for which client it asks."""
    return InvalidInput(
        "CLIENT_ADDRESS_INVALID",
        zh="无法识别您的网络地址，请刷新页面后重试",
        en="The client's address is missing or wrong",
    )


def code_too_soon(seconds: int) -> Limited:
    """The last code to this phone is too young."""
    return Limited(
        "CODE_TOO_SOON",
        zh=f"验证码发送过于频繁，请{seconds}秒后再试",
        en=f"A code was sent a moment ago: try again in {seconds} seconds",
        retry_after_seconds=str(seconds),
    )


def code_daily_limit(seconds: int) -> Limited:
    """Too many codes to this phone within a day."""
    return Limited(
        "CODE_DAILY_LIMIT",
        zh="该手机号24小时内获取验证码次数已达上限，请稍后再试",
        en="This number has received as many codes as it may within 24 hours: try again later",
        retry_after_seconds=str(seconds),
    )


def address_limit(seconds: int) -> Limited:
    """Too many requests from this client address."""
    return Limited(
        "CLIENT_ADDRESS_LIMIT",
        zh="当前网络操作过于频繁，请稍后再试或更换网络",
        en="Too many requests from this network: try again later",
        retry_after_seconds=str(seconds),
    )


def sms_unavailable() -> Unavailable:
    """The code did not go out; nothing was counted."""
    return Unavailable(
        "SMS_UNAVAILABLE",
        zh="短信服务暂时不可用，验证码未发送，请稍后重试",
        en="The SMS could not be sent: try again shortly",
    )


def sms_uncertain() -> Unavailable:
    """Nobody knows whether the code went out; it is good if it arrives."""
    return Unavailable(
        "SMS_UNCERTAIN",
        zh="短信发送超时：如稍后收到验证码可直接使用，未收到请1分钟后重新获取",
        en="Sending took too long: use the code if it arrives, else ask for another in a minute",
    )


def login_code_wrong(attempts_left: int) -> Unauthenticated:
    """The code is not the one that was sent."""
    return Unauthenticated(
        "LOGIN_CODE_WRONG",
        zh=f"验证码不正确，请核对后重新输入（还可尝试{attempts_left}次）",
        en=f"Wrong code: check the SMS and try again ({attempts_left} attempts left)",
        attempts_left=str(attempts_left),
    )


def login_code_expired() -> Unauthenticated:
    """No code of this phone is in force."""
    return Unauthenticated(
        "LOGIN_CODE_EXPIRED", zh="验证码已失效，请重新获取", en="The code is no longer valid: request a new one"
    )


def login_code_exhausted() -> Unauthenticated:
    """The code was guessed at too often."""
    return Unauthenticated(
        "LOGIN_CODE_EXHAUSTED",
        zh="验证码错误次数过多，该验证码已作废，请重新获取",
        en="Too many wrong attempts, the code is void: request a new one",
    )


def captcha_required() -> InvalidInput:
    """Codes were asked for too often to send another without a captcha."""
    return InvalidInput("CAPTCHA_REQUIRED", zh="请输入图形验证码", en="Enter the characters in the picture")


def captcha_wrong() -> InvalidInput:
    """The answer is not what the picture shows; the captcha is used up."""
    return InvalidInput(
        "CAPTCHA_WRONG", zh="图形验证码不正确，请按新图片重新输入", en="Wrong characters: try the new picture"
    )


def captcha_expired() -> InvalidInput:
    """The captcha was used, is too old, or never was."""
    return InvalidInput(
        "CAPTCHA_EXPIRED", zh="图形验证码已失效，请按新图片重新输入", en="The picture is too old: try the new one"
    )


def no_company() -> Forbidden:
    """The phone's person signs for no company. The code stays good."""
    return Forbidden(
        "NOT_A_SIGNER",
        zh="该手机号不是任何企业的签章人；个人租户请使用个人用户登录，企业用户请联系招商或采购人员登记签章人",
        en="This phone is no company's signer: individuals use the individual login, companies ask to have a signer registered",
    )


def not_signer_of_company() -> Forbidden:
    """The person does not sign for the company that was chosen."""
    return Forbidden(
        "NOT_SIGNER_OF_COMPANY",
        zh="您不是该公司的签章人，请重新选择公司",
        en="You are not a signer of this company: choose another",
    )


def login_ticket_invalid() -> Unauthenticated:
    """The ticket was used, is too old, or never was."""
    return Unauthenticated(
        "LOGIN_TICKET_INVALID",
        zh="登录已超时，请重新获取验证码",
        en="The login took too long: request a new code",
    )


def sign_on_invalid() -> Unauthenticated:
    """The token of a single sign-on is not taken; why stands in the audit event."""
    return Unauthenticated(
        "SIGN_ON_INVALID",
        zh="跳转登录凭证无效或已失效，请返回原平台重新进入",
        en="The sign-on is not valid any more: go back to the platform you came from and enter again",
    )


def sign_on_not_signer() -> Forbidden:
    """The token is genuine; its person does not sign for its company."""
    return Forbidden(
        "SIGN_ON_NOT_SIGNER",
        zh="您不是该公司登记的签章人，请在原平台核对签章人信息",
        en="You are not registered as this company's signer: check the signer on the platform you came from",
    )


def session_expired() -> Unauthenticated:
    """No live session has this token."""
    return Unauthenticated("SESSION_EXPIRED", zh="登录已失效，请重新登录", en="The session has ended: sign in again")


def recent_login_needed() -> Conflict:
    """A copy of all personal data is only given to somebody who has just signed in."""
    return Conflict(
        "RECENT_LOGIN_NEEDED",
        zh="为保护个人信息，请重新登录后再导出",
        en="To protect your data, sign in again before you export it",
    )
