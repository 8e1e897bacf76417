"""What this service refuses, each with a stable reason and a text that says what to do."""

from typing import Final

from esign_kit.errors import Conflict, EsignError, InvalidInput, Limited, NotFound, TooLarge

_CONTRACT_STATES: Final = {
    "DRAFT": ("CONTRACT_NOT_DISPATCHED", "合同尚未发出", "The contract has not been dispatched"),
    "WAITING": ("CONTRACT_WAITING", "合同正在等待签署", "The contract waits for a signature"),
    "SIGNING": ("CONTRACT_SIGNING", "合同正在签署中，请稍候", "A signature is being made, wait a moment"),
    "RELEASING": (
        "CONTRACT_RELEASING",
        "各方均已签署，合同正在归档",
        "All have signed; the contract is being archived",
    ),
    "COMPLETED": ("CONTRACT_COMPLETED", "合同已签署完成", "The contract is complete"),
    "WITHDRAWN": ("CONTRACT_WITHDRAWN", "合同已撤回，如有疑问请联系SOHO中国", "The contract was withdrawn"),
    "EXPIRED": ("CONTRACT_EXPIRED", "合同已过签署期限，请联系SOHO中国重新发起", "The time for signing is over"),
    "HELD": ("CONTRACT_HELD", "合同归档核验未通过，工作人员正在处理", "The contract is held for inspection"),
}
_PARTY_STATES: Final = {
    "QUEUED": ("PARTY_NOT_YOUR_TURN", "尚未轮到您签署", "It is not your turn yet"),
    "WAITING": ("PARTY_WAITING", "该签署方尚未签署", "The party has not signed yet"),
    "SIGNING": ("PARTY_SIGNING", "您的签署正在处理中，请稍候", "Your signature is being made, wait a moment"),
    "SIGNED": ("PARTY_SIGNED", "您已签署该合同", "You have signed this contract"),
}
_DOCUMENTS: Final = {
    "DOCUMENT_NOT_PDF": ("文件不是PDF或Word（.docx）文件", "The file is neither a PDF nor a Word document (.docx)"),
    "DOCUMENT_TRUNCATED": ("PDF文件不完整，请重新导出后上传", "The PDF is cut short"),
    "DOCUMENT_DAMAGED": ("PDF文件已损坏，请重新导出后上传", "The PDF is damaged"),
    "DOCUMENT_ENCRYPTED": ("PDF文件需要密码才能打开，请去除密码后上传", "The PDF takes a password to open"),
    "DOCUMENT_RESTRICTED": (
        "PDF文件设有权限保护（限制编辑或打印），请由制作者去除保护后上传",
        "The PDF is protected by an owner's password; have its author take the protection away",
    ),
    "DOCUMENT_HAS_JAVASCRIPT": ("PDF文件包含脚本，不能用于签署", "The PDF holds JavaScript"),
    "DOCUMENT_HAS_EMBEDDED_FILES": ("PDF文件包含附件，不能用于签署", "The PDF holds embedded files"),
    "DOCUMENT_HAS_ACTIONS": ("PDF文件包含动作或多媒体内容，不能用于签署", "The PDF holds actions or media"),
    "DOCUMENT_HAS_XFA": (
        "PDF文件包含动态表单（XFA），不同软件显示的内容不同，请打印为PDF后上传",
        "The PDF holds an XFA form, which programs show differently; print it to a PDF",
    ),
    "DOCUMENT_FORM_UNDRAWN": (
        "PDF表单中有内容没有可显示的外观，请打印为PDF后上传",
        "A value in the PDF's form has no appearance that could be kept; print it to a PDF",
    ),
    "DOCUMENT_HAS_HIDDEN_CONTENT": (
        "PDF文件包含隐藏的图层，或屏幕显示与打印不一致的内容，请合并图层后上传",
        "The PDF holds layers that are hidden, or content that is seen but not printed, or printed but not seen; flatten it",
    ),
    "DOCUMENT_LOCKED": (
        "PDF文件的已有签名不允许再添加签名，不能用于签署",
        "A signature in the PDF allows no further signatures",
    ),
    "DOCUMENT_SIGNATURE_BROKEN": (
        "PDF文件的已有签名与文件内容不符，请核实来源后上传原文件",
        "A signature in the PDF does not go with its content",
    ),
    "DOCUMENT_SIGNED_AND_DAMAGED": (
        "PDF文件已有电子签名但结构有误，修复会使签名失效，请上传原文件",
        "The PDF is signed and its structure is faulty: mending it would void the signatures",
    ),
    "DOCUMENT_HAS_NO_PAGES": ("PDF文件没有页面", "The PDF has no pages"),
    "DOCUMENT_PAGE_SIZE": ("PDF页面尺寸过小或过大", "A page of the PDF is too small or too large"),
    "DOCUMENT_TOO_COMPLEX": ("PDF文件过于复杂，无法处理", "The PDF takes too much to process"),
    "DOCUMENT_WORD_UNAVAILABLE": (
        "暂不支持Word文件，请另存为PDF后上传",
        "Word documents are not converted here; save it as a PDF",
    ),
    "DOCUMENT_WORD_ACTIVE": (
        "Word文件包含宏、嵌入对象或外部链接内容，请去除后或另存为PDF后上传",
        "The Word document holds macros, embedded objects or content from elsewhere; save it as a PDF",
    ),
    "DOCUMENT_WORD_FAILED": (
        "Word文件转换失败，请另存为PDF后上传",
        "The Word document could not be converted; save it as a PDF",
    ),
    "DOCUMENT_HASH_MISMATCH": ("文件内容与声明的SHA-256不一致", "The content is not what its declared SHA-256 says"),
    "DOCUMENT_SIZE_MISMATCH": ("文件大小与声明的不一致", "The content is not as long as declared"),
}
DOCUMENT_CODES: Final = frozenset(_DOCUMENTS) | {"DOCUMENT_TOO_MANY_PAGES"}
"""Why a document is refused, beside its size."""


def contract_not_found() -> EsignError:
    """Not there, or not for the one who asks."""
    return NotFound("CONTRACT_NOT_FOUND", zh="合同不存在或您无权查看", en="No such contract")


def contract_in_state(state: str) -> EsignError:
    """It does not go with the contract's state."""
    reason, zh, en = _CONTRACT_STATES[state]
    return Conflict(reason, zh=zh, en=en, state=state)


def party_in_state(state: str) -> EsignError:
    """It does not go with the party's state."""
    reason, zh, en = _PARTY_STATES[state]
    return Conflict(reason, zh=zh, en=en, state=state)


def invalid(field: str, zh: str, en: str) -> EsignError:
    """A field of a request is wrong in itself."""
    return InvalidInput("CONTRACT_INPUT_INVALID", zh=zh, en=en, field=field)


def document_refused(code: str, limit: int = 0) -> EsignError:
    """A document that cannot be taken; `limit` goes with DOCUMENT_TOO_MANY_PAGES."""
    if code == "DOCUMENT_TOO_MANY_PAGES":
        return InvalidInput(
            code, zh=f"PDF文件超过{limit}页", en=f"The PDF has more than {limit} pages", limit=str(limit)
        )
    zh, en = _DOCUMENTS[code]
    return InvalidInput(code, zh=zh, en=en)


def document_too_large(limit: int) -> EsignError:
    """More bytes than are taken."""
    return TooLarge(
        "DOCUMENT_TOO_LARGE",
        zh=f"文件超过{limit // 1_000_000}MB",
        en=f"The file is larger than {limit} bytes",
        limit=str(limit),
    )


def uploads_busy() -> EsignError:
    """As many uploads as this process takes at a time are under way."""
    return Limited("UPLOADS_BUSY", zh="上传繁忙，请稍后重试", en="Too many uploads at once", retry_after_seconds="2")


def document_not_found() -> EsignError:
    """Not there, or another system's."""
    return NotFound("DOCUMENT_NOT_FOUND", zh="文件不存在，请先上传", en="No such document: upload it first")


def document_number_taken() -> EsignError:
    """The number belongs to a contract with other content."""
    return Conflict(
        "DOCUMENT_NUMBER_TAKEN",
        zh="该文档编号已用于内容不同的合同",
        en="The document number belongs to a contract with other content",
    )


def document_changed() -> EsignError:
    """The person looked at another document than the contract's present one."""
    return Conflict("DOCUMENT_CHANGED", zh="合同文件已更新，请重新查看后签署", en="The document changed: read it again")


def placement_outside(field: str = "placement") -> EsignError:
    """A rectangle that does not lie on a page of the document."""
    return InvalidInput(
        "PLACEMENT_OUTSIDE_PAGE", zh="签章位置超出页面范围", en="The place does not lie on a page", field=field
    )


def placement_fixed() -> EsignError:
    """The place of this party's signature was laid out with the first signature."""
    return Conflict("PLACEMENT_FIXED", zh="签章位置已固定，请在指定位置签署", en="The place of the signature is fixed")


def keyword_not_found(field: str, keyword: str, count: int, legible: bool) -> EsignError:
    """Words that are on no page on which they were to be looked for, or not so often."""
    if count:
        zh, en = f"文件中“{keyword}”只出现{count}次", f"“{keyword}” is there only {count} times"
    elif legible:
        zh, en = f"文件中没有找到“{keyword}”", f"“{keyword}” was not found in the document"
    else:
        zh = f"文件中没有找到“{keyword}”：页面上没有可检索的文字（可能是扫描件），请按坐标指定签章位置"
        en = f"“{keyword}” was not found: the pages carry no text, they may be scanned; give the place by coordinates"
    return InvalidInput("KEYWORD_NOT_FOUND", zh=zh, en=en, field=field, keyword=keyword, count=str(count))


def keyword_ambiguous(field: str, keyword: str, count: int) -> EsignError:
    """Words that are there more often than places are needed."""
    return InvalidInput(
        "KEYWORD_AMBIGUOUS",
        zh=f"文件中“{keyword}”出现{count}次，请指明是第几处",
        en=f"“{keyword}” is there {count} times: say which",
        field=field,
        keyword=keyword,
        count=str(count),
    )


def keyword_search_failed() -> EsignError:
    """The search ran into its limits."""
    return InvalidInput(
        "KEYWORD_SEARCH_FAILED",
        zh="文件过于复杂，无法按关键字定位，请按坐标指定签章位置",
        en="The document takes too much to be searched: give places by coordinates",
    )


def places_overlap(one: int, other: int, page: int) -> EsignError:
    """Places of two parties, by their index, have an area in common."""
    return InvalidInput(
        "PLACES_OVERLAP",
        zh=f"第{one + 1}个与第{other + 1}个签署方的签章位置在第{page}页重叠，请调整",
        en=f"The places of parties {one + 1} and {other + 1} overlap on page {page}",
        field=f"parties[{other}]",
        page=str(page),
    )


def verification_used() -> EsignError:
    """The verification led to a signature that was refused; it cannot be used again."""
    return Conflict(
        "VERIFICATION_USED", zh="本次身份核验已使用，请重新核验后签署", en="This verification was used: verify again"
    )


def activation_expired() -> EsignError:
    """Too much time went by between the activation and this confirmation."""
    return Conflict(
        "ACTIVATION_EXPIRED", zh="签署授权已过期，请重新核验后签署", en="The activation has expired: verify again"
    )


def seal_not_yours() -> EsignError:
    """The seal belongs to someone else."""
    return NotFound("SEAL_NOT_FOUND", zh="印章不存在或不属于您", en="No such seal of yours")


def seal_not_active() -> EsignError:
    """The seal is not in use."""
    return Conflict("SEAL_NOT_ACTIVE", zh="印章未启用或已停用", en="The seal is not active")


def seal_not_of_organisation() -> EsignError:
    """A policy signs with an organisation's seal."""
    return InvalidInput("SEAL_NOT_OF_ORGANISATION", zh="该印章不是单位印章", en="The seal is not an organisation's")


def download_in_progress(seconds: int) -> EsignError:
    """The last part of an earlier download is on its way."""
    return Conflict(
        "DOWNLOAD_IN_PROGRESS",
        zh=f"下载即将完成；如文件未完整保存，请{seconds}秒后重试",
        en=f"A download is about to end; if the file did not arrive whole, try again in {seconds} seconds",
        retry_after_seconds=str(seconds),
    )


def download_replaced() -> EsignError:
    """Another download has taken the place of this one, or it was given back."""
    return Conflict(
        "DOWNLOAD_REPLACED", zh="该下载已由新的下载代替", en="Another download has taken the place of this one"
    )


def received_other_file() -> EsignError:
    """The hash of what arrived is not the document's."""
    return InvalidInput(
        "RECEIVED_FILE_WRONG",
        zh="收到的文件与合同不一致，请重新下载",
        en="What arrived is not the document: download it again",
    )


def download_already_used() -> EsignError:
    """The one download was used."""
    return Conflict(
        "DOWNLOAD_ALREADY_USED",
        zh="合同仅可下载一次，您已下载过；如需再次获取，请联系SOHO中国",
        en="The contract can be downloaded once and you have done so; ask SOHO China for another copy",
    )


def download_not_found() -> EsignError:
    """No such download of this person and contract."""
    return NotFound("DOWNLOAD_NOT_FOUND", zh="下载记录不存在", en="No such download")


def preview_failed() -> EsignError:
    """The page could not be drawn within the limits."""
    return Conflict("PREVIEW_FAILED", zh="该页无法生成预览，请联系SOHO中国", en="The page cannot be drawn")
