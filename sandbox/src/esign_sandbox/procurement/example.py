"""Invented suppliers and signers with valid check digits, to fill in a form by hand."""

import random
import secrets
from collections.abc import Callable

from esign_sandbox.identifiers import is_resident_id, is_uscc

_random = random.SystemRandom()
_WORDS = ("晨光", "远山", "松河", "云杉", "海棠", "青禾", "明湖", "白桦")
_TRADES = ("建筑装饰", "机电设备", "园林绿化", "物业服务", "办公用品")
_SURNAMES = "赵钱孙李周吴郑王冯陈"
_GIVEN = ("样例", "示范", "试用", "举例")


def signer() -> dict[str, str]:
    """The form fields of a signer."""
    born = f"{_random.randint(1965, 2000)}{_random.randint(1, 12):02}{_random.randint(1, 28):02}"
    number = _checked(f"110105{born}{_random.randint(1, 999):03}", "0123456789X", is_resident_id)
    return {
        "signer_name": _random.choice(_SURNAMES) + _random.choice(_GIVEN),
        "signer_phone": f"1{_random.choice('358')}8{secrets.randbelow(10**8):08}",
        "signer_id_type": "resident_id",
        "signer_id_number": number,
        "signer_email": f"signer{secrets.randbelow(10**6):06}@example.cn",
    }


def supplier() -> dict[str, str]:
    """The form fields of a supplier with its signer."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91110105MA" + "".join(_random.choice(alphabet) for _ in range(7))
    return {
        "name": f"示例{_random.choice(_WORDS)}{_random.choice(_TRADES)}有限公司",
        "unified_social_credit_code": _checked(body, alphabet, is_uscc),
        "country": "CN",
        **signer(),
    }


def _checked(body: str, alphabet: str, is_valid: Callable[[str], bool]) -> str:
    return next(body + check for check in alphabet if is_valid(body + check))
