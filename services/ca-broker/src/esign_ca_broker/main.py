"""The ca-broker: certificate orders, and the platform's only seam to a certification authority."""

from datetime import timedelta
from functools import partial

from cryptography import x509
from esign.ca_broker.v1 import ca_broker_pb2_grpc
from esign_kit.service import App, run

from esign_ca_broker.adapters.ca_http import HttpCertificationAuthority
from esign_ca_broker.adapters.peers import IdentityService, SignerService
from esign_ca_broker.adapters.statements import IdentityStatements
from esign_ca_broker.adapters.store import SqlOrderStore
from esign_ca_broker.api import InternalApi, OperatorApi
from esign_ca_broker.app.enrol import EnrolOrganisation
from esign_ca_broker.app.issue import IssueEventCertificate
from esign_ca_broker.app.obtain import Obtain
from esign_ca_broker.app.revoke import RevokeRefused
from esign_ca_broker.domain.certificates import Expectations
from esign_ca_broker.settings import CaBrokerSettings, CaSettings

MIGRATIONS = "esign_ca_broker.adapters.migrations"


def expectations(settings: CaSettings) -> Expectations:
    """What certificates must hold to. Raises OSError, ValueError when there are no roots."""
    return Expectations(
        roots=tuple(x509.load_pem_x509_certificates(settings.roots_file.read_bytes())),
        policies={profile: x509.ObjectIdentifier(oid) for profile, oid in settings.policies.items()},
        longest_validity={profile: timedelta(days=days) for profile, days in settings.longest_validity_days.items()},
    )


async def build(app: App[CaBrokerSettings]) -> None:
    """Composes the service."""
    settings = app.settings
    ca = HttpCertificationAuthority(settings.ca)
    app.on_close(ca.close)
    orders = SqlOrderStore(app.db, app.clock)
    obtain = Obtain(
        ca,
        orders,
        expectations(settings.ca),
        app.clock,
        wait_seconds=settings.ca.wait_seconds,
        poll_seconds=settings.ca.poll_seconds,
    )
    statements = IdentityStatements(settings.activation_public_key_file.read_bytes(), app.clock)
    issue = IssueEventCertificate(statements, IdentityService(app.channel("identity")), orders, obtain)
    enrol = EnrolOrganisation(SignerService(app.channel("signer")), orders, obtain)
    app.serve(ca_broker_pb2_grpc.add_InternalServiceServicer_to_server, InternalApi(issue))
    app.serve(ca_broker_pb2_grpc.add_OperatorServiceServicer_to_server, OperatorApi(enrol))
    app.background("revocations", partial(RevokeRefused(ca, orders).run, settings.revocation_poll_seconds))


def main() -> None:
    """The process."""
    run(CaBrokerSettings, build, migrations=MIGRATIONS)


if __name__ == "__main__":
    main()
