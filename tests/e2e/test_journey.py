"""The whole way of one contract, through the public doors."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from esign.contract.v1 import contract_pb2
from esign_e2e import checks, inside
from esign_e2e.journey import Journey
from esign_e2e.lease_layout import SigningArea
from esign_e2e.steps import STEPS, travel
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e


async def test_one_contract_from_dispatch_to_a_file_that_anyone_can_verify(
    stack: Stack, new_journey: Callable[..., Awaitable[Journey]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    journey = await new_journey(upto="create", whole_document=True)
    places = await create_by_words(journey)
    await travel(journey, steps=STEPS[[step.name for step in STEPS].index("dispatch") :])
    await inside.audit(stack, [journey])

    folder = tmp_path_factory.mktemp("result")
    (folder / "contract.pdf").write_bytes(journey.pdf)
    (folder / "evidence.zip").write_bytes(journey.package)
    checks.pdfsig(folder / "contract.pdf")
    checks.qpdf(folder / "contract.pdf")
    (folder / "trust.pem").write_text(await journey.anyone.trust_roots())
    checks.openssl(folder / "contract.pdf", folder / "trust.pem")
    report = await journey.anyone.validate(journey.pdf)
    seals = [signature["seal"] for signature in report["signatures"] if signature["seal"]]
    assert [(seal["page"], [round(1000 * side) for side in seal["rect"]]) for seal in seals] == places
    checks.evidence(folder / "evidence.zip", folder / "contract.pdf")
    assert await journey.leasing.fetch(journey.contract_id) == journey.pdf


async def create_by_words(journey: Journey) -> list[tuple[int, list[int]]]:
    """The contract is created by the words above the two frames of the lease; where the two will sign, within them."""
    into_frame = {"right_um": 12_000, "up_um": -25_000}
    landlord = contract_pb2.KeywordPlace(text="甲方(盖章)", first_page=-1, **into_frame)
    tenant = contract_pb2.KeywordPlace(text="乙方（签字）：", occurrence=-1, **into_frame)
    organisation = journey.countersigner
    made = await journey.leasing.create(
        journey.document_id,
        number=journey.document_number,
        title=journey.lease.title,
        amount=journey.lease.total_rent,
        parties=[
            contract_pb2.PartyInput(person_id=journey.person_id, keyword=tenant),
            contract_pb2.PartyInput(
                policy_id=organisation.policy_id,
                seal_id=organisation.seal_id,
                name=organisation.name,
                keyword=landlord,
            ),
        ],
    )
    journey.contract_id = journey.facts["contract_id"] = made.contract_id
    (suggested,), second = made.suggested_places, made.parties[1].placement
    places = []
    for place, frame in ((suggested, journey.lease.tenant), (second, journey.lease.landlord)):
        assert place.page == frame.page
        assert frame.x1 < place.x1 < place.x2 < frame.x2
        assert frame.y1 < place.y1 < place.y2 < frame.y2
        places.append((place.page, [place.x1, place.y1, place.x2, place.y2]))
    area = SigningArea(suggested.page, suggested.x1, suggested.y1, suggested.x2, suggested.y2)
    journey.lease = replace(journey.lease, tenant=area)
    return places


async def test_nothing_personal_in_logs_or_events(stack: Stack, new_journey: Callable[..., Awaitable[Journey]]) -> None:
    journey = await new_journey(upto="told")
    secrets = [
        journey.tenant.name,
        journey.tenant.id_number,
        journey.tenant.phone,
        journey.tenant.email,
        journey.login_code,
        journey.signing_code,
    ]
    for event in await inside.events(stack):
        text = event.data.decode("utf-8", "replace")
        assert not [secret for secret in secrets if len(secret) > 6 and secret in text], event.name
        assert journey.tenant.name not in text, event.name
    for name in stack.names:
        if name in ("sandbox", "postgres", "nats", "s3"):
            continue
        log = stack.log(name).read_text(errors="replace")
        assert not [secret for secret in secrets[:4] if secret in log], name
