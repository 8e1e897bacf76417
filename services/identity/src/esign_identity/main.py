"""The identity service: people, sign-in, identity checks and activations."""

from datetime import timedelta

from esign.identity.v1 import identity_pb2_grpc as rpc
from esign.signer.v1 import events_pb2 as signer_events
from esign_kit.clock import Clock
from esign_kit.crypto import FieldCipher
from esign_kit.service import App, run

from esign_identity.adapters.bjca import BjcaFace
from esign_identity.adapters.captcha import ImagePainter
from esign_identity.adapters.face_engine.workers import FaceWorkers
from esign_identity.adapters.notifier import NotifierCodes
from esign_identity.adapters.reseal import Reseal
from esign_identity.adapters.sign_on import PlatformKeys
from esign_identity.adapters.store import SqlStore, SqlTransaction
from esign_identity.adapters.tencent import TencentFace
from esign_identity.adapters.texts import consent_text
from esign_identity.adapters.tokens import Ed25519Signer, KeyedDigests
from esign_identity.api.internal import InternalApi, on_document_signed
from esign_identity.api.login import Logins
from esign_identity.api.portal import PortalApi
from esign_identity.api.systems import IntegrationApi, OperatorApi
from esign_identity.api.verifying import Verifying
from esign_identity.app.activations import Activations
from esign_identity.app.captchas import CaptchaDesk
from esign_identity.app.codes import CodeDesk
from esign_identity.app.consents import Consents
from esign_identity.app.faces import FaceChecks
from esign_identity.app.housekeeping import Housekeeping
from esign_identity.app.login import Login
from esign_identity.app.own_face import OwnFace
from esign_identity.app.people import PeopleRegister
from esign_identity.app.personal_data import PersonalData
from esign_identity.app.ports import FaceEngine, FaceVendor
from esign_identity.app.relays import FaceRelays
from esign_identity.app.sessions import SessionDesk
from esign_identity.app.sign_on import SignOnDesk
from esign_identity.app.signers import SignerRegister
from esign_identity.app.verifications import Verifications
from esign_identity.app.watch import POLL_SECONDS, Watch
from esign_identity.domain.captcha import CaptchaRules
from esign_identity.domain.codes import CodeRules
from esign_identity.domain.consent import ConsentKind
from esign_identity.domain.face import FaceChannel
from esign_identity.domain.liveness import LivenessRules
from esign_identity.domain.login import LoginRules
from esign_identity.domain.session import SessionRules
from esign_identity.domain.sign_on import SignOnRules
from esign_identity.domain.verification import VerificationRules
from esign_identity.settings import IdentitySettings, LimitSettings, SessionSettings

MIGRATIONS = "esign_identity.adapters.migrations"


def session_rules(settings: SessionSettings) -> SessionRules:
    """From the settings."""
    return SessionRules(
        idle=timedelta(seconds=settings.idle_seconds),
        absolute=timedelta(seconds=settings.absolute_seconds),
        rotation=timedelta(seconds=settings.rotation_seconds),
        grace=timedelta(seconds=settings.grace_seconds),
    )


def code_rules(limits: LimitSettings, *, per_phone_day: int, per_address_hour: int = 0) -> CodeRules:
    """From the settings."""
    return CodeRules(
        lifetime=timedelta(seconds=limits.code_seconds),
        attempts=limits.code_attempts,
        interval=timedelta(seconds=limits.code_interval_seconds),
        per_phone_day=per_phone_day,
        per_address_hour=per_address_hour,
    )


def compose_logins(
    settings: IdentitySettings,
    store: SqlStore,
    sender: NotifierCodes,
    digests: KeyedDigests,
    sessions: SessionDesk,
    clock: Clock,
) -> Logins:
    """The use cases of logins."""
    limits = settings.limits
    codes = code_rules(
        limits,
        per_phone_day=limits.login_codes_per_phone_day,
        per_address_hour=limits.login_codes_per_address_hour,
    )
    captcha_rules = CaptchaRules(
        lifetime=timedelta(seconds=limits.captcha_seconds),
        per_address_hour=limits.captchas_per_address_hour,
        after_address_codes=limits.captcha_after_address_codes,
        after_phone_codes=limits.captcha_after_phone_codes,
    )
    rules = LoginRules(
        failures_per_address_hour=limits.login_failures_per_address_hour,
        ticket_lifetime=timedelta(seconds=limits.ticket_seconds),
        ticket_attempts=limits.ticket_attempts,
    )
    sign_on_rules = SignOnRules(
        lifetime=timedelta(seconds=settings.sign_on.lifetime_seconds),
        skew=timedelta(seconds=settings.sign_on.skew_seconds),
    )
    captchas = CaptchaDesk(store, ImagePainter(), digests, clock, captcha_rules, codes.sending_grace)
    desk = CodeDesk(store, sender, digests, clock, codes, captchas.gate)
    login = Login(store, desk, captchas, sessions, digests, clock, rules)
    keys = PlatformKeys(settings.sign_on.platforms, clock)
    return Logins(login, captchas, SignOnDesk(store, keys, sessions, clock, sign_on_rules, rules), sessions)


def compose_verifying(
    app: App[IdentitySettings],
    store: SqlStore,
    consents: Consents,
    verifications: Verifications,
    engine: FaceEngine,
    poll_seconds: float,
) -> Verifying:
    """The use cases of verifications and face checks."""
    settings, clock, face = app.settings, app.clock, app.settings.face
    return_url = f"{settings.portal_url}/f/return"
    vendors: dict[FaceChannel, FaceVendor] = {}
    if face.tencent:
        vendors[FaceChannel.TENCENT] = TencentFace(face.tencent, return_url, clock)
    if face.bjca:
        bjca = BjcaFace(face.bjca, return_url, clock)
        app.on_close(bjca.close)
        vendors[FaceChannel.BJCA] = bjca
    liveness = LivenessRules(
        window=timedelta(seconds=face.own.window_seconds),
        max_distance=face.own.max_distance,
        retakes=face.own.retakes,
    )
    own = OwnFace(store, engine, clock, liveness, verifications.rules) if face.own.enabled else None
    faces = FaceChecks(store, vendors, own, consents, clock, verifications.rules)
    relays = FaceRelays(store, faces, own, clock)
    watch = Watch(verifications, faces, poll_seconds)
    return Verifying(verifications, faces, relays, watch, consents, liveness, settings.portal_url)


async def build(app: App[IdentitySettings]) -> None:
    """Put the service together."""
    engine = FaceWorkers(size=app.settings.face.own.workers)
    app.on_close(engine.close)
    await compose(app, engine)


async def compose(app: App[IdentitySettings], engine: FaceEngine, poll_seconds: float = POLL_SECONDS) -> None:
    """Put the service together around an engine that sees faces; who watches a verification sees changes so late."""
    settings, clock, limits = app.settings, app.clock, app.settings.limits
    cipher = FieldCipher.from_file(settings.field_keyring_file)
    store, digests = SqlStore(app.db, cipher), KeyedDigests(cipher)
    sender = NotifierCodes(app.channel("notifier"))
    versions = {ConsentKind.BIOMETRIC: settings.consents.biometric, ConsentKind.TERMS: settings.consents.terms}
    consents = Consents(store, {kind: consent_text(kind, version) for kind, version in versions.items()}, clock)
    actor_key = Ed25519Signer(settings.actor_key_file.read_bytes())
    sessions = SessionDesk(store, actor_key, consents, clock, session_rules(settings.sessions))
    signing_codes = CodeDesk(
        store, sender, digests, clock, code_rules(limits, per_phone_day=limits.signing_codes_per_phone_day)
    )
    rules = VerificationRules(
        face_attempts=settings.face.attempts, face_pause=timedelta(seconds=settings.face.pause_seconds)
    )
    verifications = Verifications(store, signing_codes, digests, consents, clock, rules)
    verifying = compose_verifying(app, store, consents, verifications, engine, poll_seconds)
    activations = Activations(
        store, Ed25519Signer(settings.activation_key_file.read_bytes()), clock, settings.activation_lifetime
    )
    people = PeopleRegister(store, sessions, clock)
    data = PersonalData(store, sessions, clock)
    logins = compose_logins(settings, store, sender, digests, sessions, clock)

    app.serve(rpc.add_PortalServiceServicer_to_server, PortalApi(logins, verifying, data))
    app.serve(
        rpc.add_IntegrationServiceServicer_to_server,
        IntegrationApi(people, SignerRegister(store, people, sessions, clock)),
    )
    app.serve(rpc.add_InternalServiceServicer_to_server, InternalApi(verifications, activations, people))
    app.serve(rpc.add_OperatorServiceServicer_to_server, OperatorApi(people, data))
    app.consume(
        handlers={signer_events.DocumentSigned: on_document_signed(lambda session: SqlTransaction(session, cipher))}
    )
    app.background("housekeeping", Housekeeping(store, verifications, data, clock).run)
    app.background("reseal", Reseal(app.db, cipher).run)


if __name__ == "__main__":
    run(IdentitySettings, build, migrations=MIGRATIONS)
