"""What is known of a document, as JSON: between a worker and its service, and in the documents' rows."""

from collections.abc import Iterable
from dataclasses import astuple
from datetime import datetime
from typing import Any

from esign_contract.domain.document import EarlierSignature, PageSize, SignatureKind
from esign_contract.domain.places import Found, Occurrence

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


def found_json(found: Iterable[Found]) -> list[dict[str, Any]]:
    """Of each search, whether there was any text, and the occurrences, number by number."""
    return [{"legible": one.legible, "at": [astuple(occurrence) for occurrence in one.occurrences]} for one in found]


def found_of(listed: Iterable[dict[str, Any]]) -> list[Found]:
    """The finds again."""
    return [Found(tuple(Occurrence(*at) for at in one["at"]), bool(one["legible"])) for one in listed]
