"""The RPCs about seals."""

from datetime import UTC
from typing import Any

from esign.signer.v1 import signer_pb2 as pb
from esign.signer.v1 import signer_pb2_grpc
from esign_kit import context
from esign_kit.clock import Clock
from esign_kit.errors import InvalidInput

from esign_signer.api.convert import log_entry_message, seal_kind, seal_message
from esign_signer.app.seals import CreateSeal, FindSeals, ManageSeals
from esign_signer.domain.seal import Decision, Seal, SealAction, SealKind

Context = Any
"""grpc.aio.ServicerContext, generic in its stubs only; no method here needs it."""


class PortalApi(signer_pb2_grpc.PortalServiceServicer):
    """What people ask through the gateway."""

    def __init__(self, create: CreateSeal, find: FindSeals) -> None:
        self._create, self._find = create, find

    async def CreateHandwrittenSignature(self, request: pb.CreateHandwrittenSignatureRequest, _: Context) -> pb.Seal:
        """Keeps the acting person's signature."""
        return seal_message(await self._create.handwritten(context.actor().person_id, request.png))

    async def CreateNameSeal(self, request: pb.CreateNameSealRequest, _: Context) -> pb.Seal:
        """Draws the acting person's name seal."""
        return seal_message(await self._create.name_seal(context.actor().person_id, request.name))

    async def ListSeals(self, request: pb.ListSealsRequest, _: Context) -> pb.ListSealsResponse:
        """The acting person's seals."""
        found = await self._find.usable_by(context.actor().person_id)
        return pb.ListSealsResponse(seals=[seal_message(seal) for seal in found])

    async def GetSealImage(self, request: pb.GetSealImageRequest, _: Context) -> pb.GetSealImageResponse:
        """The image of one of them."""
        seal, content = await self._find.image(request.seal_id, context.actor().person_id, request.known_sha256)
        return _image(seal, content)


class OperatorApi(signer_pb2_grpc.OperatorServiceServicer):
    """What operators ask."""

    def __init__(self, create: CreateSeal, manage: ManageSeals, find: FindSeals, clock: Clock) -> None:
        self._create, self._manage, self._find, self._clock = create, manage, find, clock

    async def CreateOrganisationSeal(self, request: pb.CreateOrganisationSealRequest, _: Context) -> pb.Seal:
        """An organisation's seal from an image."""
        seal = await self._create.uploaded(
            request.unified_social_credit_code,
            _kind(request.kind),
            request.name,
            request.image,
            request.width_um,
            self._decision(request.decision),
        )
        return seal_message(seal)

    async def DrawOrganisationSeal(self, request: pb.DrawOrganisationSealRequest, _: Context) -> pb.Seal:
        """An organisation's seal from its name."""
        seal = await self._create.drawn(
            request.unified_social_credit_code,
            _kind(request.kind),
            request.name,
            request.code,
            request.size_um,
            self._decision(request.decision),
        )
        return seal_message(seal)

    async def ApproveSeal(self, request: pb.ChangeSealRequest, _: Context) -> pb.Seal:
        """PENDING to ACTIVE."""
        return await self._change(request, SealAction.APPROVED)

    async def SuspendSeal(self, request: pb.ChangeSealRequest, _: Context) -> pb.Seal:
        """ACTIVE to SUSPENDED."""
        return await self._change(request, SealAction.SUSPENDED)

    async def ResumeSeal(self, request: pb.ChangeSealRequest, _: Context) -> pb.Seal:
        """SUSPENDED to ACTIVE."""
        return await self._change(request, SealAction.RESUMED)

    async def DestroySeal(self, request: pb.ChangeSealRequest, _: Context) -> pb.Seal:
        """Any state to DESTROYED."""
        return await self._change(request, SealAction.DESTROYED)

    async def GrantSeal(self, request: pb.GrantSealRequest, _: Context) -> pb.Seal:
        """A person may use it."""
        ends_at = request.ends_at.ToDatetime(UTC)
        decision = self._decision(request.decision)
        seal = await self._manage.grant(request.seal_id, request.person_id, ends_at, decision)
        return seal_message(seal, grants=True)

    async def RevokeSealGrant(self, request: pb.RevokeSealGrantRequest, _: Context) -> pb.Seal:
        """They may not any more."""
        decision = self._decision(request.decision)
        return seal_message(await self._manage.revoke(request.seal_id, request.person_id, decision), grants=True)

    async def ListOrganisationSeals(self, request: pb.ListOrganisationSealsRequest, _: Context) -> pb.ListSealsResponse:
        """An organisation's seals."""
        found = await self._find.of_organisation(request.unified_social_credit_code)
        return pb.ListSealsResponse(seals=[seal_message(seal, grants=True) for seal in found])

    async def GetSealImage(self, request: pb.GetSealImageRequest, _: Context) -> pb.GetSealImageResponse:
        """The image of any seal."""
        return _image(*await self._find.any_image(request.seal_id, request.known_sha256))

    async def GetSealLog(self, request: pb.GetSealLogRequest, _: Context) -> pb.GetSealLogResponse:
        """What was done with a seal."""
        entries = await self._find.log(request.seal_id)
        return pb.GetSealLogResponse(entries=[log_entry_message(entry) for entry in entries])

    async def _change(self, request: pb.ChangeSealRequest, action: SealAction) -> pb.Seal:
        seal = await self._manage.change(request.seal_id, action, self._decision(request.decision))
        return seal_message(seal, grants=True)

    def _decision(self, message: pb.Decision) -> Decision:
        return Decision(f"{context.caller()}/{message.by}", message.reason, self._clock())


def _image(seal: Seal, content: bytes) -> pb.GetSealImageResponse:
    return pb.GetSealImageResponse(content=content, media_type=seal.media_type, sha256=seal.image.sha256)


def _kind(value: int) -> SealKind:
    kind = seal_kind(value)
    if kind is None:
        raise InvalidInput("SEAL_KIND_INVALID", zh="印章类型无效", en="The kind of seal is not given")
    return kind
