"""Who calls, for whom, and until when: facts of the call that is being served, carried along by context variables."""

import time
from contextvars import ContextVar
from dataclasses import dataclass

from esign_kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person for whom a call is made, as identity's actor token states.

    `organisation_id` is the company for which the person is signed in; empty for an individual's session.
    """

    person_id: str
    session_id: str
    token: str
    organisation_id: str = ""


actor_var: ContextVar[Actor | None] = ContextVar("esign_actor", default=None)
caller_var: ContextVar[str] = ContextVar("esign_caller", default="")
deadline_var: ContextVar[float | None] = ContextVar("esign_deadline", default=None)
"""`time.monotonic()` value by which the present call must be answered."""


def actor() -> Actor:
    """The acting person. Raises Unauthenticated when the call is made for nobody."""
    found = actor_var.get()
    if found is None:
        raise Unauthenticated("ACTOR_MISSING", zh="请先登录", en="Sign in first")
    return found


def caller() -> str:
    """The calling process's name, e.g. `gateway` or `leasing`; empty outside a call."""
    return caller_var.get()


def remaining(default: float) -> float:
    """Seconds left for the present call, at most `default`."""
    deadline = deadline_var.get()
    return default if deadline is None else max(0.001, min(default, deadline - time.monotonic()))
