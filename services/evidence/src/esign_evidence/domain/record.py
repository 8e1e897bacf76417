"""What one event leaves in the log: a canonical JSON text (RFC 8785) without personal data, whose hash is the leaf."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import rfc8785

from esign_evidence.domain.tiles import MAX_ENTRY

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Facts = dict[str, Json]

VERSION = 1
MAX_LIST = 100

# Opaque ids, hashes, times, counts. Everything else is named below, or is not a fact.
_NAMES = re.compile(r"(\w+_)?(id|ids|sha256|at|no|count)")
_MORE_NAMES = frozenset(
    {
        "activation_kind",
        "algorithm",
        "block_hash",
        "block_height",
        "channel",
        "document_number",
        "evidence_number",
        "field_name",
        "kind",
        "level",
        "owner_unified_social_credit_code",
        "profile",
        "receipt",
        "root_hash",
        "score",
        "serial_number",
        "system",
        "text_hash",
        "tree_size",
        "tx_hash",
        "unified_social_credit_code",
        "validators",
    }
)
# A session's id could be of use to who reads it.
_NEVER = frozenset({"session_id"})
_CODES = frozenset({"reason", "problems"})
_OBJECTS: Mapping[str, frozenset[str]] = {
    "document": frozenset({"sha256", "size", "version_id"}),
    "placement": frozenset({"page", "x1", "y1", "x2", "y2"}),
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_TOKEN = re.compile(r"[!-~]{1,256}")
_DOCUMENT_NUMBER = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


def facts_of(fields: Mapping[str, object]) -> Facts:
    """The facts of an event's fields (proto names, as protobuf's JSON mapping renders values).

    Refuses by default: what is not known to be an opaque id, a hash, a time, a number or a stable code is left out, so
    that no title, name or free text gets into the log; the payload's hash stands for it.
    """
    facts: Facts = {}
    for name, value in fields.items():
        if name in _OBJECTS and isinstance(value, Mapping):
            facts[name] = {key: part for key, part in value.items() if key in _OBJECTS[name] and _scalar(_TOKEN, part)}
        elif name in _CODES:
            if _values(_CODE, value):
                facts[name] = cast(Json, value)
        elif name == "document_number":
            if _scalar(_DOCUMENT_NUMBER, value):
                facts[name] = cast(Json, value)
        elif name not in _NEVER and (name in _MORE_NAMES or _NAMES.fullmatch(name)) and _values(_TOKEN, value):
            facts[name] = cast(Json, value)
    return facts


def _scalar(pattern: re.Pattern[str], value: object) -> bool:
    if isinstance(value, str):
        return pattern.fullmatch(value) is not None
    return isinstance(value, bool | int)


def _values(pattern: re.Pattern[str], value: object) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= MAX_LIST and all(_scalar(pattern, item) for item in value)
    return _scalar(pattern, value)


def canonical(value: Json) -> bytes:
    """RFC 8785 bytes."""
    return rfc8785.dumps(value)


def utc_text(moment: datetime) -> str:
    """RFC 3339, UTC, microseconds: 2026-11-23T08:00:00.000000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it reached the log."""

    event_id: str
    type: str
    source: str
    time: datetime
    contract_id: str
    payload: bytes
    facts: Facts = field(default_factory=dict)
    # The activation statement (JWS compact) that the event carries, if any.
    statement: str = ""

    def entry(self) -> bytes:
        """The log entry: at most 65535 bytes; the facts are left out when they do not fit."""
        record: dict[str, Json] = {
            "v": VERSION,
            "event_id": self.event_id,
            "type": self.type,
            "source": self.source,
            "time": utc_text(self.time),
            "payload_sha256": hashlib.sha256(self.payload).hexdigest(),
            "facts": self.facts,
        }
        if self.contract_id:
            record["contract_id"] = self.contract_id
        entry = canonical(record)
        return entry if len(entry) <= MAX_ENTRY else canonical({**record, "facts": {}})


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event in the log: its leaf's index and exact bytes, and what the leaf's hashes stand for."""

    index: int
    entry: bytes
    payload: bytes
    statement: str

    def record(self) -> dict[str, Json]:
        """The entry, read."""
        return cast("dict[str, Json]", json.loads(self.entry))

    @property
    def type(self) -> str:
        """Full name of the event's type."""
        return str(self.record()["type"])

    @property
    def facts(self) -> Facts:
        """The event's facts."""
        return cast(Facts, self.record()["facts"])
