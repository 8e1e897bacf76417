"""People as the platform knows them, and what their data has to look like."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from esign_identity.domain import refusals

_NAME_LENGTH = range(2, 51)
_HAN = re.compile(
    "[\u3007\u3400-\u4dbf\u4e00-\u9fff\ufa0e-\ufa29"  # 〇, extension A, basic block, the unified ones among the compatibility
    "\U00020000-\U000323af]"  # extensions B to H
)
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅.．", "·"))
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_PHONE_SEPARATORS = re.compile(r"[\s\-()]+")
_MAINLAND_ID = re.compile(r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{15}[0-9X]")  # provinces: GB/T 2260
_OTHER_DOCUMENTS = re.compile(
    r"[A-Z]{1,2}[0-9]{6,9}"  # passports, travel permits of Hong Kong and Macao
    r"|[A-Z][0-9]{10}"  # the latter with the number of issues
    r"|[A-Z]{3}[0-9]{12}"  # foreigner's permanent residence, until 2023
    r"|[0-9]{8}"  # travel permit of Taiwan
    r"|[A-Z]{1,2}[0-9]{6}\(?[0-9A]\)?"  # Hong Kong identity card
    r"|[789][0-9]{16}[0-9X]"  # residence permit of Hong Kong, Macao, Taiwan (8); foreigner's permanent residence since 2023 (9)
)
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


@dataclass(frozen=True, slots=True)
class Person:
    """An individual. All texts are normalised; `email` is empty when there is none."""

    person_id: str
    name: str
    id_number: str
    phone: str
    email: str


def parse_name(text: str) -> str:
    """A mainland resident's name: 2 to 50 Han characters (extensions included), parts joined by `·`.

    Every kind of middle dot becomes U+00B7, white space is dropped. Raises InvalidInput NAME_INVALID.
    """
    name = "".join(unicodedata.normalize("NFC", text).split()).translate(_DOTS)
    parts = name.split("·")
    if len(name) not in _NAME_LENGTH or not all(part and all(map(_HAN.fullmatch, part)) for part in parts):
        raise refusals.name_invalid()
    return name


def parse_id_number(text: str, today: date) -> str:
    """A mainland resident ID number (GB 11643): province, birth date and check digit have to hold.

    Raises InvalidInput PERSON_NOT_MAINLAND for other documents, ID_NUMBER_INVALID for anything else.
    """
    from stdnum.cn import ric
    from stdnum.exceptions import ValidationError

    number = re.sub(r"[\s\-]+", "", unicodedata.normalize("NFKC", text)).upper()
    if _MAINLAND_ID.fullmatch(number):
        try:
            born = ric.get_birth_date(number)
        except ValidationError:
            raise refusals.id_number_invalid() from None
        # Not `ric.validate`: it wants the county to have existed in the year of birth, but people born before their
        # county (or before ID numbers, 1984) carry the code of where they were registered.
        if number[-1] != ric.calc_check_digit(number) or not date(today.year - 150, 1, 1) <= born <= today:
            raise refusals.id_number_invalid()
        return number
    if _OTHER_DOCUMENTS.fullmatch(number):
        raise refusals.person_not_mainland()
    raise refusals.id_number_invalid()


def parse_document(resident_id: bool, number: str, today: date) -> str:
    """The ID number of a resident ID; a document that is said to be of another kind is refused whatever its number.

    Raises as `parse_id_number`.
    """
    if not resident_id:
        raise refusals.person_not_mainland()
    return parse_id_number(number, today)


def parse_phone(text: str) -> str:
    """A mainland mobile number as 11 ASCII digits; takes full-width digits, spaces, hyphens and +86.

    Raises InvalidInput PHONE_INVALID.
    """
    number = _PHONE_SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    for prefix in ("+86", "0086", "86"):
        if number.startswith(prefix):
            number = number.removeprefix(prefix)
            break
    if not _PHONE.fullmatch(number):
        raise refusals.phone_invalid()
    return number


def parse_email(text: str) -> str:
    """An e-mail address with its domain in lower case, or empty. Raises InvalidInput EMAIL_INVALID."""
    address = unicodedata.normalize("NFKC", text).strip()
    if not address:
        return ""
    if len(address) > 254 or not _EMAIL.fullmatch(address) or ".." in address or ".@" in address or address[0] == ".":
        raise refusals.email_invalid()
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
