"""Seals: the images that people see, how large they are on paper, who may use them, and what may be done with them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from esign_kit.errors import Conflict, InvalidInput, NotFound, TooLarge
from esign_kit.refs import ObjectRef


class SealKind(StrEnum):
    """What a seal is."""

    HANDWRITTEN = "HANDWRITTEN"
    OFFICIAL = "OFFICIAL"
    CONTRACT = "CONTRACT"
    LEGAL_REPRESENTATIVE = "LEGAL_REPRESENTATIVE"
    NAME = "NAME"


class SealState(StrEnum):
    """Only an active seal may be used; a destroyed one never comes back."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DESTROYED = "DESTROYED"


class SealAction(StrEnum):
    """What is done with a seal, as its log says it."""

    CREATED = "CREATED"
    APPROVED = "APPROVED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    DESTROYED = "DESTROYED"
    GRANTED = "GRANTED"
    GRANT_REVOKED = "GRANT_REVOKED"


_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC: Final = b"\xff\xd8\xff"

PNG: Final = "image/png"
SVG: Final = "image/svg+xml"

LONGEST_GRANT: Final = timedelta(days=5 * 366)
MAX_REASON_LENGTH: Final = 200

_TRANSITIONS: Final[Mapping[SealAction, tuple[frozenset[SealState], SealState]]] = {
    SealAction.APPROVED: (frozenset({SealState.PENDING}), SealState.ACTIVE),
    SealAction.SUSPENDED: (frozenset({SealState.ACTIVE}), SealState.SUSPENDED),
    SealAction.RESUMED: (frozenset({SealState.SUSPENDED}), SealState.ACTIVE),
    SealAction.DESTROYED: (
        frozenset({SealState.PENDING, SealState.ACTIVE, SealState.SUSPENDED}),
        SealState.DESTROYED,
    ),
}


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


class InkMissing(Exception):
    """There is no seal in the image: nothing red or blue on its paper."""


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded PNG's facts. `visible` is false when nothing of it would be seen."""

    width: int
    height: int
    has_transparency: bool
    visible: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A person's leave to use an organisation's seal, from `granted_at` until before `ends_at`."""

    person_id: str
    granted_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it lets the person use the seal at `at`."""
        return self.revoked_at is None and at < self.ends_at


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal on record. Exactly one owner is set: a person's id, or an organisation's unified social credit code.

    `width` and `height` are its natural size, in thousandths of a point; `name` is what it shows. `grants` let people use
    an organisation's seal; the organisation's own standing policies need none.
    """

    seal_id: str
    kind: SealKind
    state: SealState
    image: ObjectRef
    width: int
    height: int
    owner_person_id: str | None
    owner_organisation: str | None
    media_type: str = PNG
    name: str = ""
    grants: tuple[Grant, ...] = ()

    @property
    def owner(self) -> str:
        """The person's id, or the organisation's code."""
        return self.owner_person_id or self.owner_organisation or ""

    def granted_to(self, person_id: str, at: datetime) -> bool:
        """Whether a grant lets a person use it at `at`."""
        return any(grant.person_id == person_id and grant.holds(at) for grant in self.grants)

    def usable_by(self, person_id: str, at: datetime) -> bool:
        """Whether a person may sign with it at `at`."""
        mine = self.owner_person_id == person_id if self.owner_person_id else self.granted_to(person_id, at)
        return mine and self.state is SealState.ACTIVE


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided something about a seal (`operator/<id>`, `person/<id>`), why, and when."""

    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that was done with a seal. `person_id` and `ends_at` are a grant's."""

    entry_id: str
    action: SealAction
    decision: Decision
    person_id: str | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A seal as it is after something was done, and what that was."""

    seal: Seal
    action: SealAction
    decision: Decision
    grant: Grant | None = None


def check_decision(decision: Decision) -> None:
    """Raises InvalidInput SEAL_DECISION_INVALID without somebody and a reason."""
    _, _, by = decision.actor.partition("/")
    plain = 1 <= len(by) <= 64 and by.isprintable() and decision.reason.isprintable()
    if not plain or not 1 <= len(decision.reason.strip()) <= len(decision.reason) <= MAX_REASON_LENGTH:
        raise InvalidInput(
            "SEAL_DECISION_INVALID", zh="请注明经办人和原因", en="Say who decides, and why, in at most 200 characters"
        )


def changed(seal: Seal, action: SealAction, decision: Decision) -> Change | None:
    """The seal after a change of its state; None when it is in that state already.

    Raises InvalidInput as `check_decision`, Conflict SEAL_STATE_CONFLICT.
    """
    check_decision(decision)
    before, after = _TRANSITIONS[action]
    if seal.state is after:
        return None
    if seal.state not in before:
        raise Conflict(
            "SEAL_STATE_CONFLICT",
            zh="印章当前状态不允许此操作",
            en=f"A seal that is {seal.state} cannot be {action}",
            state=seal.state.value,
        )
    return Change(replace(seal, state=after), action, decision)


def granted(seal: Seal, person_id: str, ends_at: datetime, decision: Decision) -> Change | None:
    """The seal with a person's grant; None when they have that grant already.

    Raises InvalidInput as `check_decision`, SEAL_NOT_OF_ORGANISATION, SEAL_PERSON_INVALID, SEAL_GRANT_END_INVALID,
    Conflict SEAL_STATE_CONFLICT.
    """
    check_decision(decision)
    if seal.owner_organisation is None:
        raise InvalidInput(
            "SEAL_NOT_OF_ORGANISATION", zh="个人印章不能授权他人使用", en="A person's seal is theirs alone"
        )
    if not 1 <= len(person_id) <= 64 or not person_id.isprintable():
        raise InvalidInput("SEAL_PERSON_INVALID", zh="被授权人无效", en="The person is not given")
    if not decision.at < ends_at <= decision.at + LONGEST_GRANT:
        raise InvalidInput(
            "SEAL_GRANT_END_INVALID", zh="授权截止时间应在五年之内", en="A grant ends within five years from now"
        )
    if seal.state is SealState.DESTROYED:
        raise Conflict("SEAL_STATE_CONFLICT", zh="印章已销毁", en="The seal is destroyed", state=seal.state.value)
    if any(
        grant.person_id == person_id and grant.ends_at == ends_at and grant.holds(decision.at) for grant in seal.grants
    ):
        return None
    grant = Grant(person_id, decision.at, ends_at)
    return _with(seal, grant, SealAction.GRANTED, decision)


def revoked(seal: Seal, person_id: str, decision: Decision) -> Change | None:
    """The seal without a person's grant; None when it has ended already.

    Raises InvalidInput as `check_decision`, NotFound SEAL_GRANT_NOT_FOUND.
    """
    check_decision(decision)
    found = next((grant for grant in seal.grants if grant.person_id == person_id), None)
    if found is None:
        raise NotFound("SEAL_GRANT_NOT_FOUND", zh="该人员没有此印章的授权", en="The person has no such grant")
    if not found.holds(decision.at):
        return None
    return _with(seal, replace(found, revoked_at=decision.at), SealAction.GRANT_REVOKED, decision)


def _with(seal: Seal, grant: Grant, action: SealAction, decision: Decision) -> Change:
    others = tuple(other for other in seal.grants if other.person_id != grant.person_id)
    return Change(replace(seal, grants=(*others, grant)), action, decision, grant)


def check_size(content: bytes, limits: ImageLimits, *, jpeg: bool = False) -> None:
    """Before anything is decoded. Raises TooLarge SEAL_IMAGE_TOO_LARGE, InvalidInput SEAL_IMAGE_INVALID."""
    if len(content) > limits.size:
        raise TooLarge("SEAL_IMAGE_TOO_LARGE", zh=f"图片不得超过 {limits.size // 1024} KB", en="The image is too large")
    if not content.startswith((_PNG_MAGIC, _JPEG_MAGIC) if jpeg else _PNG_MAGIC):
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
    return InvalidInput("SEAL_IMAGE_INVALID", zh="图片文件无效或已损坏", en="The image is not valid")


def ink_missing() -> InvalidInput:
    """What people are told of InkMissing."""
    return InvalidInput(
        "SEAL_INK_MISSING", zh="图片中没有找到红色或蓝色的印迹", en="There is no red or blue seal in the image"
    )


def handwritten_size(image: Image) -> tuple[int, int]:
    """A signature's natural size: as high as two lines of text (42 pt), narrower where that would make it wider than
    120 pt."""
    scale = min(_HANDWRITTEN_HEIGHT / image.height, _HANDWRITTEN_WIDTH / image.width)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def drawn_size(width_um: int, height_um: int) -> tuple[int, int]:
    """A drawing's natural size."""
    return (
        round(width_um * _THOUSANDTHS_OF_A_POINT_PER_MICROMETRE),
        round(height_um * _THOUSANDTHS_OF_A_POINT_PER_MICROMETRE),
    )


def seal_size(image: Image, width_um: int) -> tuple[int, int]:
    """A seal's natural size from its width in micrometres. Raises InvalidInput SEAL_WIDTH_INVALID outside 10 to 80
    mm."""
    if not 10_000 <= width_um <= 80_000:
        raise InvalidInput("SEAL_WIDTH_INVALID", zh="印章宽度应为 10 至 80 毫米", en="A seal is 10 to 80 mm wide")
    width = width_um * _THOUSANDTHS_OF_A_POINT_PER_MICROMETRE
    return round(width), max(1, round(width * image.height / image.width))
