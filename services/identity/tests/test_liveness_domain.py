"""Our own channel as pure rules, consents and their texts."""

import struct
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from esign_identity.adapters.texts import consent_text
from esign_identity.domain.consent import ConsentKind, Device
from esign_identity.domain.face import FaceChannel, FaceCheck, FaceCheckState, FaceVerdict, new_secret
from esign_identity.domain.face_refusals import face_refused
from esign_identity.domain.liveness import (
    FaceAction,
    FrameVerdict,
    LivenessRules,
    distance,
    farthest,
    first_challenge,
    next_challenge,
    score,
)
from esign_kit.errors import InvalidInput
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = LivenessRules()
CHECK = FaceCheck("f1", "v1", FaceChannel.OWN, "", "", "1", NOW, NOW + timedelta(minutes=5), "relay")
floats = st.lists(st.floats(-1, 1, width=32), min_size=128, max_size=128)


def packed(values: list[float]) -> bytes:
    return struct.pack("<128f", *values)


@settings(max_examples=50)
@given(floats, floats)
def test_distance(a: list[float], b: list[float]) -> None:
    assert distance(packed(a), packed(a)) == 0
    assert distance(packed(a), packed(b)) == distance(packed(b), packed(a)) >= 0


@pytest.mark.parametrize("nonsense", [b"", b"x" * 511, b"x" * 513, b"\xff" * 512, packed([float("inf")] * 128)])
def test_what_is_no_embedding(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match="not an embedding"):
        distance(nonsense, packed([0.0] * 128))


def test_nothing_to_compare_is_infinitely_far() -> None:
    assert farthest(packed([0.0] * 128), []) == float("inf")


@pytest.mark.parametrize(
    ("apart", "text"), [(0.0, "100.00"), (0.25, "85.00"), (0.5, "70.00"), (2.0, "0.00"), (99.0, "0.00")]
)
def test_score(apart: float, text: str) -> None:
    assert score(apart, RULES) == text


def test_every_order_comes_up_and_none_repeats_an_action() -> None:
    orders: Counter[tuple[FaceAction, ...]] = Counter()
    for _ in range(1200):
        shown = [first_challenge("f1", new_secret(), NOW, RULES)]
        while len(shown) < RULES.steps:
            shown.append(next_challenge(shown, new_secret(), NOW, RULES))
        assert [challenge.step for challenge in shown] == [1, 2, 3]
        orders[tuple(challenge.action for challenge in shown)] += 1
    assert {order[0] for order in orders} == {FaceAction.LOOK}
    assert all(len(set(order)) == 3 for order in orders)
    assert len(orders) == 12
    assert min(orders.values()) > 40


def test_a_phone_is_known_by_its_claim_only() -> None:
    assert not CHECK.held_by("")
    held = CHECK.claimed("secret")
    assert held.state is FaceCheckState.SCANNED
    assert held.held_by("secret")
    assert not any(held.held_by(claim) for claim in ("", "Secret", "secret "))
    assert "relay" not in repr(held)


def test_frame_verdicts_have_verdicts_of_checks() -> None:

    for seen in set(FrameVerdict) - {FrameVerdict.OK}:
        assert FaceVerdict(seen.value)
    for verdict in set(FaceVerdict) - {FaceVerdict.PASSED, FaceVerdict.NOT_FINISHED, FaceVerdict.UNAVAILABLE}:
        assert "1" in face_refused(verdict.value, 1).zh


def test_devices() -> None:
    assert Device.of(" 203.0.113.7 ", "Chrome\x00\n" + "x" * 400) == Device("203.0.113.7", "Chrome" + "x" * 294)
    with pytest.raises(InvalidInput, match="CLIENT_ADDRESS_INVALID"):
        Device.of("", "Chrome")


def test_a_text_is_a_file_of_its_version() -> None:
    for kind in ConsentKind:
        text = consent_text(kind, "1")
        assert text.is_meant("1", "")
        assert text.is_meant("1", text.sha256)
        assert not text.is_meant("1", "0" * 64)
        assert not text.is_meant("2", text.sha256)
        assert all(paragraph.strip() for paragraph in text.text.split("\n\n"))
    for version in ("2", "", "../1", "1/../1"):
        with pytest.raises(ValueError, match="no text"):
            consent_text(ConsentKind.BIOMETRIC, version)
