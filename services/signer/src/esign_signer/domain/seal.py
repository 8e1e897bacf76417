"""Seals: the images that people see, how large they are on paper, and who may use them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from esign_kit.errors import InvalidInput, TooLarge
from esign_kit.refs import ObjectRef


class SealKind(StrEnum):
    """What a seal is."""

    HANDWRITTEN = "HANDWRITTEN"
    OFFICIAL = "OFFICIAL"
    CONTRACT = "CONTRACT"


class SealState(StrEnum):
    """Only an active seal may be used; a destroyed one never comes back."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DESTROYED = "DESTROYED"


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The most that an image may be: bytes, and pixels along each side."""

    size: int
    side: int


HANDWRITTEN_LIMITS: Final = ImageLimits(256 * 1024, 2000)
SEAL_LIMITS: Final = ImageLimits(1024 * 1024, 4000)

_HANDWRITTEN_HEIGHT: Final = 42_000
_HANDWRITTEN_WIDTH: Final = 120_000
_THOUSANDTHS_OF_A_POINT_PER_MICROMETRE: Final = 72_000 / 25_400


class ImageInvalid(Exception):
    """Not a PNG, or a broken one, or more than that."""


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded PNG's facts. `visible` is false when nothing of it would be seen."""

    width: int
    height: int
    has_transparency: bool
    visible: bool


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal on record. Exactly one owner is set: a person's id, or an organisation's unified social credit code.

    `width` and `height` are its natural size, in thousandths of a point. `granted_person_ids` may use an organisation's
    seal; the organisation's own standing policies need no grant.
    """

    seal_id: str
    kind: SealKind
    state: SealState
    image: ObjectRef
    width: int
    height: int
    owner_person_id: str | None
    owner_organisation: str | None
    granted_person_ids: frozenset[str] = frozenset()


def check_size(png: bytes, limits: ImageLimits) -> None:
    """Before anything is decoded. Raises TooLarge SEAL_IMAGE_TOO_LARGE, InvalidInput SEAL_IMAGE_INVALID."""
    if len(png) > limits.size:
        raise TooLarge("SEAL_IMAGE_TOO_LARGE", zh=f"图片不得超过 {limits.size // 1024} KB", en="The image is too large")
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise image_invalid()


def check_image(image: Image, limits: ImageLimits) -> None:
    """Raises TooLarge SEAL_IMAGE_TOO_LARGE, InvalidInput SEAL_IMAGE_NOT_TRANSPARENT, SEAL_IMAGE_EMPTY."""
    if max(image.width, image.height) > limits.side:
        raise TooLarge(
            "SEAL_IMAGE_TOO_LARGE", zh=f"图片每边不得超过 {limits.side} 像素", en="The image has too many pixels"
        )
    if not image.has_transparency:
        raise InvalidInput(
            "SEAL_IMAGE_NOT_TRANSPARENT",
            zh="图片须为透明底的 PNG",
            en="The image needs a transparent ground, or it would hide text",
        )
    if not image.visible:
        raise InvalidInput("SEAL_IMAGE_EMPTY", zh="图片是空白的", en="Nothing can be seen in the image")


def image_invalid() -> InvalidInput:
    """What people are told of ImageInvalid."""
    return InvalidInput("SEAL_IMAGE_INVALID", zh="图片不是有效的 PNG 文件", en="The image is not a valid PNG file")


def handwritten_size(image: Image) -> tuple[int, int]:
    """A signature's natural size: as high as two lines of text (42 pt), narrower where that would make it wider than
    120 pt."""
    scale = min(_HANDWRITTEN_HEIGHT / image.height, _HANDWRITTEN_WIDTH / image.width)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def seal_size(image: Image, width_um: int) -> tuple[int, int]:
    """A seal's natural size from its width in micrometres. Raises InvalidInput SEAL_WIDTH_INVALID outside 10 to 80
    mm."""
    if not 10_000 <= width_um <= 80_000:
        raise InvalidInput("SEAL_WIDTH_INVALID", zh="印章宽度应为 10 至 80 毫米", en="A seal is 10 to 80 mm wide")
    width = width_um * _THOUSANDTHS_OF_A_POINT_PER_MICROMETRE
    return round(width), max(1, round(width * image.height / image.width))
