"""What the use cases need from outside."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from esign_kit.refs import ObjectRef

from esign_evidence.domain.anchor import Anchor, Block, Finding
from esign_evidence.domain.checkpoint import Checkpoint
from esign_evidence.domain.record import Event, LoggedEvent
from esign_evidence.domain.tiles import Tile


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and its note."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """A completed contract's evidence so far. `text` is empty while it is collected; `package` unset until built."""

    contract_id: str
    text: bytes = b""
    text_hash: str = ""
    document_sha256: str = ""
    tree_size: int = 0
    package: ObjectRef | None = None
    attempts: int = 0
    # W3C Trace Context of the completion.
    traceparent: str = ""


class Appender(Protocol):
    """The log within the transaction of the event that is appended."""

    async def append(self, event: Event) -> int:
        """Gives the event the next index, which no other event ever gets; a rollback takes it back. Returns it.

        An event that the log has already keeps its index.
        """
        ...

    async def open_dossier(self, contract_id: str, now: datetime) -> None:
        """Marks a contract's evidence as due, once."""
        ...


class LogReader(Protocol):
    """The log as rows."""

    async def newest(self) -> SignedCheckpoint | None:
        """The newest published checkpoint."""
        ...

    async def hashes(self, level: int, start: int, count: int) -> list[bytes]:
        """Consecutive hashes of a tile level; of level 1 and above only those of full tiles that were published."""
        ...


class Publication(LogReader, Protocol):
    """The log while its next checkpoint is made; nobody else makes one meanwhile. Nothing holds until the block has ended."""

    async def size(self) -> int:
        """How many leaves the log has."""
        ...

    async def entries(self, start: int, count: int) -> list[bytes]:
        """Consecutive log entries."""
        ...

    async def add_hashes(self, level: int, start: int, hashes: Sequence[bytes]) -> None:
        """Keeps hashes of level 1 or above; those that are there stay."""
        ...

    async def add_checkpoint(self, signed: SignedCheckpoint) -> None:
        """Makes a checkpoint the newest."""
        ...


class LogStore(Protocol):
    """The log's rows."""

    async def superseded(self, limit: int) -> tuple[list[Tile], int] | None:
        """The partial tiles that the next full level 0 tiles (at most `limit`) have replaced, and the index where those end.

        None when no full tile is left to prune.
        """
        ...

    async def pruned(self, below: int) -> None:
        """Remembers that full level 0 tiles with an index below `below` have no partial ones left."""
        ...

    def publication(self) -> AbstractAsyncContextManager[Publication | None]:
        """One transaction that makes a checkpoint; None while another replica makes one."""
        ...

    def reading(self) -> AbstractAsyncContextManager[LogReader]:
        """One read-only transaction."""
        ...


class LogObjects(Protocol):
    """The log as its readers fetch it: C2SP tlog-tiles in the object store."""

    async def put_tile(self, path: str, content: bytes, *, full: bool) -> None:
        """Stores a tile or entry bundle (path below `tile/`); full ones are immutable. Once stored, it never changes.

        Raises Internal LOG_OBJECT_DIFFERS when another content is there.
        """
        ...

    async def get_tile(self, path: str) -> bytes:
        """Raises NotFound."""
        ...

    async def drop_tile(self, path: str) -> None:
        """Deletes a partial tile or bundle; no error when there is none."""
        ...

    async def put_checkpoint(self, note: str) -> None:
        """Replaces the published checkpoint."""
        ...


class PackageObjects(Protocol):
    """Evidence packages in the object store."""

    async def put_package(self, contract_id: str, content: bytes) -> ObjectRef:
        """Stores a package; the same content again is the same object."""
        ...

    async def get_package(self, ref: ObjectRef) -> bytes:
        """Exactly this version. Raises NotFound, Internal when it was altered."""
        ...

    async def presign(self, ref: ObjectRef, contract_id: str, ttl: timedelta) -> str:
        """A URL by which its bearer may fetch the package until `ttl` is over."""
        ...


class Chain(Protocol):
    """The judicial chain. Every method raises Unavailable when it does not answer in time, or refuses."""

    async def open_transaction(self) -> str:
        """A new 存证事务: the id under which contents are deposited."""
        ...

    async def deposit(self, transaction_id: str, phase: str, content: str) -> str:
        """Deposits a text; returns the transaction's hash, 64 hex digits. The same again is another transaction."""
        ...

    async def look_up(self, tx_hash: str, content: str) -> Finding:
        """Whether the chain holds `content` in that transaction, and in which block."""
        ...


class AnchorStore(Protocol):
    """Anchors' rows; each method is one transaction. Changes hold only while the anchor is in the state they start from."""

    async def queue_checkpoint(self, now: datetime, interval: timedelta) -> bool:
        """Queues the newest checkpoint unless one is under way, `interval` has not passed, or it holds nothing new."""
        ...

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> Sequence[Anchor]:
        """Takes due anchors that are not confirmed; nobody else gets them until `lease` is over."""
        ...

    async def opened(self, anchor_id: str, transaction_id: str) -> None:
        """Keeps the transaction's id before anything is deposited under it."""
        ...

    async def submitted(self, anchor_id: str, tx_hash: str, now: datetime) -> bool:
        """QUEUED → SUBMITTED; false when another replica was first."""
        ...

    async def confirmed(self, anchor: Anchor, block: Block) -> bool:
        """SUBMITTED → CONFIRMED, with its event; false when another replica was first."""
        ...

    async def requeue(self, anchor: Anchor, now: datetime) -> None:
        """SUBMITTED → QUEUED: the chain has lost the transaction."""
        ...

    async def wait(self, anchor_id: str, until: datetime, error: str) -> None:
        """Tries again at `until`; `error` is a stable code for people who look."""
        ...


class DossierStore(Protocol):
    """Dossiers' rows; each method is one transaction."""

    async def claim(self, now: datetime, limit: int, lease: timedelta) -> Sequence[Dossier]:
        """Takes due dossiers that are not packaged; nobody else gets them until `lease` is over."""
        ...

    async def events(self, contract_id: str, below: int) -> list[LoggedEvent]:
        """The contract's records with an index below `below`, in order."""
        ...

    async def written(
        self, contract_id: str, text: bytes, text_hash: str, document_sha256: str, tree_size: int, now: datetime
    ) -> None:
        """Keeps the text evidence and queues its anchor, unless there is a text already."""
        ...

    async def packaged(self, dossier: Dossier, anchor: Anchor, package: ObjectRef, now: datetime) -> bool:
        """Keeps the package, with its event; false when another replica was first."""
        ...

    async def wait(self, contract_id: str, until: datetime, reason: str) -> None:
        """Tries again at `until`; `reason` says what is waited for."""
        ...

    async def anchor(self, contract_id: str) -> Anchor | None:
        """The anchor of the contract's text evidence."""
        ...

    async def note(self, tree_size: int) -> str:
        """The checkpoint's note at this size."""
        ...


class Answers(Protocol):
    """Read-only questions."""

    async def of_contract(self, contract_id: str) -> tuple[Dossier, Anchor | None] | None:
        """A contract's evidence."""
        ...

    async def of_number(self, evidence_number: str) -> tuple[Dossier, Anchor] | None:
        """The evidence behind a 统一证据编号."""
        ...
