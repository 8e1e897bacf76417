"""What people ask of their own data."""

import grpc
from esign.identity.v1 import identity_pb2 as pb
from esign.identity.v1.identity_pb2_grpc import PortalServiceServicer
from esign_kit.context import actor

from esign_identity.app.personal_data import PersonalData


class PersonalDataApi(PortalServiceServicer):
    """Copies of personal data."""

    def __init__(self, data: PersonalData) -> None:
        self._data = data

    async def ExportPersonalData(
        self,
        request: pb.ExportPersonalDataRequest,
        context: "grpc.aio.ServicerContext[pb.ExportPersonalDataRequest, pb.ExportPersonalDataResponse]",
    ) -> pb.ExportPersonalDataResponse:
        acting = actor()
        return pb.ExportPersonalDataResponse(json=await self._data.export(acting.person_id, acting.session_id))
