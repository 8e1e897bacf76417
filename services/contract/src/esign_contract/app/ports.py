"""What the use cases need from outside, as they need it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from esign.evidence.v1.evidence_pb2 import ContractEvidence
from esign.identity.v1.identity_pb2 import Verification
from esign_kit.refs import ObjectRef

from esign_contract.domain.contract import Activation, Confirmation, Contract, Party
from esign_contract.domain.document import Document, TakenIn
from esign_contract.domain.download import Download
from esign_contract.domain.events import DomainEvent
from esign_contract.domain.places import Found, Words


class PersonList(Enum):
    """Which of a person's contracts."""

    PENDING = "PENDING"
    SIGNED = "SIGNED"


@dataclass(frozen=True, slots=True)
class DueParty:
    """A policy whose turn has come; `traceparent` (W3C Trace Context) is of what brought it about, if known."""

    contract_id: str
    party_id: str
    traceparent: str


class Records(Protocol):
    """The service's rows within one transaction."""

    async def contract(self, contract_id: str, *, lock: bool = False) -> Contract | None:
        """The contract; locked until the transaction ends when asked."""
        ...

    async def contract_by_number(self, system: str, document_number: str) -> Contract | None:
        """A system's contract by its number."""
        ...

    async def add_contract(self, contract: Contract) -> bool:
        """Store a new contract and its events; False, with nothing stored, when the system's number is taken."""
        ...

    async def save_contract(self, contract: Contract) -> None:
        """Store a changed contract, read with `lock`, and its events."""
        ...

    async def contracts_of(
        self, person_id: str, which: PersonList, offset: int, limit: int
    ) -> tuple[list[Contract], int]:
        """A piece of a person's list, newest first, and how long the list is."""
        ...

    async def overdue(self, now: datetime, limit: int) -> list[Contract]:
        """Contracts that a person should have signed by now, locked; those that others hold are passed over."""
        ...

    async def claim_countersigning(self, now: datetime, until: datetime, limit: int) -> list[DueParty]:
        """Policies that are due, now due again at `until`; others' claims are passed over."""
        ...

    async def document(self, system: str, document_id: str) -> Document | None:
        """A system's document."""
        ...

    async def document_by_upload(self, system: str, upload_sha256: str) -> Document | None:
        """A system's document by the bytes that came."""
        ...

    async def add_document(self, document: Document) -> bool:
        """Store a new document; False when the system has uploaded the same bytes already."""
        ...

    async def downloads(self, person_id: str, contract_ids: Sequence[str]) -> list[Download]:
        """A person's attempts to download."""
        ...

    async def add_download(self, download: Download) -> None:
        """Store a new attempt."""
        ...

    async def save_download(self, download: Download) -> None:
        """Store a changed attempt."""
        ...

    async def emit(self, event: DomainEvent) -> None:
        """Publish an event with this commit."""
        ...


Begin = Callable[[], AbstractAsyncContextManager[Records]]
"""Opens a transaction that commits when its block ends well."""

Look = Callable[[], AbstractAsyncContextManager[Records]]
"""Opens a transaction that only reads, and what it reads is of one moment: a contract and its parties belong together."""


@dataclass(frozen=True, slots=True)
class SealFacts:
    """A seal, as the signer knows it. One of the two owners is set; `size` is its natural width and height, in
    thousandths of a point."""

    sha256: str
    active: bool
    owner_person_id: str
    owner_organisation: str
    size: tuple[int, int]


class People(Protocol):
    """Identity, as far as contracts need it."""

    async def names(self, person_ids: Sequence[str]) -> dict[str, str]:
        """Names by id. Raises NotFound when one is unknown, Unavailable, TimedOut."""
        ...

    async def start_verification(self, contract: Contract, party: Party) -> Verification:
        """Open the acting person's verification for the contract's present document."""
        ...

    async def activate_person(
        self, contract: Contract, party: Party, wanted: Confirmation, seal_sha256: str
    ) -> Activation:
        """Turn the acting person's verification into the activation of one signature; the same again is the same one."""
        ...

    async def activate_policy(
        self, contract: Contract, party: Party, wanted: Confirmation, seal_sha256: str
    ) -> Activation:
        """Have the party's policy activated. Raises Unavailable while identity does not know of the last signature."""
        ...


class Seals(Protocol):
    """The signer, as far as contracts need it."""

    def expect(self, document: ObjectRef) -> None:
        """Tells it of a document that will be signed soon. Nobody waits for it, and nothing fails without it."""
        ...

    async def get(self, seal_id: str) -> SealFacts:
        """Raises NotFound."""
        ...


class Evidence(Protocol):
    """The evidence service, as far as contracts need it."""

    async def of_contract(self, contract_id: str) -> ContractEvidence:
        """Raises NotFound while there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """A URL by which its bearer may fetch one exact object until it expires."""

    url: str
    expires_at: datetime
    content_type: str
    size: int
    sha256: str


class Files(Protocol):
    """The object store. Raises Unavailable when it does not answer."""

    async def store_document(self, document_id: str, path: Path, sha256: str) -> ObjectRef:
        """Store a clean PDF, locked for its retention time."""
        ...

    async def fetch(self, ref: ObjectRef, path: Path) -> None:
        """Fetch exactly this version."""
        ...

    async def link_document(self, ref: ObjectRef, file_name: str) -> Link:
        """A short-lived link to download a PDF."""
        ...

    async def find_image(self, document_sha256: str, page: int, width: int, mark: str) -> ObjectRef | None:
        """A page's image, when it was drawn before with this watermark."""
        ...

    async def store_image(self, document_sha256: str, page: int, width: int, mark: str, path: Path) -> ObjectRef:
        """Keep a page's image."""
        ...

    async def link_image(self, ref: ObjectRef) -> Link:
        """A short-lived link to show an image."""
        ...


class PdfWork(Protocol):
    """Work on PDFs, done where a hostile file does no harm."""

    async def take_in(self, source: Path, target: Path) -> TakenIn:
        """Write what is to be signed to `target`. Raises InvalidInput with the document's refusal."""
        ...

    async def render(self, source: Path, target: Path, pages: list[int], width: int, mark: str = "") -> dict[int, str]:
        """Draw pages into the folder `target` as <page>.webp, with `mark` all over. Raises Conflict PREVIEW_FAILED."""
        ...

    async def search(self, source: Path, words: Sequence[Words]) -> list[Found]:
        """Look for words on pages; what was found of each. Raises InvalidInput KEYWORD_SEARCH_FAILED."""
        ...


Chunks = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What is taken of a document: bytes in all, bytes in a chunk, uploads at a time."""

    document_bytes: int
    chunk_bytes: int
    at_a_time: int
