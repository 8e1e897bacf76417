"""The whole way of one contract, through the public doors."""

from collections.abc import Awaitable, Callable

import pytest
from esign_e2e import checks, inside
from esign_e2e.journey import Journey
from esign_e2e.steps import travel
from esign_local.stack import Stack

pytestmark = pytest.mark.e2e


async def test_one_contract_from_dispatch_to_a_file_that_anyone_can_verify(
    stack: Stack, new_journey: Callable[..., Awaitable[Journey]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    journey = await new_journey(whole_document=True)
    await travel(journey)
    await inside.audit(stack, [journey])

    folder = tmp_path_factory.mktemp("result")
    (folder / "contract.pdf").write_bytes(journey.pdf)
    (folder / "evidence.zip").write_bytes(journey.package)
    checks.pdfsig(folder / "contract.pdf")
    checks.qpdf(folder / "contract.pdf")
    (folder / "trust.pem").write_text(await journey.anyone.trust_roots())
    checks.openssl(folder / "contract.pdf", folder / "trust.pem")
    checks.evidence(folder / "evidence.zip", folder / "contract.pdf")
    assert await journey.leasing.fetch(journey.contract_id) == journey.pdf


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
