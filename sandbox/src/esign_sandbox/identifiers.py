"""Check digits of the two Chinese identifiers that vendors verify before they do anything."""

from datetime import date

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def is_resident_id(value: str) -> bool:
    """GB 11643: 17 digits with a real birth date and the check character (`X` upper case only)."""
    body, check = value[:17], value[17:]
    if len(value) != 18 or not (body.isascii() and body.isdigit()):
        return False
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    return check == "10X98765432"[sum(int(d) * w for d, w in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def is_uscc(value: str) -> bool:
    """GB 32100: 18 characters of the code's alphabet (no I, O, S, V, Z), the last one the check character."""
    if len(value) != 18 or any(c not in _USCC_ALPHABET for c in value):
        return False
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(value[:17], _USCC_WEIGHTS, strict=True))
    return value[17] == _USCC_ALPHABET[(31 - total % 31) % 31]
