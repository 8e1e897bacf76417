"""Composition: what the sandbox is made of."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from esign_sandbox import antchain, bjca, chain, faceid, mail, photos, sms
from esign_sandbox.ca import api as ca_api
from esign_sandbox.ca import authority, orders, status, tsa
from esign_sandbox.ca.policy import Addresses
from esign_sandbox.credentials import Credentials
from esign_sandbox.csc import api as csc_api
from esign_sandbox.csc import service as csc_service
from esign_sandbox.csc import vault as csc_vault
from esign_sandbox.faults import FaultMiddleware, Faults, faults_router
from esign_sandbox.mailbox import mailbox_router
from esign_sandbox.pages import render
from esign_sandbox.procurement import suppliers
from esign_sandbox.procurement.identity import IdentityClient
from esign_sandbox.procurement.sign_on import SignOnTokens
from esign_sandbox.procurement.web import Procurement, api_router, pages_router
from esign_sandbox.store import Store
from esign_sandbox.tencent import tencent_router

SCHEMAS = (
    *(authority.SCHEMA, orders.SCHEMA, status.SCHEMA, tsa.SCHEMA),
    *(
        sms.SCHEMA,
        mail.SCHEMA,
        faceid.SCHEMA,
        bjca.SCHEMA,
        photos.SCHEMA,
        suppliers.SCHEMA,
        chain.SCHEMA,
        antchain.SCHEMA,
        csc_vault.SCHEMA,
        csc_service.SCHEMA,
    ),
)


@dataclass(frozen=True)
class Sandbox:
    """The composed parts: `app` serves all that is HTTP; mail and the chain's sealing run beside it."""

    app: FastAPI
    store: Store
    faults: Faults
    mailboxes: mail.Mailboxes
    ledger: chain.Ledger
    identity: IdentityClient | None

    def close(self) -> None:
        """Ends what is open, at the very end."""
        if self.identity is not None:
            self.identity.close()
        self.store.close()


def build(data_dir: Path, credentials: Credentials, public_url: str) -> Sandbox:
    """Opens the state and creates authority and chain at the first start.

    Raises DataDirBusyError, or CredentialsError for a key that cannot be used.
    """
    public_url = public_url.rstrip("/")
    account = credentials.procurement
    sign_on = None if account is None else SignOnTokens(account.sign_on)
    store = Store(data_dir, SCHEMAS)
    faults = Faults()
    pki = authority.Authority(store, Addresses(public_url))
    time_stamps = tsa.TimeStampAuthority(store, pki)
    certificate_orders = orders.Orders(store, pki, paused=lambda: faults.mode("ca") == "pending")
    mailboxes = mail.Mailboxes(store)
    messages = sms.SmsService(store, credentials.sms)
    faces = faceid.FaceIdService(store, credentials.faceid, public_url)
    ledger = chain.Ledger(store, paused=lambda: faults.mode("chain") == "pending")
    notary = antchain.NotaryGateway(store, ledger, time_stamps, credentials.antchain, public_url)

    app = FastAPI(title="esign sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(FaultMiddleware, faults=faults)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(photos.PhotoError, _no_photo)
    for kind in ca_api.ERRORS:
        app.add_exception_handler(kind, ca_api.refused)
    app.include_router(faults_router(faults))
    vault = None if credentials.csc is None else csc_vault.Vault(store)
    app.include_router(ca_api.orders_router(certificate_orders, vault, credentials.ca.client_secret))
    if credentials.csc is not None and vault is not None:
        signing = csc_service.RemoteSigning(store, vault, certificate_orders, credentials.csc, public_url)
        app.include_router(csc_api.csc_router(signing))
    app.include_router(
        ca_api.public_router(pki, status.OcspResponder(store, pki), status.CrlPublisher(store, pki), time_stamps)
    )
    app.include_router(tencent_router(credentials.tencent, [messages, faces]))
    app.include_router(faceid.faceid_router(faces))
    if credentials.bjca is not None:
        app.include_router(bjca.bjca_router(bjca.BjcaFaceService(store, credentials.bjca, public_url)))
    identity = None
    if account is not None and sign_on is not None:
        identity = IdentityClient(account.identity)
        gateway_url = str(account.gateway_url).rstrip("/")
        platform = Procurement(suppliers.Suppliers(store), identity, sign_on, gateway_url)
        app.add_exception_handler(suppliers.ProcurementError, _refused)
        app.include_router(api_router(platform))
        app.include_router(pages_router(platform))
    app.include_router(antchain.gateway_router(notary))
    app.include_router(chain.explorer_router(ledger))
    app.include_router(mailbox_router(messages, mailboxes))

    @app.get("/")
    def home() -> HTMLResponse:
        return render("home.html", {"procurement": account is not None, "faults": faults.current})

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        store.rows("SELECT 1")
        return {"status": "ok"}

    return Sandbox(app, store, faults, mailboxes, ledger, identity)


async def _invalid(_: Request, exc: Exception) -> JSONResponse:
    """Names the fields that are wrong, never their values."""
    problems = exc.errors() if isinstance(exc, RequestValidationError) else []
    text = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)
    return JSONResponse({"code": "INVALID_REQUEST", "message": text}, 400)


async def _no_photo(_: Request, exc: Exception) -> JSONResponse:
    return JSONResponse({"code": "INVALID_REQUEST", "message": str(exc)}, 400)


async def _refused(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, suppliers.ProcurementError)
    return JSONResponse({"code": exc.code, "message": str(exc)}, exc.status)
