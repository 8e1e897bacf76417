"""What of an event gets into the log: facts, never a name, a title or free text."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esign.contract.v1 import events_pb2 as contract_events
from esign.identity.v1 import events_pb2 as identity_events
from esign.signer.v1 import events_pb2 as signer_events
from esign_evidence.api.events import read
from esign_evidence.domain.record import Event, canonical, facts_of, utc_text
from esign_evidence.domain.tiles import MAX_ENTRY
from esign_kit.bus import EventMeta
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from .story import digest, document, story

AT = datetime(2026, 11, 23, 8, 0, 0, 123456, UTC)


def meta(message_type: str, contract_id: str = "") -> EventMeta:
    return EventMeta("event-1", message_type, "contract", AT, contract_id, "", 1)


def read_event(event: Message, contract_id: str = "") -> Event:
    return read(event.SerializeToString(), meta(event.DESCRIPTOR.full_name, contract_id))


def test_the_entry_of_an_event() -> None:
    event = contract_events.ContractCompleted(
        contract_id="c-1",
        document_number="JDE-20200700004830",
        title="租赁合同（张样例）",
        document_sha256=digest("final"),
        person_ids=["p-1", "p-2"],
    )
    payload_sha256 = hashlib.sha256(event.SerializeToString()).hexdigest()
    # RFC 8785: sorted keys, no white space.
    assert read_event(event).entry().decode() == (
        '{"contract_id":"c-1","event_id":"event-1","facts":{"contract_id":"c-1","document_number":"JDE-20200700004830",'
        f'"document_sha256":"{digest("final")}","person_ids":["p-1","p-2"]}},'
        f'"payload_sha256":"{payload_sha256}","source":"contract","time":"2026-11-23T08:00:00.123456Z",'
        '"type":"esign.contract.v1.ContractCompleted","v":1}'
    )


def test_no_text_for_people_gets_in() -> None:
    for event in story("c-1", Ed25519PrivateKey.generate()):
        entry = read_event(event, "c-1").entry()
        assert entry.isascii()
        assert b"title" not in entry


def test_only_codes_are_reasons() -> None:
    withdrawn = contract_events.ContractWithdrawn(contract_id="c-1", reason="Wang said so")
    assert "reason" not in read_event(withdrawn).facts
    refused = identity_events.LoginRefused(person_id="p-1", reason="CODE_WRONG")
    assert read_event(refused).facts == {"person_id": "p-1", "reason": "CODE_WRONG"}
    held = contract_events.ContractHeld(contract_id="c-1", problems=["A_CODE", "free text"])
    assert "problems" not in read_event(held).facts


def test_a_session_is_nobodys_business() -> None:
    login = identity_events.LoginSucceeded(person_id="p-1", session_id="s-1")
    assert read_event(login).facts == {"person_id": "p-1"}


def test_statements_are_kept_beside_the_entry() -> None:
    issued = identity_events.ActivationIssued(activation_id="a-1", contract_id="c-1", statement="head.body.signature")
    event = read_event(issued)
    assert event.statement == "head.body.signature"
    assert b"head.body" not in event.entry()


@pytest.mark.parametrize(
    ("type_name", "payload"),
    [("esign.contract.v1.OfTomorrow", b"\x0a\x01x"), ("esign.contract.v1.ContractCompleted", b"\xff\xff\xff")],
)
def test_what_cannot_be_read_is_logged_by_its_hash(type_name: str, payload: bytes) -> None:
    event = read(payload, meta(type_name, "c-1"))
    assert event.facts == {}
    assert event.contract_id == "c-1"
    assert json.loads(event.entry())["payload_sha256"] == hashlib.sha256(payload).hexdigest()


def test_objects_are_named_by_hash_and_version() -> None:
    event = contract_events.ArchiveRequested(contract_id="c-1", document=document("c-1", "final"), signature_count=2)
    assert read_event(event).facts == {
        "contract_id": "c-1",
        "document": {"sha256": digest("c-1 final"), "size": "1000", "version_id": "v1"},
        "signature_count": 2,
    }


def test_the_life_of_a_key_for_one_signature() -> None:
    about = {"key_id": "event-a-1", "activation_id": "a-1", "contract_id": "c-1"}
    created = signer_events.EventKeyCreated(**about, public_key_sha256=digest("key"), algorithm="EC_P256")
    assert read_event(created).facts == {**about, "public_key_sha256": digest("key"), "algorithm": "EC_P256"}
    destroyed = signer_events.EventKeyDestroyed(**about, signature_count=1)
    assert read_event(destroyed).facts == {**about, "signature_count": 1}


def test_an_entry_always_fits() -> None:
    facts = facts_of({"person_ids": ["p" * 256] * 100, "other_ids": ["q" * 256] * 100, "more_ids": ["r" * 256] * 100})
    assert set(facts) == {"person_ids", "other_ids", "more_ids"}
    entry = Event("e", "t", "s", AT, "c", b"", facts).entry()
    assert len(entry) <= MAX_ENTRY
    assert json.loads(entry)["facts"] == {}


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(["sha256", "key"]), scalars)
names = st.sampled_from(["contract_id", "person_ids", "reason", "document", "document_number", "title", "score"])


@given(st.dictionaries(names, values, max_size=4))
def test_facts_of_anything_are_short_ascii(fields: dict[str, object]) -> None:
    facts = facts_of(fields)
    assert "title" not in facts
    facts.pop("document_number", None)
    for value in facts.values():
        assert str(value).isascii()


def test_times_are_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert utc_text(datetime(2026, 11, 23, 16, 0, tzinfo=shanghai)) == "2026-11-23T08:00:00.000000Z"


def test_canonical_json() -> None:
    # RFC 8785, 3.2.2 and 3.2.3.
    assert canonical({"\u20ac": "Euro", "\r": "CR", "1": "One", "a": [1e30, 4.5, 0.002]}) == (
        '{"\\r":"CR","1":"One","a":[1e+30,4.5,0.002],"€":"Euro"}'.encode()
    )
