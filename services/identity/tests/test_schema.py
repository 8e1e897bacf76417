"""The migrations make the tables that the code expects, also beside the version of the code before them."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from esign.identity.v1 import identity_pb2
from esign_identity.adapters import login_rows, rows
from esign_identity.domain.session import new_token, token_digest
from identity_login import authenticate
from identity_world import World, known
from sqlalchemy import Connection, create_engine, text


async def test_the_rows_are_what_the_migrations_make(world: World) -> None:
    def differences() -> list[object]:
        engine = create_engine(world.running.app.db.url)
        with engine.connect() as connection:
            return _differences(connection)

    assert login_rows.SessionRow.metadata is rows.Base.metadata
    assert await asyncio.to_thread(differences) == []


def _differences(connection: Connection) -> list[object]:
    tables = set(rows.Base.metadata.tables)
    assert len(tables) > 15

    def ours(_object: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
        return kind != "table" or not reflected or name in tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, rows.Base.metadata))


async def test_the_code_before_writes_sessions_that_work(world: World) -> None:
    """While replicas are replaced, those of the version before go on writing rows without the new columns."""
    who, person_id = await known(world)
    token, now = new_token(), world.clock()
    async with world.running.app.db.begin() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO session (session_id, token_digest, person_id, user_agent, started_at, seen_at, expires_at)"
                " VALUES (:id, :digest, :person, 'Chrome', :now, :now, :now + interval '12 hours')"
            ),
            {"id": f"old {person_id}", "digest": token_digest(token), "person": person_id, "now": now},
        )
    answer = await authenticate(world, token)
    assert (answer.person.name, answer.organisation) == (who.name, identity_pb2.OrganisationSummary())
    world.clock.advance(minutes=20)
    assert (await authenticate(world, token)).renewed_session_token
