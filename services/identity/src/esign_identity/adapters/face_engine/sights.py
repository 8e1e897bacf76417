"""What one frame shows, in numbers, and what the numbers of one challenge's frames come to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from esign_identity.domain.liveness import FaceAction

SMALLEST_FACE: Final = 80.0
"""Pixels from cheek to cheek under which a face is too far away to be judged."""

DARKEST: Final = 35.0
"""Mean luma (0 to 255) of the face under which it is dark."""

BLURRIEST: Final = 10.0
"""Sharpness under which the face is blurred."""

TURNED: Final = 0.35
_STRAIGHT: Final = 0.22
_TURNED_FROM_STRAIGHT: Final = 0.28
_FEWEST_STRAIGHT: Final = 3
_LOOKING_SHARE: Final = 0.6
_CLOSED: Final = 0.55
_EITHER_CLOSED: Final = 0.68
_OPEN: Final = 0.75
_SMALLEST_APERTURE: Final = 0.1
# Paper leaned away foreshortens the eyes, and the whole face as well; a blink does not.
_SHAPE_KEPT: Final = 0.88
_MOUTH_OPEN: Final = 0.3
_MOUTH_OPENED: Final = 0.15
_CALM_MOUTH: Final = 0.1
_USUALLY: Final = 0.7


@dataclass(frozen=True, slots=True)
class Sight:
    """The one face of a frame. `index` is the frame's place.

    `width`: cheek to cheek, pixels; `yaw`: where between the cheeks the nose is, -1 to 1, positive when turned to the
    person's left; `eyes`: apertures (height over width), in the image from left to right; `mouth`: inner lips' distance
    over the mouth's width; `shape`: the face's height over its width; `brightness`: mean luma; `sharpness`: variance of
    the Laplacian of the face at 192 pixels, at a mean luma of 128.
    """

    index: int
    width: float
    yaw: float
    eyes: tuple[float, float]
    mouth: float
    shape: float
    brightness: float
    sharpness: float

    @property
    def straight(self) -> bool:
        """Whether it looks into the camera."""
        return abs(self.yaw) < _STRAIGHT


@dataclass(frozen=True, slots=True)
class Action:
    """The action was seen. `moment` shows it; `straight` are the frames that look into the camera with open eyes and
    a calm mouth, best first."""

    moment: Sight
    straight: tuple[Sight, ...]


def find_action(action: FaceAction, sights: Sequence[Sight]) -> Action | None:
    """The action, if the frames show it. Measured against the same frames' own straight looks, for faces differ."""
    straight = [sight for sight in sights if sight.straight]
    if len(straight) < _FEWEST_STRAIGHT:
        return None
    usual = (_usual([one.eyes[0] for one in straight]), _usual([one.eyes[1] for one in straight]))
    if min(usual) < _SMALLEST_APERTURE:
        return None
    closed = statistics.median(one.mouth for one in straight)
    calm = [one for one in straight if _openness(one, usual) > _OPEN and one.mouth < closed + _CALM_MOUTH]
    moment = _moment(action, sights, straight, usual)
    best_first = sorted(calm, key=lambda one: -one.sharpness * (1 - abs(one.yaw)))
    return Action(moment, tuple(best_first)) if moment and calm else None


def _moment(
    action: FaceAction, sights: Sequence[Sight], straight: Sequence[Sight], usual: tuple[float, float]
) -> Sight | None:
    match action:
        case FaceAction.LOOK:
            return straight[0] if len(straight) >= _LOOKING_SHARE * len(sights) else None
        case FaceAction.BLINK:
            return _blink(straight, usual)
        case FaceAction.TURN_LEFT | FaceAction.TURN_RIGHT:
            return _turn(sights, straight, 1 if action is FaceAction.TURN_LEFT else -1)
        case FaceAction.OPEN_MOUTH:
            closed = statistics.median(one.mouth for one in straight)
            widest = max(straight, key=lambda one: one.mouth)
            return widest if widest.mouth > max(_MOUTH_OPEN, closed + _MOUTH_OPENED) else None


def _blink(straight: Sequence[Sight], usual: tuple[float, float]) -> Sight | None:
    """Both eyes closed, and open again later."""
    shape = statistics.median(one.shape for one in straight)
    closed = [
        one
        for one in straight
        if _openness(one, usual) < _CLOSED
        and max(eye / open_ for eye, open_ in zip(one.eyes, usual, strict=True)) < _EITHER_CLOSED
        and one.shape > _SHAPE_KEPT * shape
    ]
    if not closed or not any(one.index > closed[0].index and _openness(one, usual) > _OPEN for one in straight):
        return None
    return min(closed, key=lambda one: _openness(one, usual))


def _turn(sights: Sequence[Sight], straight: Sequence[Sight], sign: int) -> Sight | None:
    """The least of the turns that are far enough: the face is known best there."""
    ahead = statistics.median(one.yaw for one in straight)
    turned = [one for one in sights if one.yaw * sign > TURNED and (one.yaw - ahead) * sign > _TURNED_FROM_STRAIGHT]
    return min(turned, key=lambda one: abs(one.yaw), default=None)


def _usual(values: Sequence[float]) -> float:
    """An open eye: above the middle, for eyes may be closed in many frames."""
    return sorted(values)[int(len(values) * _USUALLY)]


def _openness(sight: Sight, usual: tuple[float, float]) -> float:
    return (sight.eyes[0] / usual[0] + sight.eyes[1] / usual[1]) / 2
