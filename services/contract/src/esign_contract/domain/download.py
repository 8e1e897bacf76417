"""The one download that a person has of a completed contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from esign_contract.domain import refusals


class DownloadState(StrEnum):
    """Where an attempt to download stands."""

    OPEN = "OPEN"
    USED = "USED"
    GIVEN_BACK = "GIVEN_BACK"


class Availability(StrEnum):
    """Whether the one download is still there; see `esign.contract.v1.DownloadState`."""

    NOT_YET = "NOT_YET"
    AVAILABLE = "AVAILABLE"
    OPEN = "OPEN"
    USED = "USED"


@dataclass(slots=True)
class Download:
    """One attempt of one person with one contract. While it is open, no other may take its place before `lease_until`."""

    download_id: str
    contract_id: str
    person_id: str
    state: DownloadState
    opened_at: datetime
    lease_until: datetime
    finished_at: datetime | None = None


def availability(attempts: Sequence[Download], now: datetime) -> Availability:
    """What a person's attempts at a completed contract leave."""
    if any(attempt.state is DownloadState.USED for attempt in attempts):
        return Availability.USED
    if any(attempt.state is DownloadState.OPEN and now < attempt.lease_until for attempt in attempts):
        return Availability.OPEN
    return Availability.AVAILABLE


def open_download(attempts: Sequence[Download], opened: Download) -> None:
    """Let `opened` take the place of earlier attempts. Raises Conflict while one is claimed, or after one was used."""
    match availability(attempts, opened.opened_at):
        case Availability.USED:
            raise refusals.download_already_used()
        case Availability.OPEN:
            wait = max(a.lease_until for a in attempts if a.state is DownloadState.OPEN) - opened.opened_at
            raise refusals.download_in_progress(max(1, -int(-wait.total_seconds() // 1)))
    _give_back(attempts, opened.opened_at)


def new_download(download_id: str, contract_id: str, person_id: str, now: datetime) -> Download:
    """An attempt that starts now. Until it is claimed, another may take its place."""
    return Download(download_id, contract_id, person_id, DownloadState.OPEN, now, now)


def claim_download(attempts: Sequence[Download], claimed: Download, now: datetime, lease: timedelta) -> None:
    """Keep others from taking the place of `claimed`, one of `attempts`, for `lease`: its last part goes out.

    As nobody has the file whole without its last part, and only one attempt is open at a time, nobody gets it twice by
    starting twice. Raises Conflict when it was used, or another has taken its place.
    """
    if availability(attempts, now) is Availability.USED:
        raise refusals.download_already_used()
    if claimed.state is not DownloadState.OPEN:
        raise refusals.download_replaced()
    claimed.lease_until = now + lease


def finish_download(attempts: Sequence[Download], finished: Download, *, whole: bool, now: datetime) -> bool:
    """Close `finished`, one of `attempts`: used up when the file arrived whole, else given back. True when it is used up now.

    Finishing again changes nothing. A file that arrived whole counts even when another attempt has taken its place.
    """
    if finished.state is DownloadState.USED or availability(attempts, now) is Availability.USED:
        return False
    if not whole:
        if finished.state is DownloadState.OPEN:
            _give_back([finished], now)
        return False
    _give_back([attempt for attempt in attempts if attempt is not finished], now)
    finished.state, finished.finished_at = DownloadState.USED, now
    return True


def _give_back(attempts: Sequence[Download], now: datetime) -> None:
    for attempt in attempts:
        if attempt.state is DownloadState.OPEN:
            attempt.state, attempt.finished_at = DownloadState.GIVEN_BACK, now
