"""The contract service: contracts, parties, states, documents, previews and one-time downloads."""

from datetime import timedelta
from functools import partial

from esign.contract.v1 import contract_pb2_grpc
from esign_kit.service import App, run

from esign_contract.adapters.files import FileTerms, ObjectFiles
from esign_contract.adapters.pdf.process import PdfProcesses
from esign_contract.adapters.peers import EvidenceOfContracts, IdentityPeople, SignerSeals
from esign_contract.adapters.store import SqlRecords, readings, transactions
from esign_contract.api.events import Reports
from esign_contract.api.integration import IntegrationApi
from esign_contract.api.portal import PortalApi
from esign_contract.app.contracts import CreateContract, SystemContracts
from esign_contract.app.countersign import Countersign
from esign_contract.app.documents import CHUNK, FetchDocument, UploadDocument
from esign_contract.app.downloads import Downloads
from esign_contract.app.expiry import Expire
from esign_contract.app.page_images import GetPageImage
from esign_contract.app.places import FindPlaces
from esign_contract.app.portal import PersonContracts
from esign_contract.app.ports import UploadLimits
from esign_contract.app.progress import Progress
from esign_contract.app.signing import ConfirmSigning, StartSigning
from esign_contract.settings import ContractSettings

MIGRATIONS = "esign_contract.adapters.migrations"


async def build(app: App[ContractSettings]) -> None:
    """Composes the service."""
    settings, clock = app.settings, app.clock
    begin, look = transactions(app.db), readings(app.db)
    people = IdentityPeople(app.channel("identity"))
    seals = SignerSeals(app.channel("signer"))
    evidence = EvidenceOfContracts(app.channel("evidence"))
    files = ObjectFiles(
        app.objects,
        FileTerms(
            settings.documents_bucket,
            settings.previews_bucket,
            timedelta(days=settings.document_retention_days),
            timedelta(seconds=settings.download_url_seconds),
            timedelta(seconds=settings.preview_url_seconds),
        ),
        clock,
    )
    pdf = PdfProcesses(settings.worker, settings.max_pages, settings.max_document_bytes, settings.watermark_font_file)

    portal = PortalApi(
        PersonContracts(look, people, evidence, clock),
        GetPageImage(begin, files, pdf, clock),
        StartSigning(look, people, seals, clock),
        ConfirmSigning(look, begin, people, seals, clock),
        Downloads(begin, files, clock, timedelta(seconds=settings.download_lease_seconds)),
    )
    app.serve(contract_pb2_grpc.add_PortalServiceServicer_to_server, portal)
    limits = UploadLimits(settings.max_document_bytes, CHUNK, settings.max_uploads)
    integration = IntegrationApi(
        UploadDocument(begin, files, pdf, clock, limits),
        CreateContract(begin, people, seals, FindPlaces(files, pdf), clock, timedelta(days=settings.signing_term_days)),
        SystemContracts(begin, people, clock),
        FetchDocument(begin, files),
    )
    app.serve(contract_pb2_grpc.add_IntegrationServiceServicer_to_server, integration)

    progress = Progress(clock, timedelta(seconds=settings.countersign_retry_seconds))
    app.consume(handlers=Reports(progress, SqlRecords).handlers())
    countersign = Countersign(begin, people, seals, clock)
    app.background("countersigning by policy", partial(countersign.run, settings.countersign_poll_seconds))
    app.background("expiry", partial(Expire(begin, clock).run, settings.expiry_poll_seconds))
    app.ready_check("objects", partial(app.objects.ping, settings.documents_bucket))


def main() -> None:
    """The process."""
    run(ContractSettings, build, migrations=MIGRATIONS)


if __name__ == "__main__":
    main()
