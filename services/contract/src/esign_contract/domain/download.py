"""The one download that a person has of a completed contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from esign_contract.domain import refusals


class DownloadState(StrEnum):
    """Where an attempt to download stands. An open one whose lease is over counts as given back."""

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
    """One attempt of one person with one contract."""

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
    """Let `opened` follow earlier attempts; lapsed ones are given back. Raises Conflict."""
    match availability(attempts, opened.opened_at):
        case Availability.USED:
            raise refusals.download_already_used()
        case Availability.OPEN:
            raise refusals.download_in_progress()
    _give_back(attempts, opened.opened_at)


def new_download(download_id: str, contract_id: str, person_id: str, now: datetime, lease: timedelta) -> Download:
    """An attempt that starts now and has to be finished within `lease`."""
    return Download(download_id, contract_id, person_id, DownloadState.OPEN, now, now + lease)


def finish_download(attempts: Sequence[Download], finished: Download, *, whole: bool, now: datetime) -> bool:
    """Close `finished`, one of `attempts`: used up when the file arrived whole, else given back. True when it is used up now.

    Finishing again changes nothing. A file that arrived whole after its lease counts all the same.
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
