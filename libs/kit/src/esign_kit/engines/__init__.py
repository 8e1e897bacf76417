"""The real engines as child processes: PostgreSQL, NATS with JetStream, S3; and a faulty wire in front of them.

Each engine is a context manager, sync or async, over a data directory that persists or is thrown away::

    with Postgres() as postgres, Nats() as nats, S3() as s3:
        dsn = postgres.create_database("contract", owner="contract", password="…")
        url = nats.url_for("contract")
        endpoint, access_key, secret_key = s3.endpoint, s3.access_key, s3.secret_key

They listen on 127.0.0.1 only, every client needs a password or a key, and none outlives the process that started it.
"""

from esign_kit.engines.base import Engine, EngineError
from esign_kit.engines.nats import EVENT_STREAM, EVENT_USERS, GATEWAY_USER, Nats, NatsUser, event_user
from esign_kit.engines.postgres import Postgres
from esign_kit.engines.process import Child, free_ports, give_back_ports
from esign_kit.engines.proxy import TcpProxy
from esign_kit.engines.s3 import S3, S3Identity

__all__ = [
    "EVENT_STREAM",
    "EVENT_USERS",
    "GATEWAY_USER",
    "S3",
    "Child",
    "Engine",
    "EngineError",
    "Nats",
    "NatsUser",
    "Postgres",
    "S3Identity",
    "TcpProxy",
    "event_user",
    "free_ports",
    "give_back_ports",
]
