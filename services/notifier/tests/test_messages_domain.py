"""The rules about messages, by themselves."""

from datetime import timedelta

import pytest
from esign_notifier.domain.messages import (
    Closure,
    Contact,
    RetryPolicy,
    State,
    closing_notice_is_pointless,
    invitation_is_late,
)

POLICY = RetryPolicy(
    max_attempts=3,
    first_delay=timedelta(seconds=5),
    longest_delay=timedelta(minutes=1),
    uncertain_for=timedelta(hours=1),
)


def test_pauses_double_up_to_the_longest() -> None:
    assert [POLICY.delay(n).total_seconds() for n in (0, 1, 2, 3, 4, 5, 6)] == [5, 5, 10, 20, 40, 60, 60]
    assert POLICY.delay(10_000) == timedelta(minutes=1)


def test_attempts_end() -> None:
    assert [POLICY.exhausted(n) for n in (0, 2, 3, 4)] == [False, False, True, True]


@pytest.mark.parametrize("closure", list(Closure))
def test_nobody_is_invited_to_what_has_ended(closure: Closure) -> None:
    assert invitation_is_late(closure) == f"CONTRACT_{closure.value}"
    assert invitation_is_late(None) is None


def test_an_ending_is_told_only_where_the_beginning_was() -> None:
    told = {state: closing_notice_is_pointless(state) is None for state in State}
    assert told == {
        State.PENDING: False,
        State.DROPPED: False,
        State.SENDING: True,
        State.SENT: True,
        State.FAILED: True,
    }
    assert closing_notice_is_pointless(None) is None


def test_a_contact_does_not_show_in_logs() -> None:
    shown = repr(Contact("李样例", "13800001234", "li@mail.example"))
    assert "李样例" not in shown
    assert "13800001234" not in shown
    assert "li@mail" not in shown
