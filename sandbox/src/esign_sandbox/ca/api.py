"""The authority over HTTP: certificate orders for its client, and the public addresses of a PKI."""

import asyncio
import hmac
from typing import Annotated, Literal

from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from esign_sandbox.ca.authority import Authority
from esign_sandbox.ca.orders import OrderConflictError, OrderRequest, Orders, RevocationReason, UnknownOrderError
from esign_sandbox.ca.policy import RefusedError
from esign_sandbox.ca.status import CrlPublisher, OcspResponder, decode_get
from esign_sandbox.ca.tsa import TimeStampAuthority

OrderNo = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Organisation(_Body):
    """Subject of an organisation certificate."""

    name: str
    uscc: str


class Person(_Body):
    """Subject of an event certificate: a name, and the number that the platform gave the person."""

    name: str
    pseudonym: str


class _Order(_Body):
    order_no: OrderNo
    csr_pem: str = Field(max_length=8192)
    validity_seconds: int | None = None


class OrganisationOrder(_Order):
    profile: Literal["organisation"]
    subject: Organisation

    def request(self) -> OrderRequest:
        subject = self.subject
        return OrderRequest(
            self.order_no, self.profile, self.csr_pem, subject.name, subject.uscc, self.validity_seconds
        )


class EventOrder(_Order):
    profile: Literal["event"]
    subject: Person

    def request(self) -> OrderRequest:
        subject = self.subject
        return OrderRequest(
            self.order_no, self.profile, self.csr_pem, subject.name, subject.pseudonym, self.validity_seconds
        )


class Revocation(_Body):
    reason: RevocationReason = "unspecified"


class _UnauthorisedError(Exception):
    pass


def error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)


def orders_router(orders: Orders, client_secret: str) -> APIRouter:
    """`/ca/v1/certificates`, for the holder of the client secret (Authorization: Bearer)."""
    expected = f"Bearer {client_secret}".encode()

    def authenticate(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise _UnauthorisedError

    router = APIRouter(prefix="/ca/v1/certificates", dependencies=[Depends(authenticate)])

    @router.post("")
    def place(order: Annotated[OrganisationOrder | EventOrder, Field(discriminator="profile")]) -> JSONResponse:
        answer = orders.place(order.request())
        return JSONResponse(answer, 202 if answer["status"] == "pending" else 200)

    @router.get("/{order_no}")
    def status(order_no: str) -> JSONResponse:
        return JSONResponse(orders.status(order_no))

    @router.post("/{order_no}/revoke")
    def revoke(order_no: str, body: Revocation) -> JSONResponse:
        return JSONResponse(orders.revoke(order_no, body.reason))

    return router


def public_router(authority: Authority, ocsp: OcspResponder, crl: CrlPublisher, tsa: TimeStampAuthority) -> APIRouter:
    """Certificates, revocation lists, OCSP and time-stamping: open to anyone, as they are everywhere."""
    router = APIRouter(prefix="/ca")

    @router.get("/roots.pem")
    def roots() -> Response:
        return Response(authority.root_certificate.public_bytes(Encoding.PEM), media_type="application/x-pem-file")

    @router.get("/certs/{name}.cer")
    def certificate(name: Literal["root", "issuing"]) -> Response:
        found = authority.root_certificate if name == "root" else authority.issuing.certificate
        return Response(found.public_bytes(Encoding.DER), media_type="application/pkix-cert")

    @router.get("/crl/{name}.crl")
    def revocation_list(name: Literal["root", "issuing"]) -> Response:
        return Response(crl.root() if name == "root" else crl.issuing(), media_type="application/pkix-crl")

    @router.post("/ocsp")
    async def ocsp_post(request: Request) -> Response:
        return _ocsp(await asyncio.to_thread(ocsp.answer, await request.body()))

    @router.get("/ocsp/{encoded:path}")
    def ocsp_get(encoded: str) -> Response:
        return _ocsp(ocsp.answer(decode_get(encoded)))

    @router.post("/tsa")
    async def time_stamp(request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/timestamp-query":
            return Response("content-type must be application/timestamp-query", 415, media_type="text/plain")
        answer = await asyncio.to_thread(tsa.answer, await request.body())
        return Response(answer, media_type="application/timestamp-reply")

    return router


def _ocsp(der: bytes) -> Response:
    return Response(der, media_type="application/ocsp-response", headers={"Cache-Control": "no-store"})


async def refused(_: Request, exc: Exception) -> Response:
    """What the authority's own exceptions look like to its client."""
    match exc:
        case RefusedError():
            return error(422, exc.code, str(exc))
        case OrderConflictError():
            return error(409, "ORDER_CONFLICT", "this order number was used for another request")
        case UnknownOrderError():
            return error(404, "ORDER_NOT_FOUND", "no such order, or no certificate was issued for it yet")
        case _:
            return error(401, "UNAUTHORIZED", "the client secret is missing or wrong")


ERRORS: tuple[type[Exception], ...] = (RefusedError, OrderConflictError, UnknownOrderError, _UnauthorisedError)
