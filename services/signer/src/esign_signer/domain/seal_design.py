"""What a drawn seal shows and how large it is, after national practice: 国发〔1999〕25号 (round, 40 to 45 mm, a five-pointed
star in the middle, the organisation's registered name around it from left to right, 宋体) and GA 241 (code of 13 digits).

Lengths are micrometres.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from esign_kit.errors import InvalidInput

from esign_signer.domain.seal import SealKind

MAX_NAME: Final = 40
MAX_PERSON_NAME: Final = 20
CODE_DIGITS: Final = 13

# kind → smallest, usual and largest diameter or side
_SIZES: Final[Mapping[SealKind, tuple[int, int, int]]] = {
    SealKind.OFFICIAL: (40_000, 40_000, 45_000),
    SealKind.CONTRACT: (38_000, 40_000, 45_000),
    SealKind.LEGAL_REPRESENTATIVE: (18_000, 20_000, 20_000),
    SealKind.NAME: (16_000, 18_000, 20_000),
}
_TITLES: Final[Mapping[SealKind, str]] = {SealKind.OFFICIAL: "", SealKind.CONTRACT: "合同专用章"}


class NameUndrawable(Exception):
    """No font has these `characters`."""

    def __init__(self, characters: str) -> None:
        super().__init__(characters)
        self.characters = characters


@dataclass(frozen=True, slots=True)
class RoundSeal:
    """`name` on the arc, a star, `title` below it and `code` on the lower arc, where they are not empty."""

    name: str
    title: str
    code: str
    size: int
    """Its diameter."""


@dataclass(frozen=True, slots=True)
class SquareSeal:
    """`columns` as they are read: from the right to the left, each from its top."""

    columns: tuple[str, ...]
    size: int
    """Its side."""


def design(kind: SealKind, name: str, code: str = "", size: int = 0) -> RoundSeal | SquareSeal:
    """The design of a seal of `kind`. `name` is the organisation's, or the person's whose name a square seal shows; `size`
    0 is the usual one.

    Raises InvalidInput SEAL_KIND_INVALID, SEAL_NAME_INVALID, SEAL_CODE_INVALID, SEAL_SIZE_INVALID.
    """
    if kind not in _SIZES:
        raise InvalidInput("SEAL_KIND_INVALID", zh="该类印章不能按名称制作", en="Such a seal is not drawn from a name")
    smallest, usual, largest = _SIZES[kind]
    size = size or usual
    if not smallest <= size <= largest:
        raise InvalidInput(
            "SEAL_SIZE_INVALID",
            zh=f"印章尺寸应为 {smallest / 1000:g} 至 {largest / 1000:g} 毫米",
            en=f"Such a seal measures {smallest / 1000:g} to {largest / 1000:g} mm",
        )
    is_round = kind in _TITLES
    check_name(name, MAX_NAME if is_round else MAX_PERSON_NAME)
    if code and not (is_round and len(code) == CODE_DIGITS and code.isascii() and code.isdigit()):
        raise InvalidInput("SEAL_CODE_INVALID", zh="印章编码应为 13 位数字", en="A seal's code has 13 digits")
    return RoundSeal(name, _TITLES[kind], code, size) if is_round else SquareSeal(columns(name), size)


def undrawable(error: NameUndrawable) -> InvalidInput:
    """What people are told of NameUndrawable."""
    return InvalidInput(
        "SEAL_NAME_UNDRAWABLE",
        zh=f"字库中没有以下字符，无法制作印章：{error.characters}",
        en=f"No font has these characters: {error.characters}",
        characters=error.characters,
    )


def columns(name: str) -> tuple[str, ...]:
    """A person's name as seal engravers set it: filled up with 印 (之印 after two characters), two columns, more for long
    names.

    >>> columns("王小明"), columns("李明"), columns("欧阳小明")
    (('王小', '明印'), ('李明', '之印'), ('欧阳', '小明'))
    """
    text = name.replace("·", "")
    if len(text) % 2:
        text += "印"
    elif len(text) == 2:
        text += "之印"
    count = 2 if len(text) <= 6 else 3 if len(text) <= 12 else 4
    rows = -(-len(text) // count)
    return tuple(text[start : start + rows] for start in range(0, len(text), rows))


def check_name(name: str, longest: int = MAX_NAME) -> None:
    """Raises InvalidInput SEAL_NAME_INVALID."""
    # Letters, marks, numbers, punctuation (brackets, interpuncts, hyphens, …) and &.
    kinds = [unicodedata.category(character)[0] for character in name]
    fits = all(kind in "LMNP" or character == "&" for kind, character in zip(kinds, name, strict=True))
    if len(name) > longest or kinds.count("L") < 2 or not fits:
        raise InvalidInput(
            "SEAL_NAME_INVALID",
            zh=f"印章名称应为 2 至 {longest} 个字符，且不含空格和符号",
            en=f"The name has 2 to {longest} characters, without spaces or symbols",
        )
