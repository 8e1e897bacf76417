"""Seals: creating them from images, and finding them."""

import hashlib
from collections.abc import Callable, Sequence

from esign_kit.errors import InvalidInput, NotFound, Unavailable

from esign_signer.app.organisations import check_credit_code
from esign_signer.app.ports import Documents, PdfJudging, Seals, WorkerFailed
from esign_signer.domain import seal as seals
from esign_signer.domain.seal import Image, ImageLimits, Seal, SealKind, SealState


class CreateSeal:
    """Creates a person's handwritten signature or an organisation's seal. The same image for the same owner is the same
    seal."""

    def __init__(self, store: Seals, documents: Documents, images: PdfJudging, new_id: Callable[[], str]) -> None:
        self._store, self._documents, self._images, self._new_id = store, documents, images, new_id

    async def handwritten(self, person_id: str, png: bytes) -> Seal:
        """A person's own signature. Raises TooLarge, InvalidInput (see `domain.seal`), Unavailable."""
        image = await self._inspected(png, seals.HANDWRITTEN_LIMITS)
        return await self._create(png, SealKind.HANDWRITTEN, seals.handwritten_size(image), person_id=person_id)

    async def of_organisation(self, code: str, kind: SealKind, png: bytes, width_um: int) -> Seal:
        """An organisation's seal, `width_um` micrometres wide. Raises as `handwritten`, and InvalidInput
        CREDIT_CODE_INVALID, SEAL_KIND_INVALID."""
        check_credit_code(code)
        if kind is SealKind.HANDWRITTEN:
            raise InvalidInput(
                "SEAL_KIND_INVALID", zh="印章类型无效", en="An organisation has no handwritten signature"
            )
        image = await self._inspected(png, seals.SEAL_LIMITS)
        return await self._create(png, kind, seals.seal_size(image, width_um), organisation=code)

    async def _inspected(self, png: bytes, limits: ImageLimits) -> Image:
        seals.check_size(png, limits)
        try:
            image = await self._images.inspect_image(png)
        except seals.ImageInvalid as error:
            raise seals.image_invalid() from error
        except WorkerFailed as error:
            raise Unavailable(
                "SIGNER_BUSY", zh="服务繁忙，请稍后重试", en="The image could not be checked now"
            ) from error
        seals.check_image(image, limits)
        return image

    async def _create(
        self,
        png: bytes,
        kind: SealKind,
        size: tuple[int, int],
        *,
        person_id: str | None = None,
        organisation: str | None = None,
    ) -> Seal:
        owner = f"persons/{person_id}" if person_id else f"organisations/{organisation}"
        image = await self._documents.store_seal(f"{owner}/{kind.lower()}-{hashlib.sha256(png).hexdigest()}.png", png)
        seal = Seal(
            seal_id=self._new_id(),
            kind=kind,
            state=SealState.ACTIVE,
            image=image,
            width=size[0],
            height=size[1],
            owner_person_id=person_id,
            owner_organisation=organisation,
        )
        return await self._store.add(seal)


class FindSeals:
    """Looks seals up."""

    def __init__(self, store: Seals) -> None:
        self._store = store

    async def usable_by(self, person_id: str) -> Sequence[Seal]:
        """The active seals that a person may use."""
        return await self._store.usable_by(person_id)

    async def get(self, seal_id: str) -> Seal:
        """A seal. Raises NotFound SEAL_NOT_FOUND."""
        seal = await self._store.get(seal_id)
        if seal is None:
            raise NotFound("SEAL_NOT_FOUND", zh="印章不存在", en="No such seal")
        return seal
