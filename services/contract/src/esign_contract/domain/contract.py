"""The contract: its parties in order, its document, and everything that may happen to it.

A method changes the contract and notes the events that say so; whoever saves the contract publishes them in the same
commit. What does not go with the present state is refused and changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime

from esign_kit.refs import ObjectRef, Placement

from esign_contract.domain import events, refusals
from esign_contract.domain.document import PageSize, SignatureKind, lies_on_page
from esign_contract.domain.events import DomainEvent
from esign_contract.domain.money import Money
from esign_contract.domain.states import (
    CONTRACT_TRANSITIONS,
    ENDED,
    ContractState,
    ContractStep,
    PartyState,
    PartyStep,
    next_contract_state,
    next_party_state,
)


@dataclass(slots=True)
class Party:
    """A party: a person, or an organisation that signs by its standing policy (`policy_id`, with `name` and `seal_id`).

    `placement` is where the party is asked to sign, and from the confirmation on where it signs; `suggested` are all the
    places where the first person is asked to sign. `verification_id`, `activation_id` and `source_sha256` tell of the
    last request for its signature. `since`: when it came to its state.
    """

    party_id: str
    position: int
    person_id: str = ""
    policy_id: str = ""
    name: str = ""
    seal_id: str = ""
    placement: Placement | None = None
    state: PartyState = PartyState.QUEUED
    verification_id: str = ""
    activation_id: str = ""
    source_sha256: str = ""
    signed_sha256: str = ""
    signed_at: datetime | None = None
    refusal_reason: str = ""
    since: datetime | None = None
    attempts: int = 0
    due_at: datetime | None = None
    suggested: tuple[Placement, ...] = ()

    def step(self, step: PartyStep, now: datetime) -> None:
        """Move on. Raises Conflict."""
        self.state, self.since = next_party_state(self.state, step), now


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a party decided: the document that was seen, the seal and its place. A policy has no verification."""

    verification_id: str
    document_sha256: str
    seal_id: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Activation:
    """What identity made of it."""

    activation_id: str
    statement: str
    expires_at: datetime


class UnexpectedReport(Exception):
    """Another service reports something that does not go with this contract. It is set aside for people to look at."""


@dataclass(slots=True)
class Contract:
    """A contract. `head` is the document as it stands; `fingerprint` says what was agreed to be in it.
    `earlier_signatures` are those that its document came with."""

    contract_id: str
    system: str
    document_number: str
    fingerprint: str
    title: str
    business_type: str
    amount: Money | None
    document_id: str
    pages: tuple[PageSize, ...]
    head: ObjectRef
    parties: list[Party]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    state: ContractState = ContractState.DRAFT
    completed_at: datetime | None = None
    waiting_for: str = ""
    evidence_number: str = ""
    withdrawal_reason: str = ""
    problems: tuple[str, ...] = ()
    earlier_signatures: tuple[SignatureKind, ...] = ()
    happened: list[DomainEvent] = field(default_factory=list)

    # What can be known

    @property
    def person_ids(self) -> tuple[str, ...]:
        """Its people, in the order of signing."""
        return tuple(party.person_id for party in self.parties if party.person_id)

    @property
    def invited_person_ids(self) -> tuple[str, ...]:
        """The people whose turn has come already."""
        return tuple(p.person_id for p in self.parties if p.person_id and p.state is not PartyState.QUEUED)

    @property
    def reason(self) -> str:
        """Why a party signs, as the activation and the signature say it; at most 200 characters."""
        return f"签署《{self.title}》 {self.document_number}"

    def field_name(self, party: Party) -> str:
        """The name of the party's signature field in the document; another than those of earlier rounds of signing."""
        earlier = len(self.earlier_signatures)
        return f"Party{party.position}-{earlier}" if earlier else f"Party{party.position}"

    def current(self) -> Party | None:
        """The party whose turn it is; None when all have signed."""
        return next((party for party in self.parties if party.state is not PartyState.SIGNED), None)

    def suggested_places(self) -> tuple[Placement, ...]:
        """Where the person whose turn it is, or will be first, is asked to sign, in the order of reading."""
        party = self.current()
        if party is None or party.policy_id:
            return ()
        return party.suggested or ((party.placement,) if party.placement else ())

    def party_of(self, person_id: str) -> Party:
        """The person's party. Raises NotFound also while the contract is a draft: nobody outside knows of it yet."""
        found = next((party for party in self.parties if party.person_id == person_id), None)
        if found is None or self.state is ContractState.DRAFT:
            raise refusals.contract_not_found()
        return found

    def check_turn(self, party: Party, now: datetime) -> None:
        """Raises Conflict unless the party may sign now."""
        if party.state is not PartyState.WAITING:
            raise (
                refusals.contract_in_state(self.state) if self.state in ENDED else refusals.party_in_state(party.state)
            )
        next_contract_state(self.state, ContractStep.REQUEST_SIGNATURE)
        if party.person_id and now >= self.expires_at:
            raise refusals.contract_in_state(ContractState.EXPIRED)

    def repeats(self, party: Party, wanted: Confirmation) -> bool:
        """Whether the party has confirmed exactly this already, and its signature is on the way or made.

        Raises Conflict when that confirmation was refused since: it needs a new verification.
        """
        if not wanted.verification_id or party.verification_id != wanted.verification_id:
            return False
        if party.state is PartyState.WAITING:
            raise refusals.verification_used()
        known = Confirmation(
            party.verification_id, party.source_sha256, party.seal_id, party.placement or wanted.placement
        )
        return known == wanted

    def check_confirmation(self, party: Party, wanted: Confirmation, now: datetime) -> None:
        """Raises Conflict or InvalidInput unless the party may sign exactly this now."""
        self.check_turn(party, now)
        if wanted.document_sha256 != self.head.sha256:
            raise refusals.document_changed()
        if not lies_on_page(wanted.placement, self.pages):
            raise refusals.placement_outside()
        laid_out = any(other.state is PartyState.SIGNED for other in self.parties)
        if laid_out and wanted.placement != party.placement:
            raise refusals.placement_fixed()

    # What can happen

    def created(self) -> None:
        """Note that it came to be."""
        self.happened.append(
            events.ContractCreated(self.contract_id, self.system, self.document_number, self.head.sha256)
        )

    def dispatch(self, now: datetime) -> None:
        """Send it to the first party. Doing so again changes nothing. Raises Conflict."""
        if self.state not in (ContractState.DRAFT, ContractState.WITHDRAWN, ContractState.EXPIRED):
            return
        if self.state is ContractState.DRAFT and now >= self.expires_at:
            raise refusals.contract_in_state(ContractState.EXPIRED)
        self._step(ContractStep.DISPATCH, now)
        self._invite(now)

    def request_signature(self, party: Party, wanted: Confirmation, activation: Activation, now: datetime) -> None:
        """Ask the signer for the party's signature. Raises Conflict or InvalidInput."""
        self.check_confirmation(party, wanted, now)
        if now >= activation.expires_at:
            raise refusals.activation_expired()
        self._step(ContractStep.REQUEST_SIGNATURE, now)
        party.step(PartyStep.REQUEST_SIGNATURE, now)
        party.verification_id, party.activation_id = wanted.verification_id, activation.activation_id
        party.seal_id, party.placement, party.source_sha256 = wanted.seal_id, wanted.placement, wanted.document_sha256
        party.refusal_reason, party.due_at, party.attempts = "", None, 0
        layout = tuple(events.SignatureField(self.field_name(p), p.placement) for p in self.parties if p.placement)
        self.happened.append(
            events.SignatureRequested(
                self.contract_id,
                party.party_id,
                activation.statement,
                self.head,
                party.seal_id,
                wanted.placement,
                self.field_name(party),
                layout,
                self.reason,
            )
        )

    def signed(
        self,
        party_id: str,
        activation_id: str,
        source_sha256: str,
        document: ObjectRef,
        signed_at: datetime,
        now: datetime,
    ) -> None:
        """The signer made the party's signature: the document moves on, and with it the turn.

        Harmless when known already or when the contract has ended; raises UnexpectedReport when it does not fit.
        """
        party = self._reported(party_id)
        if party.state is PartyState.SIGNED and party.signed_sha256 == document.sha256:
            return
        if self.state in (ContractState.WITHDRAWN, ContractState.EXPIRED):
            return
        if party.state is not PartyState.SIGNING or party.activation_id != activation_id:
            raise UnexpectedReport(f"party {party_id} is {party.state} and waits for no such signature")
        if source_sha256 != self.head.sha256:
            raise UnexpectedReport(f"party {party_id}: another document than the contract's was signed")
        last = party is self.parties[-1]
        self._step(ContractStep.SIGN_LAST if last else ContractStep.SIGN, now)
        party.step(PartyStep.SIGN, now)
        party.signed_at, party.signed_sha256, self.head = signed_at, document.sha256, document
        self.happened.append(events.PartySigned(self.contract_id, party_id, activation_id, document.sha256))
        if last:
            earlier = sum(1 for kind in self.earlier_signatures if kind is not SignatureKind.TIMESTAMP)
            self.happened.append(events.ArchiveRequested(self.contract_id, document, len(self.parties), earlier))
        else:
            self._invite(now)

    def signature_refused(
        self, party_id: str, activation_id: str, document_sha256: str, reason: str, now: datetime, retry_at: datetime
    ) -> None:
        """The signer refused: the party may try again, a policy does so by itself at `retry_at`.

        Harmless when it is about an earlier request or when the contract has ended. `activation_id` is empty when the
        signer could not read the statement.
        """
        party = self._reported(party_id)
        about_present = (
            activation_id == party.activation_id if activation_id else document_sha256 in ("", party.source_sha256)
        )
        if self.state is not ContractState.SIGNING or party.state is not PartyState.SIGNING or not about_present:
            return
        self._step(ContractStep.REFUSE_SIGNATURE, now)
        party.step(PartyStep.REFUSE_SIGNATURE, now)
        if party.policy_id:
            party.due_at = retry_at
        self._note_refusal(party, reason)

    def countersign_refused(self, party: Party, reason: str, now: datetime) -> None:
        """Identity refuses to activate a policy now: say so. It is tried again, for what is wrong can be put right."""
        if party.state is PartyState.WAITING and party.refusal_reason != reason:
            self.updated_at = now
            self._note_refusal(party, reason)

    def delayed(self, party_id: str, activation_id: str, reason: str, now: datetime) -> None:
        """A signature, or the archive timestamp when `party_id` is empty, waits for an outside service."""
        if party_id:
            party = self._reported(party_id)
            waits = party.state is PartyState.SIGNING and activation_id in ("", party.activation_id)
        else:
            waits = True
        if waits and self.state is (ContractState.SIGNING if party_id else ContractState.RELEASING):
            self.waits_for(reason, now)

    def waits_for(self, reason: str, now: datetime) -> None:
        """Say for what it waits, a stable code; the next step forgets it."""
        if self.waiting_for != reason:
            self.waiting_for, self.updated_at = reason, now

    def released(self, document: ObjectRef, now: datetime) -> None:
        """The archived document passed the release gate: the contract is complete. Harmless when known or withdrawn."""
        if self.state is ContractState.WITHDRAWN:
            return
        if self.state is ContractState.COMPLETED:
            if document.sha256 != self.head.sha256:
                raise UnexpectedReport("released again with another document")
            return
        if (self.state, ContractStep.RELEASE) not in CONTRACT_TRANSITIONS:
            raise UnexpectedReport(f"released while {self.state}")
        self._step(ContractStep.RELEASE, now)
        self.head, self.completed_at, self.problems = document, now, ()
        self.happened.append(
            events.ContractCompleted(
                self.contract_id, self.document_number, self.title, document.sha256, self.person_ids, now
            )
        )

    def hold(self, document_sha256: str, problems: tuple[str, ...], now: datetime) -> None:
        """The archived document did not pass the release gate. Harmless when known or over."""
        if self.state in (*ENDED, ContractState.HELD):
            return
        if self.state is not ContractState.RELEASING:
            raise UnexpectedReport(f"release of {document_sha256} refused while {self.state}")
        self._step(ContractStep.HOLD, now)
        self.problems = problems
        self.happened.append(events.ContractHeld(self.contract_id, problems))

    def withdraw(self, reason: str, now: datetime) -> None:
        """Its system withdraws it. Doing so again changes nothing. Raises Conflict when it is complete or expired."""
        if self.state is ContractState.WITHDRAWN:
            return
        invited = self.invited_person_ids
        self._step(ContractStep.WITHDRAW, now)
        self.withdrawal_reason = reason
        self.happened.append(
            events.ContractWithdrawn(self.contract_id, self.document_number, self.title, invited, reason)
        )

    def expire(self, now: datetime) -> None:
        """Its time is over while a person should have signed; a policy's delay is not the person's."""
        current = self.current()
        if now < self.expires_at or current is None or not current.person_id:
            return
        invited = self.invited_person_ids
        self._step(ContractStep.EXPIRE, now)
        self.happened.append(events.ContractExpired(self.contract_id, self.document_number, self.title, invited))

    def evidenced(self, evidence_number: str, now: datetime) -> None:
        """Its evidence package is complete."""
        if self.evidence_number != evidence_number:
            self.evidence_number, self.updated_at = evidence_number, now

    # Steps

    def _reported(self, party_id: str) -> Party:
        found = next((party for party in self.parties if party.party_id == party_id), None)
        if found is None:
            raise UnexpectedReport(f"the contract has no party {party_id}")
        return found

    def _step(self, step: ContractStep, now: datetime) -> None:
        self.state = next_contract_state(self.state, step)
        self.updated_at, self.waiting_for = now, ""

    def _invite(self, now: datetime) -> None:
        party = self.current()
        assert party is not None
        party.step(PartyStep.INVITE, now)
        if party.policy_id:
            party.due_at = now
            return
        self.happened.append(
            events.ContractDispatched(
                self.contract_id,
                self.document_number,
                self.title,
                self.head.sha256,
                (party.person_id,),
                self.expires_at,
            )
        )

    def _note_refusal(self, party: Party, reason: str) -> None:
        party.refusal_reason = reason
        self.happened.append(events.PartyRefused(self.contract_id, party.party_id, reason))
