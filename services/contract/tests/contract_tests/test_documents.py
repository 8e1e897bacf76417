"""Uploads and the completed file, as systems see them; pages, as people see them."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from esign.contract.v1 import contract_pb2
from esign_golden import signed
from esign_kit.errors import EsignError, Limited, NotFound
from esign_kit.objects import Objects
from PIL import Image

from .documents import REFUSED, build
from .world import World, unique


async def stored(world: World) -> tuple[int, int]:
    """How many documents there are: rows, objects."""
    ((rows,),) = await world.rows("SELECT count(*) FROM documents")
    client = world.running.app.objects._client
    names = await asyncio.to_thread(lambda: [o.object_name for o in client.list_objects("documents", recursive=True)])
    return rows, sum(1 for name in names if name and name.endswith("/document.pdf"))


async def test_the_same_bytes_are_the_same_document_within_a_system(world: World) -> None:
    content = build(3) + unique("% ").encode()
    first, *others = await asyncio.gather(*(world.upload(content) for _ in range(2)))
    again = await world.upload(content, file_name="另一个名字.pdf")
    assert {first.document_id, again.document_id, *(o.document_id for o in others)} == {first.document_id}
    assert (first.page_count, len(first.pages)) == (3, 3)
    assert (first.pages[0].width, first.pages[0].height) == (595_000, 842_000)
    assert (await world.upload(content, system="jde")).document_id != first.document_id


async def test_what_is_stored_is_locked_and_is_what_the_hash_says(world: World) -> None:
    uploaded = await world.upload()
    (row,) = await world.rows("SELECT * FROM documents WHERE document_id = :id", id=uploaded.document_id)
    assert (row.sha256, row.bucket, bool(row.version_id)) == (uploaded.sha256, "documents", True)
    client = world.running.app.objects._client
    kept = await asyncio.to_thread(client.get_object_retention, row.bucket, row.key, row.version_id)
    assert kept is not None
    assert kept.mode == "COMPLIANCE"
    assert kept.retain_until_date > world.clock()


async def test_a_signed_document_is_stored_as_it_came_and_tells_who_signed(world: World, tmp_path: Path) -> None:
    await asyncio.to_thread(signed.twice, tmp_path / "signed.pdf")
    content = (tmp_path / "signed.pdf").read_bytes()
    for _ in range(2):
        uploaded = await world.upload(content)
        assert uploaded.sha256 == hashlib.sha256(content).hexdigest()
        facts = [(one.field_name, one.kind, one.signer, one.covers_whole_file) for one in uploaded.signatures]
        assert facts == [
            ("Party1", contract_pb2.SIGNATURE_KIND_APPROVAL, "沈怀瑾", False),
            ("Party2", contract_pb2.SIGNATURE_KIND_APPROVAL, "陆明远", True),
        ]
        assert abs(uploaded.signatures[0].claimed_at.ToDatetime(UTC) - world.clock()) < timedelta(minutes=5)


BIG = build(1, change=lambda pdf: pdf.Root.__setitem__("/X", pdf.make_stream(bytes(2_100_000))), compress_streams=False)


@pytest.mark.parametrize(
    ("make", "declared", "reason"),
    [
        *((make, {}, code) for code, make in (REFUSED[n] for n in ("launch", "encrypted", "cut in half", "empty"))),
        (lambda: BIG, {}, "DOCUMENT_TOO_LARGE"),
        (lambda: BIG, {"size": 1_999_999}, "DOCUMENT_SIZE_MISMATCH"),
        (build, {"size": 10_000}, "DOCUMENT_SIZE_MISMATCH"),
        (build, {"size": 100}, "DOCUMENT_SIZE_MISMATCH"),
        (build, {"size": -1}, "DOCUMENT_SIZE_MISMATCH"),
        (build, {"sha256": "0" * 64}, "DOCUMENT_HASH_MISMATCH"),
        (build, {"sha256": "F" * 64}, "CONTRACT_INPUT_INVALID"),
        (build, {"file_name": "\x00.pdf"}, "CONTRACT_INPUT_INVALID"),
    ],
)
async def test_nothing_is_stored_of_what_is_refused(
    world: World, make: Callable[[], bytes], declared: dict[str, Any], reason: str
) -> None:
    before = await stored(world)
    with pytest.raises(EsignError) as refusal:
        await world.upload(make(), **declared)
    assert refusal.value.reason == reason
    assert refusal.value.zh
    assert await stored(world) == before


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [(8 * [bytes(1 << 20)], "DOCUMENT_SIZE_MISMATCH"), ([bytes(1_100_000)], "CONTRACT_INPUT_INVALID")],
)
async def test_limits_are_enforced_while_bytes_come(
    world: World, chunks: list[bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    to_thread = asyncio.to_thread

    async def counted(function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        if getattr(function, "__name__", "") == "write":
            written.append(len(args[0]))
        return await to_thread(function, *args, **more)

    monkeypatch.setattr(asyncio, "to_thread", counted)

    async def too_much() -> AsyncIterator[contract_pb2.UploadDocumentRequest]:
        declaration = contract_pb2.DocumentDeclaration(file_name="a.pdf", size=1_500_000, sha256="0" * 64)
        yield contract_pb2.UploadDocumentRequest(declaration=declaration)
        for chunk in chunks:
            yield contract_pb2.UploadDocumentRequest(chunk=chunk)

    with pytest.raises(EsignError) as refusal:
        await world.system().UploadDocument(too_much())
    assert refusal.value.reason == reason
    assert sum(written) <= 1_500_000


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [contract_pb2.UploadDocumentRequest(chunk=b"%PDF-")],
        [contract_pb2.UploadDocumentRequest()],
        2
        * [
            contract_pb2.UploadDocumentRequest(
                declaration=contract_pb2.DocumentDeclaration(file_name="a", size=1, sha256="0" * 64)
            )
        ],
    ],
)
async def test_the_declaration_comes_first_and_once(
    world: World, requests: list[contract_pb2.UploadDocumentRequest]
) -> None:
    async def send() -> AsyncIterator[contract_pb2.UploadDocumentRequest]:
        for request in requests:
            yield request

    with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
        await world.system().UploadDocument(send())


async def test_only_so_many_uploads_at_a_time(world: World) -> None:
    hold = asyncio.Event()

    async def slow() -> AsyncIterator[contract_pb2.UploadDocumentRequest]:
        declaration = contract_pb2.DocumentDeclaration(file_name="a.pdf", size=9, sha256="0" * 64)
        yield contract_pb2.UploadDocumentRequest(declaration=declaration)
        await hold.wait()

    waiting = [asyncio.ensure_future(world.system().UploadDocument(slow())) for _ in range(2)]
    refused: Limited | None = None
    for _ in range(100):
        await asyncio.sleep(0.02)
        try:
            await world.upload()
        except Limited as limited:
            refused = limited
            break
    hold.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert refused is not None
    assert refused.metadata["retry_after_seconds"]
    await world.upload()


VIEWER = "*明 138****5678"


async def fetched(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url)


async def test_pages_are_drawn_once_and_handed_out_by_link(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = 0
    put_file = Objects.put_file

    async def counted(self: Objects, bucket: str, *args: Any, **more: Any) -> Any:
        nonlocal stores
        stores += bucket == "previews"
        return await put_file(self, bucket, *args, **more)

    monkeypatch.setattr(Objects, "put_file", counted)
    tenant = unique("person")
    document = await world.upload(build(8) + unique("% ").encode())
    contract = await world.dispatched(tenant, document_id=document.document_id)
    me = world.running.as_person(tenant)

    async def image(page: int, width: int = 0, viewer: str = VIEWER) -> contract_pb2.GetPageImageResponse:
        request = contract_pb2.GetPageImageRequest(
            contract_id=contract.contract_id, page=page, width=width, viewer=viewer
        )
        return await world.portal.GetPageImage(request, metadata=me)

    answers = await asyncio.gather(*(image(page) for page in (1, 2, 3, 6, 1, 2)))
    assert stores == 6
    response = await fetched(answers[0].image.url)
    assert response.headers["content-type"] == "image/webp"
    assert hashlib.sha256(response.content).hexdigest() == answers[0].image.sha256
    assert len(response.content) == answers[0].image.size
    assert Image.open(io.BytesIO(response.content)).size == (1000, 1416)
    last = await fetched((await image(8, 320)).image.url)
    assert Image.open(io.BytesIO(last.content)).width == 400
    assert stores == 8
    # Another viewer's image is another; thumbnails are everybody's, and more of them are drawn at a time.
    assert (await image(8, 320, "*夏 139****1234")).image.sha256 != (await image(8, 320)).image.sha256
    assert stores == 10
    await asyncio.gather(image(1, 200), image(8, 200, ""))
    assert stores == 18
    with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
        await image(8, 320, "")
    for page, width in ((0, 0), (9, 0), (1, 199), (1, 2801), (-1, 0), (1, -1)):
        with pytest.raises(EsignError, match="CONTRACT_INPUT_INVALID"):
            await image(page, width)
    stranger = world.running.as_person(unique("person"))
    with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
        request = contract_pb2.GetPageImageRequest(contract_id=contract.contract_id, page=1, viewer=VIEWER)
        await world.portal.GetPageImage(request, metadata=stranger)


async def test_a_system_fetches_the_completed_file_whole(world: World) -> None:
    contract = await world.completed(unique("person"))
    request = contract_pb2.FetchDocumentRequest(contract_id=contract.contract_id)
    for _ in range(2):
        content = b"".join([piece.chunk async for piece in _stream(world, request)])
        assert hashlib.sha256(content).hexdigest() == contract.document_sha256
    with pytest.raises(NotFound, match="CONTRACT_NOT_FOUND"):
        [piece async for piece in _stream(world, request, "jde")]
    waiting = await world.dispatched(unique("person"))
    with pytest.raises(EsignError, match="CONTRACT_WAITING"):
        [p async for p in _stream(world, contract_pb2.FetchDocumentRequest(contract_id=waiting.contract_id))]


def _stream(world: World, request: contract_pb2.FetchDocumentRequest, system: str = "leasing") -> Any:
    return world.system(system).FetchDocument(request)
