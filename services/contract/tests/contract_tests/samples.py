"""Contracts in every state, for tests of the domain."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from esign_contract.domain.contract import Activation, Confirmation, Contract, Party
from esign_contract.domain.document import PageSize
from esign_contract.domain.money import Money
from esign_contract.domain.states import ContractState
from esign_kit.refs import ObjectRef, Placement

NODE_MODULES = Path(__file__).resolve().parents[4] / "node_modules"
FONT = NODE_MODULES / "@expo-google-fonts" / "noto-sans-sc" / "400Regular" / "NotoSansSC_400Regular.ttf"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ANNA, BO = "person-anna", "person-bo"
PLACE = Placement(1, 10_000, 10_000, 150_000, 70_000)
SEAL_PLACE = Placement(1, 300_000, 10_000, 413_000, 123_000)


def ref(name: str) -> ObjectRef:
    """A document whose hash says its name."""
    return ObjectRef("documents", f"{name}/document.pdf", "v1", name.encode().hex().ljust(64, "0"), 1000)


def confirmation(contract: Contract, *, verification_id: str = "verification-1") -> Confirmation:
    return Confirmation(verification_id, contract.head.sha256, "seal-anna", PLACE)


def activation(number: int = 1) -> Activation:
    return Activation(f"activation-{number}", f"statement-{number}", NOW + timedelta(minutes=5))


def contract(*parties: Party) -> Contract:
    """A draft; by default for Anna and, by policy, SOHO."""
    listed = parties or (
        Party("party-1", 1, person_id=ANNA),
        Party("party-2", 2, policy_id="policy-soho", name="SOHO", seal_id="seal-soho", placement=SEAL_PLACE),
    )
    return Contract(
        contract_id="contract-1",
        system="leasing",
        document_number="JDE-1",
        fingerprint="f" * 64,
        title="商业租赁合同",
        business_type="租赁合同",
        amount=Money.parse("CNY", "12800"),
        document_id="document-1",
        pages=(PageSize(595_000, 842_000, 0),),
        head=ref("source"),
        parties=list(listed),
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(days=3),
    )


def in_state(state: ContractState) -> Contract:
    """A contract that came to `state` the way contracts do; what happened on the way is forgotten."""
    made = contract()
    person, policy = made.parties
    if state is ContractState.WITHDRAWN:
        made.withdraw("取消", NOW)
    if state is ContractState.EXPIRED:
        made.expire(made.expires_at)
    if state not in (ContractState.DRAFT, ContractState.WITHDRAWN, ContractState.EXPIRED):
        made.dispatch(NOW)
    if state in (ContractState.SIGNING, ContractState.RELEASING, ContractState.COMPLETED, ContractState.HELD):
        made.request_signature(person, confirmation(made), activation(), NOW)
    if state in (ContractState.RELEASING, ContractState.COMPLETED, ContractState.HELD):
        made.signed("party-1", "activation-1", made.head.sha256, ref("signed-1"), NOW, NOW)
        wanted = Confirmation("", made.head.sha256, "seal-soho", SEAL_PLACE)
        made.request_signature(policy, wanted, activation(2), NOW)
        made.signed("party-2", "activation-2", made.head.sha256, ref("signed-2"), NOW, NOW)
    if state is ContractState.COMPLETED:
        made.released(ref("archived"), NOW)
    if state is ContractState.HELD:
        made.hold(made.head.sha256, ("PDFSIG_INVALID",), NOW)
    assert made.state is state
    made.happened.clear()
    return made
