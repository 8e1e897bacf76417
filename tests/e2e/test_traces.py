"""One trace id follows a request across gateway, gRPC, databases and events, and is the reference number that errors show."""

from collections.abc import Awaitable, Callable

import pytest
from esign_e2e import inside
from esign_e2e.doors import Refused, until
from esign_e2e.journey import Journey
from esign_e2e.spans import Span, SpanSink
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e

NewJourney = Callable[..., Awaitable[Journey]]

# One span at least of each: who, and what.
EXPECTED = {
    ("gateway", "POST /v1/contracts/{contract_id}/signatures"),
    ("gateway", "/esign.contract.v1.PortalService/ConfirmSigning"),
    ("contract", "/esign.contract.v1.PortalService/ConfirmSigning"),
    ("contract", "/esign.identity.v1.InternalService/IssueActivation"),
    ("identity", "/esign.identity.v1.InternalService/IssueActivation"),
    ("identity", "db.transaction"),
    ("contract", "db.transaction"),
    ("signer", "signer SignatureRequested"),
    ("ca-broker", "/esign.ca_broker.v1.InternalService/IssueEventCertificate"),
    ("contract", "contract DocumentSigned"),
    ("contract", "countersign"),
    ("identity", "/esign.identity.v1.InternalService/IssuePolicyActivation"),
    ("signer", "signer ArchiveRequested"),
    ("evidence", "evidence ActivationIssued"),
    ("evidence", "evidence DocumentSigned"),
}
EVENTS = {
    "identity.ActivationIssued",
    "contract.SignatureRequested",
    "signer.EventKeyCreated",
    "ca_broker.CertificateIssued",
    "signer.DocumentSigned",
    "signer.EventKeyDestroyed",
    "contract.PartySigned",
    "contract.ArchiveRequested",
    "signer.DocumentReleased",
    "contract.ContractCompleted",
}


def roots_of(spans: list[Span]) -> list[str]:
    """The names of spans whose parent is not among them."""
    ids = {span.span_id for span in spans}
    return [span.name for span in spans if span.parent_id not in ids]


async def test_one_trace_from_the_button_to_the_log(stack: Stack, spans: SpanSink, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="confirm")
    await journey.confirm()
    trace_id = journey.person.trace_id
    assert len(trace_id) == 32
    await journey.completed()

    async def arrived() -> list[Span] | None:
        found = spans.of(trace_id)
        complete = {(span.service, span.name) for span in found} >= EXPECTED
        # A span is sent when it ends, so that children may come before their parents.
        return found if complete and len(roots_of(found)) == 1 else None

    try:
        found = await until("spans of every part", arrived, seconds=20)
    except TimeoutError:
        found = spans.of(trace_id)
        assert {(span.service, span.name) for span in found} >= EXPECTED
    assert roots_of(found) == ["POST /v1/contracts/{contract_id}/signatures"]

    of_contract = [event for event in await inside.events(stack) if event.contract_id == journey.contract_id]
    assert {event.name for event in of_contract if event.trace_id == trace_id} >= EVENTS
    assert all(len(event.trace_id) == 32 for event in of_contract)


async def test_the_reference_number_of_an_error_leads_to_the_logs(stack: Stack, new_journey: NewJourney) -> None:
    journey = await new_journey(upto="find")
    with pytest.raises(Refused) as refused:
        await journey.person.contract("01900000-0000-7000-8000-000000000000")
    assert refused.value.trace_id == journey.person.trace_id

    async def logged() -> bool | None:
        lines = stack.log("contract").read_text().splitlines()
        return any(refused.value.trace_id in line and refused.value.code in line for line in lines) or None

    await until("a line in contract's log", logged, seconds=5)
