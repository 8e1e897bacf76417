"""The service, once a session."""

from collections.abc import AsyncIterator

import pytest
from esign.evidence.v1 import evidence_pb2_grpc
from esign.identity.v1 import identity_pb2_grpc
from esign.signer.v1 import signer_pb2_grpc
from esign_contract.main import MIGRATIONS, build
from esign_contract.settings import ContractSettings
from esign_kit.testing import Platform

from .samples import FONT
from .world import Clock, Evidence, Identity, Signer, World


@pytest.fixture(scope="session")
async def session_world(platform: Platform) -> AsyncIterator[World]:
    """The service on real engines."""
    await platform.reset_events()
    clock, identity, signer = Clock(), Identity(), Signer()  # type: ignore[abstract]
    async with (
        platform.peer("identity", (identity_pb2_grpc.add_InternalServiceServicer_to_server, identity)) as identity_at,
        platform.peer("signer", (signer_pb2_grpc.add_InternalServiceServicer_to_server, signer)) as signer_at,
        platform.peer("evidence", (evidence_pb2_grpc.add_InternalServiceServicer_to_server, Evidence())) as evidence_at,
    ):
        peers = {"identity": identity_at, "signer": signer_at, "evidence": evidence_at}
        settings = ContractSettings(
            **platform.settings("contract", peers),
            watermark_font_file=FONT,
            max_document_bytes=2_000_000,
            max_pages=20,
            max_uploads=2,
            expiry_poll_seconds=3600,
            countersign_poll_seconds=0.1,
            document_retention_days=1,
        )
        async with platform.service(settings, build, migrations=MIGRATIONS, clock=clock) as running:
            yield World(platform, running, clock, identity, signer)


@pytest.fixture
def world(session_world: World) -> World:
    """The service at the present time, with neighbours that are well."""
    session_world.identity.policy_error = None
    return session_world
