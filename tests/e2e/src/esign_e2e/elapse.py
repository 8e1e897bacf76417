"""Lets time pass where a test cannot wait: moments that are kept in rows are moved into the past."""

from esign_local.stack import Stack

from esign_e2e.inside import rows


async def a_minute_later(stack: Stack) -> None:
    """The minute is over after which a phone may have another code."""
    assert await rows(
        stack, "identity", "UPDATE code SET created_at = created_at - interval '70 seconds' RETURNING code_id"
    )


async def session_ends(stack: Stack, person_id: str) -> None:
    """A person's sessions have reached their end."""
    sql = "UPDATE session SET expires_at = now() WHERE person_id = %s RETURNING session_id"
    assert await rows(stack, "identity", sql, person_id)


async def face_check_ends(stack: Stack, verification_id: str) -> None:
    """Nobody came to the face check in time."""
    sql = "UPDATE face_check SET expires_at = now() WHERE verification_id = %s AND state IN ('OPEN', 'SCANNED') RETURNING 1"
    assert await rows(stack, "identity", sql, verification_id)


async def verification_ends(stack: Stack, verification_id: str) -> None:
    """The verification has reached its end."""
    sql = "UPDATE verification SET expires_at = now() WHERE verification_id = %s RETURNING 1"
    assert await rows(stack, "identity", sql, verification_id)
