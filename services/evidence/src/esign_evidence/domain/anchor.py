"""Anchors: contents on their way into the judicial chain. QUEUED → SUBMITTED → CONFIRMED, never back once confirmed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# The chain may have lost a transaction that it cannot find for so long; the same content is deposited again.
LOST_AFTER = timedelta(minutes=10)
_FIRST_DELAY = timedelta(seconds=0.5)
_LONGEST_DELAY = timedelta(minutes=5)


class AnchorKind(StrEnum):
    """What is anchored: a checkpoint of the log (its note), or a contract's text evidence (its hash)."""

    CHECKPOINT = "CHECKPOINT"
    CONTRACT = "CONTRACT"


class AnchorState(StrEnum):
    """How far an anchor has come."""

    QUEUED = "QUEUED"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"


@dataclass(frozen=True, slots=True)
class Block:
    """The block that holds a transaction."""

    hash: str
    height: int
    time: datetime
    transaction_id: str


class Verdict(StrEnum):
    """What the chain says of a transaction and a content."""

    HELD = "HELD"
    # Not in a block (yet), or unknown: the chain does not tell the two apart.
    NOT_FOUND = "NOT_FOUND"
    DIFFERS = "DIFFERS"


@dataclass(frozen=True, slots=True)
class Finding:
    """The chain's answer; `block` is there when HELD."""

    verdict: Verdict
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """One content's anchor. `subject` is the contract's id, or the checkpoint's size; `content` is what the chain stores."""

    anchor_id: str
    kind: AnchorKind
    subject: str
    content: str
    state: AnchorState
    transaction_id: str = ""
    tx_hash: str = ""
    block_hash: str = ""
    block_height: int = 0
    anchored_at: datetime | None = None
    submitted_at: datetime | None = None
    attempts: int = 0

    def lost(self, now: datetime) -> bool:
        """Whether a submitted transaction that the chain cannot find counts as lost."""
        return self.submitted_at is not None and now - self.submitted_at > LOST_AFTER


def retry_delay(attempts: int) -> timedelta:
    """Pause after `attempts` attempts: half a second, doubled each time, five minutes at most."""
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempts, 16))
