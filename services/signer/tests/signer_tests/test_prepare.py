"""Documents that are at hand before they are signed: once fetched, by whoever asks, and never in the way."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from esign.signer.v1 import signer_pb2, signer_pb2_grpc
from esign_kit.errors import EsignError
from esign_kit.refs import ObjectRef
from esign_signer.app.ports import ContentDiffers
from esign_signer.app.prepare_document import PreparedDocuments
from esign_signer.domain.document import DocumentRejected

from .world import World, names, reference


class Store:
    """Documents by hash; counts what is fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.contents: dict[str, bytes] = {}

    def add(self, content: bytes) -> ObjectRef:
        sha256 = hashlib.sha256(content).hexdigest()
        self.contents[sha256] = content
        return ObjectRef("documents", sha256, "1", sha256, len(content))

    async def fetch_document(self, ref: ObjectRef, target: Path) -> None:
        self.fetched.append(ref.sha256)
        await self.gate.wait()
        if ref.sha256 not in self.contents:
            raise ContentDiffers
        await asyncio.to_thread(target.write_bytes, self.contents[ref.sha256])


class Reader:
    """Takes every file but those that say no."""

    async def prepare(self, source: Path) -> None:
        if await asyncio.to_thread(source.read_bytes) == b"no":
            raise DocumentRejected("PDF_INVALID")


@pytest.fixture
def store() -> Store:
    return Store()


def prepared(store: Store, folder: Path, *, max_bytes: int = 100, keep_seconds: float = 60) -> PreparedDocuments:
    return PreparedDocuments(store, Reader(), folder, max_bytes=max_bytes, keep_seconds=keep_seconds)  # type: ignore[arg-type]


def kept(folder: Path) -> dict[str, Path]:
    """What is at hand, by hash."""
    return {path.stem: path for path in folder.glob("prepared-*/*")}


def folders(folder: Path) -> list[Path]:
    return list(folder.glob("prepared-*"))


def age(path: Path, seconds: float) -> None:
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


async def test_one_fetch_for_all_who_ask_and_for_the_signature(store: Store, tmp_path: Path) -> None:
    at_hand, ref = prepared(store, tmp_path), store.add(b"document")
    store.gate.clear()
    asking = [asyncio.ensure_future(at_hand.prepare(ref)) for _ in range(3)]
    signing = asyncio.ensure_future(at_hand.fetch(ref, tmp_path / "source.pdf"))
    await asyncio.sleep(0.01)
    asking[0].cancel()
    store.gate.set()
    await asyncio.gather(*asking[1:], signing)
    await at_hand.prepare(ref)
    assert store.fetched == [ref.sha256, ref.sha256], "the second is for a second signature"
    assert (tmp_path / "source.pdf").read_bytes() == b"document"
    await at_hand.fetch(ref, tmp_path / "again.pdf")
    assert not kept(tmp_path)
    await at_hand.fetch(ref, tmp_path / "unprepared.pdf")
    assert (tmp_path / "unprepared.pdf").read_bytes() == b"document"
    await at_hand.close()
    assert not folders(tmp_path)


async def test_the_oldest_make_room(store: Store, tmp_path: Path) -> None:
    at_hand = prepared(store, tmp_path)
    refs = [store.add(bytes((number,)) * 40) for number in range(3)]
    for number, ref in enumerate(refs):
        await at_hand.prepare(ref)
        age(kept(tmp_path)[ref.sha256], 30 - number)
    assert set(kept(tmp_path)) == {refs[1].sha256, refs[2].sha256}


async def test_what_nobody_came_for_goes(store: Store, tmp_path: Path) -> None:
    at_hand, first, second = prepared(store, tmp_path), store.add(b"first"), store.add(b"second")
    await at_hand.prepare(first)
    age(kept(tmp_path)[first.sha256], 61)
    await at_hand.prepare(second)
    assert set(kept(tmp_path)) == {second.sha256}


@pytest.mark.parametrize(
    ("content", "sha256", "reason"),
    [
        (b"no", "", "DOCUMENT_UNREADABLE"),
        (b"x" * 101, "", "DOCUMENT_NOT_FOUND"),
        (b"x", "0" * 64, "DOCUMENT_NOT_FOUND"),
        (b"x", "../../etc/passwd", "DOCUMENT_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_prepared(store: Store, tmp_path: Path, content: bytes, sha256: str, reason: str) -> None:
    ref = store.add(content)
    wanted = ObjectRef(ref.bucket, ref.key, ref.version_id, sha256 or ref.sha256, ref.size)
    with pytest.raises(EsignError) as refused:
        await prepared(store, tmp_path).prepare(wanted)
    assert refused.value.reason == reason
    assert not kept(tmp_path)


async def test_a_prepared_document_is_signed(world: World) -> None:
    request = await world.request()
    internal = signer_pb2_grpc.InternalServiceStub(world.running.channel("contract"))
    await internal.PrepareDocument(signer_pb2.PrepareDocumentRequest(document=request.document), timeout=20)
    assert request.document.sha256 in kept(world.folder)
    await world.platform.publish(request, contract_id=request.contract_id)
    told = await world.until(request.contract_id)
    assert "DocumentSigned" in names(told)
    assert request.document.sha256 not in kept(world.folder)
    with pytest.raises(EsignError) as refused:
        missing = reference(ObjectRef("documents", "contracts/none.pdf", "1", "0" * 64, 10))
        await internal.PrepareDocument(signer_pb2.PrepareDocumentRequest(document=missing), timeout=20)
    assert refused.value.reason == "DOCUMENT_NOT_FOUND"
