"""What the use cases need of the world outside them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from google.protobuf.message import Message

from esign_identity.app.face_ports import Faces
from esign_identity.app.login_ports import Captchas, Sessions, Signers, SignOns, Tickets
from esign_identity.domain.activation import Activation, SignedDocument
from esign_identity.domain.codes import CodePurpose, OneTimeCode
from esign_identity.domain.face import FaceAnswer
from esign_identity.domain.liveness import FaceAction, FrameReport
from esign_identity.domain.organisation import CountersignPolicy, Organisation
from esign_identity.domain.person import Person
from esign_identity.domain.verification import Verification


class People(Protocol):
    """Registered individuals."""

    async def get(self, person_id: str) -> Person | None:
        """By id."""

    async def get_many(self, person_ids: Sequence[str]) -> Mapping[str, Person]:
        """Those of the ids that exist."""

    async def by_id_number(self, id_number: str) -> Person | None:
        """By normalised ID number."""

    async def by_phone(self, phone: str) -> Person | None:
        """By normalised phone."""

    async def add(self, person: Person, system: str, now: datetime) -> None:
        """Keep a new person, registered by `system`."""

    async def update_contact(self, person: Person, now: datetime) -> None:
        """Replace phone and e-mail."""


class Organisations(Protocol):
    """Organisations and their countersign policies."""

    async def get(self, organisation_id: str) -> Organisation | None:
        """By id."""

    async def get_many(self, organisation_ids: Sequence[str]) -> Mapping[str, Organisation]:
        """Those of the ids that exist."""

    async def by_code(self, unified_social_credit_code: str) -> Organisation | None:
        """By normalised code."""

    async def add(self, organisation: Organisation, now: datetime) -> None:
        """Keep a new organisation."""

    async def policy(self, policy_id: str) -> CountersignPolicy | None:
        """The latest version of a policy."""

    async def add_policy(self, policy: CountersignPolicy, now: datetime) -> None:
        """Keep a new version."""


class Codes(Protocol):
    """One-time codes, and what people did with them."""

    async def times_for_phone(
        self, purpose: CodePurpose, phone: str, since: datetime, abandoned_before: datetime
    ) -> list[datetime]:
        """When codes were made for a phone, without those still being sent that were made before `abandoned_before`."""

    async def times_for_address(self, address: str, since: datetime) -> list[datetime]:
        """When codes were asked for from a client address."""

    async def unused_for_phone(self, phone: str, since: datetime, abandoned_before: datetime) -> int:
        """How many login codes of a phone nobody used; counted as in `times_for_phone`."""

    async def add(self, code: OneTimeCode, phone: str, address: str) -> None:
        """Keep a new code; `address` is empty where it does not count."""

    async def latest_login(self, phone: str) -> OneTimeCode | None:
        """The newest login code of a phone, locked."""

    async def latest_signing(self, verification_id: str) -> OneTimeCode | None:
        """The newest code of a verification, locked."""

    async def update(self, code: OneTimeCode) -> None:
        """Write down the state and the attempts."""

    async def mark_sent(self, code_id: str) -> None:
        """SENDING becomes SENT; any other state stays."""

    async def remove(self, code_id: str) -> None:
        """Forget a code that did not go out."""

    async def failure_times(self, address: str, since: datetime) -> list[datetime]:
        """When logins from a client address were refused."""

    async def add_failure(self, address: str, now: datetime) -> None:
        """A login from a client address was refused."""

    async def forget(self, before: datetime) -> None:
        """Delete codes and failures older than that."""


class Verifications(Protocol):
    """Verifications."""

    async def get(self, verification_id: str) -> Verification | None:
        """As it is."""

    async def lock(self, verification_id: str) -> Verification | None:
        """As it is, with everyone else waiting until this transaction ends."""

    async def open_for(
        self, person_id: str, contract_id: str, party_id: str, document_sha256: str
    ) -> Verification | None:
        """The one in an open state, locked; its time may be over."""

    async def open_of(self, person_id: str, organisation_id: str | None = None) -> list[Verification]:
        """All in an open state, locked; or only those opened in a session for one company."""

    async def overdue(self, now: datetime, count: int) -> list[Verification]:
        """Some in an open state whose time is over, locked, without those that others hold."""

    async def failures(self, person_id: str, contract_id: str, since: datetime) -> int:
        """How many failed."""

    async def concerns(self, contract_id: str, document_sha256: str) -> bool:
        """Whether any was opened for this contract and document."""

    async def add(self, verification: Verification) -> None:
        """Keep a new one."""

    async def update(self, verification: Verification) -> None:
        """Write down what may change."""

    async def face_failed_at(self, person_id: str, contract_id: str) -> datetime | None:
        """When a verification of this person for this contract last failed by the face."""


class Activations(Protocol):
    """Issued activations, and what the signer made of them."""

    async def get(self, activation_id: str) -> Activation | None:
        """By id."""

    async def of_verification(self, verification_id: str) -> Activation | None:
        """The one that consumed a verification."""

    async def of_policy(
        self, policy_id: str, contract_id: str, party_id: str, document_sha256: str
    ) -> Activation | None:
        """The newest of a policy for one document."""

    async def add(self, activation: Activation) -> None:
        """Keep a new one."""

    async def result_of(self, activation_id: str) -> SignedDocument | None:
        """What it was used for."""

    async def results_with(self, result_sha256: str) -> list[SignedDocument]:
        """Reports of a document, of any contract."""

    async def add_result(self, document: SignedDocument) -> None:
        """Keep the signer's report."""


class PersonalDataStore(Protocol):
    """All that is kept about one person."""

    async def session_start(self, session_id: str) -> datetime | None:
        """When a session was opened; None when there is none."""

    async def last_signature(self, person_id: str) -> datetime | None:
        """When the person's newest activation was issued."""

    async def due(self, now: datetime, count: int) -> list[str]:
        """Some erased people of whom nothing needs to be kept any more."""

    async def everything(self, person_id: str) -> dict[str, Any]:
        """All of it, open, as JSON values."""

    async def erase(self, person: Person, kept_until: datetime | None, now: datetime) -> bool:
        """Erase it but for what is kept until then (None: nothing); False when that had been done before."""


class Transaction(Protocol):
    """One unit of work: all of it is committed, or nothing."""

    @property
    def people(self) -> People: ...
    @property
    def organisations(self) -> Organisations: ...
    @property
    def codes(self) -> Codes: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def signers(self) -> Signers: ...
    @property
    def captchas(self) -> Captchas: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def sign_ons(self) -> SignOns: ...
    @property
    def verifications(self) -> Verifications: ...
    @property
    def faces(self) -> Faces: ...
    @property
    def activations(self) -> Activations: ...
    @property
    def personal_data(self) -> PersonalDataStore: ...

    async def serialise(self, *what: str) -> None:
        """Have everyone else who names the same wait until this transaction ends."""

    async def disclosed(self, person_id: str, purpose: str, reference: str, now: datetime) -> None:
        """Write down that a person's data was given out, for what; once per purpose and reference."""

    async def emit(self, event: Message, contract_id: str = "") -> None:
        """Have an event published when this transaction commits."""


class Store(Protocol):
    """Where it is all kept."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction; commits when the block ends, rolls back when it raises."""

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        """A read-only transaction."""


class CodeSender(Protocol):
    """Sends codes by SMS."""

    async def send(
        self, code_id: str, phone: str, code: str, purpose: CodePurpose, valid_minutes: int, document_number: str
    ) -> None:
        """Returns when the provider took it. Raises TimedOut when that is not known, another EsignError when it did not."""

    async def pretend(self) -> None:
        """Take as long, and fail as likely, as `send` would now, and send nothing."""


class CodeDigests(Protocol):
    """Keyed digests of codes."""

    def digest(self, code_id: str, code: str) -> bytes:
        """HMAC-SHA256 of a code, bound to its id."""


class FaceVendor(Protocol):
    """A vendor that checks faces."""

    async def open(self, reference: str, name: str, id_number: str) -> tuple[str, str, datetime]:
        """Open a check of this person: the vendor's token, the address for the phone, when the token ends. Raises Unavailable."""

    async def result(self, token: str, with_image: bool) -> FaceAnswer | None:
        """What the vendor says of a check; None when it does not know the token any more. Raises Unavailable."""


class FaceEngine(Protocol):
    """Sees faces in images. Nothing of an image is kept or logged."""

    async def judge(self, action: FaceAction, frames: Sequence[tuple[int, bytes]]) -> FrameReport:
        """What JPEG frames show, each with its milliseconds since the challenge was shown. Hostile bytes are BAD_IMAGE.

        Raises Unavailable FACE_UNAVAILABLE when the engine does not answer in time.
        """

    async def embed(self, image: bytes) -> bytes | None:
        """The embedding of the one face in a JPEG or PNG portrait; None when there is none, several, or no image.

        Raises Unavailable FACE_UNAVAILABLE.
        """


class TokenSigner(Protocol):
    """An Ed25519 key of this service."""

    def sign(self, type_: str, claims: Mapping[str, object]) -> str:
        """A JWS in compact form (RFC 7515) with EdDSA, header `typ` and `kid` (RFC 7638 thumbprint)."""
