"""What every test of the project shares: the kit's fixtures, and property tests that do not mind a busy machine."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["esign_kit.testing"]

settings.register_profile("esign", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esign")
