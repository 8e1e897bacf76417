"""Documents and seal images in the object store: these two buckets and no other."""

from pathlib import Path

from esign_kit.errors import Internal, NotFound, TooLarge
from esign_kit.objects import Objects
from esign_kit.refs import ObjectRef

from esign_signer.app.ports import ContentDiffers


class StoredDocuments:
    """Plays `Documents`."""

    def __init__(self, objects: Objects, documents_bucket: str, seals_bucket: str, max_size: int) -> None:
        self._objects, self._max_size = objects, max_size
        self._documents, self._seals = documents_bucket, seals_bucket

    async def fetch_document(self, ref: ObjectRef, target: Path) -> None:
        """Writes it to `target`."""
        if ref.bucket != self._documents or ref.size > self._max_size:
            raise ContentDiffers
        try:
            await self._objects.get_to_file(ref, target)
        except (NotFound, Internal) as error:
            raise _meant(error) from error

    async def store_document(self, key: str, source: Path, sha256: str) -> ObjectRef:
        """Stores a new version."""
        return await self._objects.put_file(self._documents, key, source, "application/pdf", sha256=sha256)

    async def fetch_seal(self, ref: ObjectRef) -> bytes:
        """The image."""
        try:
            return await self._objects.get_bytes(ref)
        except (NotFound, TooLarge, Internal) as error:
            raise _meant(error) from error

    async def store_seal(self, key: str, content: bytes, media_type: str) -> ObjectRef:
        """Stores the image."""
        return await self._objects.put_bytes(self._seals, key, content, media_type)


def _meant(error: NotFound | TooLarge | Internal) -> Exception:
    """A store that refuses us is no statement about the content."""
    return error if error.reason == "OBJECT_STORE_REFUSED" else ContentDiffers(error.reason)
