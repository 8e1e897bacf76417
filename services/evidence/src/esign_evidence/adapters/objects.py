"""The log and the packages in the object store."""

import hashlib
from datetime import datetime, timedelta

from esign_kit.clock import Clock
from esign_kit.errors import Internal
from esign_kit.objects import Objects
from esign_kit.refs import ObjectRef

from esign_evidence.domain.package import MEDIA_TYPE
from esign_evidence.domain.tiles import MAX_ENTRY, WIDTH

PACKAGES = "packages"
MAX_PACKAGE = 64 << 20


class EvidenceObjects:
    """Plays `LogObjects` and `PackageObjects` in one bucket; retention needs a bucket with object lock.

    The log's prefix is its origin: another log in the same bucket does not meet it.
    """

    def __init__(self, objects: Objects, bucket: str, origin: str, retention: timedelta, clock: Clock) -> None:
        self._objects, self._bucket, self._retention, self._clock = objects, bucket, retention, clock
        self._log = f"log/{origin}"

    def _retain_until(self) -> datetime | None:
        return self._clock() + self._retention if self._retention else None

    async def put_tile(self, path: str, content: bytes, *, full: bool) -> None:
        """Partial tiles are replaced by full ones in time, so only full ones are locked."""
        key = f"{self._log}/tile/{path}"
        there = await self._objects.stat(self._bucket, key)
        if there is None:
            await self._objects.put_bytes(
                self._bucket,
                key,
                content,
                "application/octet-stream",
                retain_until=self._retain_until() if full else None,
            )
        elif there.sha256 != hashlib.sha256(content).hexdigest():
            raise Internal("LOG_OBJECT_DIFFERS")

    async def get_tile(self, path: str) -> bytes:
        """The newest version; what it says, the checkpoint proves."""
        ref = ObjectRef(self._bucket, f"{self._log}/tile/{path}", "", "", 0)
        return await self._objects.get_bytes(ref, limit=WIDTH * (MAX_ENTRY + 2))

    async def drop_tile(self, path: str) -> None:
        """The version itself, so that a versioned bucket gives the room back."""
        there = await self._objects.stat(self._bucket, f"{self._log}/tile/{path}")
        if there is not None:
            await self._objects.delete(there)

    async def put_checkpoint(self, note: str) -> None:
        """A new version of one key."""
        await self._objects.put_bytes(
            self._bucket, f"{self._log}/checkpoint", note.encode(), "text/plain; charset=utf-8"
        )

    async def put_package(self, contract_id: str, content: bytes) -> ObjectRef:
        """Keyed by its own hash."""
        digest = hashlib.sha256(content).hexdigest()
        key = f"{PACKAGES}/{contract_id}/{digest}.zip"
        there = await self._objects.stat(self._bucket, key)
        if there is not None and there.sha256 == digest:
            return there
        return await self._objects.put_bytes(self._bucket, key, content, MEDIA_TYPE, retain_until=self._retain_until())

    async def get_package(self, ref: ObjectRef) -> bytes:
        """Compared with its hash while it is read."""
        return await self._objects.get_bytes(ref, limit=MAX_PACKAGE)

    async def presign(self, ref: ObjectRef, contract_id: str, ttl: timedelta) -> str:
        """Saved under a name that tells the contract."""
        return await self._objects.presign_get(
            ref, ttl=ttl, content_type=MEDIA_TYPE, file_name=f"evidence-{contract_id}.zip"
        )

    async def ping(self) -> None:
        """Raise when the store does not answer."""
        await self._objects.ping(self._bucket)
