"""The evidence service: the append-only log, its anchors in the judicial chain, and contracts' evidence packages."""

from datetime import timedelta
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from esign.evidence.v1 import evidence_pb2_grpc
from esign_kit.service import App, run

from esign_evidence.adapters.antchain import AntChain
from esign_evidence.adapters.evidence_store import SqlAnchorStore, SqlDossierStore
from esign_evidence.adapters.log_store import SqlAppender, SqlLogStore
from esign_evidence.adapters.objects import EvidenceObjects
from esign_evidence.api.events import Events
from esign_evidence.api.service import InternalApi, PublicApi
from esign_evidence.app.anchoring import Anchoring
from esign_evidence.app.log import Prune, Publish
from esign_evidence.app.packaging import Packaging, Published
from esign_evidence.app.questions import Questions
from esign_evidence.domain.checkpoint import Signer
from esign_evidence.settings import EvidenceSettings, LogSettings

MIGRATIONS = "esign_evidence.adapters.migrations"
PRUNE_POLL_SECONDS = 60


def log_signer(settings: LogSettings) -> Signer:
    """The log's signer. Raises ValueError when the key is not an Ed25519 key."""
    key = load_pem_private_key(settings.key_file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("log.key_file: the log's key must be Ed25519")  # noqa: TRY004 - a wrong setting
    return Signer(settings.origin, key)


async def build(app: App[EvidenceSettings]) -> None:
    """Composes the service."""
    settings, clock = app.settings, app.clock
    signer = log_signer(settings.log)
    objects = EvidenceObjects(
        app.objects, settings.bucket, settings.log.origin, timedelta(days=settings.retention_days), clock
    )
    chain = AntChain(settings.chain)
    log = SqlLogStore(app.db, clock)
    dossiers = SqlDossierStore(app.db, settings.bucket, clock)
    app.ready_check("objects", objects.ping)

    events = Events(lambda session: SqlAppender(session, clock), clock)
    app.consume(every=events.every)

    publish = Publish(log, objects, signer, settings.log.origin)
    app.background("publishing", partial(publish.run, settings.log.publish_poll_seconds))
    app.background("pruning", partial(Prune(log, objects).run, PRUNE_POLL_SECONDS))
    interval = timedelta(seconds=settings.log.anchor_interval_seconds)
    anchoring = Anchoring(SqlAnchorStore(app.db), chain, clock, interval)
    app.background("anchoring", partial(anchoring.run, settings.poll_seconds))
    published = Published(
        log_key=signer.verifier,
        activation_keys=[path.read_bytes() for path in settings.activation_public_key_files],
        verification_url=settings.verification_url,
    )
    packaging = Packaging(dossiers, log, objects, published, clock)
    app.background("packaging", partial(packaging.run, settings.poll_seconds))

    questions = Questions(dossiers, log, objects, objects, chain, signer.verifier.vkey, clock)
    app.serve(
        evidence_pb2_grpc.add_InternalServiceServicer_to_server, InternalApi(questions, settings.verification_url)
    )
    app.serve(evidence_pb2_grpc.add_PublicServiceServicer_to_server, PublicApi(questions))


def main() -> None:
    """The process."""
    run(EvidenceSettings, build, migrations=MIGRATIONS)


if __name__ == "__main__":
    main()
