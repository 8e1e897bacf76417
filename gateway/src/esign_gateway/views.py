"""What the API answers with, and how it is made from the services' messages.

Times are RFC 3339 in UTC, money is decimal text, lengths on a page are thousandths of a PDF point from its bottom-left corner,
enumerations are the protos' names in lower case without their prefix.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign.evidence.v1 import evidence_pb2
from esign.signer.v1 import signer_pb2
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from pydantic import BaseModel, Field

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256, 64 lower-case hex digits.")]
Thousandths = Annotated[int, Field(ge=-(10**8), le=10**8)]


def moment(message: Message, field: str) -> datetime | None:
    """A message's timestamp field; None when unset."""
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None


def required_moment(message: Message, field: str) -> datetime:
    """A message's timestamp field that is always set."""
    found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return found


def enum_name(kind: EnumDescriptor, value: int, prefix: str) -> str:
    """`waiting` for CONTRACT_STATE_WAITING; `unknown` for a value newer than this program."""
    known = kind.values_by_number.get(value)
    return known.name.removeprefix(prefix).lower() if known else "unknown"


class Placement(BaseModel):
    """A rectangle on a page."""

    page: Annotated[int, Field(ge=1, le=100_000)]
    x1: Thousandths
    y1: Thousandths
    x2: Thousandths
    y2: Thousandths

    @classmethod
    def of(cls, message: common_pb2.Placement) -> "Placement":
        """From the common message."""
        return cls(page=message.page, x1=message.x1, y1=message.y1, x2=message.x2, y2=message.y2)

    def message(self) -> common_pb2.Placement:
        """As the common message."""
        return common_pb2.Placement(page=self.page, x1=self.x1, y1=self.y1, x2=self.x2, y2=self.y2)


class Money(BaseModel):
    """An amount of money."""

    currency: Annotated[str, Field(examples=["CNY"])]
    amount: Annotated[str, Field(description="Decimal, never floating point.", examples=["12800.00"])]


class Party(BaseModel):
    """A party of a contract."""

    party_id: str
    kind: Literal["person", "organisation"]
    person_id: Annotated[str | None, Field(description="Null for an organisation.")]
    name: Annotated[str, Field(description="签署方.")]
    state: Annotated[str, Field(description="queued, waiting, signing or signed.", examples=["waiting"])]
    signed_at: datetime | None
    refusal_reason: Annotated[str | None, Field(description="Why the last attempt was refused, a stable code.")]
    placement: Annotated[Placement | None, Field(description="Where the party is asked to sign.")]

    @classmethod
    def of(cls, message: contract_pb2.Party) -> "Party":
        """From contract's message."""
        return cls(
            party_id=message.party_id,
            kind="organisation" if message.policy_id else "person",
            person_id=message.person_id or None,
            name=message.name,
            state=enum_name(contract_pb2.PartyState.DESCRIPTOR, message.state, "PARTY_STATE_"),
            signed_at=moment(message, "signed_at"),
            refusal_reason=message.refusal_reason or None,
            placement=Placement.of(message.placement) if message.HasField("placement") else None,
        )


class PageSize(BaseModel):
    """What is seen of a page, in thousandths of a unit of its user space, as placements are."""

    width: int
    height: int
    rotation: Annotated[int, Field(description="0, 90, 180 or 270 degrees clockwise.")]
    left: Annotated[int, Field(description="Where what is seen starts in user space.")]
    bottom: int
    unit: Annotated[int, Field(description="How long a unit is, in thousandths of a point; 1000 of most pages.")]

    @classmethod
    def of(cls, message: contract_pb2.PageSize) -> "PageSize":
        """From contract's message."""
        return cls(
            width=message.width,
            height=message.height,
            rotation=message.rotation,
            left=message.left,
            bottom=message.bottom,
            unit=message.unit or 1000,
        )


class Contract(BaseModel):
    """A contract."""

    contract_id: str
    state: Annotated[
        str,
        Field(
            description="draft, waiting, signing, releasing, completed, withdrawn, expired or held.",
            examples=["waiting"],
        ),
    ]
    business_type: Annotated[str, Field(description="业务类型.")]
    title: Annotated[str, Field(description="文档名称.")]
    document_number: Annotated[str, Field(description="文档编号.", examples=["JDE-20200700004830"])]
    amount: Annotated[Money | None, Field(description="金额.")]
    parties: Annotated[list[Party], Field(description="In the order of signing.")]
    document_sha256: Annotated[str, Field(description="Of the document as it stands now.")]
    page_count: int
    pages: list[PageSize]
    suggested_places: Annotated[
        list[Placement],
        Field(
            description="Where the person whose turn it is, or will be first, is asked to sign, in the order of reading. "
            "The first person may sign anywhere else too."
        ),
    ]
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="处理时间.")]
    expires_at: datetime | None
    completed_at: datetime | None
    waiting_for: Annotated[str | None, Field(description="The outside service it waits for, a stable code.")]
    download_state: Annotated[str, Field(description="not_yet, available, open or used.", examples=["available"])]
    evidence_number: Annotated[str | None, Field(description="统一证据编号.")]

    @classmethod
    def of(cls, message: contract_pb2.Contract) -> "Contract":
        """From contract's message."""
        amount = message.amount
        return cls(
            contract_id=message.contract_id,
            state=enum_name(contract_pb2.ContractState.DESCRIPTOR, message.state, "CONTRACT_STATE_"),
            business_type=message.business_type,
            title=message.title,
            document_number=message.document_number,
            amount=Money(currency=amount.currency, amount=amount.amount) if message.HasField("amount") else None,
            parties=[Party.of(party) for party in message.parties],
            document_sha256=message.document_sha256,
            page_count=message.page_count,
            pages=[PageSize.of(page) for page in message.pages],
            suggested_places=[Placement.of(place) for place in message.suggested_places],
            created_at=required_moment(message, "created_at"),
            updated_at=required_moment(message, "updated_at"),
            expires_at=moment(message, "expires_at"),
            completed_at=moment(message, "completed_at"),
            waiting_for=message.waiting_for or None,
            download_state=enum_name(contract_pb2.DownloadState.DESCRIPTOR, message.download_state, "DOWNLOAD_STATE_"),
            evidence_number=message.evidence_number or None,
        )


class ContractPage(BaseModel):
    """A page of a list: 共 `total` 条."""

    items: list[Contract]
    page: Annotated[int, Field(description="1-based.")]
    size: int
    total: int

    @classmethod
    def of(cls, message: contract_pb2.ListContractsResponse) -> "ContractPage":
        """From contract's message."""
        return cls(
            items=[Contract.of(contract) for contract in message.contracts],
            page=message.page.page,
            size=message.page.size,
            total=message.page.total,
        )


class Evidence(BaseModel):
    """存证信息 of a contract."""

    contract_id: str
    state: Annotated[str, Field(description="queued, submitted or confirmed.", examples=["confirmed"])]
    evidence_number: Annotated[str | None, Field(description="统一证据编号; null until submitted.")]
    text_hash: Annotated[str | None, Field(description="存证文本HASH: SHA-256, base64.")]
    verification_url: Annotated[str, Field(description="核验地址.")]
    block_hash: str | None
    block_height: int | None
    anchored_at: datetime | None
    package_ready: Annotated[bool, Field(description="Whether the package can be fetched.")]

    @classmethod
    def of(cls, message: evidence_pb2.ContractEvidence) -> "Evidence":
        """From evidence's message."""
        return cls(
            contract_id=message.contract_id,
            state=enum_name(evidence_pb2.AnchorState.DESCRIPTOR, message.state, "ANCHOR_STATE_"),
            evidence_number=message.evidence_number or None,
            text_hash=message.text_hash or None,
            verification_url=message.verification_url,
            block_hash=message.block_hash or None,
            block_height=message.block_height or None,
            anchored_at=moment(message, "anchored_at"),
            package_ready=message.HasField("package"),
        )


class EvidenceCheck(BaseModel):
    """The answer of 查询核验."""

    passed: Annotated[bool, Field(description="核验通过: all three hold.")]
    matches: Annotated[bool, Field(description="比对结果一致.")]
    anchored: Annotated[bool, Field(description="电子证据已在司法区块链存证.")]
    package_intact: Annotated[bool, Field(description="电子数据包完整性校验通过，数据未被篡改.")]
    block_hash: str | None
    block_height: int | None
    anchored_at: Annotated[datetime | None, Field(description="存证时间.")]
    evidence_type: Annotated[str, Field(description="存证类型: 文件 or 文本.")]
    problems: Annotated[list[str], Field(description="Stable codes of what does not hold.")]

    @classmethod
    def of(cls, message: evidence_pb2.CheckEvidenceResponse) -> "EvidenceCheck":
        """From evidence's message."""
        return cls(
            passed=message.passed,
            matches=message.matches,
            anchored=message.anchored,
            package_intact=message.package_intact,
            block_hash=message.block_hash or None,
            block_height=message.block_height or None,
            anchored_at=moment(message, "anchored_at"),
            evidence_type=message.evidence_type,
            problems=list(message.problems),
        )


class Seal(BaseModel):
    """A seal, or a handwritten signature."""

    seal_id: str
    kind: Annotated[
        str,
        Field(
            description="handwritten, name (个人名章), official (公章), contract (合同专用章) or legal_representative (法定代表人章).",
            examples=["handwritten"],
        ),
    ]
    state: Annotated[str, Field(description="pending, active, suspended or destroyed.", examples=["active"])]
    sha256: Sha256
    width: Annotated[int, Field(description="Natural width in thousandths of a point.")]
    height: int
    width_mm: Annotated[float, Field(description="The same in millimetres.", examples=[40.0])]
    height_mm: float
    name: Annotated[str, Field(description="The organisation whose name a seal shows; empty for others.")]
    image: Annotated[str, Field(description="Address of its picture. It never changes.")]

    @classmethod
    def of(cls, message: signer_pb2.Seal) -> "Seal":
        """From signer's message."""
        return cls(
            seal_id=message.seal_id,
            kind=enum_name(signer_pb2.SealKind.DESCRIPTOR, message.kind, "SEAL_KIND_"),
            state=enum_name(signer_pb2.SealState.DESCRIPTOR, message.state, "SEAL_STATE_"),
            sha256=message.sha256,
            width=message.width,
            height=message.height,
            width_mm=round(message.width * 25.4 / 72_000, 1),
            height_mm=round(message.height * 25.4 / 72_000, 1),
            name=message.name,
            image=f"/v1/seals/{message.seal_id}/image",
        )
