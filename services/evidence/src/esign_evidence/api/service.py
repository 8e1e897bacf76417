"""The RPCs."""

from datetime import datetime

import grpc
from esign.common.v1 import common_pb2
from esign.evidence.v1 import evidence_pb2, evidence_pb2_grpc
from esign_kit.errors import InvalidInput
from google.protobuf.timestamp_pb2 import Timestamp

from esign_evidence.app.questions import Questions
from esign_evidence.domain.anchor import AnchorState
from esign_evidence.domain.package import MEDIA_TYPE

_STATES = {
    AnchorState.QUEUED: evidence_pb2.ANCHOR_STATE_QUEUED,
    AnchorState.SUBMITTED: evidence_pb2.ANCHOR_STATE_SUBMITTED,
    AnchorState.CONFIRMED: evidence_pb2.ANCHOR_STATE_CONFIRMED,
}


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


class InternalApi(evidence_pb2_grpc.InternalServiceServicer):
    """What the other services ask."""

    def __init__(self, questions: Questions, verification_url: str) -> None:
        self._questions, self._verification_url = questions, verification_url

    async def GetContractEvidence(
        self,
        request: evidence_pb2.GetContractEvidenceRequest,
        context: grpc.aio.ServicerContext[evidence_pb2.GetContractEvidenceRequest, evidence_pb2.ContractEvidence],
    ) -> evidence_pb2.ContractEvidence:
        """存证信息."""
        found = await self._questions.contract_evidence(request.contract_id)
        anchor, dossier = found.anchor, found.dossier
        answer = evidence_pb2.ContractEvidence(
            contract_id=dossier.contract_id,
            state=_STATES[anchor.state if anchor else AnchorState.QUEUED],
            text_hash=dossier.text_hash,
            verification_url=self._verification_url,
        )
        if anchor:
            answer.evidence_number = anchor.tx_hash
            answer.block_hash = anchor.block_hash
            answer.block_height = anchor.block_height
            if anchor.anchored_at:
                answer.anchored_at.FromDatetime(anchor.anchored_at)
        if dossier.package:
            answer.package.CopyFrom(
                common_pb2.PresignedUrl(
                    url=found.package_url,
                    expires_at=_timestamp(found.package_expires_at),
                    content_type=MEDIA_TYPE,
                    size=dossier.package.size,
                    sha256=dossier.package.sha256,
                )
            )
        return answer


class PublicApi(evidence_pb2_grpc.PublicServiceServicer):
    """What anyone may ask."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def CheckEvidence(
        self,
        request: evidence_pb2.CheckEvidenceRequest,
        context: grpc.aio.ServicerContext[evidence_pb2.CheckEvidenceRequest, evidence_pb2.CheckEvidenceResponse],
    ) -> evidence_pb2.CheckEvidenceResponse:
        """查询核验."""
        subject = request.WhichOneof("subject")
        if subject is None or not getattr(request, subject):
            raise InvalidInput(
                "EVIDENCE_SUBJECT_MISSING", zh="请选择文件或填写存证文本HASH", en="Give a file or a text's hash"
            )
        result = await self._questions.check(
            request.evidence_number, document_sha256=request.document_sha256, text_hash=request.text_hash
        )
        return evidence_pb2.CheckEvidenceResponse(
            passed=result.passed,
            matches=result.matches,
            anchored=result.anchored,
            package_intact=result.package_intact,
            block_hash=result.anchor.block_hash,
            block_height=result.anchor.block_height,
            anchored_at=_timestamp(result.anchor.anchored_at),
            evidence_type="文件" if subject == "document_sha256" else "文本",
            problems=result.problems,
        )

    async def GetCheckpoint(
        self,
        request: evidence_pb2.GetCheckpointRequest,
        context: grpc.aio.ServicerContext[evidence_pb2.GetCheckpointRequest, evidence_pb2.GetCheckpointResponse],
    ) -> evidence_pb2.GetCheckpointResponse:
        """The newest checkpoint."""
        return evidence_pb2.GetCheckpointResponse(note=await self._questions.checkpoint())

    async def GetTile(
        self,
        request: evidence_pb2.GetTileRequest,
        context: grpc.aio.ServicerContext[evidence_pb2.GetTileRequest, evidence_pb2.GetTileResponse],
    ) -> evidence_pb2.GetTileResponse:
        """A tile of hashes."""
        return evidence_pb2.GetTileResponse(content=await self._questions.tile(request.path))
