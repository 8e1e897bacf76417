"""The authority over HTTP: certificate orders for its client, and the public addresses of a PKI."""

import asyncio
import hmac
from typing import Annotated, Literal, Self

from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from esign_sandbox.ca.authority import Authority
from esign_sandbox.ca.orders import OrderConflictError, OrderRequest, Orders, RevocationReason, UnknownOrderError
from esign_sandbox.ca.policy import RefusedError
from esign_sandbox.ca.status import CrlPublisher, OcspResponder, decode_get
from esign_sandbox.ca.tsa import TimeStampAuthority
from esign_sandbox.csc.vault import HostedKey, Scal, Vault

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
    validity_seconds: int | None = None


class HostedKeyOrder(_Body):
    """A key that the authority makes and keeps; it is used by remote signing."""

    algorithm: HostedKey
    scal: Scal = "2"


class OrganisationOrder(_Order):
    """With a request for a key that the subscriber has, or with a hosted key."""

    profile: Literal["organisation"]
    subject: Organisation
    csr_pem: str | None = Field(None, max_length=8192)
    hosted_key: HostedKeyOrder | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.csr_pem is None) == (self.hosted_key is None):
            raise ValueError("either csr_pem or hosted_key")
        return self

    def request(self, vault: Vault | None) -> OrderRequest:
        csr, subject = self.csr_pem, self.subject
        if csr is None:
            if vault is None or self.hosted_key is None:
                raise RefusedError("KEY_NOT_HOSTED", "this authority keeps no keys")
            csr = vault.request_for(self.order_no, self.hosted_key.algorithm, self.hosted_key.scal)
        return OrderRequest(self.order_no, self.profile, csr, subject.name, subject.uscc, self.validity_seconds)


class EventOrder(_Order):
    profile: Literal["event"]
    subject: Person
    csr_pem: str = Field(max_length=8192)

    def request(self, _: Vault | None) -> OrderRequest:
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


def orders_router(orders: Orders, vault: Vault | None, client_secret: str) -> APIRouter:
    """`/ca/v1/certificates`, for the holder of the client secret (Authorization: Bearer). Keys are kept in `vault`, if
    there is one."""
    expected = f"Bearer {client_secret}".encode()

    def authenticate(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise _UnauthorisedError

    def with_credential(answer: dict[str, object]) -> dict[str, object]:
        credential = None if vault is None else vault.credential_of(str(answer["order_no"]))
        return answer if credential is None else answer | {"credential_id": credential}

    router = APIRouter(prefix="/ca/v1/certificates", dependencies=[Depends(authenticate)])

    @router.post("")
    def place(order: Annotated[OrganisationOrder | EventOrder, Field(discriminator="profile")]) -> JSONResponse:
        answer = orders.place(order.request(vault))
        return JSONResponse(with_credential(answer), 202 if answer["status"] == "pending" else 200)

    @router.get("/{order_no}")
    def status(order_no: str) -> JSONResponse:
        return JSONResponse(with_credential(orders.status(order_no)))

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
