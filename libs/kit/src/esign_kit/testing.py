"""pytest plugin: real engines once a session, a service's `App` in the test's process, and certificates for every caller.

`platform` starts PostgreSQL, NATS and S3; `pki` makes mTLS material; `service` runs one service's composition root
against them, with the peers that a test gives (real servicers or its own doubles of other services).
"""

import asyncio
import hashlib
import json
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import jwt
import nats
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from nats.aio.client import Client

from esign_kit import grpc_client
from esign_kit.bus import Bus, EventMeta, ensure_stream
from esign_kit.clock import Clock, system_clock
from esign_kit.engines import S3, Nats, Postgres, free_ports
from esign_kit.grpc_server import ActorTokens, GrpcServer
from esign_kit.service import App, Build, prepare
from esign_kit.settings import NatsSettings, SecretFile, ServiceSettings, Tls

S = TypeVar("S", bound=ServiceSettings)

BUCKETS = ("documents", "previews", "seals", "evidence", "material")
TRUST_DOMAIN = "esign.soho.example"


class Pki:
    """A throw-away internal CA, certificates by caller name, and identity's keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test internal CA")])
        now = datetime.now(UTC)
        self._ca = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))
        self.actor_key = Ed25519PrivateKey.generate()
        self.activation_key = Ed25519PrivateKey.generate()
        self.actor_public_key_file = self._public("actor", self.actor_key)
        self.activation_public_key_file = self._public("activation", self.activation_key)
        self._made: dict[str, Tls] = {}

    def _public(self, name: str, key: Ed25519PrivateKey) -> Path:
        path = self.folder / f"{name}.pub.pem"
        path.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return path

    def private_file(self, name: str, key: Ed25519PrivateKey) -> SecretFile:
        """The private key as an unencrypted PKCS#8 PEM file."""
        return self.secret(
            f"{name}.key.pem",
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
        )

    def secret(self, name: str, content: str) -> SecretFile:
        """A secret file with this content; the same name with another content is another file."""
        path = self.folder / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        path.write_text(content)
        return SecretFile(path)

    def tls(self, caller: str) -> Tls:
        """A certificate that names `caller`, e.g. `gateway` or `leasing`."""
        if caller not in self._made:
            key = ec.generate_private_key(ec.SECP256R1())
            now = datetime.now(UTC)
            certificate = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, caller)]))
                .issuer_name(self._name)
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(minutes=5))
                .not_valid_after(now + timedelta(days=1))
                .add_extension(
                    x509.SubjectAlternativeName(
                        [
                            x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/any/{caller}"),
                            x509.DNSName(f"{caller}.esign.internal"),
                        ]
                    ),
                    critical=False,
                )
                .sign(self._key, hashes.SHA256())
            )
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            cert_file = self.folder / f"{caller}.pem"
            cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            self._made[caller] = Tls(
                cert_file=cert_file, key_file=self.secret(f"{caller}.key", pem.decode()), ca_file=self.ca_file
            )
        return self._made[caller]

    def actor_token(
        self, person_id: str, *, session_id: str = "session", organisation_id: str = "", seconds: int = 60
    ) -> str:
        """What identity would issue for a signed-in person; `organisation_id` in a session for a company."""
        now = datetime.now(UTC)
        claims = {
            "iss": "identity",
            "sub": person_id,
            "sid": session_id,
            "org": organisation_id,
            "iat": now,
            "exp": now + timedelta(seconds=seconds),
        }
        return jwt.encode(claims, self.actor_key, algorithm="EdDSA", headers={"typ": "esign-actor+jwt"})

    def activation(self, **claims: Any) -> str:
        """An activation statement with these claims, signed as identity signs them."""
        return jwt.encode(claims, self.activation_key, algorithm="EdDSA", headers={"typ": "esign-activation+jwt"})


@dataclass
class Running:
    """A service that runs in this process."""

    app: App[Any]
    address: str
    pki: Pki
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    def channel(self, caller: str) -> grpc.aio.Channel:
        """A channel to the service as `caller`; raises the platform's typed errors."""
        channel = grpc_client.channel(self.address, self.app.settings.service, self.pki.tls(caller))
        self._channels.append(channel)
        return channel

    def as_person(self, person_id: str, *, session_id: str = "session", organisation_id: str = "") -> grpc.aio.Metadata:
        """Metadata of a call for a signed-in person: `await stub.GetContract(request, metadata=…)`."""
        token = self.pki.actor_token(person_id, session_id=session_id, organisation_id=organisation_id)
        return grpc.aio.Metadata(("esign-actor", token))


class Platform:
    """The engines of a test session."""

    def __init__(self, postgres: Postgres, nats_: Nats, s3: S3, pki: Pki) -> None:
        self.postgres, self.nats, self.s3, self.pki = postgres, nats_, s3, pki
        self._databases = 0

    def settings(
        self, service: str, peers: dict[str, str] | None = None, *, with_objects: bool = True
    ) -> dict[str, Any]:
        """The common settings of a service with a fresh database of its own; add the service's own keys."""
        self._databases += 1
        user = service.replace("-", "_")
        password = secrets.token_urlsafe(12)
        name = f"{user}_{self._databases}_{secrets.token_hex(3)}"
        self.postgres.create_database(name, owner=name, password=password)
        common: dict[str, Any] = {
            "service": service,
            "environment": "local",
            "grpc_listen": "127.0.0.1:0",
            "health_listen": "127.0.0.1:0",
            "tls": self.pki.tls(service),
            "database": {
                "url": self.postgres.dsn(name, name),
                "password_file": self.pki.secret(f"{name}.db", password),
            },
            "nats": {
                "servers": [self.nats.url],
                "user": user,
                "password_file": self.pki.secret(f"{user}.nats", self.nats.passwords[user]),
            },
            "peers": peers or {},
            "actor_public_key_file": self.pki.actor_public_key_file,
        }
        if with_objects:
            common["s3"] = {
                "endpoint": self.s3.endpoint,
                "access_key": self.s3.access_key,
                "secret_key_file": self.pki.secret("s3", self.s3.secret_key),
            }
        return common

    async def reset_events(self) -> None:
        """Empty the stream and drop every consumer: a test starts with no history."""
        async with self.admin() as nc:
            js = nc.jetstream()
            for consumer in await js.consumers_info("ESIGN"):
                await js.delete_consumer("ESIGN", consumer.name)
            await js.purge_stream("ESIGN")

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Client]:
        """An administrator's connection to NATS."""
        nc = await nats.connect(self.nats.url_for("admin"))
        try:
            yield nc
        finally:
            await nc.close()

    async def publish(self, event: Any, *, contract_id: str = "", event_id: str = "", service: str = "") -> str:
        """Publish an event as the service that owns its type would."""
        from esign_kit.bus import subject_of
        from esign_kit.db import new_id

        type_ = event.DESCRIPTOR.full_name
        identifier = event_id or new_id()
        headers = {
            "Nats-Msg-Id": f"{identifier}-{secrets.token_hex(4)}",
            "ce-specversion": "1.0",
            "ce-id": identifier,
            "ce-type": type_,
            "ce-source": service or type_.split(".")[1],
            "ce-time": datetime.now(UTC).isoformat(),
            "ce-subject": contract_id or "-",
        }
        async with self.admin() as nc:
            await nc.jetstream().publish(subject_of(type_), event.SerializeToString(), headers=headers)
        return identifier

    async def events(self) -> list[tuple[EventMeta, bytes]]:
        """Everything in the stream, in order."""
        found: list[tuple[EventMeta, bytes]] = []
        async with self.admin() as nc:
            js = nc.jetstream()
            state = (await js.stream_info("ESIGN")).state
            for sequence in range(state.first_seq, state.last_seq + 1):
                message = await js.get_msg("ESIGN", sequence)
                headers = message.headers or {}
                meta = EventMeta(
                    headers.get("ce-id", ""),
                    headers.get("ce-type", ""),
                    headers.get("ce-source", ""),
                    datetime.fromisoformat(headers["ce-time"]),
                    headers.get("ce-subject", ""),
                    headers.get("traceparent", ""),
                    1,
                )
                found.append((meta, message.data or b""))
        return found

    @asynccontextmanager
    async def service(
        self, settings: S, build: Build[S], *, migrations: str, clock: Clock = system_clock
    ) -> AsyncIterator[Running]:
        """Run a service in this process on free ports, with its own database, until the block ends."""
        app = App(settings, clock=clock)
        try:
            await prepare(app, migrations)
            await build(app)
            await app.start()
            yield Running(app, f"127.0.0.1:{app.grpc.port}", self.pki)
        finally:
            await app.close()

    @asynccontextmanager
    async def peer(self, name: str, *servicers: tuple[Callable[[Any, Any], None], object]) -> AsyncIterator[str]:
        """Serve a test's own double of another service, with mTLS and access rules; yields its address."""
        server = GrpcServer(
            "127.0.0.1:0",
            self.pki.tls(name),
            ActorTokens(self.pki.actor_public_key_file.read_bytes()),
            TRUST_DOMAIN,
        )
        for register, servicer in servicers:
            server.add(register, servicer)
        await server.start()
        try:
            yield f"127.0.0.1:{server.port}"
        finally:
            await server.stop(0)


class Sandbox:
    """The outside world (`python -m esign_sandbox`) as a child process; `credentials` are the accounts it knows."""

    def __init__(self, directory: Path, credentials: Mapping[str, Any]) -> None:
        self.directory = directory
        self.http_port, self.smtp_port = free_ports(2)
        self._credentials = credentials
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port` of its HTTP."""
        return f"127.0.0.1:{self.http_port}"

    @property
    def url(self) -> str:
        """Its HTTP address."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Start it and wait until it, and no other program, answers. Raises AssertionError after 30 s."""
        credentials = self.directory / "credentials.json"
        credentials.write_text(json.dumps(self._credentials))
        command = [sys.executable, "-m", "esign_sandbox", "--data-dir", str(self.directory / "data")]
        command += ["--credentials", str(credentials)]
        command += ["--http-port", str(self.http_port), "--smtp-port", str(self.smtp_port)]
        process = self._process = subprocess.Popen(command)  # noqa: S603 - our own program
        end = time.monotonic() + 30
        while True:
            assert process.poll() is None, "the sandbox ended at its start"
            assert time.monotonic() < end, "the sandbox does not answer"
            try:
                self.ask("GET", "/healthz")
            except OSError:
                time.sleep(0.05)
            else:
                break
        assert process.poll() is None, "another program answers on the sandbox's port"

    def stop(self) -> None:
        """End it."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def fault(self, part: str, mode: str, delay_ms: int = 0) -> None:
        """Give a vendor a bad day."""
        self.ask("PUT", f"/_sandbox/faults/{part}", {"mode": mode, "delay_ms": delay_ms})

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """A request to it. Raises OSError, also for an answer that is an error."""
        request = urllib.request.Request(  # noqa: S310 - our own child
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            content: bytes = answer.read()
            return content


async def eventually(check: Callable[[], Awaitable[Any]], *, seconds: float = 30.0) -> Any:
    """Call `check` until its answer is true; returns the answer. Fails with the last answer or error after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        last: Any = None
        try:
            last = await check()
        except Exception as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s; last: {last!r}")
        await asyncio.sleep(0.05)


def pytest_configure() -> None:
    """Plain tracebacks in logs: the default renders each frame with its values, which takes seconds on a busy machine."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, renderer])


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """mTLS material and identity's keys."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def engines() -> Iterator[tuple[Postgres, Nats, S3]]:
    """The real engines, once a session."""
    with Postgres(fsync=False) as postgres, Nats(fsync=False) as nats_, S3() as s3:
        yield postgres, nats_, s3


@pytest.fixture(scope="session")
async def platform(engines: tuple[Postgres, Nats, S3], pki: Pki) -> Platform:
    """Engines with the stream and the buckets made."""
    postgres, nats_, s3 = engines
    found = Platform(postgres, nats_, s3, pki)
    async with found.admin() as nc:
        await ensure_stream(nc)
    for bucket in BUCKETS:
        s3.make_bucket(bucket, object_lock=bucket in ("documents", "evidence"))
    return found


@pytest.fixture
def bus_settings(platform: Platform) -> Callable[[str], Bus]:
    """A connection of a service's own user, for tests of the plumbing."""

    def make(user: str) -> Bus:
        secret = platform.pki.secret(f"{user}.nats", platform.nats.passwords[user])
        return Bus(NatsSettings(servers=[platform.nats.url], user=user, password_file=secret), user)

    return make
