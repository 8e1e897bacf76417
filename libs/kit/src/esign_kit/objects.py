"""The object store: any S3 server, through the `minio` client. Documents are referenced by exact version and hash."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import MinioException, S3Error
from minio.retention import Retention

from esign_kit.errors import Internal, NotFound, TooLarge, Unavailable
from esign_kit.refs import ObjectRef
from esign_kit.settings import S3Settings
from esign_kit.telemetry import logger

log = logger(__name__)
T = TypeVar("T")

CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, hex. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Objects:
    """Objects by reference. Every method raises Unavailable when the store does not answer in time."""

    def __init__(self, settings: S3Settings, *, timeout: float = 20.0) -> None:
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key_file.read(),
            secure=settings.secure,
            region=settings.region,
            http_client=urllib3.PoolManager(
                maxsize=16,
                timeout=urllib3.Timeout(connect=3, read=timeout),
                retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            ),
        )

    async def _call(self, function: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(function)
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchVersion", "NoSuchBucket"):
                raise NotFound("OBJECT_NOT_FOUND", zh="文件不存在", en="No such object") from error
            log.error("object store refused", code=error.code)
            raise Internal("OBJECT_STORE_REFUSED") from error
        except (urllib3.exceptions.HTTPError, MinioException, OSError) as error:
            log.warning("object store unavailable", error=type(error).__name__)
            raise Unavailable(
                "OBJECT_STORE_UNAVAILABLE", zh="文件存储暂时不可用，请稍后重试", en="The object store does not answer"
            ) from error

    async def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        content_type: str,
        *,
        sha256: str = "",
        retain_until: datetime | None = None,
    ) -> ObjectRef:
        """Store a file as a new version of `key`, streaming; locked (COMPLIANCE) until `retain_until` when given."""

        def put() -> ObjectRef:
            digest = sha256 or sha256_file(path)
            size = path.stat().st_size
            with path.open("rb") as file:
                result = self._client.put_object(
                    bucket,
                    key,
                    file,
                    size,
                    content_type,
                    metadata={"sha256": digest},
                    retention=Retention(COMPLIANCE, retain_until) if retain_until else None,
                    part_size=16 << 20,
                )
            return ObjectRef(bucket, key, result.version_id or "", digest, size)

        return await self._call(put)

    async def put_bytes(
        self, bucket: str, key: str, content: bytes, content_type: str, *, retain_until: datetime | None = None
    ) -> ObjectRef:
        """Store small content as a new version of `key`."""

        def put() -> ObjectRef:
            digest = hashlib.sha256(content).hexdigest()
            result = self._client.put_object(
                bucket,
                key,
                BytesIO(content),
                len(content),
                content_type,
                metadata={"sha256": digest},
                retention=Retention(COMPLIANCE, retain_until) if retain_until else None,
            )
            return ObjectRef(bucket, key, result.version_id or "", digest, len(content))

        return await self._call(put)

    async def get_to_file(self, ref: ObjectRef, path: Path) -> None:
        """Fetch exactly `ref` into `path`. Raises Internal when the content is not what the reference says."""

        def get() -> None:
            response = self._client.get_object(ref.bucket, ref.key, version_id=ref.version_id or None)
            digest = hashlib.sha256()
            try:
                with path.open("wb") as file:
                    for chunk in response.stream(CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
            finally:
                response.close()
                response.release_conn()
            if digest.hexdigest() != ref.sha256:
                raise Internal("OBJECT_ALTERED")

        await self._call(get)

    async def get_bytes(self, ref: ObjectRef, *, limit: int = 8 << 20) -> bytes:
        """Fetch small content. Raises TooLarge above `limit` bytes, Internal when it is not what the reference says."""

        def get() -> bytes:
            response = self._client.get_object(ref.bucket, ref.key, version_id=ref.version_id or None)
            try:
                content: bytes = response.read(limit + 1)
            finally:
                response.close()
                response.release_conn()
            if len(content) > limit:
                raise TooLarge("OBJECT_TOO_LARGE", zh="文件过大", en="The object is too large")
            if ref.sha256 and hashlib.sha256(content).hexdigest() != ref.sha256:
                raise Internal("OBJECT_ALTERED")
            return content

        return await self._call(get)

    async def stat(self, bucket: str, key: str) -> ObjectRef | None:
        """The newest version of `key` as this class stored it, or None when there is none."""

        def stat() -> ObjectRef:
            found = self._client.stat_object(bucket, key)
            metadata: Any = found.metadata or {}
            return ObjectRef(
                bucket, key, found.version_id or "", metadata.get("x-amz-meta-sha256", ""), found.size or 0
            )

        try:
            return await self._call(stat)
        except NotFound:
            return None

    async def presign_get(
        self,
        ref: ObjectRef,
        *,
        ttl: timedelta = timedelta(minutes=1),
        content_type: str = "application/octet-stream",
        file_name: str = "",
    ) -> str:
        """A URL by which its bearer may GET exactly this version until `ttl` is over."""
        headers: dict[str, str | list[str] | tuple[str]] = {"response-content-type": content_type}
        if file_name:
            headers["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(file_name)}"
        return await self._call(
            lambda: self._client.presigned_get_object(
                ref.bucket, ref.key, expires=ttl, response_headers=headers, version_id=ref.version_id or None
            )
        )

    async def delete(self, ref: ObjectRef) -> None:
        """Delete this version; no error when it is gone already."""
        await self._call(lambda: self._client.remove_object(ref.bucket, ref.key, version_id=ref.version_id or None))

    async def ensure_bucket(self, bucket: str, *, object_lock: bool = False) -> None:
        """Create a bucket (versioned when locked) unless it is there; for deployment."""

        def ensure() -> None:
            if not self._client.bucket_exists(bucket):
                self._client.make_bucket(bucket, object_lock=object_lock)

        await self._call(ensure)

    async def ping(self, bucket: str) -> None:
        """Raise when the store does not answer for `bucket`."""
        await self._call(lambda: self._client.bucket_exists(bucket))
