"""The signer: private keys, seals, PDF signatures, timestamps and validation."""

import shutil

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from esign.signer.v1 import signer_pb2_grpc
from esign_kit.db import new_id
from esign_kit.service import App, run

from esign_signer.adapters.broker import CaBroker
from esign_signer.adapters.documents import StoredDocuments
from esign_signer.adapters.jobs import SqlReleaseJobs, SqlSigningJobs
from esign_signer.adapters.keys.settings import CscSettings, KeyStoreSettings, Pkcs11Settings
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.adapters.pdf.pool import WorkerPool
from esign_signer.adapters.pdf.settings import TrustSettings, WorkerSettings
from esign_signer.adapters.public_keys import ed25519_keys
from esign_signer.adapters.registers import SqlKeys
from esign_signer.adapters.rewrap import Rewrap
from esign_signer.adapters.seals import SqlSeals
from esign_signer.adapters.workers import JudgingWorkers, SigningWorkers
from esign_signer.api.events import ContractEvents
from esign_signer.api.seals import OperatorApi, PortalApi
from esign_signer.api.service import InternalApi, PublicApi
from esign_signer.app.organisations import CreateOrganisationKey, InstallCertificate
from esign_signer.app.prepare_document import PreparedDocuments
from esign_signer.app.release_document import ReleaseDocument
from esign_signer.app.seals import CreateSeal, FindSeals, ManageSeals
from esign_signer.app.sign_document import SignDocument
from esign_signer.app.validate_document import ValidateDocument
from esign_signer.settings import SignerSettings

MIGRATIONS = "esign_signer.adapters.migrations"


async def build(app: App[SignerSettings]) -> None:
    """Composes the service.

    Raises ValueError without pdfsig or without roots (what cannot be checked is not signed), KeyStoreError when the
    master key is not one.
    """
    settings = app.settings
    # Only the workers keep the master keys; that they are unusable must be known before anyone asks for a signature.
    newest_master_key = MasterKeys.from_file(settings.master_key_file.path).head
    pdfsig = shutil.which(settings.pdfsig)
    if pdfsig is None:
        raise ValueError(f"no such program: {settings.pdfsig} (Debian: poppler-utils)")
    roots_pem = settings.trust.roots_file.read_bytes()
    roots = x509.load_pem_x509_certificates(roots_pem)
    trust = TrustSettings(
        roots=tuple(root.public_bytes(Encoding.DER) for root in roots),
        tsa_urls=tuple(settings.trust.tsa_urls),
        tsa_deadline=settings.trust.tsa_seconds,
        revocation_deadline=settings.trust.revocation_seconds,
    )
    signing_pool = WorkerPool(
        WorkerSettings(trust, pdfsig, _key_stores(settings)),
        settings.signing_workers,
        idle_seconds=settings.worker_idle_seconds,
    )
    judging_pool = WorkerPool(
        WorkerSettings(
            trust, pdfsig, memory_limit=settings.validation_memory_bytes, fonts=tuple(settings.seal_font_files)
        ),
        settings.judging_workers,
        idle_seconds=settings.worker_idle_seconds,
    )
    for pool in (signing_pool, judging_pool):
        app.on_close(pool.close)
        if settings.workers_at_start:
            await pool.warm_up()
    signing, judging = SigningWorkers(signing_pool), JudgingWorkers(judging_pool, settings.validation_seconds)

    documents = StoredDocuments(
        app.objects, settings.documents_bucket, settings.seals_bucket, settings.max_document_bytes
    )
    keys, seals = SqlKeys(app.db, app.clock), SqlSeals(app.db, app.clock)
    prepared = PreparedDocuments(
        documents,
        signing,
        settings.spool_dir,
        max_bytes=settings.prepared_bytes,
        keep_seconds=settings.prepared_seconds,
    )
    app.on_close(prepared.close)
    sign = SignDocument(
        ed25519_keys(settings.activation_public_key_file.read_bytes()),
        SqlSigningJobs(app.db, app.clock),
        keys,
        seals,
        documents,
        prepared,
        CaBroker(app.channel("ca-broker")),
        signing,
        signing,
        app.clock,
        settings.spool_dir,
        settings.keys.event_algorithm,
    )
    app.background("rewrap", Rewrap(app.db, signing, newest_master_key).run)
    release = ReleaseDocument(SqlReleaseJobs(app.db, app.clock), documents, signing, judging, settings.spool_dir)
    app.consume(
        manual=ContractEvents(sign, release, settings.retry_seconds).handlers(),
        concurrency=settings.signing_workers + 1,
    )

    create_key = CreateOrganisationKey(keys, signing, settings.keys.organisations, settings.keys.organisation_algorithm)
    create = CreateSeal(seals, documents, judging, new_id, app.clock)
    find = FindSeals(seals, documents, app.clock)
    validate = ValidateDocument(judging, settings.spool_dir, settings.max_upload_bytes)
    app.serve(signer_pb2_grpc.add_PortalServiceServicer_to_server, PortalApi(create, find))
    app.serve(signer_pb2_grpc.add_PublicServiceServicer_to_server, PublicApi(validate, roots_pem.decode()))
    app.serve(
        signer_pb2_grpc.add_InternalServiceServicer_to_server,
        InternalApi(
            find,
            prepared,
            create_key,
            InstallCertificate(keys, roots, app.clock),
        ),
    )
    app.serve(
        signer_pb2_grpc.add_OperatorServiceServicer_to_server, OperatorApi(create, ManageSeals(seals), find, app.clock)
    )


def _key_stores(settings: SignerSettings) -> KeyStoreSettings:
    token, remote = settings.keys.pkcs11, settings.keys.remote
    return KeyStoreSettings(
        settings.master_key_file.path,
        None if token is None else Pkcs11Settings(token.module, token.token, token.pin_file.path, token.environment),
        None
        if remote is None
        else CscSettings(
            remote.base_url,
            remote.client_id,
            remote.client_secret_file.path,
            None if remote.pin_file is None else remote.pin_file.path,
            remote.ca_file,
            remote.attempt_seconds,
            remote.deadline_seconds,
        ),
    )


def main() -> None:
    """The process."""
    run(SignerSettings, build, migrations=MIGRATIONS)


if __name__ == "__main__":
    main()
