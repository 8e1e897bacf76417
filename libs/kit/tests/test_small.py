"""The kit's pure parts: settings, field encryption, masks, errors' three renderings, references."""

import base64
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from esign_kit import errors, grpc_errors, masking
from esign_kit.bus import subject_of
from esign_kit.crypto import FieldCipher, constant_time_equals
from esign_kit.db import UTCDateTime, new_id
from esign_kit.lean import without
from esign_kit.problem import problem
from esign_kit.settings import SecretFile, Section, ServiceSettings, load
from pydantic import ValidationError


def ring(current: str, *names: str, index: bytes = b"i" * 32) -> str:
    keys = {name: base64.b64encode(name.encode().ljust(32, b"k")).decode() for name in names}
    return json.dumps({"current": current, "keys": keys, "index_key": base64.b64encode(index).decode()})


def test_a_sealed_field_opens_in_its_own_place_only() -> None:
    cipher = FieldCipher(ring("k1", "k1"))
    blob = cipher.seal("张三丰", "people.name:1")
    assert "张三丰".encode() not in blob
    assert cipher.open(blob, "people.name:1") == "张三丰"
    for other in ("people.name:2", "people.phone:1"):
        with pytest.raises(ValueError, match="altered or moved"):
            cipher.open(blob, other)
    for position in range(len(blob)):
        altered = bytes(b ^ 1 if i == position else b for i, b in enumerate(blob))
        with pytest.raises(ValueError):
            cipher.open(altered, "people.name:1")
    assert cipher.seal("张三丰", "people.name:1") != blob


def test_keys_rotate() -> None:
    old = FieldCipher(ring("k1", "k1")).seal("x", "c")
    both = FieldCipher(ring("k2", "k1", "k2"))
    assert both.open(old, "c") == "x"
    assert both.needs_rotation(old)
    assert not both.needs_rotation(both.seal("x", "c"))
    with pytest.raises(ValueError, match="not in the ring"):
        FieldCipher(ring("k2", "k2")).open(old, "c")


def test_blind_index_is_keyed_and_per_column() -> None:
    one, two = FieldCipher(ring("k1", "k1")), FieldCipher(ring("k1", "k1", index=b"j" * 32))
    assert one.blind_index("138", "phone") == one.blind_index("138", "phone")
    assert len({one.blind_index("138", "phone"), one.blind_index("138", "id"), two.blind_index("138", "phone")}) == 3


@pytest.mark.parametrize("text", ["{}", '{"current": "k", "keys": {}, "index_key": ""}', "[]", "nonsense"])
def test_a_broken_key_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        FieldCipher(text)


def test_constant_time_equals() -> None:
    assert constant_time_equals("123456", "123456")
    assert not constant_time_equals("123456", "123457")
    assert not constant_time_equals("一", "二")


def test_masks() -> None:
    assert masking.mask_phone("13800005678") == "138****5678"
    assert masking.mask_phone("138") == "***"
    assert masking.mask_id_number("11010519491231002X") == "110***********002X"
    assert masking.mask_name("张三丰") == "**丰"
    assert masking.mask_name("") == ""


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(UUID(i).version == 7 and UUID(i).variant == "specified in RFC 4122" for i in ids)
    assert [i[:13] for i in ids] == sorted(i[:13] for i in ids)


def test_naive_datetimes_are_refused() -> None:
    column = UTCDateTime()
    with pytest.raises(ValueError, match="naive"):
        column.process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001
    assert column.process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), None) is not None  # type: ignore[arg-type]


def test_subjects() -> None:
    assert subject_of("esign.ca_broker.v1.CertificateIssued") == "esign.evt.ca_broker.CertificateIssued"


class Answered(grpc.aio.AioRpcError):
    def __init__(self, status: grpc.Status) -> None:
        trailing = grpc.aio.Metadata(*status.trailing_metadata)
        super().__init__(status.code, grpc.aio.Metadata(), trailing, status.details, None)


@pytest.mark.parametrize("cls", errors.KINDS.values())
def test_errors_round_trip(cls: type[errors.EsignError]) -> None:
    error = cls("SOME_REASON", zh="中文", en="English", retry_after_seconds="7")
    back = grpc_errors.from_rpc_error(Answered(grpc_errors.to_status(error)), "peer")
    assert (type(back), back.reason, back.zh, back.en, back.metadata) == (
        cls,
        "SOME_REASON",
        "中文",
        "English",
        error.metadata,
    )
    body = problem(error)
    assert (body["title"], body["code"], body["status"], body["retry_after_seconds"]) == (
        "中文",
        "SOME_REASON",
        cls.http_status,
        "7",
    )
    assert problem(error, "en")["title"] == "English"


def test_foreign_statuses_become_typed() -> None:
    def answer(code: grpc.StatusCode) -> errors.EsignError:
        return grpc_errors.from_rpc_error(
            grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "text of a stranger", None), "peer"
        )

    assert isinstance(answer(grpc.StatusCode.UNAVAILABLE), errors.Unavailable)
    assert isinstance(answer(grpc.StatusCode.DEADLINE_EXCEEDED), errors.TimedOut)
    unknown = answer(grpc.StatusCode.UNKNOWN)
    assert isinstance(unknown, errors.Internal)
    assert "stranger" not in unknown.zh + unknown.en


class Small(Section):
    secret: SecretFile


def settings_toml(folder: Path, **changes: str) -> Path:
    (folder / "secret").write_text(changes.get("secret", "s3cret"))
    (folder / "pub.pem").write_text("x")
    path = folder / "settings.toml"
    path.write_text(
        f'''
service = "contract"
environment = "{changes.get("environment", "production")}"
grpc_listen = "{changes.get("listen", "0.0.0.0:7000")}"
health_listen = "0.0.0.0:7001"
actor_public_key_file = "{folder}/pub.pem"
{changes.get("extra", "")}
[tls]
cert_file = "{folder}/pub.pem"
key_file = "{folder}/secret"
ca_file = "{folder}/pub.pem"
[database]
url = "postgresql+psycopg://c@db/c"
password_file = "{folder}/secret"
[nats]
servers = ["nats://n:4222"]
user = "contract"
password_file = "{folder}/secret"
'''
    )
    return path


@pytest.fixture
def from_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ServiceSettings]:
    def read(**changes: str) -> ServiceSettings:
        monkeypatch.setenv("ESIGN_SETTINGS_FILE", str(settings_toml(tmp_path, **changes)))
        return load(ServiceSettings)

    return read


def test_settings_come_from_the_file_and_secrets_stay_out_of_sight(from_file: Callable[..., ServiceSettings]) -> None:
    settings = from_file()
    assert settings.database.password_file.read() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_production_refuses_placeholder_secrets(from_file: Callable[..., ServiceSettings]) -> None:
    with pytest.raises(ValueError, match="placeholder secret"):
        from_file(secret="CHANGE-ME-please")
    with pytest.raises(ValueError, match="placeholder secret"):
        from_file(secret=" ")
    assert from_file(secret="CHANGE-ME-please", environment="local").environment == "local"


@pytest.mark.parametrize("wrong", [{"extra": "unknown = 1"}, {"listen": "nowhere"}, {"environment": "test"}])
def test_wrong_settings_are_refused(from_file: Callable[..., ServiceSettings], wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        from_file(**wrong)


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no such secret file"):
        Small(secret=str(tmp_path / os.urandom(4).hex()))  # type: ignore[arg-type]


def test_imports_can_do_without_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")
    found = importlib.import_module("colorsys")
    with without("colorsys"):
        assert importlib.import_module("colorsys") is found


def test_services_hold_nothing_that_they_do_not_use() -> None:
    heavy = "alembic", "rich", "aiohttp", "minio", "pyhanko"
    script = f"import sys, esign_kit.service; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
