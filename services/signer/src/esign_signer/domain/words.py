"""A validation report in plain words, Chinese and English: verdicts, problems, changes. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from esign_signer.domain.document import Level
from esign_signer.domain.report import (
    Change,
    ChangeKind,
    Problem,
    Revocation,
    RevocationSource,
    SignatureReport,
    TimeSource,
    ValidationReport,
    Verdict,
)

Language = Literal["zh", "en"]
Text = tuple[str, str]
"""Chinese, English."""

_ATTACKS: Final[dict[Problem, Text]] = {
    Problem.CONTENTS_FORGED: (
        "签名值被清空或替换（通用签名伪造），没有可验证的签名",
        "The signature's value was removed or replaced (universal signature forgery): there is nothing to verify",
    ),
    Problem.BYTE_RANGE_FORGED: (
        "签名的覆盖范围被改写（通用签名伪造），无法说明签署了什么",
        "The range that the signature covers was manipulated (universal signature forgery)",
    ),
    Problem.SIGNATURE_WRAPPED: (
        "签名值所在的空隙里藏有其他内容（签名包装攻击）",
        "Content hides in the gap that belongs to the signature's value (signature wrapping)",
    ),
    Problem.SIGNATURE_COPIED: (
        "同一个签名值被复制使用了两次（增量保存攻击）",
        "One signature value is used twice (incremental saving with a copied signature)",
    ),
    Problem.SIGNATURE_HIDDEN: (
        "文件中有签名被移出了表单，阅读器看不到它",
        "A signature in the file is no longer reachable from the form",
    ),
    Problem.INCREMENT_DAMAGED: (
        "签署后追加了不完整的内容（增量保存攻击）：阅读器会修复并显示它，而签名没有覆盖它",
        "Content without a proper cross-reference was appended (incremental saving attack): viewers repair and show it",
    ),
    Problem.PAGE_CHANGED: ("签署后页面内容被改动（替换或增删）", "Pages were changed, added or removed after signing"),
    Problem.SHADOW_CONTENT: (
        "签署后把显示的内容切换成了预先埋藏在文件里的另一份内容（影子文档攻击）",
        "What is shown was switched to other content hidden in the signed file (shadow document)",
    ),
    Problem.ANNOTATION_ADDED: (
        "签署后在页面上添加或改动了批注，可能遮盖原文（恶意批注攻击）",
        "Annotations were added or changed after signing and may cover the text (evil annotation attack)",
    ),
    Problem.SIGNATURE_FIELD_ADDED: (
        "签署后添加了新的可见签名域，可能遮盖原文（隐匿签名攻击）",
        "A visible signature field was added after signing and may cover the text (sneaky signature attack)",
    ),
    Problem.FIELD_CHANGED: (
        "签署后填写或改动了表单字段",
        "Form fields were filled in or changed after signing",
    ),
    Problem.OBJECTS_REMOVED: (
        "签署后删除了文件中的内容（影子文档攻击）",
        "Content was removed after signing (shadow document)",
    ),
    Problem.ACTION_ADDED: (
        "签署后改动了文件目录（如脚本、图层、附件或打开动作）",
        "The catalog (scripts, layers, attachments or opening actions) was changed after signing",
    ),
}
PROBLEMS: Final[dict[Problem, Text]] = _ATTACKS | {
    Problem.ALTERED: ("签名覆盖的内容被改动过", "The content that the signature covers was altered"),
    Problem.SIGNATURE_INVALID: ("签名数据不正确", "The signature's value is not correct"),
    Problem.ALGORITHM_WEAK: ("签名使用了不再安全的算法", "The signature uses an algorithm that is no longer secure"),
    Problem.CERTIFICATE_UNTRUSTED: ("证书不是由受信任的机构颁发", "The certificate leads to no root that is trusted"),
    Problem.CERTIFICATE_REVOKED: ("签署时证书已被吊销", "The certificate was revoked when it signed"),
    Problem.CERTIFICATE_EXPIRED: (
        "签署时证书不在有效期内，或证书链已过期且没有更晚的时间戳证明",
        "The certificate was not valid when it signed, or its chain has expired with no later timestamp",
    ),
    Problem.CERTIFICATE_USAGE: ("证书的用途不允许这样签名", "The certificate must not be used for this"),
    Problem.REVOCATION_UNKNOWN: ("无法确认签署时证书是否被吊销", "Whether the certificate was revoked is not known"),
    Problem.TIMESTAMP_INVALID: ("时间戳不正确", "The timestamp is not valid"),
    Problem.NO_TIMESTAMP: (
        "没有可信时间戳，签署时间仅为签署人自述",
        "There is no timestamp; the time is only the signer's word",
    ),
    Problem.CHANGED_AFTERWARDS: ("签署之后文件被改动", "The file was changed after signing"),
    Problem.NOT_COVERED: ("文件中有签名没有覆盖的内容", "Part of the file is covered by no signature"),
    Problem.FORMAT_INVALID: ("签名格式不符合规范", "The signature's format breaks the standard"),
    Problem.STRUCTURE_DAMAGED: ("文件结构被破坏", "The file's structure is damaged"),
    Problem.ARCHIVE_TIMESTAMP_INVALID: ("归档时间戳不正确", "An archive timestamp is not valid"),
}
_TAMPERING: Final = frozenset(_ATTACKS) | {
    Problem.ALTERED,
    Problem.CHANGED_AFTERWARDS,
    Problem.STRUCTURE_DAMAGED,
    Problem.NOT_COVERED,
    Problem.ARCHIVE_TIMESTAMP_INVALID,
}
_CERTIFICATE: Final = frozenset(
    {
        Problem.CERTIFICATE_UNTRUSTED,
        Problem.CERTIFICATE_REVOKED,
        Problem.CERTIFICATE_EXPIRED,
        Problem.CERTIFICATE_USAGE,
    }
)
_CHANGES: Final[dict[ChangeKind, Text]] = {
    ChangeKind.SIGNATURE: ("在签名域 {detail} 签署", "Signed in field {detail}"),
    ChangeKind.TIMESTAMP: ("加盖文档时间戳 {detail}", "Document timestamp {detail}"),
    ChangeKind.VALIDATION_DATA: ("补充验证数据（证书、OCSP、CRL）", "Validation data (certificates, OCSP, CRL)"),
    ChangeKind.METADATA: ("更新文件属性", "Document properties updated"),
    ChangeKind.BOOKKEEPING: ("更新文件目录", "Entries of the catalog updated"),
    ChangeKind.PAGE: ("改动了第 {page} 页的内容（{detail}）", "Content of page {page} changed ({detail})"),
    ChangeKind.PAGES: ("增删或替换了页面", "Pages added, removed or replaced"),
    ChangeKind.SHADOW: (
        "显示的对象被切换为埋藏在已签署内容中的另一版本{at}",
        "An object was switched to another version hidden in the signed bytes{at}",
    ),
    ChangeKind.ANNOTATION: ("第 {page} 页的批注（{detail}）", "Annotation on page {page} ({detail})"),
    ChangeKind.FIELD: ("改动了表单字段 {detail}", "Form field {detail} changed"),
    ChangeKind.SIGNATURE_FIELD: ("第 {page} 页新增签名域 {detail}", "New signature field {detail} on page {page}"),
    ChangeKind.REMOVED: ("删除了文件中的对象", "Objects removed"),
    ChangeKind.CATALOG: ("改动了文件目录项 {detail}", "Catalog entry {detail} changed"),
    ChangeKind.OTHER: ("其他改动{at}", "Something else changed{at}"),
}


LEVELS: Final[dict[Level, Text]] = {
    Level.B_B: ("基本签名", "basic signature"),
    Level.B_T: ("带可信时间戳", "with a timestamp"),
    Level.B_LT: ("带时间戳和长期验证数据", "with a timestamp and validation data"),
    Level.B_LTA: ("带归档时间戳，可长期验证", "with an archive timestamp, for the long term"),
}


def time_source_text(signature: SignatureReport) -> Text:
    """Who says when it was signed."""
    if signature.time_source is TimeSource.TIMESTAMP:
        authority = signature.timestamp_authority
        return f"可信时间戳（{authority}）", f"timestamp by {authority}"
    return "签署人自述，没有可信时间戳", "the signer's own word, no timestamp"


def revocation_text(revocation: Revocation | None, moment: Callable[[datetime | None], str]) -> Text:
    """What is known of a certificate's revocation, times written by `moment`."""
    if revocation is None:
        return "吊销状态未知", "revocation not known"
    if revocation.source is RevocationSource.NONE:
        return "受信任的根证书", "trusted root"
    made = moment(revocation.produced_at)
    zh = f"{revocation.source}，签发于 {made}" + ("（在线查询）" if revocation.online else "（文件内）")
    en = f"{revocation.source} of {made}" + (" (asked for)" if revocation.online else " (in the file)")
    if revocation.revoked_at is None:
        return f"未吊销：{zh}", f"not revoked: {en}"
    ended = moment(revocation.revoked_at)
    return f"{ended} 起吊销：{zh}", f"revoked from {ended}: {en}"


def chosen(text: Text, language: Language) -> str:
    """One of the two languages."""
    return text[0] if language == "zh" else text[1]


def problem_text(problem: Problem) -> Text:
    """A problem as a sentence."""
    return PROBLEMS[problem]


def change_text(change: Change) -> Text:
    """What changed, with page or field, the numbers of the objects behind it."""
    zh, en = _CHANGES[change.kind]
    objects = ", ".join(map(str, change.objects[:8])) + ("…" if len(change.objects) > 8 else "")
    at = (f"（第 {change.page} 页）", f" (page {change.page})") if change.page else ("", "")
    zh = zh.format(page=change.page, detail=change.detail, at=at[0])
    en = en.format(page=change.page, detail=change.detail, at=at[1])
    if change.kind.allowed or not objects:
        return zh, en
    return f"{zh}，对象 {objects}", f"{en}, objects {objects}"


def verdict_text(signature: SignatureReport) -> Text:
    """The one verdict on a signature: valid, intact and trusted, or why not."""
    if signature.passed:
        if signature.changes:
            return (
                "有效：签署内容完整、证书可信，其后仅有允许的追加。",
                "Valid: intact and trusted; only what is allowed was added afterwards.",
            )
        return "有效：签署内容完整、证书可信，其后没有改动。", "Valid: intact and trusted, with no change since."
    reasons = [problem_text(problem) for problem in signature.problems] or [
        ("签名没有满足全部要求", "not everything holds")
    ]
    return (
        "无效：" + "；".join(zh for zh, _ in reasons) + "。",
        "Not valid: " + "; ".join(en[0].lower() + en[1:] for _, en in reasons) + ".",
    )


def summary(report: ValidationReport) -> Text:
    """The verdict on the file in one plain sentence."""
    match report.verdict:
        case Verdict.NOT_SIGNED:
            return "该文件没有电子签名。", "The file has no electronic signature."
        case Verdict.PASSED:
            count = len(report.signatures)
            plural = "signature is" if count == 1 else "signatures are"
            return (
                f"核验通过：{count} 个签名均有效，签署后内容未被改动。",
                f"Passed: {count} {plural} valid and the content is unchanged.",
            )
    found = report.all_problems
    if attack := next((problem for problem in _ATTACKS if problem in found), None):
        zh, en = _ATTACKS[attack]
        return f"核验未通过：{zh}。", f"Failed: {en}."
    if found & _TAMPERING:
        return (
            "核验未通过：文件在签署后被改动或已损坏。",
            "Failed: the file was changed or damaged after it was signed.",
        )
    if found & _CERTIFICATE:
        return (
            "核验未通过：签名证书不可信或当时已失效。",
            "Failed: a signer's certificate is not trusted or was not valid at that time.",
        )
    return (
        "核验未通过：签名无效或缺少验证所需的信息。",
        "Failed: a signature is invalid or lacks what its validation needs.",
    )
