"""One download, and not one more."""

from datetime import timedelta

import pytest
from esign_contract.domain.download import (
    Availability,
    Download,
    DownloadState,
    availability,
    finish_download,
    new_download,
    open_download,
)
from esign_kit.errors import Conflict

from .samples import ANNA, NOW

LEASE = timedelta(minutes=10)
LAPSED = NOW + LEASE


def opened(attempts: list[Download], at: timedelta = timedelta(0)) -> Download:
    download = new_download(f"download-{len(attempts)}", "contract-1", ANNA, NOW + at, LEASE)
    open_download(attempts, download)
    attempts.append(download)
    return download


def test_a_download_that_arrived_whole_is_used_up() -> None:
    attempts: list[Download] = []
    assert availability(attempts, NOW) is Availability.AVAILABLE
    first = opened(attempts)
    assert availability(attempts, NOW) is Availability.OPEN
    assert finish_download(attempts, first, whole=True, now=NOW)
    assert availability(attempts, NOW) is Availability.USED
    with pytest.raises(Conflict, match="DOWNLOAD_ALREADY_USED"):
        opened(attempts)


def test_finishing_again_changes_nothing() -> None:
    attempts: list[Download] = []
    first = opened(attempts)
    finish_download(attempts, first, whole=True, now=NOW)
    for whole in (True, False):
        assert not finish_download(attempts, first, whole=whole, now=NOW)
        assert first.state is DownloadState.USED


def test_one_that_broke_off_is_given_back() -> None:
    attempts: list[Download] = []
    assert not finish_download(attempts, opened(attempts), whole=False, now=NOW)
    assert availability(attempts, NOW) is Availability.AVAILABLE
    second = opened(attempts)
    assert finish_download(attempts, second, whole=True, now=NOW)


def test_a_second_waits_for_the_first_until_its_lease_is_over() -> None:
    attempts: list[Download] = []
    opened(attempts)
    with pytest.raises(Conflict, match="DOWNLOAD_IN_PROGRESS"):
        opened(attempts, LEASE - timedelta(microseconds=1))
    opened(attempts, LEASE)
    assert [a.state for a in attempts] == [DownloadState.GIVEN_BACK, DownloadState.OPEN]


def test_two_copies_cannot_be_had_by_being_slow() -> None:
    attempts: list[Download] = []
    slow = opened(attempts)
    second = opened(attempts, LEASE)
    assert finish_download(attempts, slow, whole=True, now=LAPSED)
    assert [a.state for a in attempts] == [DownloadState.USED, DownloadState.GIVEN_BACK]
    assert not finish_download(attempts, second, whole=True, now=LAPSED)
    assert availability(attempts, LAPSED) is Availability.USED
