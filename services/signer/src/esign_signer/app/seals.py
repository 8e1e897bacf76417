"""Seals: making them from images and names, deciding about them, and finding them."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from esign_kit.clock import Clock
from esign_kit.errors import Internal, InvalidInput, NotFound, Unavailable

from esign_signer.app.organisations import check_credit_code
from esign_signer.app.ports import ContentDiffers, Documents, SealImages, Seals, WorkerFailed
from esign_signer.domain import seal as seals
from esign_signer.domain import seal_design
from esign_signer.domain.seal import (
    Change,
    Decision,
    Image,
    LogEntry,
    Seal,
    SealAction,
    SealKind,
    SealState,
)

T = TypeVar("T")

_OF_PERSONS = frozenset({SealKind.HANDWRITTEN, SealKind.NAME})
_EXTENSIONS = {seals.PNG: "png", seals.SVG: "svg"}


@dataclass(frozen=True, slots=True)
class _Picture:
    content: bytes
    media_type: str
    size: tuple[int, int]
    """In thousandths of a point."""


class CreateSeal:
    """Makes persons' and organisations' seals. The same image for the same owner is the same seal, until it is destroyed.

    A person's seal may be used at once; an organisation's waits for approval.
    """

    def __init__(
        self, store: Seals, documents: Documents, images: SealImages, new_id: Callable[[], str], clock: Clock
    ) -> None:
        self._store, self._documents, self._images = store, documents, images
        self._new_id, self._clock = new_id, clock

    async def handwritten(self, person_id: str, png: bytes) -> Seal:
        """A person's own signature. Raises TooLarge, InvalidInput (see `domain.seal`), Unavailable."""
        seals.check_size(png, seals.HANDWRITTEN_LIMITS)
        image = await self._inspected(png, seals.HANDWRITTEN_LIMITS)
        picture = _Picture(png, seals.PNG, seals.handwritten_size(image))
        return await self._of_person(person_id, SealKind.HANDWRITTEN, picture)

    async def name_seal(self, person_id: str, name: str) -> Seal:
        """A person's name seal. Raises InvalidInput (see `domain.seal_design`), SEAL_NAME_UNDRAWABLE, Unavailable."""
        return await self._of_person(person_id, SealKind.NAME, await self._drawn(SealKind.NAME, name))

    async def uploaded(
        self, code: str, kind: SealKind, name: str, content: bytes, width_um: int, decision: Decision
    ) -> Seal:
        """An organisation's seal from an image of it, `width_um` micrometres wide.

        Raises TooLarge, InvalidInput (see `domain.seal`), CREDIT_CODE_INVALID, SEAL_KIND_INVALID, Unavailable.
        """
        _check_organisation(code, kind, decision)
        seal_design.check_name(name)
        seals.check_size(content, seals.SEAL_LIMITS, jpeg=True)
        png = await self._work(self._images.clean_image(content))
        size = seals.seal_size(await self._inspected(png, seals.SEAL_LIMITS), width_um)
        return await self._of_organisation(code, kind, name, _Picture(png, seals.PNG, size), decision)

    async def drawn(self, code: str, kind: SealKind, name: str, number: str, size_um: int, decision: Decision) -> Seal:
        """An organisation's seal from its name, with the seal's `number` where it has one.

        Raises InvalidInput (see `domain.seal_design`), SEAL_NAME_UNDRAWABLE, CREDIT_CODE_INVALID, Unavailable.
        """
        _check_organisation(code, kind, decision)
        picture = await self._drawn(kind, name, number, size_um)
        return await self._of_organisation(code, kind, name, picture, decision)

    async def _drawn(self, kind: SealKind, name: str, number: str = "", size_um: int = 0) -> _Picture:
        design = seal_design.design(kind, name, number, size_um)
        content = await self._work(self._images.draw_seal(design))
        return _Picture(content, seals.SVG, seals.drawn_size(design.size, design.size))

    async def _inspected(self, png: bytes, limits: seals.ImageLimits) -> Image:
        image = await self._work(self._images.inspect_image(png))
        seals.check_image(image, limits)
        return image

    async def _work(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except seals.ImageInvalid as error:
            raise seals.image_invalid() from error
        except seals.InkMissing as error:
            raise seals.ink_missing() from error
        except seal_design.NameUndrawable as error:
            raise seal_design.undrawable(error) from error
        except WorkerFailed as error:
            raise Unavailable("SIGNER_BUSY", zh="服务繁忙，请稍后重试", en="The seal could not be made now") from error

    async def _of_person(self, person_id: str, kind: SealKind, picture: _Picture) -> Seal:
        image = await self._documents.store_seal(
            _key(f"persons/{person_id}", kind, picture), picture.content, picture.media_type
        )
        # What a person's seal shows is personal data, and in the image alone.
        seal = Seal(self._new_id(), kind, SealState.ACTIVE, image, *picture.size, person_id, None, picture.media_type)
        decision = Decision(f"person/{person_id}", "", self._clock())
        return await self._store.add(Change(seal, SealAction.CREATED, decision))

    async def _of_organisation(
        self, code: str, kind: SealKind, name: str, picture: _Picture, decision: Decision
    ) -> Seal:
        image = await self._documents.store_seal(
            _key(f"organisations/{code}", kind, picture), picture.content, picture.media_type
        )
        # The name on it may be that of the legal representative.
        shown = "" if kind is SealKind.LEGAL_REPRESENTATIVE else name
        seal = Seal(
            self._new_id(), kind, SealState.PENDING, image, *picture.size, None, code, picture.media_type, shown
        )
        return await self._store.add(Change(seal, SealAction.CREATED, decision))


class ManageSeals:
    """What operators decide about seals. What holds already is not done, nor logged, again."""

    def __init__(self, store: Seals) -> None:
        self._store = store

    async def change(self, seal_id: str, action: SealAction, decision: Decision) -> Seal:
        """Raises NotFound SEAL_NOT_FOUND and as `domain.seal.changed`."""
        return await self._apply(seal_id, lambda seal: seals.changed(seal, action, decision))

    async def grant(self, seal_id: str, person_id: str, ends_at: datetime, decision: Decision) -> Seal:
        """Raises NotFound SEAL_NOT_FOUND and as `domain.seal.granted`."""
        return await self._apply(seal_id, lambda seal: seals.granted(seal, person_id, ends_at, decision))

    async def revoke(self, seal_id: str, person_id: str, decision: Decision) -> Seal:
        """Raises NotFound SEAL_NOT_FOUND and as `domain.seal.revoked`."""
        return await self._apply(seal_id, lambda seal: seals.revoked(seal, person_id, decision))

    async def _apply(self, seal_id: str, decide: Callable[[Seal], Change | None]) -> Seal:
        seal = await self._store.change(seal_id, decide)
        if seal is None:
            raise _not_found()
        return seal


class FindSeals:
    """Looks seals up."""

    def __init__(self, store: Seals, documents: Documents, clock: Clock) -> None:
        self._store, self._documents, self._clock = store, documents, clock

    async def usable_by(self, person_id: str) -> Sequence[Seal]:
        """The seals with which a person may sign now."""
        return await self._store.usable_by(person_id)

    async def of_organisation(self, code: str) -> Sequence[Seal]:
        """All of an organisation's. Raises InvalidInput CREDIT_CODE_INVALID."""
        check_credit_code(code)
        return await self._store.of_organisation(code)

    async def get(self, seal_id: str) -> Seal:
        """A seal. Raises NotFound SEAL_NOT_FOUND."""
        seal = await self._store.get(seal_id)
        if seal is None:
            raise _not_found()
        return seal

    async def log(self, seal_id: str) -> Sequence[LogEntry]:
        """What was done with it. Raises NotFound SEAL_NOT_FOUND."""
        await self.get(seal_id)
        return await self._store.log(seal_id)

    async def image(self, seal_id: str, person_id: str, known_sha256: str) -> tuple[Seal, bytes]:
        """A seal with which the person may sign now, and its image unless they know it.

        Raises NotFound SEAL_NOT_FOUND, Internal when the store has lost it, Unavailable.
        """
        seal = await self.get(seal_id)
        if not seal.usable_by(person_id, self._clock()):
            raise _not_found()
        return await self._shown(seal, known_sha256)

    async def any_image(self, seal_id: str, known_sha256: str) -> tuple[Seal, bytes]:
        """Any seal and its image, as `image`."""
        return await self._shown(await self.get(seal_id), known_sha256)

    async def _shown(self, seal: Seal, known_sha256: str) -> tuple[Seal, bytes]:
        if seal.image.sha256 == known_sha256:
            return seal, b""
        try:
            return seal, await self._documents.fetch_seal(seal.image)
        except ContentDiffers as error:
            raise Internal("SEAL_IMAGE_LOST", zh="印章图片无法读取", en="The seal's image is lost") from error


def _check_organisation(code: str, kind: SealKind, decision: Decision) -> None:
    check_credit_code(code)
    seals.check_decision(decision)
    if kind in _OF_PERSONS:
        raise InvalidInput("SEAL_KIND_INVALID", zh="印章类型无效", en="That is a person's kind of seal")


def _key(owner: str, kind: SealKind, picture: _Picture) -> str:
    digest = hashlib.sha256(picture.content).hexdigest()
    return f"{owner}/{kind.lower().replace('_', '-')}-{digest}.{_EXTENSIONS[picture.media_type]}"


def _not_found() -> NotFound:
    return NotFound("SEAL_NOT_FOUND", zh="印章不存在", en="No such seal")
