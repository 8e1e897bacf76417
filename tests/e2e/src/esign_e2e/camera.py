"""The phone's part of a face check without a browser: a vendor's page, or what our own channel asks before the camera."""

import asyncio
import time
from typing import Any, Final

from esign_e2e.doors import Phone
from esign_e2e.face_clip import EYES_CLOSED, FRONTAL, LEFT, MOUTH_OPEN, RIGHT, Portrait, Pose, frame, live

Json = dict[str, Any]

POSES: Final = {
    "look": FRONTAL,
    "blink": EYES_CLOSED,
    "turn_left": LEFT,
    "turn_right": RIGHT,
    "open_mouth": MOUTH_OPEN,
}


async def face(phone: Phone, url: str, relay: Json, portrait: Portrait | None) -> None:
    """Do on the phone what the check behind `url` takes, `relay` being how the phone found it: press 通过 at a vendor, which
    photographs the portrait if there is one; before our own camera do what is asked, as long as it takes.

    Raises AssertionError naming why the person was not recognised, Refused.
    """
    if relay["vendor_url"]:
        await phone.pass_at_vendor(relay["vendor_url"], photo=frame(portrait, FRONTAL) if portrait else None)
        return
    while challenge := relay["challenge"]:
        relay = await _answer(phone, url, challenge, portrait or Portrait.ASTRONAUT)
    if relay["state"] != "passed":
        raise AssertionError(f"our own face channel says {relay['state']}: {relay['reason']}")


async def _answer(phone: Phone, url: str, challenge: Json, portrait: Portrait) -> Json:
    shown = time.monotonic()
    pose: Pose = POSES[challenge["action"]]
    clip = await asyncio.to_thread(live, portrait, pose, fps=8, hold=0.5, move=0.25)
    # A camera is not done before the last frame.
    await asyncio.sleep(shown + clip[-1][0] / 1000 - time.monotonic())
    form = {"nonce": challenge["nonce"], "at_ms": [str(at) for at, _ in clip]}
    frames = [("frames", ("frame.jpg", jpeg, "image/jpeg")) for _, jpeg in clip]
    return await phone.json("POST", f"/face-relays/{url.rpartition('/f/')[2]}/frames", data=form, files=frames)
