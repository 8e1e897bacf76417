"""Image captchas: asked for before an SMS is sent once a client or a phone has had several."""

import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from esign_kit.errors import EsignError

from esign_identity.domain import refusals
from esign_identity.domain.codes import HOUR

# Without those that look alike: 0 O Q D, 1 I L, 2 Z, 5 S, 8 B, U V.
_LETTERS = "34679ACEFGHJKMNPRTWXY"
_LENGTH = 5


@dataclass(frozen=True, slots=True)
class CaptchaRules:
    """How long a captcha can be answered, how many a client may have, and from when on one is asked for.

    `after_address_codes` counts the codes that a client address asked for within an hour, `after_phone_codes` those of a
    phone that nobody used.
    """

    lifetime: timedelta = timedelta(minutes=2)
    per_address_hour: int = 60
    after_address_codes: int = 3
    after_phone_codes: int = 2


@dataclass(frozen=True, slots=True)
class Captcha:
    """A captcha as it is kept: of its answer only a keyed digest that is bound to `captcha_id`."""

    captcha_id: str
    digest: bytes
    created_at: datetime
    expires_at: datetime


class CaptchaCheck(StrEnum):
    """What answering a captcha came to."""

    RIGHT = "RIGHT"
    WRONG = "CAPTCHA_WRONG"
    EXPIRED = "CAPTCHA_EXPIRED"
    REUSED = "CAPTCHA_REUSED"
    UNKNOWN = "CAPTCHA_UNKNOWN"


def new_answer() -> str:
    """What the picture shows: five letters and digits, each as likely as any other."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def normalise_answer(text: str) -> str:
    """What a person typed, without white space, in capitals; full-width characters become ASCII."""
    return "".join(unicodedata.normalize("NFKC", text[:64]).split()).upper()


def check_answer(captcha: Captcha, typed_digest: bytes, now: datetime) -> CaptchaCheck:
    """Compare in constant time what was typed."""
    right = hmac.compare_digest(typed_digest, captcha.digest)
    if now >= captcha.expires_at:
        return CaptchaCheck.EXPIRED
    return CaptchaCheck.RIGHT if right else CaptchaCheck.WRONG


def creation_limit(times: Sequence[datetime], now: datetime, rules: CaptchaRules) -> EsignError | None:
    """Why a client that had captchas at `times` within the last hour gets no further one; None when it does."""
    if len(times) < rules.per_address_hour:
        return None
    wait = sorted(times)[-rules.per_address_hour] + HOUR - now
    return refusals.address_limit(max(1, -int(-wait.total_seconds() // 1)))
