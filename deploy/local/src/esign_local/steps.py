"""`python -m esign_local.steps STEP DATA_DIR [ARGUMENT]`: what a start does once, each step in a process of its own.

Certificates and the clients of database, events and objects take much memory for a moment's work; the supervisor, which
stays, holds none of it. What a step has to tell goes to standard output as JSON; the last line of standard error is what
went wrong.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from esign_kit.engines import S3, Nats, Postgres

from esign_local.configuration import BUCKETS, SERVICES, Configuration, event_user
from esign_local.replicas import programs
from esign_local.state import read_ports

S3_READY_SECONDS = 30.0


class Steps:
    """The steps on one data directory whose ports have been taken."""

    def __init__(self, data_dir: Path, argument: str = "") -> None:
        self.data_dir = data_dir
        self.ports = read_ports(data_dir)
        given = json.loads(argument or "{}")
        self.replicas: dict[str, int] = given.get("replicas", {})
        self.configuration = Configuration(data_dir, self.ports.__getitem__, **given)

    async def configure(self) -> dict[str, Any]:
        """Makes what is missing and writes all settings; tells what the engines are to know.

        The argument is JSON: `otlp_endpoint`, `replicas` and `organisation_keys` of `Configuration`.
        """
        self.configuration.write_sandbox()
        for name in SERVICES:
            for program in programs(name, self.replicas):
                self.configuration.write_service(program)
        for program in programs("gateway", self.replicas):
            self.configuration.write_gateway(program)
        return {
            "nats_passwords": self.configuration.nats_passwords(),
            "s3_secret_key": self._s3_secret_key(),
            "s3_identities": [asdict(identity) for identity in self.configuration.s3_identities()],
        }

    async def postgres(self) -> None:
        """A role and a database per service."""
        engine = Postgres(self.data_dir / "engines" / "postgres", port=self.ports["postgres"][0])
        engine.superuser_password = (engine.data_dir / "superuser-password").read_text()
        for name in SERVICES:
            user = event_user(name)
            engine.create_database(user, owner=user, password=self.configuration.database_password(name))

    async def nats(self) -> None:
        """The stream of events."""
        import nats
        from esign_kit import bus

        engine = Nats(
            self.data_dir / "engines" / "nats",
            port=self.ports["nats"][0],
            passwords=self.configuration.nats_passwords(),
        )
        client = await nats.connect(engine.url_for("admin"), connect_timeout=5)
        try:
            await bus.ensure_stream(client)
        finally:
            await client.close()

    async def s3(self) -> None:
        """The buckets. Waits until the store takes a client's requests, which is a moment after it answers."""
        engine = S3(self.data_dir / "engines" / "s3", ports=self.ports["s3"], secret_key=self._s3_secret_key())
        deadline = time.monotonic() + S3_READY_SECONDS
        while True:
            try:
                for bucket, locked in BUCKETS.items():
                    engine.make_bucket(bucket, object_lock=locked)
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def seed(self) -> None:
        """The landlord's organisation, seal and policy; written to `seeded.json`."""
        from esign_kit import grpc_client

        from esign_local.seed import seed

        tls = self.configuration.pki.tls("operator")
        services = ("identity", "ca-broker", "signer")
        channels = {name: grpc_client.channel(self.configuration.address(name), name, tls) for name in services}
        try:
            seeded = await seed(channels.__getitem__)
        finally:
            for channel in channels.values():
                await channel.close(None)
        seeded.save(self.data_dir / "seeded.json")

    def _s3_secret_key(self) -> str:
        return self.configuration.material.password("s3", "admin").read_text()


def main() -> None:
    """One step."""
    name, data_dir, argument = sys.argv[1:]
    steps = Steps(Path(data_dir), argument)
    known: dict[str, Callable[[], Awaitable[Any]]] = {
        "configure": steps.configure,
        "postgres": steps.postgres,
        "nats": steps.nats,
        "s3": steps.s3,
        "seed": steps.seed,
    }

    async def run() -> Any:
        return await known[name]()

    json.dump(asyncio.run(run()), sys.stdout)


if __name__ == "__main__":
    main()
