"""Time as a parameter."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present time as an aware UTC datetime."""


def system_clock() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)
