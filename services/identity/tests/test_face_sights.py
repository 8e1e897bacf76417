"""What counts as an action, from the numbers of its frames: eyes that close, and paper that only looks as if they did."""

from dataclasses import replace

import pytest
from esign_identity.adapters.face_engine.sights import Sight, find_action
from esign_identity.domain.liveness import FaceAction

LOOKING = Sight(0, width=180.0, yaw=0.02, eyes=(0.3, 0.31), mouth=0.02, shape=1.35, brightness=120.0, sharpness=80.0)
SHUT = (0.12, 0.12)


def act(*moments: Sight) -> list[Sight]:
    """Frames that look into the camera before and after the moments."""
    return [replace(one, index=index) for index, one in enumerate([LOOKING] * 4 + list(moments) + [LOOKING] * 3)]


def test_a_blink_is_seen() -> None:
    found = find_action(FaceAction.BLINK, act(replace(LOOKING, eyes=SHUT)))
    assert found is not None
    assert (found.moment.index, found.moment.eyes) == (4, SHUT)


@pytest.mark.parametrize("kept", [0.6, 0.75, 0.85])
def test_paper_that_leans_away_does_not_blink(kept: float) -> None:
    """Leaned away, a photograph's eyes are as low as closed ones, and its face is as much lower itself."""
    leaned = replace(LOOKING, eyes=SHUT, shape=LOOKING.shape * kept)
    assert find_action(FaceAction.BLINK, act(leaned, leaned)) is None
    # A person who nods a little while blinking is no paper.
    assert find_action(FaceAction.BLINK, act(replace(leaned, shape=LOOKING.shape * 0.93))) is not None


def test_one_eye_or_eyes_that_stay_shut_are_no_blink() -> None:
    wink = replace(LOOKING, eyes=(0.01, 0.3))
    assert find_action(FaceAction.BLINK, act(wink)) is None
    shut = [replace(LOOKING, index=4 + n, eyes=SHUT) for n in range(3)]
    assert find_action(FaceAction.BLINK, [*act()[:4], *shut]) is None
