"""Fixtures of the gateway's tests."""

from collections.abc import AsyncIterator

import pytest
from esign_kit.testing import Pki
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from .doubles import Site, running, write_build


@pytest.fixture(scope="session")
async def shared_site(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One gateway with its doubles for the session, and traces as in a process of its own."""
    trace.set_tracer_provider(TracerProvider())
    async with running(pki, portal_dir=write_build(tmp_path_factory.mktemp("portal"))) as found:
        yield found


@pytest.fixture
async def site(shared_site: Site) -> Site:
    """The gateway as if nothing had happened yet."""
    shared_site.forget()
    return shared_site
