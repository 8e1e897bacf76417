"""Following a verification while somebody looks at it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from esign_kit.context import remaining

from esign_identity.app.faces import FaceChecks
from esign_identity.app.verifications import Verifications, VerificationView
from esign_identity.domain.face import FaceCheckState
from esign_identity.domain.verification import Holder, VerificationState

POLL_SECONDS = 1.0
_GOES_ON = frozenset({VerificationState.SMS_PENDING, VerificationState.FACE_PENDING})
_NO_DEADLINE = 3600.0


class Watch:
    """Reads a verification again and again, and has its face check looked after, for the phone may never come back."""

    def __init__(self, verifications: Verifications, faces: FaceChecks, poll_seconds: float) -> None:
        self._verifications, self._faces, self._poll = verifications, faces, poll_seconds

    async def follow(self, holder: Holder, verification_id: str) -> AsyncIterator[VerificationView]:
        """As it stands, and after every change, until it is decided or just before the caller's deadline. Raises NotFound."""
        asking: asyncio.Task[None] | None = None
        shown: VerificationView | None = None
        try:
            while True:
                view = await self._verifications.get(holder, verification_id)
                if view != shown:
                    yield view
                    shown = view
                if view.verification.state not in _GOES_ON or remaining(_NO_DEADLINE) < self._poll + 0.5:
                    return
                if view.face and view.face.state is FaceCheckState.SCANNED and (asking is None or asking.done()):
                    if asking:
                        # What went wrong ends the watch, as it would any call.
                        asking.result()
                    asking = asyncio.create_task(self._faces.look_after(view.face))
                await asyncio.sleep(self._poll)
        finally:
            if asking:
                asking.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await asking
