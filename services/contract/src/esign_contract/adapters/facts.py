"""What is known of a document, as JSON: between a worker and its service, and in the documents' rows."""

from collections.abc import Iterable
from datetime import datetime

from esign_contract.domain.document import EarlierSignature, PageSize, SignatureKind

Json = str | int | bool | None


def pages_json(pages: Iterable[PageSize]) -> list[list[int]]:
    """[width, height, rotation, left, bottom, unit] of each."""
    return [[page.width, page.height, page.rotation, page.left, page.bottom, page.unit] for page in pages]


def pages_of(listed: Iterable[list[int]]) -> tuple[PageSize, ...]:
    """The pages again; older rows have no left and bottom, or no unit."""
    return tuple(PageSize(*page) for page in listed)


def signatures_json(signatures: Iterable[EarlierSignature]) -> list[dict[str, Json]]:
    """Field by field."""
    return [
        {
            "field_name": one.field_name,
            "kind": one.kind.value,
            "signer": one.signer,
            "claimed_at": one.claimed_at.isoformat() if one.claimed_at else None,
            "covers_whole_file": one.covers_whole_file,
        }
        for one in signatures
    ]


def signatures_of(listed: Iterable[dict[str, Json]]) -> tuple[EarlierSignature, ...]:
    """The signatures again."""
    return tuple(
        EarlierSignature(
            field_name=str(one["field_name"]),
            kind=SignatureKind(str(one["kind"])),
            signer=str(one["signer"]),
            claimed_at=datetime.fromisoformat(str(one["claimed_at"])) if one["claimed_at"] else None,
            covers_whole_file=bool(one["covers_whole_file"]),
        )
        for one in listed
    )
