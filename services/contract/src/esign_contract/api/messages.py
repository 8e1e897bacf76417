"""The domain's values as messages, and requests as the domain's values."""

from datetime import UTC, datetime

from esign.common.v1 import common_pb2
from esign.contract.v1 import contract_pb2
from esign_kit.refs import ObjectRef, Placement
from google.protobuf.timestamp_pb2 import Timestamp

from esign_contract.app.ports import Link
from esign_contract.app.views import ContractView
from esign_contract.domain import refusals
from esign_contract.domain.contract import Party
from esign_contract.domain.document import Document, PageSize
from esign_contract.domain.download import Availability
from esign_contract.domain.money import Money
from esign_contract.domain.places import KeywordPlace
from esign_contract.domain.terms import ContractTerms, PartyTerms, identifier, text


def contract_message(view: ContractView) -> contract_pb2.Contract:
    """A contract as the caller may see it."""
    contract = view.contract
    message = contract_pb2.Contract(
        contract_id=contract.contract_id,
        state=contract_pb2.ContractState.Value(f"CONTRACT_STATE_{contract.state}"),
        business_type=contract.business_type,
        title=contract.title,
        document_number=contract.document_number,
        parties=[_party(party, view.names) for party in contract.parties],
        document_sha256=contract.head.sha256,
        page_count=len(contract.pages),
        created_at=timestamp(contract.created_at),
        updated_at=timestamp(contract.updated_at),
        expires_at=timestamp(contract.expires_at),
        waiting_for=contract.waiting_for,
        download_state=download_state(view.download),
        evidence_number=contract.evidence_number,
        pages=page_sizes(contract.pages),
        suggested_places=[_placement_message(place) for place in contract.suggested_places()],
    )
    if contract.amount:
        message.amount.currency, message.amount.amount = contract.amount.currency, contract.amount.text()
    if contract.completed_at:
        message.completed_at.FromDatetime(contract.completed_at)
    return message


def _party(party: Party, names: dict[str, str]) -> contract_pb2.Party:
    message = contract_pb2.Party(
        party_id=party.party_id,
        state=contract_pb2.PartyState.Value(f"PARTY_STATE_{party.state}"),
        name=party.name or names.get(party.person_id, ""),
        refusal_reason=party.refusal_reason,
    )
    if party.person_id:
        message.person_id = party.person_id
    else:
        message.policy_id = party.policy_id
    if party.signed_at:
        message.signed_at.FromDatetime(party.signed_at)
    if party.placement:
        message.placement.CopyFrom(_placement_message(party.placement))
    return message


def _placement_message(place: Placement) -> common_pb2.Placement:
    return common_pb2.Placement(page=place.page, x1=place.x1, y1=place.y1, x2=place.x2, y2=place.y2)


def page_sizes(pages: tuple[PageSize, ...]) -> list[contract_pb2.PageSize]:
    """Pages in order."""
    return [
        contract_pb2.PageSize(
            width=page.width,
            height=page.height,
            rotation=page.rotation,
            left=page.left,
            bottom=page.bottom,
            unit=page.unit,
        )
        for page in pages
    ]


def uploaded(document: Document) -> contract_pb2.UploadDocumentResponse:
    """A stored document."""
    response = contract_pb2.UploadDocumentResponse(
        document_id=document.document_id,
        sha256=document.ref.sha256,
        page_count=len(document.pages),
        pages=page_sizes(document.pages),
    )
    for one in document.signatures:
        added = response.signatures.add(
            field_name=one.field_name,
            kind=contract_pb2.SignatureKind.Value(f"SIGNATURE_KIND_{one.kind}"),
            signer=one.signer,
            covers_whole_file=one.covers_whole_file,
        )
        if one.claimed_at:
            added.claimed_at.FromDatetime(one.claimed_at)
    return response


def download_state(availability: Availability | None) -> contract_pb2.DownloadState.ValueType:
    """Unspecified for those who have no one download."""
    if availability is None:
        return contract_pb2.DOWNLOAD_STATE_UNSPECIFIED
    return contract_pb2.DownloadState.Value(f"DOWNLOAD_STATE_{availability}")


def link_message(link: Link) -> common_pb2.PresignedUrl:
    """A link."""
    return common_pb2.PresignedUrl(
        url=link.url,
        expires_at=timestamp(link.expires_at),
        content_type=link.content_type,
        size=link.size,
        sha256=link.sha256,
    )


def terms_of(request: contract_pb2.CreateContractRequest) -> ContractTerms:
    """What the system asks for. Raises InvalidInput."""
    has_amount = request.HasField("amount")
    return ContractTerms(
        document_id=identifier("document_id", request.document_id),
        document_number=identifier("document_number", request.document_number),
        title=text("title", request.title, 100),
        business_type=text("business_type", request.business_type, 50),
        amount=Money.parse(request.amount.currency, request.amount.amount) if has_amount else None,
        parties=tuple(_party_terms(index, party) for index, party in enumerate(request.parties)),
        expires_at=_moment(request.expires_at) if request.HasField("expires_at") else None,
    )


def _party_terms(index: int, party: contract_pb2.PartyInput) -> PartyTerms:
    name = f"parties[{index}]"
    place = placement_of(party.placement) if party.HasField("placement") else None
    keyword = _keyword_of(name, party.keyword) if party.HasField("keyword") else None
    if party.WhichOneof("signer") == "policy_id":
        policy_id = identifier(f"{name}.policy_id", party.policy_id)
        seal_id = identifier(f"{name}.seal_id", party.seal_id) if party.seal_id else ""
        shown = text(f"{name}.name", party.name, 100) if party.name else ""
        return PartyTerms("", policy_id, place, seal_id, shown, keyword)
    return PartyTerms(identifier(f"{name}.person_id", party.person_id), "", place, party.seal_id, party.name, keyword)


def _keyword_of(name: str, keyword: contract_pb2.KeywordPlace) -> KeywordPlace:
    return KeywordPlace(
        text(f"{name}.keyword.text", keyword.text, 100),
        keyword.occurrence,
        keyword.first_page,
        keyword.last_page,
        keyword.right_um,
        keyword.up_um,
    )


def placement_of(placement: common_pb2.Placement) -> Placement:
    """A place on a page, as it was sent."""
    return Placement(placement.page, placement.x1, placement.y1, placement.x2, placement.y2)


def ref_of(ref: common_pb2.ObjectRef) -> ObjectRef:
    """A reference, as it was sent."""
    return ObjectRef(ref.bucket, ref.key, ref.version_id, ref.sha256, ref.size)


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _moment(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise refusals.invalid("expires_at", "签署期限不正确", "expires_at is no point in time") from None
