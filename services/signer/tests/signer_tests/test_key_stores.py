"""A document is signed with a key of every store, by the service as it runs."""

import asyncio
import base64
import os
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pkcs11
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from esign.contract.v1 import events_pb2 as contract_events
from esign.signer.v1 import events_pb2, signer_pb2, signer_pb2_grpc
from esign_kit.clock import system_clock
from esign_kit.db import new_id
from esign_kit.errors import Conflict, InvalidInput, Unavailable
from esign_kit.settings import SecretFile
from esign_signer.adapters.keys.settings import KeyStoreSettings
from esign_signer.adapters.keys.software import SoftwareKeyStore
from esign_signer.adapters.keys.wrapping import MasterKeys
from esign_signer.adapters.pdf.pool import WorkerPool
from esign_signer.adapters.pdf.settings import TrustSettings, WorkerSettings
from esign_signer.adapters.registers import SqlKeys
from esign_signer.adapters.rewrap import Rewrap
from esign_signer.adapters.rows import Base
from esign_signer.adapters.workers import SigningWorkers
from esign_signer.app.organisations import CreateOrganisationKey
from esign_signer.domain.keys import Key, KeyAlgorithm, KeyStoreKind, is_unified_social_credit_code
from esign_signer.settings import KeySettings, Pkcs11TokenSettings, RemoteSigningSettings, SignerSettings
from sqlalchemy import create_engine, text

from .bench import pdfsig, qpdf_check
from .remote import Provider
from .signatures import DIGEST, public_key_of, verify
from .tokens import LABEL, PIN, SoftToken
from .world import World, names, only

CSC = KeyStoreKind.CSC
BOTH = [KeyAlgorithm.RSA_2048, KeyAlgorithm.EC_P256]


@pytest.fixture(scope="module")
def key_settings(token: SoftToken, provider: Provider) -> KeySettings:
    """Every store set up; people's own keys are EC."""
    return KeySettings(
        event_algorithm=KeyAlgorithm.EC_P256,
        pkcs11=Pkcs11TokenSettings(module=token.module, token=LABEL, pin_file=SecretFile(token.pin_file)),
        remote=RemoteSigningSettings(
            base_url=provider.sandbox.url,
            client_id="esign-signer",
            client_secret_file=SecretFile(provider.secret_file),
            pin_file=SecretFile(provider.pin_file),
            attempt_seconds=1,
        ),
    )


@pytest.fixture(scope="module")
def more_roots(provider: Provider) -> bytes:
    """The CA that keeps keys is trusted as well."""
    return provider.root()


@dataclass
class Organisations:
    """Makes keys in whatever store, beside the running service, on its database."""

    world: World
    workers: SigningWorkers
    provider: Provider

    async def __call__(self, store: KeyStoreKind, algorithm: KeyAlgorithm) -> tuple[str, Key, tuple[bytes, ...]]:
        """An organisation's code, its key, and its chain."""
        code, order_no = _code(), new_id()
        create = CreateOrganisationKey(SqlKeys(self.world.running.app.db, system_clock), self.workers, store, algorithm)
        name = f"示例{code[14:17]}有限公司"
        if store is CSC:
            credential, chain = self.provider.hosted(order_no, name, code, algorithm)
            return code, await create(order_no, name, code, credential), chain
        key = await create(order_no, name, code)
        trust, public = self.world.trust, public_key_of(key.certification_request)
        return code, key, trust.chain(trust.certificate(name, public, subject_id=code))

    async def certified(self, store: KeyStoreKind, algorithm: KeyAlgorithm) -> str:
        """The code of an organisation that can sign."""
        code, key, chain = await self(store, algorithm)
        await self.install(key, chain)
        return code

    async def install(self, key: Key, chain: tuple[bytes, ...]) -> None:
        """Through the service's own door."""
        stub = signer_pb2_grpc.InternalServiceStub(self.world.running.channel("ca-broker"))
        await stub.InstallCertificate(signer_pb2.InstallCertificateRequest(key_id=key.key_id, certificates=chain))


@pytest.fixture
async def organisations(world: World, token: SoftToken, provider: Provider) -> AsyncIterator[Organisations]:
    settings = KeyStoreSettings(world.running.app.settings.master_key_file.path, token.settings, provider.settings)
    pool = WorkerPool(WorkerSettings(TrustSettings((), ()), "pdfsig", settings), 1)
    yield Organisations(world, SigningWorkers(pool), provider)
    await pool.close()
    provider.sandbox.ask("DELETE", "/_sandbox/faults")


@pytest.mark.parametrize("store", KeyStoreKind)
async def test_a_document_is_signed_with_a_key_of_each_store(
    world: World, organisations: Organisations, store: KeyStoreKind
) -> None:
    for algorithm in BOTH:
        code = await organisations.certified(store, algorithm)
        signed = await _signed(world, code)
        assert signed.level == "B-LT"
        path = await world.fetch(signed.document)
        assert pdfsig(path).count("Signature is Valid.") == 1
        qpdf_check(path)
        _openssl_verifies(path, world.folder / "roots.pem")


async def test_an_event_key_of_either_kind_makes_one_signature(world: World) -> None:
    request = await world.request()
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id)
    assert names(told) == ["EventKeyCreated", "DocumentSigned", "EventKeyDestroyed"]
    created, destroyed = only(told, events_pb2.EventKeyCreated), only(told, events_pb2.EventKeyDestroyed)
    assert (created.algorithm, destroyed.signature_count) == ("EC_P256", 1)
    assert created.key_id == destroyed.key_id
    _openssl_verifies(await world.fetch(only(told, events_pb2.DocumentSigned).document), world.folder / "roots.pem")

    keys = SqlKeys(world.running.app.db, system_clock)
    key = await keys.get(created.key_id)
    assert key is not None
    assert (key.wrapped, key.stored()) == (None, None)
    again = world.asked(
        await world.upload(),
        request.contract_id,
        0,
        await world.seal_of("person"),
        kind="PERSON",
        person_id="person",
        jti=created.activation_id,
    )
    await world.platform.publish(again, contract_id=request.contract_id)
    told = await world.until(request.contract_id, 2)
    assert only(told, events_pb2.SignatureRefused).reason == "ACTIVATION_REUSED"
    assert names(told).count("EventKeyCreated") == 1


@pytest.mark.parametrize("store", [KeyStoreKind.PKCS11, CSC])
async def test_a_signature_waits_for_its_key_store(
    world: World, organisations: Organisations, token: SoftToken, provider: Provider, store: KeyStoreKind
) -> None:
    code = await organisations.certified(store, KeyAlgorithm.EC_P256)
    if store is CSC:
        provider.sandbox.fault("csc", "down")
    else:
        token.take_away()
    try:
        request = await _request(world, code)
        await world.platform.publish(request, contract_id=request.contract_id)
        told = await world.until(request.contract_id, names=("SigningDelayed",))
        assert only(told, events_pb2.SigningDelayed).reason == "KEY_STORE_UNAVAILABLE"
    finally:
        if store is CSC:
            provider.sandbox.ask("DELETE", "/_sandbox/faults")
        else:
            token.bring_back()
    assert names(await world.until(request.contract_id)) == ["SigningDelayed", "DocumentSigned"]


async def test_a_key_that_is_lost_refuses_the_signature(
    world: World, organisations: Organisations, token: SoftToken
) -> None:
    code, key, chain = await organisations(KeyStoreKind.PKCS11, KeyAlgorithm.EC_P256)
    await organisations.install(key, chain)
    await _signed(world, code)
    library = pkcs11.lib(str(token.module))
    with library.get_token(token_label=LABEL).open(user_pin=PIN, rw=True) as session:
        session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=key.wrapped).destroy()
    library.finalize()
    request = await _request(world, code)
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id)
    assert only(told, events_pb2.SignatureRefused).reason == "KEY_UNUSABLE"


async def test_a_key_that_the_ca_made_is_taken_as_it_is(organisations: Organisations, provider: Provider) -> None:
    code, key, chain = await organisations(CSC, KeyAlgorithm.RSA_2048)
    assert (key.store, key.algorithm, key.certification_request) == (CSC, KeyAlgorithm.RSA_2048, b"")
    other, other_key, other_chain = await organisations(CSC, KeyAlgorithm.RSA_2048)
    with pytest.raises(InvalidInput, match="does not fit") as mismatch:
        await organisations.install(key, other_chain)
    assert mismatch.value.reason == "CERTIFICATE_KEY_MISMATCH"

    keys, order_no = SqlKeys(organisations.world.running.app.db, system_clock), key.key_id.removeprefix("organisation-")
    create = CreateOrganisationKey(keys, organisations.workers, CSC, KeyAlgorithm.RSA_2048)
    assert key.organisation is not None
    assert key.wrapped is not None
    assert other_key.wrapped is not None
    assert await create(order_no, key.organisation, code, key.wrapped.decode()) == key
    with pytest.raises(Conflict) as differs:
        await create(order_no, key.organisation, code, other_key.wrapped.decode())
    assert differs.value.reason == "ORDER_DIFFERS"
    for credential, reason in (
        ("", "CREDENTIAL_MISSING"),
        ("none", "CREDENTIAL_UNUSABLE"),
        ("编", "CREDENTIAL_INVALID"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await create(new_id(), key.organisation, code, credential)
        assert refused.value.reason == reason
    # Somebody else's credential is of no use: its certificate does not name the organisation.
    taken = await create(new_id(), key.organisation, code, other_key.wrapped.decode())
    with pytest.raises(InvalidInput) as stranger:
        await organisations.install(taken, other_chain)
    assert stranger.value.reason == "CERTIFICATE_SUBJECT_MISMATCH"
    assert other != code
    provider.sandbox.fault("csc", "down")
    with pytest.raises(Unavailable) as away:
        await create(new_id(), key.organisation, code, key.wrapped.decode())
    assert away.value.reason == "KEY_STORE_UNAVAILABLE"
    provider.sandbox.ask("DELETE", "/_sandbox/faults")
    await organisations.install(key, chain)


def test_a_store_that_is_chosen_must_be_set_up(provider: Provider) -> None:
    for store in (KeyStoreKind.PKCS11, CSC):
        with pytest.raises(ValueError, match="not set up"):
            KeySettings(organisations=store)
    for url in ("ftp://example.com", "https://example.com/", "https://exa mple.com", "example.com"):
        with pytest.raises(ValueError, match="base_url"):
            RemoteSigningSettings(base_url=url, client_id="c", client_secret_file=SecretFile(provider.secret_file))


async def test_keys_go_over_to_a_new_master_key(world: World, organisations: Organisations, tmp_path: Path) -> None:
    code, key, _ = await organisations(KeyStoreKind.SOFTWARE, KeyAlgorithm.EC_P256)
    former = world.running.app.settings.master_key_file.read()
    file, newest = tmp_path / "master.key", base64.b64encode(os.urandom(32)).decode()
    file.write_text(f"{newest}\n{former}\n")
    pool = WorkerPool(WorkerSettings(TrustSettings((), ()), "pdfsig", KeyStoreSettings(file)), 1)
    keys, db = SqlKeys(world.running.app.db, system_clock), world.running.app.db
    lost = replace(key, key_id=f"lost-{code}", wrapped=b"\x01who?" + bytes(40))
    await keys.add_organisation_key(lost, f"lost-{code}")
    rewrap = Rewrap(db, SigningWorkers(pool), MasterKeys.from_file(file).head)
    try:
        assert await rewrap.once() >= 1
        assert await rewrap.once() == 0
    finally:
        await pool.close()
    moved = await keys.get(key.key_id)
    assert moved is not None
    stored = moved.stored()
    assert stored is not None
    only_newest = SoftwareKeyStore(MasterKeys([base64.b64decode(newest)]))
    verify(public_key_of(key.certification_request), only_newest.sign_digest(stored, DIGEST), KeyAlgorithm.EC_P256)
    assert await keys.get(lost.key_id) == lost
    # The way back, as for everyone else in this service.
    back = MasterKeys.from_file(world.running.app.settings.master_key_file.path)
    file.write_text(f"{former}\n{newest}\n")
    pool = WorkerPool(WorkerSettings(TrustSettings((), ()), "pdfsig", KeyStoreSettings(file)), 1)
    try:
        assert await Rewrap(db, SigningWorkers(pool), back.head).once() >= 1
    finally:
        await pool.close()


async def test_the_rows_are_what_the_migrations_make(world: World) -> None:
    def differences() -> list[object]:
        tables = set(Base.metadata.tables)

        def ours(_object: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
            return kind != "table" or not reflected or name in tables

        with create_engine(world.running.app.db.url).connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
            return list(compare_metadata(context, Base.metadata))

    assert await asyncio.to_thread(differences) == []


async def test_the_code_before_writes_software_keys(world: World) -> None:
    """While replicas are replaced, those of the version before go on writing rows without the new columns."""
    async with world.running.app.db.begin() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO keys (key_id, purpose, wrapped, public_key_sha256, certification_request, created_at)"
                " VALUES ('before', 'ORGANISATION', ''::bytea, 's', ''::bytea, now())"
            )
        )
    key = await SqlKeys(world.running.app.db, system_clock).get("before")
    assert key is not None
    assert (key.store, key.algorithm) == (KeyStoreKind.SOFTWARE, KeyAlgorithm.RSA_2048)


async def test_production_sends_no_pin_in_clear(world: World, key_settings: KeySettings) -> None:
    assert key_settings.remote is not None
    settings = world.running.app.settings
    given = {name: getattr(settings, name) for name in SignerSettings.model_fields} | {"environment": "production"}
    with pytest.raises(ValueError, match="unprotected"):
        SignerSettings(**given)
    secure = key_settings.remote.model_copy(update={"base_url": "https://ca.example"})
    assert SignerSettings(**{**given, "keys": key_settings.model_copy(update={"remote": secure})})


_codes = iter(range(100, 1000))


def _code() -> str:
    """A unified social credit code that nobody has had here."""
    stem = f"91110000MA0DEM{next(_codes)}"
    return next(
        code for check in "0123456789ABCDEFGHJKLMNPQRTUWXY" if is_unified_social_credit_code(code := stem + check)
    )


async def _request(world: World, code: str) -> contract_events.SignatureRequested:
    seal = await world.seal_of_organisation(code, "示例有限公司")
    claims = {"kind": "POLICY", "policy_id": "policy", "organisation": code, "receipts": {"policy": "r"}}
    return world.asked(await world.upload(), new_id(), 0, seal, **claims)


async def _signed(world: World, code: str) -> events_pb2.DocumentSigned:
    request = await _request(world, code)
    await world.platform.publish(request, contract_id=request.contract_id)
    signed: events_pb2.DocumentSigned = only(await world.until(request.contract_id), events_pb2.DocumentSigned)
    return signed


def _openssl_verifies(path: Path, roots: Path) -> None:
    """The first signature of a file: its bytes and its certificates up to a root."""
    content = path.read_bytes()
    found = re.search(rb"/ByteRange ?\[ ?(\d+) (\d+) (\d+) (\d+)", content)
    assert found is not None
    start, length, after, rest = map(int, found.groups())
    container = bytes.fromhex(content[start + length + 1 : after - 1].decode())
    signature, data = path.with_suffix(".der"), path.with_suffix(".bin")
    signature.write_bytes(container)
    data.write_bytes(content[start : start + length] + content[after : after + rest])
    files = ["-in", str(signature), "-content", str(data), "-CAfile", str(roots), "-out", "/dev/null"]
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr
