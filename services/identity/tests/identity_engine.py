"""An engine that sees what the frames themselves say, so that tests are about what the service makes of it."""

import asyncio
import hashlib
import json
import struct
from collections.abc import Sequence

from esign_identity.domain.liveness import FaceAction, FrameReport, FrameVerdict

Frames = list[tuple[int, bytes]]


def embedding(who: str) -> bytes:
    """A point for each name; two names are 1.4 apart, `name~` is 0.3 from `name`, and 0.6 from `name!`'s other side."""
    name = who.rstrip("~!")
    values = [0.0] * 128
    values[int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big") % 120] = 1.0
    values[120] = 0.3 * (who.count("~") - who.count("!"))
    return struct.pack("<128f", *values)


def frames(who: str, does: str, count: int = 10, step_ms: int = 100) -> Frames:
    """What a phone takes of somebody who does something."""
    return [
        (n * step_ms, b"\xff\xd8\xff" + json.dumps({"who": who, "does": does, "frame": n}).encode())
        for n in range(count)
    ]


class SeeingEngine:
    """Plays `FaceEngine`."""

    def __init__(self) -> None:
        self.judged: list[FaceAction] = []
        self.mend()

    def mend(self) -> None:
        """Everything works again."""
        self.failure: Exception | None = None
        self.delay = 0.0
        self.report: FrameReport | None = None

    async def judge(self, action: FaceAction, frames: Sequence[tuple[int, bytes]]) -> FrameReport:
        """OK when the person does what was asked."""
        self.judged.append(action)
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        if self.report:
            return self.report
        shown = [json.loads(jpeg[3:]) for _, jpeg in frames]
        faces = tuple(len(frame["who"].split("+")) for frame in shown)
        if max(faces) > 1:
            return FrameReport(FrameVerdict.SEVERAL_FACES, faces)
        if shown[0]["does"] in list(FrameVerdict):
            return FrameReport(FrameVerdict(shown[0]["does"]), faces)
        if shown[0]["does"] != action.value:
            return FrameReport(FrameVerdict.ACTION_NOT_SEEN, faces, (embedding(shown[0]["who"]),))
        return FrameReport(FrameVerdict.OK, faces, (embedding(shown[0]["who"]),), {"brightness": 120.0})

    async def embed(self, image: bytes) -> bytes | None:
        """Of an image that says who is in it."""
        if self.failure:
            raise self.failure
        who = image.decode()
        return None if who == "nobody" else embedding(who)
