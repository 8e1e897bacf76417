"""The identity service: people, sign-in, identity checks and activations."""

from datetime import timedelta

from esign.identity.v1 import identity_pb2_grpc as rpc
from esign.signer.v1 import events_pb2 as signer_events
from esign_kit.crypto import FieldCipher
from esign_kit.service import App, run

from esign_identity.adapters.notifier import NotifierCodes
from esign_identity.adapters.store import SqlStore, SqlTransaction
from esign_identity.adapters.tencent import TencentFace
from esign_identity.adapters.tokens import Ed25519Signer, KeyedDigests
from esign_identity.api.internal import InternalApi, on_document_signed
from esign_identity.api.portal import PortalApi
from esign_identity.api.systems import IntegrationApi, OperatorApi
from esign_identity.app.activations import Activations
from esign_identity.app.codes import CodeDesk
from esign_identity.app.faces import FaceChecks
from esign_identity.app.login import Login
from esign_identity.app.people import PeopleRegister
from esign_identity.app.verifications import Housekeeping, Verifications
from esign_identity.domain.codes import CodeRules
from esign_identity.domain.face import FaceChannel
from esign_identity.domain.session import SessionRules
from esign_identity.domain.verification import VerificationRules
from esign_identity.settings import IdentitySettings

MIGRATIONS = "esign_identity.adapters.migrations"


async def build(app: App[IdentitySettings]) -> None:
    """Put the service together."""
    settings, clock, limits = app.settings, app.clock, app.settings.limits
    cipher = FieldCipher.from_file(settings.field_keyring_file)
    store, digests = SqlStore(app.db, cipher), KeyedDigests(cipher)
    sender = NotifierCodes(app.channel("notifier"))
    interval = timedelta(seconds=limits.code_interval_seconds)
    login_codes = CodeDesk(
        store,
        sender,
        digests,
        clock,
        CodeRules(
            interval=interval,
            per_phone_day=limits.login_codes_per_phone_day,
            per_address_hour=limits.login_codes_per_address_hour,
        ),
    )
    signing_codes = CodeDesk(
        store,
        sender,
        digests,
        clock,
        CodeRules(interval=interval, per_phone_day=limits.signing_codes_per_phone_day, per_address_hour=0),
    )
    login = Login(
        store,
        login_codes,
        digests,
        Ed25519Signer(settings.actor_key_file.read_bytes()),
        clock,
        SessionRules(),
        limits.login_failures_per_address_hour,
    )
    rules = VerificationRules()
    verifications = Verifications(store, signing_codes, digests, clock, rules)
    vendors = {FaceChannel.TENCENT: TencentFace(settings.face.tencent, clock)}
    faces = FaceChecks(store, vendors, clock, rules, frozenset(settings.face.consent_versions))
    activations = Activations(
        store, Ed25519Signer(settings.activation_key_file.read_bytes()), clock, settings.activation_lifetime
    )
    people = PeopleRegister(store, clock)

    app.serve(rpc.add_PortalServiceServicer_to_server, PortalApi(login, verifications, faces))
    app.serve(rpc.add_IntegrationServiceServicer_to_server, IntegrationApi(people))
    app.serve(rpc.add_InternalServiceServicer_to_server, InternalApi(verifications, activations, people))
    app.serve(rpc.add_OperatorServiceServicer_to_server, OperatorApi(people))
    app.consume(
        handlers={signer_events.DocumentSigned: on_document_signed(lambda session: SqlTransaction(session, cipher))}
    )
    app.background("housekeeping", Housekeeping(store, verifications, clock).run)


if __name__ == "__main__":
    run(IdentitySettings, build, migrations=MIGRATIONS)
