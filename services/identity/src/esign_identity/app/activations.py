"""Activations: turning a passed verification, or a standing policy, into the statement that the signer trusts."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from esign.identity.v1 import events_pb2
from esign_kit.clock import Clock
from esign_kit.db import new_id
from esign_kit.errors import Conflict, EsignError, Unavailable

from esign_identity.app.attempts import tell
from esign_identity.app.ports import Store, TokenSigner, Transaction
from esign_identity.domain import signing_refusals as refusals
from esign_identity.domain.activation import (
    STATEMENT_TYPE,
    Activation,
    ActivationKind,
    SignatureFacts,
    SignedDocument,
    person_refusal,
    policy_document_refusal,
    policy_receipts,
)
from esign_identity.domain.organisation import CountersignPolicy
from esign_identity.domain.verification import Holder, VerificationState

# Another person's verification, one used before, or one for something else.
_ATTEMPTS = frozenset(
    refused().reason
    for refused in (
        refusals.verification_not_found,
        refusals.verification_consumed,
        refusals.verification_other_contract,
        refusals.verification_other_party,
        refusals.verification_other_document,
    )
)


class Activations:
    """Issues activations. Every one that is issued or refused is an event of the same commit."""

    def __init__(self, store: Store, signer: TokenSigner, clock: Clock, lifetime: timedelta) -> None:
        self._store, self._signer, self._clock, self._lifetime = store, signer, clock, lifetime

    async def issue_for_person(self, holder: Holder, verification_id: str, facts: SignatureFacts) -> Activation:
        """Consume a person's passed verification; the same facts again get the same activation.

        Raises NotFound VERIFICATION_NOT_FOUND, Conflict VERIFICATION_CONSUMED, VERIFICATION_OTHER_…, or where it stands.
        """
        async with self._store.begin() as tx:
            outcome = await self._try_person(tx, holder, verification_id, facts)
            if isinstance(outcome, EsignError):
                await self._refuse(tx, facts, outcome, person_id=holder.person_id)
                if outcome.reason in _ATTEMPTS:
                    await tell(tx, "activation", outcome.reason, holder.person_id, facts.contract_id)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _try_person(
        self, tx: Transaction, holder: Holder, verification_id: str, facts: SignatureFacts
    ) -> Activation | EsignError:
        """A refusal is returned, not raised, so that its event is committed."""
        now = self._clock()
        found = await tx.verifications.lock(verification_id)
        if found is None or found.holder != holder:
            return refusals.verification_not_found()
        if found.state is VerificationState.CONSUMED:
            issued = await tx.activations.of_verification(verification_id)
            return issued if issued and issued.facts == facts else refusals.verification_consumed()
        refused = person_refusal(found.seen_at(now), holder.person_id, facts)
        if refused:
            return refused
        await tx.verifications.update(found.consumed())
        receipts = {"sms": found.sms_receipt, "face": found.face_receipt}
        return await self._issue(tx, ActivationKind.PERSON, facts, receipts, now, holder.person_id, verification_id)

    async def issue_for_policy(self, policy_id: str, business_type: str, facts: SignatureFacts) -> Activation:
        """Have an organisation's policy countersign what a person's activation of the same contract made.

        The same facts again get the same activation, until it has expired unused. Raises NotFound POLICY_NOT_FOUND,
        Conflict POLICY_…, ACTIVATION_EXISTS, Unavailable POLICY_DOCUMENT_UNSEEN while the signer's report is on its way.
        """
        async with self._store.begin() as tx:
            outcome = await self._try_policy(tx, policy_id, business_type, facts)
            if isinstance(outcome, EsignError) and not isinstance(outcome, Unavailable):
                await self._refuse(tx, facts, outcome, policy_id=policy_id)
        if isinstance(outcome, EsignError):
            raise outcome
        return outcome

    async def _try_policy(
        self, tx: Transaction, policy_id: str, business_type: str, facts: SignatureFacts
    ) -> Activation | EsignError:
        now = self._clock()
        await tx.serialise("policy activation", policy_id, facts.contract_id, facts.party_id, facts.document_sha256)
        issued = await tx.activations.of_policy(policy_id, facts.contract_id, facts.party_id, facts.document_sha256)
        if issued and (now < issued.expires_at or await tx.activations.result_of(issued.activation_id)):
            return issued if issued.facts == facts else refusals.activation_exists()
        policy = await tx.organisations.policy(policy_id)
        if policy is None:
            return refusals.policy_not_found()
        refused = policy.refusal(facts.seal_id, business_type, now) or await self._document_refusal(tx, facts)
        if refused:
            return refused
        return await self._issue(tx, ActivationKind.POLICY, facts, policy_receipts(policy), now, policy=policy)

    async def _document_refusal(self, tx: Transaction, facts: SignatureFacts) -> EsignError | None:
        """None when one report of the document holds; else what is wrong with the last."""
        refused: EsignError | None = None
        for result in await tx.activations.results_with(facts.document_sha256):
            activation = await tx.activations.get(result.activation_id)
            refused = policy_document_refusal(result, activation, facts)
            if refused is None:
                return None
        if refused is None and await tx.verifications.concerns(facts.contract_id, facts.document_sha256):
            return refusals.policy_document_unsigned()
        return refused or refusals.policy_document_unseen()

    async def _issue(
        self,
        tx: Transaction,
        kind: ActivationKind,
        facts: SignatureFacts,
        receipts: dict[str, str],
        now: datetime,
        person_id: str = "",
        verification_id: str = "",
        policy: CountersignPolicy | None = None,
    ) -> Activation:
        unsigned = Activation(
            new_id(),
            kind,
            facts,
            person_id,
            verification_id,
            policy.policy_id if policy else "",
            policy.unified_social_credit_code if policy else "",
            receipts,
            now,
            now + self._lifetime,
        )
        activation = replace(unsigned, statement=self._signer.sign(STATEMENT_TYPE, unsigned.claims()))
        await tx.activations.add(activation)
        await tx.emit(
            events_pb2.ActivationIssued(
                activation_id=activation.activation_id,
                contract_id=facts.contract_id,
                party_id=facts.party_id,
                person_id=activation.person_id,
                policy_id=activation.policy_id,
                document_sha256=facts.document_sha256,
                seal_sha256=facts.seal_sha256,
                statement_sha256=sha256(activation.statement.encode()).hexdigest(),
                statement=activation.statement,
            ),
            facts.contract_id,
        )
        return activation

    async def _refuse(
        self, tx: Transaction, facts: SignatureFacts, error: EsignError, *, person_id: str = "", policy_id: str = ""
    ) -> None:
        await tx.emit(
            events_pb2.ActivationRefused(
                contract_id=facts.contract_id,
                party_id=facts.party_id,
                person_id=person_id,
                policy_id=policy_id,
                document_sha256=facts.document_sha256,
                reason=error.reason,
            ),
            facts.contract_id,
        )


async def record_signed(tx: Transaction, document: SignedDocument) -> None:
    """Keep the signer's report of a signature. One activation makes one document: Conflict for a second, different one."""
    known = await tx.activations.result_of(document.activation_id)
    if known is None:
        await tx.activations.add_result(document)
    elif known != document:
        raise Conflict(
            "SIGNED_DOCUMENT_DIFFERS",
            zh="同一签署授权对应了不同的签署结果",
            en="The same activation is reported with another result",
        )
