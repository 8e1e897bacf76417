"""Documents and page images in the object store."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from esign_kit.clock import Clock
from esign_kit.objects import Objects
from esign_kit.refs import ObjectRef

from esign_contract.app.ports import Link

PDF: Final = "application/pdf"
WEBP: Final = "image/webp"


@dataclass(frozen=True, slots=True)
class FileTerms:
    """Where files are, how long documents are locked, how long links live."""

    documents_bucket: str
    previews_bucket: str
    retention: timedelta
    download_link: timedelta
    preview_link: timedelta


class ObjectFiles:
    """Plays `Files`."""

    def __init__(self, objects: Objects, terms: FileTerms, clock: Clock) -> None:
        self._objects, self._terms, self._clock = objects, terms, clock

    async def store_document(self, document_id: str, path: Path, sha256: str) -> ObjectRef:
        return await self._objects.put_file(
            self._terms.documents_bucket,
            f"{document_id}/document.pdf",
            path,
            PDF,
            sha256=sha256,
            retain_until=self._clock() + self._terms.retention,
        )

    async def fetch(self, ref: ObjectRef, path: Path) -> None:
        await self._objects.get_to_file(ref, path)

    async def link_document(self, ref: ObjectRef, file_name: str) -> Link:
        return await self._link(ref, self._terms.download_link, PDF, file_name)

    async def find_image(self, document_sha256: str, page: int, width: int, mark: str) -> ObjectRef | None:
        return await self._objects.stat(self._terms.previews_bucket, _image_key(document_sha256, page, width, mark))

    async def store_image(self, document_sha256: str, page: int, width: int, mark: str, path: Path) -> ObjectRef:
        key = _image_key(document_sha256, page, width, mark)
        return await self._objects.put_file(self._terms.previews_bucket, key, path, WEBP)

    async def link_image(self, ref: ObjectRef) -> Link:
        return await self._link(ref, self._terms.preview_link, WEBP, "")

    async def _link(self, ref: ObjectRef, ttl: timedelta, content_type: str, file_name: str) -> Link:
        expires_at = self._clock() + ttl
        url = await self._objects.presign_get(ref, ttl=ttl, content_type=content_type, file_name=file_name)
        return Link(url, expires_at, content_type, ref.size, ref.sha256)


def _image_key(document_sha256: str, page: int, width: int, mark: str) -> str:
    seen_by = hashlib.sha256(mark.encode()).hexdigest()[:32] if mark else "all"
    return f"{document_sha256}/{width}/{seen_by}/{page}.webp"
