"""One download, and not one more."""

from datetime import timedelta

import pytest
from esign_contract.domain.download import (
    Availability,
    Download,
    DownloadState,
    availability,
    claim_download,
    finish_download,
    new_download,
    open_download,
)
from esign_kit.errors import Conflict

from .samples import ANNA, NOW

LEASE = timedelta(seconds=20)
LAPSED = NOW + LEASE


def opened(attempts: list[Download], at: timedelta = timedelta(0)) -> Download:
    download = new_download(f"download-{len(attempts)}", "contract-1", ANNA, NOW + at)
    open_download(attempts, download)
    attempts.append(download)
    return download


def test_a_download_that_arrived_whole_is_used_up() -> None:
    attempts: list[Download] = []
    assert availability(attempts, NOW) is Availability.AVAILABLE
    first = opened(attempts)
    assert availability(attempts, NOW) is Availability.AVAILABLE
    claim_download(attempts, first, NOW, LEASE)
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


def test_a_second_takes_the_place_of_the_first_until_that_is_claimed() -> None:
    attempts: list[Download] = []
    first, second = opened(attempts), opened(attempts)
    assert [a.state for a in attempts] == [DownloadState.GIVEN_BACK, DownloadState.OPEN]
    with pytest.raises(Conflict, match="DOWNLOAD_REPLACED"):
        claim_download(attempts, first, NOW, LEASE)
    for _ in range(2):
        claim_download(attempts, second, NOW, LEASE)
    with pytest.raises(Conflict, match="DOWNLOAD_IN_PROGRESS") as refused:
        opened(attempts, timedelta(seconds=1.5))
    assert refused.value.metadata == {"retry_after_seconds": "19"}


def test_a_claim_of_which_nothing_is_heard_runs_out() -> None:
    attempts: list[Download] = []
    claim_download(attempts, opened(attempts), NOW, LEASE)
    with pytest.raises(Conflict, match="DOWNLOAD_IN_PROGRESS"):
        opened(attempts, LEASE - timedelta(microseconds=1))
    opened(attempts, LEASE)
    assert [a.state for a in attempts] == [DownloadState.GIVEN_BACK, DownloadState.OPEN]


def test_one_that_broke_off_after_the_claim_is_given_back_at_once() -> None:
    attempts: list[Download] = []
    first = opened(attempts)
    claim_download(attempts, first, NOW, LEASE)
    assert not finish_download(attempts, first, whole=False, now=NOW)
    with pytest.raises(Conflict, match="DOWNLOAD_REPLACED"):
        claim_download(attempts, first, NOW, LEASE)
    opened(attempts)


def test_two_copies_cannot_be_had_by_being_slow() -> None:
    attempts: list[Download] = []
    slow = opened(attempts)
    claim_download(attempts, slow, NOW, LEASE)
    second = opened(attempts, LEASE)
    assert finish_download(attempts, slow, whole=True, now=LAPSED)
    assert [a.state for a in attempts] == [DownloadState.USED, DownloadState.GIVEN_BACK]
    with pytest.raises(Conflict, match="DOWNLOAD_ALREADY_USED"):
        claim_download(attempts, second, LAPSED, LEASE)
    assert not finish_download(attempts, second, whole=True, now=LAPSED)
    assert availability(attempts, LAPSED) is Availability.USED
