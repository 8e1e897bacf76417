"""One-time codes by SMS: how they are made, how often, and when one is right."""

import hmac
import ipaddress
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from esign_kit.errors import EsignError

from esign_identity.domain import refusals

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class CodePurpose(StrEnum):
    """What a code is for."""

    LOGIN = "LOGIN"
    SIGNING = "SIGNING"


class CodeState(StrEnum):
    """SENDING: promised to the phone, not yet taken by the notifier. DEAD: guessed at too often."""

    SENDING = "SENDING"
    SENT = "SENT"
    USED = "USED"
    DEAD = "DEAD"


class CodeCheck(StrEnum):
    """What typing a code came to."""

    RIGHT = "RIGHT"
    WRONG = "WRONG"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"


@dataclass(frozen=True, slots=True)
class CodeRules:
    """Limits of one purpose's codes. `per_address_hour` counts requests of one client address, 0 is no limit."""

    lifetime: timedelta = timedelta(minutes=5)
    attempts: int = 5
    interval: timedelta = timedelta(seconds=60)
    per_phone_day: int = 10
    per_address_hour: int = 30
    # After a crash while sending, the promise stops counting against the phone.
    sending_grace: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code as it is kept: never itself, only a keyed digest that is bound to `code_id`.

    `code_id` is the id of the message that carries it, `verification_id` is empty for a login.
    """

    code_id: str
    purpose: CodePurpose
    verification_id: str
    digest: bytes
    created_at: datetime
    expires_at: datetime
    state: CodeState = CodeState.SENDING
    attempts: int = 0

    def check(self, typed_digest: bytes, now: datetime, rules: CodeRules) -> tuple[CodeCheck, "OneTimeCode"]:
        """Compare what was typed, in constant time; with the code as it is afterwards: used, or nearer its end."""
        right = hmac.compare_digest(typed_digest, self.digest)
        if self.state is CodeState.DEAD:
            return CodeCheck.EXHAUSTED, self
        if self.state is CodeState.USED or now >= self.expires_at:
            return CodeCheck.EXPIRED, self
        if right:
            return CodeCheck.RIGHT, replace(self, state=CodeState.USED)
        attempts = self.attempts + 1
        dead = attempts >= rules.attempts
        after = replace(self, attempts=attempts, state=CodeState.DEAD if dead else self.state)
        return CodeCheck.EXHAUSTED if dead else CodeCheck.WRONG, after


def new_code() -> str:
    """Six decimal digits, each as likely as any other."""
    return f"{secrets.randbelow(1_000_000):06d}"


def parse_code(text: str) -> str:
    """What a person typed, as six ASCII digits. Raises InvalidInput CODE_MALFORMED."""
    code = "".join(unicodedata.normalize("NFKC", text).split())
    if not re.fullmatch(r"[0-9]{6}", code):
        raise refusals.code_malformed()
    return code


def parse_client_address(text: str) -> str:
    """The part of a client's address that one subscriber holds: an IPv4 address, or an IPv6 /64.

    Raises InvalidInput CLIENT_ADDRESS_INVALID.
    """
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        raise refusals.client_address_invalid() from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, 64), strict=False).network_address)
    return str(address)


def limit(
    phone_times: Sequence[datetime], address_times: Sequence[datetime], now: datetime, rules: CodeRules
) -> EsignError | None:
    """Why no further code may go out now; None when one may.

    `phone_times` are the codes of the last day to this phone, `address_times` those of the last hour for this client.
    """
    if phone_times and (wait := max(phone_times) + rules.interval - now) > timedelta(0):
        return refusals.code_too_soon(_seconds(wait))
    if len(phone_times) >= rules.per_phone_day:
        return refusals.code_daily_limit(_seconds(sorted(phone_times)[-rules.per_phone_day] + DAY - now))
    if rules.per_address_hour and len(address_times) >= rules.per_address_hour:
        return refusals.address_limit(_seconds(sorted(address_times)[-rules.per_address_hour] + HOUR - now))
    return None


def _seconds(wait: timedelta) -> int:
    """Whole seconds, rounded up, at least one."""
    return max(1, -int(-wait.total_seconds() // 1))
