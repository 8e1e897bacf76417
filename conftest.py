"""What every test of the project shares: the kit's fixtures, and property tests that do not mind a busy machine."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["esign_kit.testing"]

settings.register_profile("esign", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esign")

ROOT = Path(__file__).parent
PLATFORM_TESTS = (ROOT / "tests/e2e", ROOT / "deploy/local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The runs of `make test` that drive the platform look into these folders only."""
    for item in items:
        if item.get_closest_marker("e2e") and not any(item.path.is_relative_to(folder) for folder in PLATFORM_TESTS):
            raise pytest.UsageError(f"{item.nodeid} is marked e2e: it belongs into tests/e2e or deploy/local")
