"""What people may see and end of their own: sessions, their data, the texts that they are asked to accept."""

from typing import Annotated

from esign.identity.v1 import identity_pb2
from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from esign_gateway.access import make_router, person, public
from esign_gateway.app import GatewayDep
from esign_gateway.delivery import attachment
from esign_gateway.identity_views import CONSENTS, ConsentKind, ConsentText, SessionSummary
from esign_gateway.limits import client_address
from esign_gateway.problems import responses
from esign_gateway.views import Sha256

router = make_router("account")

SessionId = Annotated[str, Path(max_length=64, pattern="^[0-9A-Za-z_-]+$")]


class SessionList(BaseModel):
    """The person's live sessions, the newest first."""

    items: list[SessionSummary]


class SessionsEnded(BaseModel):
    """How many sessions ended."""

    ended: Annotated[int, Field(description="0 when there was none.")]


@router.get("/sessions", dependencies=[person()], responses=responses(401, 503))
async def list_sessions(gateway: GatewayDep) -> SessionList:
    """Where the person is signed in."""
    answer = await gateway.peers.people.ListSessions(identity_pb2.ListSessionsRequest())
    return SessionList(items=[SessionSummary.of(session) for session in answer.sessions])


@router.delete("/sessions", dependencies=[person()], responses=responses(401, 403, 503))
async def revoke_other_sessions(gateway: GatewayDep) -> SessionsEnded:
    """End all of the person's sessions but this one."""
    answer = await gateway.peers.people.RevokeSessions(identity_pb2.RevokeSessionsRequest())
    return SessionsEnded(ended=answer.ended)


@router.delete("/sessions/{session_id}", dependencies=[person()], responses=responses(400, 401, 403, 503))
async def revoke_session(session_id: SessionId, request: Request, gateway: GatewayDep) -> SessionsEnded:
    """End one of the person's sessions; one that is not there is no error."""
    answer = await gateway.peers.people.RevokeSessions(identity_pb2.RevokeSessionsRequest(session_id=session_id))
    if session_id == gateway.session_id(request):
        gateway.drop_session(request)
    return SessionsEnded(ended=answer.ended)


@router.get(
    "/me/export",
    dependencies=[person(seconds=30)],
    response_class=Response,
    responses={
        **responses(401, 429, 503),
        200: {"description": "The data.", "content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def export_personal_data(gateway: GatewayDep) -> Response:
    """Everything that the platform keeps about the person (个人信息保护法 第四十五条), as a file."""
    answer = await gateway.peers.people.ExportPersonalData(identity_pb2.ExportPersonalDataRequest())
    return Response(answer.json, headers=attachment("esign-personal-data.json"), media_type="application/json")


class Acceptance(BaseModel):
    """The text that the person was shown and accepted."""

    version: Annotated[str, Field(min_length=1, max_length=32)]
    sha256: Sha256


@router.post("/consents/terms", status_code=204, dependencies=[person()], responses=responses(400, 401, 403, 503))
async def accept_terms(body: Acceptance, request: Request, gateway: GatewayDep) -> None:
    """Keep that the person accepted 平台服务协议与个人信息保护政策, with text version, time and device."""
    await gateway.peers.people.GiveConsent(
        identity_pb2.GiveConsentRequest(
            kind=identity_pb2.CONSENT_KIND_TERMS,
            version=body.version,
            sha256=body.sha256,
            client_address=client_address(request),
            user_agent=request.headers.get("user-agent", "")[:256],
        )
    )


@router.get("/consents/{kind}", dependencies=[public()], responses=responses(400, 429, 503))
async def get_consent_text(kind: ConsentKind, gateway: GatewayDep) -> ConsentText:
    """The text in force that a person is asked to accept."""
    answer = await gateway.peers.people.GetConsentText(identity_pb2.GetConsentTextRequest(kind=CONSENTS[kind]))
    return ConsentText(kind=kind, version=answer.version, title=answer.title, text=answer.text, sha256=answer.sha256)
